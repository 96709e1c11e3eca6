import COpenSSL

/// One TLS connection without a socket: ciphertext goes in and comes out, plaintext comes out and goes in.
///
/// Confined to one thread at a time. After an error there is ciphertext to send, the alert that tells the peer, and
/// nothing else may be done.
public final class TLSSession {
    /// How far a session is.
    public enum State: Hashable, Sendable {
        /// The handshake goes on.
        case handshaking
        /// Both ways are open.
        case open
        /// close_notify was sent: nothing more can be written.
        case closed
        /// An error ended it.
        case failed
    }

    /// What a read came to.
    public enum Reading: Hashable, Sendable {
        /// So many octets.
        case octets(Int)
        /// Nothing yet: the rest of a record must come first.
        case needsMore
        /// The peer's close_notify: nothing more will come.
        case ended
    }

    /// How far it is.
    public private(set) var state = State.handshaking
    /// The peer, once its certificate was verified; nil for a client that showed none.
    public private(set) var peer: TLSPeer?
    /// Whom the certificate must speak for; empty when nobody is wanted.
    private let name: [UInt8]
    private var refusal: String?
    // Owned. The two BIOs are the SSL's.
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer

    private static let handshake: StaticString = "shaking hands by TLS"

    /// A session at its beginning.
    ///
    /// - Parameter name: the SIP domain or host that the peer's certificate must speak for, which is also the server name
    ///   that is asked for (RFC 6066 section 3). A client needs one; a server has none.
    /// - Throws: `limit` for a name that is none, `misuse` for one too many or too few.
    public init(_ context: TLSContext, authenticating name: [UInt8] = []) throws(TLSError) {
        guard name.isEmpty == (context.role == .server) else {
            throw TLSError(.misuse, while: Self.handshake, "a client, and only a client, says whom it means to reach")
        }
        guard name.count <= TLSLimits.nameOctets, name.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw TLSError(.limit, while: Self.handshake, "the name of the server is no host name")
        }
        ERR_clear_error()
        guard let ssl = SSL_new(context.pointer) else { throw .library(.handshake, Self.handshake) }
        guard let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
            SSL_free(ssl)
            throw .library(.handshake, Self.handshake)
        }
        SSL_set_bio(ssl, input, output)
        (self.ssl, self.input, self.output, self.name) = (ssl, input, output, name)
        switch context.role {
        case .client: SSL_set_connect_state(ssl)
        case .server: SSL_set_accept_state(ssl)
        }
        // libssl hands this pointer back while it verifies, which it does only inside a call of a method below.
        SSL_set_ex_data(ssl, Self.ownIndex, Unmanaged.passUnretained(self).toOpaque())
        if Self.isHostName(name) {
            let text = name.map { CChar(bitPattern: $0) } + [0]
            guard COpenSSL_set_server_name(ssl, text) == 1 else { throw .library(.handshake, Self.handshake) }
        }
    }

    deinit { SSL_free(ssl) }

    /// Whether it may be a server name, which an address may not (RFC 6066 section 3): it has a letter and no colon.
    private static func isHostName(_ name: [UInt8]) -> Bool {
        name.contains { (0x61...0x7A).contains($0 | 0x20) } && !name.contains(UInt8(ascii: ":"))
    }

    /// SSL_set_app_data's index (<openssl/ssl.h>).
    private static let ownIndex: Int32 = 0

    // MARK: Ciphertext

    /// Takes what came from the network. It is not looked at before the next `advance` or `read`.
    ///
    /// - Throws: `limit` when more than `TLSLimits.unreadOctets` would be waiting to be read.
    public func feed(_ ciphertext: Span<UInt8>) throws(TLSError) {
        guard !ciphertext.isEmpty else { return }
        guard unreadOctets + ciphertext.count <= TLSLimits.unreadOctets else {
            throw fail(
                TLSError(.limit, while: "receiving by TLS", "more than \(TLSLimits.unreadOctets) octets are unread"))
        }
        let taken = ciphertext.withUnsafeBufferPointer { BIO_write(input, $0.baseAddress, Int32($0.count)) }
        guard Int(taken) == ciphertext.count else { throw fail(.library(.limit, "receiving by TLS")) }
    }

    /// Octets fed and not read.
    public var unreadOctets: Int { BIO_ctrl_pending(input) }

    /// Octets that wait to be sent.
    public var pendingOctets: Int { BIO_ctrl_pending(output) }

    /// Takes what waits to be sent, as much as there is room for; sending it is the caller's.
    ///
    /// - Returns: how many octets were written.
    public func takePending(into room: UnsafeMutableRawBufferPointer) -> Int {
        guard !room.isEmpty, pendingOctets > 0 else { return 0 }
        return Int(max(0, BIO_read(output, room.baseAddress, Int32(clamping: room.count))))
    }

    // MARK: Handshake

    /// Goes on with the handshake as far as what was fed allows. It is over when `state` is `open`.
    public func advance() throws(TLSError) {
        guard state == .handshaking else { return }
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        if result == 1 {
            state = .open
            return
        }
        guard isWaiting(result) else { throw fail(handshakeError()) }
    }

    private func handshakeError() -> TLSError {
        if let refusal {
            ERR_clear_error()
            return TLSError(.untrusted, while: Self.handshake, "the peer's certificate is refused: \(refusal)")
        }
        let verdict = SSL_get_verify_result(ssl)
        guard verdict == Int(X509_V_OK) else {
            ERR_clear_error()
            let words = String(cString: X509_verify_cert_error_string(verdict))
            return TLSError(.untrusted, while: Self.handshake, "the peer's certificate is refused: \(words)")
        }
        return .library(.handshake, Self.handshake)
    }

    /// Called by libssl to verify the peer's certificate: 1 when it is good.
    static func judge(_ store: OpaquePointer) -> Int32 {
        guard let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
            let own = SSL_get_ex_data(OpaquePointer(ssl), ownIndex)
        else { return 0 }
        return Unmanaged<TLSSession>.fromOpaque(own).takeUnretainedValue().verify(store) ? 1 : 0
    }

    private func verify(_ store: OpaquePointer) -> Bool {
        guard X509_verify_cert(store) == 1, let leaf = X509_STORE_CTX_get0_cert(store) else { return false }
        let peer = TLSPeer(leaf)
        refusal = PeerCertificate.refusal(leaf, peer, name: name)
        guard refusal == nil else {
            X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION)
            return false
        }
        self.peer = peer
        return true
    }

    /// `TLSv1.2` or `TLSv1.3`, once the handshake is over.
    public var version: String { String(cString: SSL_get_version(ssl)) }

    // MARK: Plaintext

    /// Reads plaintext, one record's at most.
    public func read(into room: UnsafeMutableRawBufferPointer) throws(TLSError) -> Reading {
        switch state {
        case .open, .closed: break
        case .handshaking: return .needsMore
        case .failed: return .ended
        }
        ERR_clear_error()
        let count = SSL_read(ssl, room.baseAddress, Int32(clamping: room.count))
        if count > 0 { return .octets(Int(count)) }
        if isWaiting(count) { return .needsMore }
        guard SSL_get_error(ssl, count) == SSL_ERROR_ZERO_RETURN else {
            throw fail(.library(.record, "receiving by TLS"))
        }
        return .ended
    }

    /// Encrypts. The ciphertext is pending afterwards.
    ///
    /// - Throws: `misuse` when it is not open.
    public func write(_ plaintext: Span<UInt8>) throws(TLSError) {
        guard state == .open else {
            throw TLSError(.misuse, while: "sending by TLS", "the session is \(state)")
        }
        guard !plaintext.isEmpty else { return }
        ERR_clear_error()
        let written = plaintext.withUnsafeBufferPointer { SSL_write(ssl, $0.baseAddress, Int32(clamping: $0.count)) }
        guard Int(written) == plaintext.count else { throw fail(.library(.record, "sending by TLS")) }
    }

    // MARK: Ending

    /// Whether the peer's close_notify was read.
    public var isPeerClosed: Bool { SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 }

    /// Says close_notify, once; it is pending afterwards. What is unread can still be read.
    public func close() {
        guard state == .open else {
            if state == .handshaking { state = .closed }
            return
        }
        ERR_clear_error()
        _ = SSL_shutdown(ssl)
        ERR_clear_error()
        state = .closed
    }

    /// The network says that nothing more will come.
    ///
    /// - Returns: `truncated` when the peer did not say so itself, in which case somebody else may have cut it off.
    public func inputEnded() -> TLSError? {
        switch state {
        case .failed, .closed: return nil
        case .open:
            guard !isPeerClosed else { return nil }
            return fail(TLSError(.truncated, while: "receiving by TLS", "the connection ended without close_notify"))
        case .handshaking:
            return fail(TLSError(.handshake, while: Self.handshake, "the peer closed the connection"))
        }
    }

    private func fail(_ error: TLSError) -> TLSError {
        state = .failed
        return error
    }

    private func isWaiting(_ result: Int32) -> Bool {
        let error = SSL_get_error(ssl, result)
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE
    }
}
