import CMSText
import COpenSSL

/// The ANSI X9.63 key derivation function (SEC 1 section 3.6.1), with its hashes looked up once.
///
/// Not thread-safe.
final class KeyDerivation {
    private let context: OpaquePointer
    private let sha1: OpaquePointer
    private let sha256: OpaquePointer

    init() throws(CryptoError) {
        let operation: StaticString = "looking up SHA-1 and SHA-256 in libcrypto"
        ERR_clear_error()
        let sha1 = EVP_MD_fetch(nil, "SHA1", nil)
        let sha256 = EVP_MD_fetch(nil, "SHA2-256", nil)
        guard let sha1, let sha256, let context = EVP_MD_CTX_new() else {
            EVP_MD_free(sha1)
            EVP_MD_free(sha256)
            throw .library(operation)
        }
        self.context = context
        self.sha1 = sha1
        self.sha256 = sha256
    }

    deinit {
        EVP_MD_CTX_free(context)
        EVP_MD_free(sha1)
        EVP_MD_free(sha256)
    }

    /// The digest for functions that take one.
    func digest(_ algorithm: DigestAlgorithm) -> OpaquePointer {
        switch algorithm {
        case .sha1: sha1
        case .sha256: sha256
        }
    }

    /// - Parameter length: octets to derive.
    /// - Returns: Hash(secret || 00000001 || info) || Hash(secret || 00000002 || info) and so on, cut to the length;
    ///   nil when libcrypto fails.
    func derive(
        from secret: borrowing SecretBytes, info: [UInt8], _ algorithm: DigestAlgorithm, length: Int
    ) -> SecretBytes? {
        defer { EVP_MD_CTX_reset(context) }
        let blocks = (length + algorithm.length - 1) / algorithm.length
        var output = SecretBytes(count: blocks * algorithm.length)
        for block in 0..<blocks {
            var counter = UInt32(block + 1).bigEndian
            guard EVP_DigestInit_ex2(context, digest(algorithm), nil) == 1,
                EVP_DigestUpdate(context, secret.pointer, secret.count) == 1,
                EVP_DigestUpdate(context, &counter, 4) == 1,
                EVP_DigestUpdate(context, info, info.count) == 1,
                EVP_DigestFinal_ex(context, output.mutablePointer.map { $0 + block * algorithm.length }, nil) == 1
            else { return nil }
        }
        return output.prefix(length)
    }
}
