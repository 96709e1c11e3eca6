import SwiftASN1
import Wire

/// ```
/// AlgorithmIdentifier ::= SEQUENCE {
///   algorithm   OBJECT IDENTIFIER,
///   parameters  ANY DEFINED BY algorithm OPTIONAL }
/// ```
///
/// RFC 5280 section 4.1.1.2. What the rest of the module reads algorithms from.
struct AlgorithmIdentifier {
    let algorithm: ASN1ObjectIdentifier
    let parameters: ASN1Node?
    /// The whole value as it was received.
    let encoded: ArraySlice<UInt8>

    /// - Parameter identifier: the tag, where the value is tagged implicitly.
    init(
        _ node: ASN1Node, tagged identifier: ASN1Identifier = .sequence, _ production: StaticString
    ) throws(ParseError) {
        var components = try ComponentReader(node, tagged: identifier, production)
        algorithm = try components.objectIdentifier(production)
        parameters = components.any()
        try components.finish()
        encoded = node.encodedBytes
    }

    /// Whether the parameters are absent or NULL, which senders confuse.
    var hasNoParameters: Bool { parameters == nil || parameters?.identifier == .null }
}

extension DER.Serializer {
    /// Appends an AlgorithmIdentifier whose parameters, if any, the closure writes.
    mutating func append(
        algorithm: ASN1ObjectIdentifier, tagged identifier: ASN1Identifier = .sequence,
        parameters: (inout DER.Serializer) throws -> Void = { _ in }
    ) throws {
        try appendConstructedNode(identifier: identifier) { coder in
            try coder.serialize(algorithm)
            try parameters(&coder)
        }
    }
}
