import SwiftASN1
import Wire

/// ```
/// RSAES-OAEP-params ::= SEQUENCE {
///   hashFunc     [0] AlgorithmIdentifier DEFAULT sha1Identifier,
///   maskGenFunc  [1] AlgorithmIdentifier DEFAULT mgf1SHA1Identifier,
///   pSourceFunc  [2] AlgorithmIdentifier DEFAULT pSpecifiedEmptyIdentifier }
/// ```
///
/// RFC 4055 section 4.1. SHA-1 and SHA-256 are read, for the label's hash and MGF1 each; a label that is not empty
/// (pSourceFunc) is not.
public struct RSAESOAEPParameters: Hashable, Sendable {
    /// The hash of the label and the padding.
    public let hash: DigestAlgorithm
    /// The hash that MGF1 is made with.
    public let maskGenerationHash: DigestAlgorithm

    /// Parameters with an empty label.
    public init(hash: DigestAlgorithm, maskGenerationHash: DigestAlgorithm) {
        self.hash = hash
        self.maskGenerationHash = maskGenerationHash
    }

    /// - Returns: nil for algorithms that are not read.
    /// - Throws: for what is no RSAES-OAEP-params.
    init?(_ node: ASN1Node) throws(ParseError) {
        var components = try ComponentReader(node, "RSAES-OAEP-params")
        var hash: DigestAlgorithm? = .sha1
        var maskGenerationHash: DigestAlgorithm? = .sha1
        if let field = components.optional(.context(0)) {
            hash = DigestAlgorithm(try Self.algorithm(in: field, 0, "hashFunc"))
        }
        if let field = components.optional(.context(1)) {
            let generator = try Self.algorithm(in: field, 1, "maskGenFunc")
            guard let parameters = generator.parameters else {
                throw ParseError(.missing, in: "maskGenFunc parameters", at: field.encodedBytes.endIndex)
            }
            let inner = DigestAlgorithm(try AlgorithmIdentifier(parameters, "maskGenFunc parameters"))
            maskGenerationHash = generator.algorithm == ObjectIdentifiers.mgf1 ? inner : nil
        }
        let label = components.optional(.context(2))
        try components.finish()
        guard let hash, let maskGenerationHash, label == nil else { return nil }
        self.init(hash: hash, maskGenerationHash: maskGenerationHash)
    }

    /// Takes the explicit tag off.
    private static func algorithm(
        in field: ASN1Node, _ number: UInt, _ production: StaticString
    ) throws(ParseError) -> AlgorithmIdentifier {
        var tagged = try ComponentReader(field, tagged: .context(number), production)
        let identifier = try AlgorithmIdentifier(tagged.required(production), production)
        try tagged.finish()
        return identifier
    }
}

extension RSAESOAEPParameters: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws {
        try coder.appendConstructedNode(identifier: .sequence) { coder in
            // DER leaves a value out that equals its default (X.690 section 11.5).
            if hash != .sha1 {
                try coder.appendConstructedNode(identifier: .context(0)) { coder in
                    try coder.append(algorithm: hash.identifier) { try $0.serialize(ASN1Null()) }
                }
            }
            if maskGenerationHash != .sha1 {
                try coder.appendConstructedNode(identifier: .context(1)) { coder in
                    try coder.append(algorithm: ObjectIdentifiers.mgf1) { coder in
                        try coder.append(algorithm: maskGenerationHash.identifier) { try $0.serialize(ASN1Null()) }
                    }
                }
            }
        }
    }
}
