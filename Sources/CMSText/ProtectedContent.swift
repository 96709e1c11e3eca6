import SwiftASN1
public import Wire

/// ```
/// ContentInfo ::= SEQUENCE {
///   contentType  ContentType,
///   content      [0] EXPLICIT ANY DEFINED BY contentType }
/// ```
///
/// RFC 5652 section 3. What a body of type `application/pkcs7-mime` holds is decided by contentType; its smime-type
/// parameter has several spellings and none for EncryptedData.
public enum ProtectedContent: Sendable {
    case enveloped(EnvelopedData)
    case authEnveloped(AuthEnvelopedData)
    case encrypted(EncryptedData)
    /// SignedData; recognised, not read.
    case signed

    /// Reads a ContentInfo.
    ///
    /// - Parameter der: the whole of it and nothing after it, in DER. The indefinite lengths that streaming senders
    ///   write (BER) are refused as `unsupported`.
    /// - Throws: whatever is wrong that can be seen without a key. The offset is counted from the start of `der`; a
    ///   fault of the encoding itself (lengths, nesting) is reported at octet 0.
    public init(der: [UInt8]) throws(ParseError) {
        guard der.count <= CMSLimits.messageSize else {
            throw ParseError(.tooLong, in: "ContentInfo", at: CMSLimits.messageSize)
        }
        let root: ASN1Node
        do { root = try DER.parse(der) } catch { throw ParseError(error, in: "ContentInfo", at: 0) }
        var components = try ComponentReader(root, "ContentInfo")
        let typeNode = try components.required(.objectIdentifier, "contentType")
        let type = try typeNode.objectIdentifier("contentType")
        var tagged = try ComponentReader(components.required("content"), tagged: .context(0), "content")
        let content = try tagged.required("content")
        try tagged.finish()
        try components.finish()
        switch type {
        case ObjectIdentifiers.envelopedData: self = .enveloped(try EnvelopedData(content))
        case ObjectIdentifiers.authEnvelopedData: self = .authEnveloped(try AuthEnvelopedData(content))
        case ObjectIdentifiers.encryptedData: self = .encrypted(try EncryptedData(content))
        case ObjectIdentifiers.signedData: self = .signed
        default: throw ParseError(.unsupported, in: "contentType", at: typeNode.offset)
        }
    }

    /// The ContentInfo in DER.
    ///
    /// - Throws: `unsupported` for SignedData and for recipients that can be read but not written, `tooLong` when the
    ///   result is over `CMSLimits.messageSize`.
    public func der() throws(ParseError) -> [UInt8] {
        var coder = DER.Serializer()
        do {
            try coder.appendConstructedNode(identifier: .sequence) { coder in
                try coder.serialize(contentType)
                try coder.appendConstructedNode(identifier: .context(0)) { coder in
                    switch self {
                    case .enveloped(let data): try coder.serialize(data)
                    case .authEnveloped(let data): try coder.serialize(data)
                    case .encrypted(let data): try coder.serialize(data)
                    case .signed: throw ParseError(.unsupported, in: "SignedData", at: 0)
                    }
                }
            }
        } catch let error as ParseError {
            throw error
        } catch {
            throw ParseError(error, in: "ContentInfo", at: 0)
        }
        let octets = coder.serializedBytes
        guard octets.count <= CMSLimits.messageSize else {
            throw ParseError(.tooLong, in: "ContentInfo", at: CMSLimits.messageSize)
        }
        return octets
    }

    private var contentType: ASN1ObjectIdentifier {
        switch self {
        case .enveloped: ObjectIdentifiers.envelopedData
        case .authEnveloped: ObjectIdentifiers.authEnvelopedData
        case .encrypted: ObjectIdentifiers.encryptedData
        case .signed: ObjectIdentifiers.signedData
        }
    }
}
