import SwiftASN1
import Wire

/// ```
/// EncryptedData ::= SEQUENCE {
///   version               CMSVersion,
///   encryptedContentInfo  EncryptedContentInfo,
///   unprotectedAttrs      [1] IMPLICIT UnprotectedAttributes OPTIONAL }
/// ```
///
/// RFC 5652 section 8: content under a key that both sides hold already. AES-CBC alone; there is no form for GCM.
public struct EncryptedData: Sendable {
    /// The content and how it is encrypted: AES-CBC.
    public let encryptedContentInfo: EncryptedContentInfo
    /// The attributes of key reuse; nothing protects them.
    public let unprotectedAttributes: UnprotectedAttributes

    /// A value to write; its version follows from its attributes.
    public init(encryptedContentInfo: EncryptedContentInfo, unprotectedAttributes: UnprotectedAttributes) {
        self.encryptedContentInfo = encryptedContentInfo
        self.unprotectedAttributes = unprotectedAttributes
    }

    init(_ node: ASN1Node) throws(ParseError) {
        var components = try ComponentReader(node, "EncryptedData")
        _ = try components.version()
        encryptedContentInfo = try EncryptedContentInfo(
            components.required("encryptedContentInfo"), authenticated: false)
        if let attributes = components.optional(.context(1)) {
            unprotectedAttributes = try UnprotectedAttributes(attributes, tagged: .context(1), "unprotectedAttrs")
        } else {
            unprotectedAttributes = .none
        }
        try components.finish()
    }
}

extension EncryptedData: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws {
        try coder.appendConstructedNode(identifier: .sequence) { coder in
            try coder.serialize((unprotectedAttributes.isEmpty ? CMSVersion.v0 : .v2).rawValue)
            try coder.serialize(encryptedContentInfo)
            try unprotectedAttributes.serialize(into: &coder, tagged: .context(1))
        }
    }
}
