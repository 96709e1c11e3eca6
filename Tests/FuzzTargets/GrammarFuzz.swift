import SIPText
import Wire

/// The parts of a header: a reader looks at its slice only, and gives slices of it.
enum GrammarFuzz {
    @Sendable static func faultOfURI(_ octets: [UInt8]) -> String? {
        var readings: [[[UInt8]?]] = []
        for placed in Placed.pair(octets) {
            guard let uri = try? URI(in: placed.bytes.span, placed.slice) else {
                readings.append([])
                continue
            }
            let slices = [uri.user, uri.host, uri.parameters.slice, uri.headers]
            if let fault = outside(slices, within: placed.slice.range, "URI") { return fault }
            readings.append(
                slices.map(placed.copy) + [
                    Array(
                        "\(uri.scheme) \(uri.port ?? 0) \(String(describing: uri.address(in: placed.bytes.span)))".utf8)
                ])
            if uri.scheme != .other, uri.host.isEmpty { return "a sip URI without a host" }
            if let address = uri.address(in: placed.bytes.span), IPAddress("\(address)") != address {
                return "an address is written otherwise than it is read"
            }
        }
        return readings[0] == readings[1] ? nil : "what stands around the URI matters"
    }

    @Sendable static func faultOfVia(_ octets: [UInt8]) -> String? {
        var readings: [[[UInt8]?]] = []
        for placed in Placed.pair(octets) {
            let bytes = placed.bytes.span
            guard let via = try? Via(in: bytes, placed.slice) else {
                readings.append([])
                continue
            }
            let slices = [via.host, via.parameters.slice, via.branch(in: bytes)]
            if let fault = outside(slices, within: placed.slice.range, "Via") { return fault }
            let values = "\(via.transport) \(via.port ?? 0) \(via.responsePort(in: bytes) ?? 0)"
            readings.append(slices.map(placed.copy) + [Array(values.utf8)])
        }
        guard readings[0] == readings[1] else { return "what stands around the Via matters" }
        return stamped(octets)
    }

    /// `received` and `rport` say where the request came from, whatever they said.
    private static func stamped(_ octets: [UInt8]) -> String? {
        let rows = "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
        let text = Array("OPTIONS sip:c@d SIP/2.0\r\nVia: ".utf8) + octets + Array("\r\n\(rows)".utf8)
        guard case .message(var message) = MessageParser.parse(text), let before = message.topVia else { return nil }
        let branch = message.copy(before.branch(in: message.bytes.span))
        let source = Endpoint(.v6(0x2001_0DB8_0000_0000, 7), 5_062)
        let isSource = IPAddress(text: message.octets(before.host)) == source.address
        let hasPort = before.parameters.contains("rport", in: message.bytes.span)
        message.stampVia(source: source)
        guard case .message(let sent) = MessageParser.parse(message.serialized()), let via = sent.topVia else {
            return "a stamped Via is not read"
        }
        let bytes = sent.bytes.span
        guard sent.copy(via.branch(in: bytes)) == branch else { return "the branch is another" }
        if !isSource, via.received(in: bytes) != source.address { return "received is not the source" }
        if hasPort, via.responsePort(in: bytes) != source.port { return "rport is not the source's" }
        if !hasPort, via.responsePort(in: bytes) != nil { return "rport stands though nobody asked" }
        return nil
    }

    @Sendable static func faultOfAddress(_ octets: [UInt8]) -> String? {
        var readings: [[[UInt8]?]] = []
        for placed in Placed.pair(octets) {
            let bytes = placed.bytes.span
            guard let address = NameAddress(in: bytes, placed.slice) else {
                readings.append([])
                continue
            }
            let slices = [address.uri, address.parameters.slice, address.tag(in: bytes) ?? .empty]
            if let fault = outside(slices, within: placed.slice.range, "address") { return fault }
            readings.append(slices.map(placed.copy))
        }
        return readings[0] == readings[1] ? nil : "what stands around the address matters"
    }
}
