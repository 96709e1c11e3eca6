import SwiftASN1

/// A structure of this module that can be written in DER.
///
/// swift-asn1 has a protocol of its own for it; taking that would put swift-asn1 into the interface of every module
/// that imports this one.
protocol DERWritable {
    func serialize(into coder: inout DER.Serializer) throws
}

/// Lets swift-asn1 sort structures of this module.
private struct SetElement<Value: DERWritable>: DERSerializable {
    let value: Value

    func serialize(into coder: inout DER.Serializer) throws { try value.serialize(into: &coder) }
}

extension DER.Serializer {
    /// Appends a structure.
    mutating func serialize(_ value: some DERWritable) throws { try value.serialize(into: &self) }

    /// Appends a SET OF, sorted by the encodings of its elements (X.690 section 11.6).
    mutating func serializeSetOf<Value: DERWritable>(
        _ elements: [Value], tagged identifier: ASN1Identifier = .set
    ) throws {
        try serializeSetOf(elements.map { SetElement(value: $0) }, identifier: identifier)
    }

    /// Appends an OCTET STRING, or octets under another primitive tag.
    mutating func append(octets: ArraySlice<UInt8>, tagged identifier: ASN1Identifier = .octetString) {
        appendPrimitiveNode(identifier: identifier) { $0.append(contentsOf: octets) }
    }
}
