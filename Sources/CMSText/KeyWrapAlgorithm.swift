import SwiftASN1

/// ```
/// KeyWrapAlgorithm ::= AlgorithmIdentifier  -- id-aes128-wrap, id-aes192-wrap, id-aes256-wrap, no parameters
/// ```
///
/// RFC 3565 section 2.3.2: a key under a key encryption key by RFC 3394, eight octets longer than it was.
public enum KeyWrapAlgorithm: Hashable, Sendable {
    case aes128
    case aes192
    case aes256

    /// Octets of the key encryption key.
    public var keyLength: Int {
        switch self {
        case .aes128: 16
        case .aes192: 24
        case .aes256: 32
        }
    }

    /// The algorithm whose key encryption key has this many octets.
    public init?(keyLength: Int) {
        switch keyLength {
        case 16: self = .aes128
        case 24: self = .aes192
        case 32: self = .aes256
        default: return nil
        }
    }

    var identifier: ASN1ObjectIdentifier {
        switch self {
        case .aes128: ObjectIdentifiers.aes128Wrap
        case .aes192: ObjectIdentifiers.aes192Wrap
        case .aes256: ObjectIdentifiers.aes256Wrap
        }
    }

    init?(_ identifier: AlgorithmIdentifier) {
        guard identifier.hasNoParameters else { return nil }
        switch identifier.algorithm {
        case ObjectIdentifiers.aes128Wrap: self = .aes128
        case ObjectIdentifiers.aes192Wrap: self = .aes192
        case ObjectIdentifiers.aes256Wrap: self = .aes256
        default: return nil
        }
    }
}

extension KeyWrapAlgorithm: DERWritable {
    func serialize(into coder: inout DER.Serializer) throws { try coder.append(algorithm: identifier) }
}
