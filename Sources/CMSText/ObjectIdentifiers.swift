import SwiftASN1

/// The object identifiers that CMS messages are told apart by, under the names their modules give them.
enum ObjectIdentifiers {
    // RFC 5652 section 14, RFC 5083 section 2.
    static let data: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 7, 1]
    static let signedData: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 7, 2]
    static let envelopedData: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 7, 3]
    static let encryptedData: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 7, 6]
    static let authEnvelopedData: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 9, 16, 1, 23]

    // RFC 3565 section 4.1, RFC 5084 section 3.2.
    static let aes128CBC: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 1, 2]
    static let aes256CBC: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 1, 42]
    static let aes128GCM: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 1, 6]
    static let aes256GCM: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 1, 46]

    // RFC 3565 section 2.3.2.
    static let aes128Wrap: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 1, 5]
    static let aes192Wrap: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 1, 25]
    static let aes256Wrap: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 1, 45]

    // RFC 4055 sections 1.2, 2.1, 2.2 and 4.1.
    static let rsaEncryption: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 1, 1]
    static let rsaesOAEP: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 1, 7]
    static let mgf1: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 1, 8]
    static let sha1: ASN1ObjectIdentifier = [1, 3, 14, 3, 2, 26]
    static let sha256: ASN1ObjectIdentifier = [2, 16, 840, 1, 101, 3, 4, 2, 1]

    // RFC 5480 section 2.1.1, RFC 5753 section 7.1.4.
    static let ecPublicKey: ASN1ObjectIdentifier = [1, 2, 840, 10045, 2, 1]
    static let stdDHSHA1KDF: ASN1ObjectIdentifier = [1, 3, 133, 16, 840, 63, 0, 2]
    static let stdDHSHA256KDF: ASN1ObjectIdentifier = [1, 3, 132, 1, 11, 1]

    // RFC 3185 sections 3 and 4.
    static let cekReference: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 9, 16, 2, 30]
    static let cekMaxDecrypts: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 9, 16, 2, 31]
    static let kekDerivationAlgorithm: ASN1ObjectIdentifier = [1, 2, 840, 113_549, 1, 9, 16, 2, 32]
}
