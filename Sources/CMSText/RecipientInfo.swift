import SwiftASN1
import Wire

/// ```
/// RecipientInfos ::= SET SIZE (1..MAX) OF RecipientInfo
///
/// RecipientInfo ::= CHOICE {
///   ktri  KeyTransRecipientInfo,
///   kari  [1] KeyAgreeRecipientInfo,
///   kekri [2] KEKRecipientInfo,
///   pwri  [3] PasswordRecipientInfo,
///   ori   [4] OtherRecipientInfo }
/// ```
///
/// RFC 5652 section 6.2.
public enum RecipientInfo: Sendable {
    case keyTransport(KeyTransRecipientInfo)
    case keyAgreement(KeyAgreeRecipientInfo)
    case keyEncryptionKey(KEKRecipientInfo)
    /// A password's; kept as received.
    case password(ArraySlice<UInt8>)
    /// A kind that is defined elsewhere; kept as received.
    case other(ArraySlice<UInt8>)

    init(_ node: ASN1Node) throws(ParseError) {
        switch node.identifier {
        case .sequence: self = .keyTransport(try KeyTransRecipientInfo(node))
        case .context(1): self = .keyAgreement(try KeyAgreeRecipientInfo(node))
        case .context(2): self = .keyEncryptionKey(try KEKRecipientInfo(node))
        case .context(3): self = .password(node.encodedBytes)
        case .context(4): self = .other(node.encodedBytes)
        default: throw ParseError(.unexpectedOctet, in: "RecipientInfo", at: node.offset)
        }
    }

    /// Reads RecipientInfos and holds it to its limits.
    static func all(in node: ASN1Node) throws(ParseError) -> [RecipientInfo] {
        var reader = try ComponentReader(node, tagged: .set, "recipientInfos")
        var all: [RecipientInfo] = []
        var recipients = 0
        var keyEncryptionKeys = 0
        var passwords = 0
        while let element = reader.any() {
            let info = try RecipientInfo(element)
            switch info {
            case .keyAgreement(let info): recipients += info.encryptedKeys.count
            case .keyEncryptionKey:
                recipients += 1
                keyEncryptionKeys += 1
            case .password:
                recipients += 1
                passwords += 1
            case .keyTransport, .other: recipients += 1
            }
            guard recipients <= CMSLimits.recipients, all.count < CMSLimits.recipients else {
                throw ParseError(.tooMany, in: "recipientInfos", at: element.offset)
            }
            guard keyEncryptionKeys <= CMSLimits.keyEncryptionKeyRecipients else {
                throw ParseError(.tooMany, in: "KEKRecipientInfo", at: element.offset)
            }
            guard passwords <= CMSLimits.passwordRecipients else {
                throw ParseError(.tooMany, in: "PasswordRecipientInfo", at: element.offset)
            }
            all.append(info)
        }
        guard !all.isEmpty else { throw ParseError(.missing, in: "RecipientInfo", at: node.encodedBytes.endIndex) }
        return all
    }

    /// Whether its version is 0, which EnvelopedData's own version depends on.
    var isVersion0: Bool {
        switch self {
        case .keyTransport(let info):
            switch info.recipient {
            case .issuerAndSerialNumber: true
            case .subjectKeyIdentifier: false
            }
        case .keyAgreement, .keyEncryptionKey, .other: false
        case .password: true
        }
    }

    /// Whether EnvelopedData's version is 3 or more because of it.
    var isPasswordOrOther: Bool {
        switch self {
        case .keyTransport, .keyAgreement, .keyEncryptionKey: false
        case .password, .other: true
        }
    }
}

extension RecipientInfo: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws {
        switch self {
        case .keyTransport(let info): try coder.serialize(info)
        case .keyAgreement(let info): try coder.serialize(info)
        case .keyEncryptionKey(let info): try coder.serialize(info)
        case .password(let encoded), .other(let encoded): coder.serializeRawBytes(encoded)
        }
    }
}
