import COpenSSL

/// What the TLS connections of one role share: own certificate, trusted authorities, versions, ciphers.
///
/// TLS 1.2 with ephemeral keys and authenticated ciphers, and TLS 1.3 (RFC 9325). No renegotiation, no compression, and no
/// resumption: SIP keeps its connections, so every one has a full handshake, which verifies the peer as of now, and there
/// is no ticket key to guard.
// Unchecked: nothing changes the SSL_CTX after init, and libssl counts its references atomically.
/// A context that never changes once it is made, so threads may share it.
public final class TLSContext: @unchecked Sendable {
    /// Which end of a connection.
    public enum Role: Sendable {
        /// Connects, and verifies the server it meets.
        case client
        /// Is connected to.
        case server
    }

    /// Which end this is for.
    public let role: Role
    let pointer: OpaquePointer

    private static let operation: StaticString = "preparing TLS"

    /// Reads the files.
    ///
    /// - Throws: `file` with the path for one that cannot be read or holds nothing of its kind, `mismatch` for a key that
    ///   is not the certificate's and for settings that do not go together, `unsupported` for a key of another kind.
    public init(_ role: Role, _ settings: TLSSettings) throws(CryptoError) {
        ERR_clear_error()
        guard let context = SSL_CTX_new(role == .client ? TLS_client_method() : TLS_server_method()) else {
            throw .library(Self.operation)
        }
        self.role = role
        pointer = context
        // From here on deinit frees it, also when this initialiser throws.
        try configure(settings)
        try loadIdentity(settings)
        try loadTrust(settings)
        ERR_clear_error()
    }

    deinit { SSL_CTX_free(pointer) }

    private func configure(_ settings: TLSSettings) throws(CryptoError) {
        let version =
            switch settings.minimumVersion {
            case .tls12: TLS1_2_VERSION
            case .tls13: TLS1_3_VERSION
            }
        guard COpenSSL_CTX_set_min_proto_version(pointer, version) == 1,
            SSL_CTX_set_cipher_list(pointer, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1,
            SSL_CTX_set_num_tickets(pointer, 0) == 1
        else { throw .library(Self.operation) }
        SSL_CTX_set_options(
            pointer,
            COpenSSL_OP_NO_TICKET | COpenSSL_OP_NO_COMPRESSION | COpenSSL_OP_NO_RENEGOTIATION
                | COpenSSL_OP_CIPHER_SERVER_PREFERENCE)
        COpenSSL_CTX_disable_session_cache(pointer)
        // Thousands of idle connections must not hold a record's buffers each.
        COpenSSL_CTX_set_mode(pointer, Int(SSL_MODE_RELEASE_BUFFERS))
        COpenSSL_CTX_set_max_cert_list(pointer, TLSLimits.certificateOctets)
        // 112 bits: RSA and DH of 2048 bits, no SHA-1 signatures, in every certificate of a chain.
        SSL_CTX_set_security_level(pointer, 2)
        SSL_CTX_set_verify_depth(pointer, TLSLimits.intermediates)
        // libcrypto would ask for the purposes of the web; ours are of RFC 5924, and TLSSession looks at them.
        X509_VERIFY_PARAM_set_purpose(SSL_CTX_get0_param(pointer), X509_PURPOSE_ANY)
        SSL_CTX_set_cert_verify_callback(
            pointer, { store, _ in store.map(TLSSession.judge) ?? 0 }, nil)
    }

    private func loadIdentity(_ settings: TLSSettings) throws(CryptoError) {
        guard let certificate = settings.certificate, let key = settings.key else {
            guard settings.certificate == nil, settings.key == nil else {
                throw CryptoError(
                    .mismatch, while: Self.operation, "certificate and key go together: give both or none")
            }
            guard role == .client else {
                throw CryptoError(.mismatch, while: Self.operation, "a server needs a certificate and its key")
            }
            return
        }
        guard SSL_CTX_use_certificate_chain_file(pointer, certificate) == 1 else { throw unreadable(certificate) }
        let octets = try SecretBytes(contentsOf: key)
        let secret: PrivateKey
        do throws(CryptoError) {
            let pem = octets.bytes
            secret = try PrivateKey(pem: pem)
        } catch {
            throw CryptoError(error.code, while: Self.operation, "\(key): \(error.reason)")
        }
        guard SSL_CTX_use_PrivateKey(pointer, secret.evp) == 1, SSL_CTX_check_private_key(pointer) == 1 else {
            ERR_clear_error()
            throw CryptoError(
                .mismatch, while: Self.operation,
                "\(certificate) is not for the key in \(key); give files that belong together")
        }
    }

    private func loadTrust(_ settings: TLSSettings) throws(CryptoError) {
        let verifies: Int32 =
            switch (role, settings.verifiesClients) {
            case (.client, _), (.server, .optional): SSL_VERIFY_PEER
            case (.server, .required): SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
            case (.server, .none): SSL_VERIFY_NONE
            }
        SSL_CTX_set_verify(pointer, verifies, nil)
        guard let trust = settings.trust else {
            guard verifies == SSL_VERIFY_NONE else {
                throw CryptoError(
                    .mismatch, while: Self.operation,
                    "peers cannot be verified without trusted authorities; give their file")
            }
            return
        }
        guard SSL_CTX_load_verify_file(pointer, trust) == 1 else { throw unreadable(trust) }
        if role == .server, verifies != SSL_VERIFY_NONE {
            guard COpenSSL_CTX_announce_authorities(pointer, trust) == 1 else { throw unreadable(trust) }
        }
        guard let revocations = settings.revocations else { return }
        let store = SSL_CTX_get_cert_store(pointer)
        guard COpenSSL_lookup_load_crl(store, revocations) > 0 else { throw unreadable(revocations) }
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
    }

    private func unreadable(_ path: String) -> CryptoError {
        CryptoError(.file, while: Self.operation, "\(path): \(CryptoError.library(Self.operation).reason)")
    }
}
