import SwiftASN1
import Wire

/// ```
/// AuthEnvelopedData ::= SEQUENCE {
///   version                   CMSVersion,  -- always set to 0
///   originatorInfo            [0] IMPLICIT OriginatorInfo OPTIONAL,
///   recipientInfos            RecipientInfos,
///   authEncryptedContentInfo  EncryptedContentInfo,
///   authAttrs                 [1] IMPLICIT AuthAttributes OPTIONAL,
///   mac                       MessageAuthenticationCode,
///   unauthAttrs               [2] IMPLICIT UnauthAttributes OPTIONAL }
/// ```
///
/// RFC 5083 section 2.1. The content is encrypted with AES-GCM. authAttrs are authenticated and otherwise not read.
public struct AuthEnvelopedData: Sendable {
    /// Who can open it, in the order of the message.
    public let recipientInfos: [RecipientInfo]
    /// The content and how it is encrypted: AES-GCM.
    public let encryptedContentInfo: EncryptedContentInfo
    /// The whole authAttrs as received, under its tag `[1]`.
    let authenticatedAttributes: ArraySlice<UInt8>?
    /// The authentication tag: `CMSLimits.gcmTagLength` octets.
    public let mac: ArraySlice<UInt8>
    /// The attributes of key reuse; nothing protects them.
    public let unauthenticatedAttributes: UnprotectedAttributes

    /// A value without authAttrs.
    ///
    /// - Parameter mac: `CMSLimits.gcmTagLength` octets.
    public init(
        recipientInfos: [RecipientInfo], encryptedContentInfo: EncryptedContentInfo, mac: ArraySlice<UInt8>,
        unauthenticatedAttributes: UnprotectedAttributes
    ) {
        self.recipientInfos = recipientInfos
        self.encryptedContentInfo = encryptedContentInfo
        authenticatedAttributes = nil
        self.mac = mac
        self.unauthenticatedAttributes = unauthenticatedAttributes
    }

    init(_ node: ASN1Node) throws(ParseError) {
        var components = try ComponentReader(node, "AuthEnvelopedData")
        _ = try components.version()
        if let originator = components.optional(.context(0)) { try OriginatorInfo.check(originator) }
        recipientInfos = try RecipientInfo.all(in: components.required("recipientInfos"))
        encryptedContentInfo = try EncryptedContentInfo(
            components.required("authEncryptedContentInfo"), authenticated: true)
        if let attributes = components.optional(.context(1)) {
            _ = try UnprotectedAttributes(attributes, tagged: .context(1), "authAttrs")
            authenticatedAttributes = attributes.encodedBytes
        } else {
            authenticatedAttributes = nil
        }
        mac = try components.octetString("mac")
        guard mac.count == CMSLimits.gcmTagLength else {
            throw ParseError(.unsupported, in: "mac", at: mac.startIndex)
        }
        if let attributes = components.optional(.context(2)) {
            unauthenticatedAttributes = try UnprotectedAttributes(attributes, tagged: .context(2), "unauthAttrs")
        } else {
            unauthenticatedAttributes = .none
        }
        try components.finish()
    }

    /// What the authentication tag covers beside the content: authAttrs under the tag of SET OF (RFC 5083 section 2.2);
    /// empty when there are none.
    public var additionalAuthenticatedData: [UInt8] {
        guard let authenticatedAttributes else { return [] }
        var octets = Array(authenticatedAttributes)
        octets[0] = 0x31
        return octets
    }
}

extension AuthEnvelopedData: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws {
        try coder.appendConstructedNode(identifier: .sequence) { coder in
            try coder.serialize(CMSVersion.v0.rawValue)
            try coder.serializeSetOf(recipientInfos)
            try coder.serialize(encryptedContentInfo)
            coder.append(octets: mac)
            try unauthenticatedAttributes.serialize(into: &coder, tagged: .context(2))
        }
    }
}
