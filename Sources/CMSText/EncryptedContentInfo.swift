import SwiftASN1
import Wire

/// ```
/// EncryptedContentInfo ::= SEQUENCE {
///   contentType                 ContentType,
///   contentEncryptionAlgorithm  ContentEncryptionAlgorithmIdentifier,
///   encryptedContent            [0] IMPLICIT EncryptedContent OPTIONAL }
///
/// EncryptedContent ::= OCTET STRING
/// ```
///
/// RFC 5652 section 6.1. The contentType is kept but decides nothing: what comes out is a MIME entity with its own
/// type. An absent encryptedContent (kept elsewhere) is refused.
public struct EncryptedContentInfo: Sendable {
    let contentType: ASN1ObjectIdentifier
    /// How the content is encrypted, nonce included.
    public let algorithm: ContentEncryptionAlgorithm
    /// The ciphertext; for AES-CBC whole blocks, at least one.
    public let encryptedContent: ArraySlice<UInt8>

    /// Content of type id-data.
    public init(algorithm: ContentEncryptionAlgorithm, encryptedContent: ArraySlice<UInt8>) {
        contentType = ObjectIdentifiers.data
        self.algorithm = algorithm
        self.encryptedContent = encryptedContent
    }

    init(_ node: ASN1Node, authenticated: Bool) throws(ParseError) {
        var components = try ComponentReader(node, "EncryptedContentInfo")
        contentType = try components.objectIdentifier("contentType")
        algorithm = try ContentEncryptionAlgorithm(
            components.required("contentEncryptionAlgorithm"), authenticated: authenticated)
        let content = try components.required(.context(0), "encryptedContent")
        encryptedContent = try content.primitiveContent("encryptedContent")
        try components.finish()
        // CBC with the padding of RFC 5652 section 6.3: whole blocks, at least one.
        guard authenticated || (encryptedContent.count % 16 == 0 && !encryptedContent.isEmpty) else {
            throw ParseError(.inconsistent, in: "encryptedContent", at: content.offset)
        }
    }
}

extension EncryptedContentInfo: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws {
        try coder.appendConstructedNode(identifier: .sequence) { coder in
            try coder.serialize(contentType)
            try coder.serialize(algorithm)
            coder.append(octets: encryptedContent, tagged: .context(0))
        }
    }
}
