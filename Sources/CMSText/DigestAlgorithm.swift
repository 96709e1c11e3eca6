import SwiftASN1

/// The hash functions that key derivation and OAEP are read with.
public enum DigestAlgorithm: Hashable, Sendable {
    case sha1
    case sha256

    /// Octets of a digest.
    public var length: Int {
        switch self {
        case .sha1: 20
        case .sha256: 32
        }
    }

    var identifier: ASN1ObjectIdentifier {
        switch self {
        case .sha1: ObjectIdentifiers.sha1
        case .sha256: ObjectIdentifiers.sha256
        }
    }

    /// Nil for another algorithm, or for one with parameters other than NULL.
    init?(_ identifier: AlgorithmIdentifier) {
        guard identifier.hasNoParameters else { return nil }
        switch identifier.algorithm {
        case ObjectIdentifiers.sha1: self = .sha1
        case ObjectIdentifiers.sha256: self = .sha256
        default: return nil
        }
    }
}
