import SwiftASN1
import Wire

/// ```
/// RecipientIdentifier ::= CHOICE {
///   issuerAndSerialNumber  IssuerAndSerialNumber,
///   subjectKeyIdentifier   [0] SubjectKeyIdentifier }
///
/// KeyAgreeRecipientIdentifier ::= CHOICE {
///   issuerAndSerialNumber  IssuerAndSerialNumber,
///   rKeyId                 [0] IMPLICIT RecipientKeyIdentifier }
///
/// RecipientKeyIdentifier ::= SEQUENCE {
///   subjectKeyIdentifier  SubjectKeyIdentifier,
///   date                  GeneralizedTime OPTIONAL,
///   other                 OtherKeyAttribute OPTIONAL }
///
/// IssuerAndSerialNumber ::= SEQUENCE {
///   issuer        Name,
///   serialNumber  CertificateSerialNumber }
///
/// SubjectKeyIdentifier ::= OCTET STRING
/// ```
///
/// RFC 5652 sections 6.2.1, 6.2.2 and 10.2.4. Both choices are compared octet by octet with what the certificate says;
/// date and other are not looked at.
public enum RecipientIdentifier: Hashable, Sendable {
    /// The whole IssuerAndSerialNumber in DER.
    case issuerAndSerialNumber(ArraySlice<UInt8>)
    /// The octets of the key identifier.
    case subjectKeyIdentifier(ArraySlice<UInt8>)

    /// Reads a RecipientIdentifier, as KeyTransRecipientInfo has it.
    init(keyTransport node: ASN1Node) throws(ParseError) {
        if node.identifier == .context(0) {
            self = .subjectKeyIdentifier(try node.primitiveContent("subjectKeyIdentifier"))
        } else {
            self = try Self.issuerAndSerialNumber(node)
        }
    }

    /// Reads a KeyAgreeRecipientIdentifier, as KeyAgreeRecipientInfo has it.
    init(keyAgreement node: ASN1Node) throws(ParseError) {
        if node.identifier == .context(0) {
            var components = try ComponentReader(node, tagged: .context(0), "rKeyId")
            self = .subjectKeyIdentifier(try components.octetString("subjectKeyIdentifier"))
            _ = components.optional(.generalizedTime)
            _ = components.optional(.sequence)
            try components.finish()
        } else {
            self = try Self.issuerAndSerialNumber(node)
        }
    }

    private static func issuerAndSerialNumber(_ node: ASN1Node) throws(ParseError) -> RecipientIdentifier {
        var components = try ComponentReader(node, "issuerAndSerialNumber")
        _ = try components.required(.sequence, "issuer")
        _ = try components.required(.integer, "serialNumber")
        try components.finish()
        return .issuerAndSerialNumber(node.encodedBytes)
    }

    /// Appends it as KeyTransRecipientInfo has it.
    func serialize(keyTransport coder: inout DER.Serializer) {
        switch self {
        case .issuerAndSerialNumber(let encoded): coder.serializeRawBytes(encoded)
        case .subjectKeyIdentifier(let octets): coder.append(octets: octets, tagged: .context(0))
        }
    }

    /// Appends it as KeyAgreeRecipientInfo has it.
    func serialize(keyAgreement coder: inout DER.Serializer) {
        switch self {
        case .issuerAndSerialNumber(let encoded): coder.serializeRawBytes(encoded)
        case .subjectKeyIdentifier(let octets):
            coder.appendConstructedNode(identifier: .context(0)) { $0.append(octets: octets) }
        }
    }
}
