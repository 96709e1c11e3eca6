import SwiftASN1
public import Wire

/// ```
/// -- dhSinglePass-stdDH-sha1kdf-scheme, dhSinglePass-stdDH-sha256kdf-scheme
/// keyEncryptionAlgorithm ::= AlgorithmIdentifier  -- parameters: KeyWrapAlgorithm
/// ```
///
/// RFC 5753 sections 3.1.1 and 7.1.4: ephemeral-static ECDH, a key encryption key by the X9.63 key derivation function
/// with the hash named, the content encryption key wrapped under it.
public enum KeyAgreementAlgorithm: Hashable, Sendable {
    /// The wrap algorithm's AlgorithmIdentifier is kept as received: it is part of what the key is derived from.
    case standardECDH(hash: DigestAlgorithm, wrap: KeyWrapAlgorithm, wrapIdentifier: ArraySlice<UInt8>)
    /// Any other: fine for another recipient, of no use to us.
    case unsupported

    /// The algorithm as it is written.
    public init(hash: DigestAlgorithm, wrap: KeyWrapAlgorithm) throws(ParseError) {
        var coder = DER.Serializer()
        do { try coder.serialize(wrap) } catch { throw ParseError(error, in: "KeyWrapAlgorithm", at: 0) }
        self = .standardECDH(hash: hash, wrap: wrap, wrapIdentifier: coder.serializedBytes[...])
    }

    init(_ node: ASN1Node) throws(ParseError) {
        let identifier = try AlgorithmIdentifier(node, "keyEncryptionAlgorithm")
        let hash: DigestAlgorithm
        switch identifier.algorithm {
        case ObjectIdentifiers.stdDHSHA1KDF: hash = .sha1
        case ObjectIdentifiers.stdDHSHA256KDF: hash = .sha256
        default:
            self = .unsupported
            return
        }
        guard let parameters = identifier.parameters else {
            throw ParseError(.missing, in: "KeyWrapAlgorithm", at: node.encodedBytes.endIndex)
        }
        let wrapIdentifier = try AlgorithmIdentifier(parameters, "KeyWrapAlgorithm")
        guard let wrap = KeyWrapAlgorithm(wrapIdentifier) else {
            self = .unsupported
            return
        }
        self = .standardECDH(hash: hash, wrap: wrap, wrapIdentifier: wrapIdentifier.encoded)
    }
}

extension KeyAgreementAlgorithm: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws {
        switch self {
        case .standardECDH(let hash, _, let wrapIdentifier):
            let scheme =
                switch hash {
                case .sha1: ObjectIdentifiers.stdDHSHA1KDF
                case .sha256: ObjectIdentifiers.stdDHSHA256KDF
                }
            try coder.append(algorithm: scheme) { $0.serializeRawBytes(wrapIdentifier) }
        case .unsupported:
            throw ParseError(.unsupported, in: "keyEncryptionAlgorithm", at: 0)
        }
    }
}
