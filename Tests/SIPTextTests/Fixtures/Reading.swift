import SIPText
import Wire

/// Reads a text with one of the grammar's types, and gives slices as text.
struct Reading {
    let octets: [UInt8]

    init(_ text: String) { octets = Array(text.utf8) }

    var slice: Slice { Slice(0..<octets.count) }

    func text(_ slice: Slice?) -> String? { slice.map { String(decoding: octets[$0.range], as: UTF8.self) } }

    var uri: URI? { try? URI(in: octets.span, slice) }
    var via: Via? { try? Via(in: octets.span, slice) }
    var nameAddress: NameAddress? { NameAddress(in: octets.span, slice) }
    var mediaType: MediaType? { MediaType(in: octets.span, slice) }
    var base64: [UInt8]? { try? Base64.decode(octets.span, slice) }

    func parameter(_ name: StaticString) -> String? { text(Parameters(slice).value(of: name, in: octets.span)) }
}
