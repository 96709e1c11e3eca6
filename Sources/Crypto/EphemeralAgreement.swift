import COpenSSL

/// ECDH on P-256 with a key pair that is made for one recipient and forgotten.
struct EphemeralAgreement: ~Copyable {
    /// Our point, uncompressed.
    let point: [UInt8]
    /// What is shared with the recipient: the x coordinate.
    let secret: SecretBytes

    /// - Parameter recipient: on P-256.
    init(with recipient: PublicKey) throws(CryptoError) {
        let operation: StaticString = "agreeing on a key with a P-256 recipient"
        guard let generator = EVP_PKEY_CTX_new_from_pkey(nil, recipient.evp, nil) else { throw .library(operation) }
        defer { EVP_PKEY_CTX_free(generator) }
        var key: OpaquePointer?
        guard EVP_PKEY_keygen_init(generator) == 1, EVP_PKEY_generate(generator, &key) == 1, let key else {
            throw .library(operation)
        }
        defer { EVP_PKEY_free(key) }
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { throw .library(operation) }
        defer { EVP_PKEY_CTX_free(context) }
        var encoded: UnsafeMutablePointer<UInt8>?
        let encodedLength = EVP_PKEY_get1_encoded_public_key(key, &encoded)
        // libcrypto allocated it; its free function is a macro around this one, with the caller's file and line.
        defer { CRYPTO_free(encoded, #file, #line) }
        var secret = SecretBytes(count: StaticAgreement.secretLength)
        var length = secret.count
        // 0: reading the recipient's key has checked that its point is on the curve.
        guard encodedLength == StaticAgreement.pointLength, let encoded, EVP_PKEY_derive_init(context) == 1,
            EVP_PKEY_derive_set_peer_ex(context, recipient.evp, 0) == 1,
            EVP_PKEY_derive(context, secret.mutablePointer, &length) == 1, length == secret.count
        else { throw .library(operation) }
        point = Array(UnsafeBufferPointer(start: encoded, count: encodedLength))
        self.secret = secret
    }
}
