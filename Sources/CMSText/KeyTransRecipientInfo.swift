import SwiftASN1
import Wire

/// ```
/// KeyTransRecipientInfo ::= SEQUENCE {
///   version                 CMSVersion,  -- always set to 0 or 2
///   rid                     RecipientIdentifier,
///   keyEncryptionAlgorithm  KeyEncryptionAlgorithmIdentifier,
///   encryptedKey            EncryptedKey }
/// ```
///
/// RFC 5652 section 6.2.1: the content encryption key under the recipient's RSA key.
public struct KeyTransRecipientInfo: Sendable {
    /// How the content encryption key is encrypted.
    public enum Algorithm: Hashable, Sendable {
        /// RSAES-PKCS1-v1_5 (RFC 3370 section 4.2.1).
        case rsaPKCS1v15
        /// RSAES-OAEP (RFC 3560 section 3).
        case rsaOAEP(RSAESOAEPParameters)
        /// Any other: fine for another recipient, of no use to us.
        case unsupported
    }

    /// Whose it is.
    public let recipient: RecipientIdentifier
    /// How the content encryption key is encrypted.
    public let algorithm: Algorithm
    /// The content encryption key under the recipient's RSA key.
    public let encryptedKey: ArraySlice<UInt8>

    /// A recipient to write.
    ///
    /// - Parameter algorithm: one that is supported.
    public init(recipient: RecipientIdentifier, algorithm: Algorithm, encryptedKey: ArraySlice<UInt8>) {
        self.recipient = recipient
        self.algorithm = algorithm
        self.encryptedKey = encryptedKey
    }

    init(_ node: ASN1Node) throws(ParseError) {
        var components = try ComponentReader(node, "KeyTransRecipientInfo")
        _ = try components.version()
        recipient = try RecipientIdentifier(keyTransport: components.required("rid"))
        let identifier = try AlgorithmIdentifier(
            components.required("keyEncryptionAlgorithm"), "keyEncryptionAlgorithm")
        encryptedKey = try components.octetString("encryptedKey")
        try components.finish()
        switch identifier.algorithm {
        case ObjectIdentifiers.rsaEncryption where identifier.hasNoParameters:
            algorithm = .rsaPKCS1v15
        case ObjectIdentifiers.rsaesOAEP:
            // RFC 4055 section 4.1: the parameters MUST be there; libcrypto's CMS code fell over their absence
            // (CVE-2026-28390).
            guard let parameters = identifier.parameters else {
                throw ParseError(.missing, in: "RSAES-OAEP-params", at: identifier.encoded.endIndex)
            }
            let oaep = try RSAESOAEPParameters(parameters)
            algorithm = oaep.map { .rsaOAEP($0) } ?? .unsupported
        default:
            algorithm = .unsupported
        }
    }
}

extension KeyTransRecipientInfo: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws {
        try coder.appendConstructedNode(identifier: .sequence) { coder in
            switch recipient {
            case .issuerAndSerialNumber: try coder.serialize(CMSVersion.v0.rawValue)
            case .subjectKeyIdentifier: try coder.serialize(CMSVersion.v2.rawValue)
            }
            recipient.serialize(keyTransport: &coder)
            switch algorithm {
            case .rsaPKCS1v15:
                try coder.append(algorithm: ObjectIdentifiers.rsaEncryption) { try $0.serialize(ASN1Null()) }
            case .rsaOAEP(let parameters):
                try coder.append(algorithm: ObjectIdentifiers.rsaesOAEP) { try $0.serialize(parameters) }
            case .unsupported:
                throw ParseError(.unsupported, in: "keyEncryptionAlgorithm", at: 0)
            }
            coder.append(octets: encryptedKey)
        }
    }
}
