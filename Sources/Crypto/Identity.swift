import COpenSSL

/// A private key and the certificate that belongs to it: what envelopes are opened with and signatures made with.
public final class Identity: Sendable {
    /// The key pair.
    public let key: PrivateKey
    /// Nil for a key that waits for its certificate: senders name it by its subject key identifier.
    public let certificate: Certificate?
    /// The key identifier of the certificate, or where there is none the one computed from the key.
    public let subjectKeyIdentifier: [UInt8]

    /// - Throws: `mismatch` when the certificate is for another key.
    public init(key: PrivateKey, certificate: Certificate) throws(CryptoError) {
        guard EVP_PKEY_eq(key.evp, certificate.publicKey.evp) == 1 else {
            ERR_clear_error()
            throw CryptoError(
                .mismatch, while: "joining a private key and a certificate",
                "the certificate is for another key; check which files belong together")
        }
        self.key = key
        self.certificate = certificate
        subjectKeyIdentifier = certificate.subjectKeyIdentifier ?? certificate.publicKey.subjectKeyIdentifier
    }

    /// A key that has no certificate yet.
    public init(key: PrivateKey) {
        self.key = key
        certificate = nil
        subjectKeyIdentifier = key.publicKey.subjectKeyIdentifier
    }
}
