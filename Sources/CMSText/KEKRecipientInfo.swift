import SwiftASN1
import Wire

/// ```
/// KEKRecipientInfo ::= SEQUENCE {
///   version                 CMSVersion,  -- always set to 4
///   kekid                   KEKIdentifier,
///   keyEncryptionAlgorithm  KeyEncryptionAlgorithmIdentifier,
///   encryptedKey            EncryptedKey }
///
/// KEKIdentifier ::= SEQUENCE {
///   keyIdentifier  OCTET STRING,
///   date           GeneralizedTime OPTIONAL,
///   other          OtherKeyAttribute OPTIONAL }
///
/// OtherKeyAttribute ::= SEQUENCE {
///   keyAttrId  OBJECT IDENTIFIER,
///   keyAttr    ANY DEFINED BY keyAttrId OPTIONAL }
/// ```
///
/// RFC 5652 sections 6.2.3 and 10.2.7. In a session keyIdentifier is the CEKReference of the key held (RFC 3185
/// section 4). The date is not looked at.
public struct KEKRecipientInfo: Sendable {
    /// The name of the key encryption key: 1 to `CMSLimits.keyReferenceLength` octets.
    public let keyIdentifier: ArraySlice<UInt8>
    /// Whether the other attribute is KEKDerivationAlgorithm (RFC 3185 section 4): the key encryption key is not the
    /// key held itself.
    public let namesKEKDerivation: Bool
    /// Nil for one that is not read.
    public let algorithm: KeyWrapAlgorithm?
    /// The content encryption key under the key encryption key (RFC 3394).
    public let encryptedKey: ArraySlice<UInt8>

    /// A recipient to write.
    public init(keyIdentifier: ArraySlice<UInt8>, algorithm: KeyWrapAlgorithm, encryptedKey: ArraySlice<UInt8>) {
        self.keyIdentifier = keyIdentifier
        namesKEKDerivation = false
        self.algorithm = algorithm
        self.encryptedKey = encryptedKey
    }

    /// - Parameter node: `[2]` of RecipientInfo.
    init(_ node: ASN1Node) throws(ParseError) {
        var components = try ComponentReader(node, tagged: .context(2), "KEKRecipientInfo")
        _ = try components.version()
        var identifier = try ComponentReader(components.required("kekid"), "kekid")
        keyIdentifier = try identifier.octetString("keyIdentifier")
        guard !keyIdentifier.isEmpty else {
            throw ParseError(.missing, in: "keyIdentifier", at: keyIdentifier.startIndex)
        }
        guard keyIdentifier.count <= CMSLimits.keyReferenceLength else {
            throw ParseError(.tooLong, in: "keyIdentifier", at: keyIdentifier.startIndex)
        }
        _ = identifier.optional(.generalizedTime)
        if let other = identifier.optional(.sequence) {
            var attribute = try ComponentReader(other, "OtherKeyAttribute")
            let type = try attribute.objectIdentifier("keyAttrId")
            namesKEKDerivation = type == ObjectIdentifiers.kekDerivationAlgorithm
        } else {
            namesKEKDerivation = false
        }
        try identifier.finish()
        algorithm = KeyWrapAlgorithm(
            try AlgorithmIdentifier(components.required("keyEncryptionAlgorithm"), "keyEncryptionAlgorithm"))
        encryptedKey = try components.octetString("encryptedKey")
        try components.finish()
    }
}

extension KEKRecipientInfo: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws {
        guard let algorithm else { throw ParseError(.unsupported, in: "keyEncryptionAlgorithm", at: 0) }
        try coder.appendConstructedNode(identifier: .context(2)) { coder in
            try coder.serialize(CMSVersion.v4.rawValue)
            coder.appendConstructedNode(identifier: .sequence) { $0.append(octets: keyIdentifier) }
            try coder.serialize(algorithm)
            coder.append(octets: encryptedKey)
        }
    }
}
