import SwiftASN1

/// A content encryption algorithm without its parameters: what a content encryption key is for.
public enum ContentAlgorithm: Hashable, Sendable, CaseIterable {
    /// AES-128 in Galois/Counter mode, in AuthEnvelopedData only (RFC 5084).
    case aes128GCM
    /// AES-256 in Galois/Counter mode, in AuthEnvelopedData only (RFC 5084).
    case aes256GCM
    /// AES-128 in cipher block chaining mode, in EnvelopedData and EncryptedData (RFC 3565).
    case aes128CBC
    /// AES-256 in cipher block chaining mode, in EnvelopedData and EncryptedData (RFC 3565).
    case aes256CBC

    /// Octets of a key.
    public var keyLength: Int {
        switch self {
        case .aes128GCM, .aes128CBC: 16
        case .aes256GCM, .aes256CBC: 32
        }
    }

    /// Whether what was altered on the way cannot be decrypted.
    public var isAuthenticated: Bool {
        switch self {
        case .aes128GCM, .aes256GCM: true
        case .aes128CBC, .aes256CBC: false
        }
    }

    /// Octets of the nonce or initialization vector that goes with every message.
    public var nonceLength: Int {
        isAuthenticated ? CMSLimits.gcmNonceLength : CMSLimits.cbcInitializationVectorLength
    }

    var identifier: ASN1ObjectIdentifier {
        switch self {
        case .aes128GCM: ObjectIdentifiers.aes128GCM
        case .aes256GCM: ObjectIdentifiers.aes256GCM
        case .aes128CBC: ObjectIdentifiers.aes128CBC
        case .aes256CBC: ObjectIdentifiers.aes256CBC
        }
    }

    init?(_ identifier: ASN1ObjectIdentifier) {
        switch identifier {
        case ObjectIdentifiers.aes128GCM: self = .aes128GCM
        case ObjectIdentifiers.aes256GCM: self = .aes256GCM
        case ObjectIdentifiers.aes128CBC: self = .aes128CBC
        case ObjectIdentifiers.aes256CBC: self = .aes256CBC
        default: return nil
        }
    }
}
