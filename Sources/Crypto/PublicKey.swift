import COpenSSL

/// A public key: P-256, or RSA of 2048 to 4096 bits.
// Unchecked: nothing changes the EVP_PKEY after init, and libcrypto counts its references atomically.
/// A public key that never changes once it is made, so threads may share it.
public final class PublicKey: @unchecked Sendable {
    /// Moduli that are taken: below, NIST SP 800-131A calls the key too weak; above, one operation takes too long.
    static let rsaBits: ClosedRange<Int32> = 2048...4096

    let evp: OpaquePointer
    /// The algorithm and, for RSA, the size.
    public let kind: KeyKind
    /// SHA-1 of the key's bits: the first method of RFC 5280 section 4.2.1.2. SHA-1 only names the key here.
    public let subjectKeyIdentifier: [UInt8]

    /// - Parameter evp: an owned reference, freed on any error.
    init(owning evp: OpaquePointer, while operation: StaticString) throws(CryptoError) {
        var kind: KeyKind?
        var reason = "the key is neither EC nor RSA; make one on P-256"
        if EVP_PKEY_is_a(evp, "RSA") == 1 {
            let bits = EVP_PKEY_get_bits(evp)
            if Self.rsaBits.contains(bits) { kind = .rsa(bits: Int(bits)) }
            reason =
                "the RSA modulus has \(bits) bits; \(Self.rsaBits.lowerBound) to \(Self.rsaBits.upperBound) are taken"
        } else if EVP_PKEY_is_a(evp, "EC") == 1 {
            // A curve that is written out may differ from the one it resembles (CVE-2020-0601); libcrypto gives it the
            // name all the same.
            var isExplicit: Int32 = 0
            EVP_PKEY_get_int_param(evp, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &isExplicit)
            if Self.groupName(of: evp) == SN_X9_62_prime256v1, isExplicit == 0 { kind = .p256 }
            reason = "the EC key does not name P-256 as its curve"
        }
        guard let kind else {
            EVP_PKEY_free(evp)
            throw CryptoError(.unsupported, while: operation, reason)
        }
        guard let identifier = Self.identifier(of: evp) else {
            EVP_PKEY_free(evp)
            throw .library(operation)
        }
        self.evp = evp
        self.kind = kind
        subjectKeyIdentifier = identifier
    }

    deinit { EVP_PKEY_free(evp) }

    private static func groupName(of evp: OpaquePointer) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { name in
            var length = 0
            guard EVP_PKEY_get_group_name(evp, name.baseAddress, name.count, &length) == 1 else { return nil }
            return String(decoding: name[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    private static func identifier(of evp: OpaquePointer) -> [UInt8]? {
        guard let request = X509_PUBKEY_new() else { return nil }
        var box: OpaquePointer? = request
        defer { X509_PUBKEY_free(box) }
        guard X509_PUBKEY_set(&box, evp) == 1 else { return nil }
        var bits: UnsafePointer<UInt8>?
        var length: Int32 = 0
        guard X509_PUBKEY_get0_param(nil, &bits, &length, nil, box) == 1 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: Int(SHA_DIGEST_LENGTH)) { digest, count in
            let done = EVP_Digest(bits, Int(length), digest.baseAddress, nil, EVP_sha1(), nil) == 1
            count = done ? Int(SHA_DIGEST_LENGTH) : 0
        }
    }
}
