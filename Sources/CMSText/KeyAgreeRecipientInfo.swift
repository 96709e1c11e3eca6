import SwiftASN1
import Wire

/// ```
/// KeyAgreeRecipientInfo ::= SEQUENCE {
///   version                 CMSVersion,  -- always set to 3
///   originator              [0] EXPLICIT OriginatorIdentifierOrKey,
///   ukm                     [1] EXPLICIT UserKeyingMaterial OPTIONAL,
///   keyEncryptionAlgorithm  KeyEncryptionAlgorithmIdentifier,
///   recipientEncryptedKeys  RecipientEncryptedKeys }
///
/// OriginatorIdentifierOrKey ::= CHOICE {
///   issuerAndSerialNumber  IssuerAndSerialNumber,
///   subjectKeyIdentifier   [0] SubjectKeyIdentifier,
///   originatorKey          [1] OriginatorPublicKey }
///
/// RecipientEncryptedKeys ::= SEQUENCE OF RecipientEncryptedKey
///
/// RecipientEncryptedKey ::= SEQUENCE {
///   rid           KeyAgreeRecipientIdentifier,
///   encryptedKey  EncryptedKey }
///
/// UserKeyingMaterial ::= OCTET STRING
/// ```
///
/// RFC 5652 section 6.2.2. Static-static agreement (an originator that is named instead of giving its key) is
/// recognised and of no use to us.
public struct KeyAgreeRecipientInfo: Sendable {
    /// One recipient of the agreement.
    public struct EncryptedKey: Sendable {
        /// Whose it is.
        public let recipient: RecipientIdentifier
        /// The content encryption key under the key agreed upon.
        public let encryptedKey: ArraySlice<UInt8>

        /// A recipient to write.
        public init(recipient: RecipientIdentifier, encryptedKey: ArraySlice<UInt8>) {
            self.recipient = recipient
            self.encryptedKey = encryptedKey
        }

        init(_ node: ASN1Node) throws(ParseError) {
            var components = try ComponentReader(node, "RecipientEncryptedKey")
            recipient = try RecipientIdentifier(keyAgreement: components.required("rid"))
            encryptedKey = try components.octetString("encryptedKey")
            try components.finish()
        }
    }

    /// Nil when the originator is only named.
    public let originatorKey: OriginatorPublicKey?
    /// What the sender adds to the key derivation, if anything.
    public let userKeyingMaterial: ArraySlice<UInt8>?
    /// How the key is agreed upon and what wraps under it.
    public let algorithm: KeyAgreementAlgorithm
    /// Everyone who can take part in the agreement.
    public let encryptedKeys: [EncryptedKey]

    /// An agreement with one recipient.
    public init(
        originatorKey: OriginatorPublicKey, userKeyingMaterial: ArraySlice<UInt8>? = nil,
        algorithm: KeyAgreementAlgorithm, encryptedKey: EncryptedKey
    ) {
        self.originatorKey = originatorKey
        self.userKeyingMaterial = userKeyingMaterial
        self.algorithm = algorithm
        encryptedKeys = [encryptedKey]
    }

    /// - Parameter node: `[1]` of RecipientInfo.
    init(_ node: ASN1Node) throws(ParseError) {
        var components = try ComponentReader(node, tagged: .context(1), "KeyAgreeRecipientInfo")
        _ = try components.version()
        originatorKey = try Self.originator(components.required(.context(0), "originator"))
        if let field = components.optional(.context(1)) {
            var tagged = try ComponentReader(field, tagged: .context(1), "ukm")
            userKeyingMaterial = try tagged.octetString("ukm")
            try tagged.finish()
        } else {
            userKeyingMaterial = nil
        }
        algorithm = try KeyAgreementAlgorithm(components.required("keyEncryptionAlgorithm"))
        let keys = try components.required(.sequence, "recipientEncryptedKeys")
        var reader = try ComponentReader(keys, "recipientEncryptedKeys")
        var encryptedKeys: [EncryptedKey] = []
        while let key = reader.any() {
            guard encryptedKeys.count < CMSLimits.recipients else {
                throw ParseError(.tooMany, in: "recipientEncryptedKeys", at: key.offset)
            }
            encryptedKeys.append(try EncryptedKey(key))
        }
        self.encryptedKeys = encryptedKeys
        try components.finish()
    }

    private static func originator(_ field: ASN1Node) throws(ParseError) -> OriginatorPublicKey? {
        var tagged = try ComponentReader(field, tagged: .context(0), "originator")
        let choice = try tagged.required("originator")
        try tagged.finish()
        switch choice.identifier {
        case .context(1): return try OriginatorPublicKey(choice)
        case .context(0), .sequence: return nil
        default: throw ParseError(.unexpectedOctet, in: "originator", at: choice.offset)
        }
    }
}

extension KeyAgreeRecipientInfo: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws {
        guard let originatorKey else { throw ParseError(.missing, in: "originatorKey", at: 0) }
        try coder.appendConstructedNode(identifier: .context(1)) { coder in
            try coder.serialize(CMSVersion.v3.rawValue)
            try coder.appendConstructedNode(identifier: .context(0)) { try originatorKey.serialize(into: &$0) }
            if let userKeyingMaterial {
                coder.appendConstructedNode(identifier: .context(1)) { $0.append(octets: userKeyingMaterial) }
            }
            try coder.serialize(algorithm)
            coder.appendConstructedNode(identifier: .sequence) { coder in
                for key in encryptedKeys {
                    coder.appendConstructedNode(identifier: .sequence) { coder in
                        key.recipient.serialize(keyAgreement: &coder)
                        coder.append(octets: key.encryptedKey)
                    }
                }
            }
        }
    }
}
