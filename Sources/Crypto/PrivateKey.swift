import COpenSSL

/// A private key: P-256, or RSA of 2048 to 4096 bits. It has no description and shows nothing of itself.
// Unchecked: nothing changes the EVP_PKEY after init, and libcrypto counts its references atomically.
/// A private key that never changes once it is made, so threads may share it.
public final class PrivateKey: @unchecked Sendable {
    let evp: OpaquePointer
    /// The public half.
    public let publicKey: PublicKey

    /// P-256, or RSA with its modulus.
    public var kind: KeyKind { publicKey.kind }

    /// - Parameter evp: an owned reference.
    private init(owning evp: OpaquePointer, while operation: StaticString) throws(CryptoError) {
        // A key pair is its own public key: one object, two references.
        EVP_PKEY_up_ref(evp)
        do { publicKey = try PublicKey(owning: evp, while: operation) } catch {
            EVP_PKEY_free(evp)
            throw error
        }
        self.evp = evp
    }

    deinit { EVP_PKEY_free(evp) }

    /// Reads the first private key of a PEM file: PKCS #8 or the older forms of either algorithm.
    ///
    /// - Throws: `library` for what is no key or is under a passphrase (nobody is there to be asked for it),
    ///   `unsupported` for another algorithm, curve or size.
    public convenience init(pem: Span<UInt8>) throws(CryptoError) {
        let operation: StaticString = "reading a private key in PEM"
        ERR_clear_error()
        let key = pem.withUnsafeBufferPointer { octets -> OpaquePointer? in
            guard let bio = BIO_new_mem_buf(octets.baseAddress, Int32(clamping: octets.count)) else { return nil }
            defer { BIO_free(bio) }
            // Without a callback libcrypto would ask the terminal for a passphrase.
            return PEM_read_bio_PrivateKey(bio, nil, { _, _, _, _ in -1 }, nil)
        }
        guard let key else { throw .library(operation) }
        try self.init(owning: key, while: operation)
        ERR_clear_error()
    }

    /// A new key on P-256.
    public static func generateP256() throws(CryptoError) -> PrivateKey {
        try generate("EC", while: "generating a P-256 key") { EVP_PKEY_CTX_set_group_name($0, SN_X9_62_prime256v1) }
    }

    /// A new RSA key.
    ///
    /// - Parameter bits: 2048 to 4096.
    public static func generateRSA(bits: Int = 2048) throws(CryptoError) -> PrivateKey {
        try generate("RSA", while: "generating an RSA key") {
            EVP_PKEY_CTX_set_rsa_keygen_bits($0, Int32(clamping: bits))
        }
    }

    private static func generate(
        _ algorithm: String, while operation: StaticString, _ configure: (OpaquePointer) -> Int32
    ) throws(CryptoError) -> PrivateKey {
        ERR_clear_error()
        guard let context = EVP_PKEY_CTX_new_from_name(nil, algorithm, nil) else { throw .library(operation) }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, configure(context) == 1, EVP_PKEY_generate(context, &key) == 1,
            let key
        else { throw .library(operation) }
        return try PrivateKey(owning: key, while: operation)
    }

    /// The key as a PKCS #8 PEM file without a passphrase, for a file that only its owner reads.
    public func pem() throws(CryptoError) -> SecretBytes {
        let operation: StaticString = "writing a private key in PEM"
        ERR_clear_error()
        // In libcrypto's secure heap where there is one; overwritten when freed in any case.
        guard let bio = BIO_new(BIO_s_secmem()) else { throw .library(operation) }
        defer { BIO_free(bio) }
        guard PEM_write_bio_PKCS8PrivateKey(bio, evp, nil, nil, 0, nil, nil) == 1 else { throw .library(operation) }
        var text = SecretBytes(count: BIO_ctrl_pending(bio))
        guard BIO_read(bio, text.mutablePointer, Int32(text.count)) == Int32(text.count) else {
            throw .library(operation)
        }
        return text
    }
}

extension PrivateKey: CustomStringConvertible, CustomReflectable {
    /// The name of the type and nothing else.
    public var description: String { "PrivateKey" }
    /// Nothing: a dump must not walk into the key.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
