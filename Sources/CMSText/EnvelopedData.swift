import SwiftASN1
import Wire

/// ```
/// EnvelopedData ::= SEQUENCE {
///   version               CMSVersion,
///   originatorInfo        [0] IMPLICIT OriginatorInfo OPTIONAL,
///   recipientInfos        RecipientInfos,
///   encryptedContentInfo  EncryptedContentInfo,
///   unprotectedAttrs      [1] IMPLICIT UnprotectedAttributes OPTIONAL }
/// ```
///
/// RFC 5652 section 6.1. The content is encrypted with AES-CBC; nothing authenticates it.
public struct EnvelopedData: Sendable {
    /// Who can open it, in the order of the message.
    public let recipientInfos: [RecipientInfo]
    /// The content and how it is encrypted: AES-CBC.
    public let encryptedContentInfo: EncryptedContentInfo
    /// The attributes of key reuse; nothing protects them.
    public let unprotectedAttributes: UnprotectedAttributes

    /// A value to write; its version follows from its parts, its recipients are sorted.
    public init(
        recipientInfos: [RecipientInfo], encryptedContentInfo: EncryptedContentInfo,
        unprotectedAttributes: UnprotectedAttributes
    ) {
        self.recipientInfos = recipientInfos
        self.encryptedContentInfo = encryptedContentInfo
        self.unprotectedAttributes = unprotectedAttributes
    }

    init(_ node: ASN1Node) throws(ParseError) {
        var components = try ComponentReader(node, "EnvelopedData")
        _ = try components.version()
        if let originator = components.optional(.context(0)) { try OriginatorInfo.check(originator) }
        recipientInfos = try RecipientInfo.all(in: components.required("recipientInfos"))
        encryptedContentInfo = try EncryptedContentInfo(
            components.required("encryptedContentInfo"), authenticated: false)
        if let attributes = components.optional(.context(1)) {
            unprotectedAttributes = try UnprotectedAttributes(attributes, tagged: .context(1), "unprotectedAttrs")
        } else {
            unprotectedAttributes = .none
        }
        try components.finish()
    }

    /// By the rules of RFC 5652 section 6.1, for a value without originatorInfo.
    var version: CMSVersion {
        if recipientInfos.contains(where: \.isPasswordOrOther) { return .v3 }
        return unprotectedAttributes.isEmpty && recipientInfos.allSatisfy(\.isVersion0) ? .v0 : .v2
    }
}

extension EnvelopedData: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws {
        try coder.appendConstructedNode(identifier: .sequence) { coder in
            try coder.serialize(version.rawValue)
            try coder.serializeSetOf(recipientInfos)
            try coder.serialize(encryptedContentInfo)
            try unprotectedAttributes.serialize(into: &coder, tagged: .context(1))
        }
    }
}
