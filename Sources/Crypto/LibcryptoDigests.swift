import COpenSSL
public import Registration

/// The hashes of Digest authentication by libcrypto, looked up once; a call makes no context of its own.
///
/// Not thread-safe: it belongs to the event loop of who authenticates.
public final class LibcryptoDigests: Digesting {
    private let context: OpaquePointer
    private let sha256: OpaquePointer
    private let md5: OpaquePointer
    private let mac: OpaquePointer

    /// - Throws: `library` when libcrypto does not have one of them; MD5 is missing where only FIPS algorithms are allowed.
    public init() throws(CryptoError) {
        let operation: StaticString = "looking up SHA-256, MD5 and HMAC in libcrypto"
        ERR_clear_error()
        let sha256 = EVP_MD_fetch(nil, "SHA2-256", nil)
        let md5 = EVP_MD_fetch(nil, "MD5", nil)
        let algorithm = EVP_MAC_fetch(nil, "HMAC", nil)
        let context = EVP_MD_CTX_new()
        let mac = EVP_MAC_CTX_new(algorithm)
        // The context holds a reference of its own.
        EVP_MAC_free(algorithm)
        guard let sha256, let md5, let context, let mac, Self.setHash(of: mac) else {
            EVP_MD_free(sha256)
            EVP_MD_free(md5)
            EVP_MD_CTX_free(context)
            EVP_MAC_CTX_free(mac)
            throw .library(operation)
        }
        (self.sha256, self.md5, self.context, self.mac) = (sha256, md5, context, mac)
    }

    deinit {
        EVP_MD_free(sha256)
        EVP_MD_free(md5)
        EVP_MD_CTX_free(context)
        EVP_MAC_CTX_free(mac)
    }

    private static func setHash(of mac: OpaquePointer) -> Bool {
        var name = Array("SHA2-256".utf8CString)
        return name.withUnsafeMutableBufferPointer { name in
            var parameters = [
                OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.baseAddress, 0),
                OSSL_PARAM_construct_end(),
            ]
            return EVP_MAC_CTX_set_params(mac, &parameters) == 1
        }
    }

    /// Appends the 32 octets of SHA-256, or nothing when libcrypto fails.
    public func append(sha256 octets: Span<UInt8>, to output: inout [UInt8]) {
        append(octets, sha256, count: 32, to: &output)
    }

    /// Appends the 16 octets of MD5, or nothing when libcrypto fails.
    public func append(md5 octets: Span<UInt8>, to output: inout [UInt8]) {
        append(octets, md5, count: 16, to: &output)
    }

    private func append(_ octets: Span<UInt8>, _ hash: OpaquePointer, count: Int, to output: inout [UInt8]) {
        let start = output.count
        output.append(contentsOf: repeatElement(0, count: count))
        let done = output.withUnsafeMutableBufferPointer { output in
            octets.withUnsafeBufferPointer { octets in
                EVP_DigestInit_ex2(context, hash, nil) == 1
                    && EVP_DigestUpdate(context, octets.baseAddress, octets.count) == 1
                    && EVP_DigestFinal_ex(context, output.baseAddress.map { $0 + start }, nil) == 1
            }
        }
        if !done { output.removeLast(count) }
    }

    /// Appends the 32 octets of HMAC with SHA-256, or nothing when libcrypto fails.
    ///
    /// - Parameter key: at least one octet: without a key libcrypto would go on with the last one.
    public func append(hmacSHA256 octets: Span<UInt8>, key: Span<UInt8>, to output: inout [UInt8]) {
        guard !key.isEmpty else { return }
        let start = output.count
        output.append(contentsOf: repeatElement(0, count: 32))
        var written = 0
        let done = output.withUnsafeMutableBufferPointer { output in
            key.withUnsafeBufferPointer { EVP_MAC_init(mac, $0.baseAddress, $0.count, nil) == 1 }
                && octets.withUnsafeBufferPointer { EVP_MAC_update(mac, $0.baseAddress, $0.count) == 1 }
                && EVP_MAC_final(mac, output.baseAddress.map { $0 + start }, &written, 32) == 1
        }
        if !done || written != 32 { output.removeLast(32) }
    }
}

extension SecretBytes {
    /// Random octets for a key that core code holds: 32 of them, as `DigestAuthenticator` wants.
    ///
    /// - Throws: when the generator has no entropy.
    public static func nonceKey() throws(CryptoError) -> [UInt8] {
        let secret = try SecretBytes(randomCount: 32)
        var key: [UInt8] = []
        key.reserveCapacity(secret.count)
        for index in 0..<secret.count { key.append(secret.bytes[index]) }
        return key
    }
}
