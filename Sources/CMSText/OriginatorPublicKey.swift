import SwiftASN1
import Wire

/// ```
/// OriginatorPublicKey ::= SEQUENCE {
///   algorithm  AlgorithmIdentifier,
///   publicKey  BIT STRING }
/// ```
///
/// RFC 5652 section 6.2.2, RFC 5753 section 3.1.1: the sender's ephemeral key, with algorithm id-ecPublicKey whose
/// parameters are absent, NULL or the curve. The curve is that of the recipient's key whatever they say, so that they
/// are not looked at.
public struct OriginatorPublicKey: Hashable, Sendable {
    /// Whether the algorithm is id-ecPublicKey.
    public let isEllipticCurve: Bool
    /// For an elliptic curve the ECPoint (RFC 5480 section 2.2).
    public let publicKey: ArraySlice<UInt8>

    /// An ECPoint.
    public init(ecPoint: ArraySlice<UInt8>) {
        isEllipticCurve = true
        publicKey = ecPoint
    }

    /// - Parameter node: `[1]` of OriginatorIdentifierOrKey.
    init(_ node: ASN1Node) throws(ParseError) {
        var components = try ComponentReader(node, tagged: .context(1), "originatorKey")
        let algorithm = try AlgorithmIdentifier(components.required("originatorKey"), "originatorKey algorithm")
        isEllipticCurve = algorithm.algorithm == ObjectIdentifiers.ecPublicKey
        let key = try components.required(.bitString, "publicKey")
        try components.finish()
        let bits: ASN1BitString
        do { bits = try ASN1BitString(derEncoded: key) } catch {
            throw ParseError(error, in: "publicKey", at: key.offset)
        }
        guard bits.paddingBits == 0 else { throw ParseError(.badNumber, in: "publicKey", at: key.offset) }
        publicKey = bits.bytes
    }

    func serialize(into coder: inout DER.Serializer) throws {
        try coder.appendConstructedNode(identifier: .context(1)) { coder in
            try coder.append(algorithm: ObjectIdentifiers.ecPublicKey)
            try coder.serialize(ASN1BitString(bytes: publicKey))
        }
    }
}
