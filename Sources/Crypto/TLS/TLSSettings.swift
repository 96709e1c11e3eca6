/// What TLS connections are made with: files in PEM, by their paths.
public struct TLSSettings: Hashable, Sendable {
    /// The oldest version that is spoken. Older ones than 1.2 are not to be used (RFC 8996).
    public enum Version: Sendable { case tls12, tls13 }

    /// What a server wants of its clients.
    public enum ClientVerification: Sendable {
        /// No certificate is asked for.
        case none
        /// One is asked for, and refused when it is not good; a client without one is taken.
        case optional
        /// One is asked for, and must be good.
        case required
    }

    /// The own certificate, followed by those of the authorities between it and the root; nil for a client without one.
    public var certificate: String?
    /// The private key of the own certificate.
    public var key: String?
    /// The certificates of the authorities that are trusted. Nil trusts nobody, which is for a server that asks for no
    /// certificates only.
    public var trust: String?
    /// Revocation lists, one of every authority that signs: without its current list none of its certificates is taken.
    /// Nil looks at none.
    public var revocations: String?
    /// The oldest version that is spoken.
    public var minimumVersion = Version.tls12
    /// What a server wants of its clients; a client always verifies its server.
    public var verifiesClients = ClientVerification.none

    /// No files; TLS 1.2 and 1.3; clients are not asked.
    public init() {}
}

/// What a peer may cost before it is known, and after.
public enum TLSLimits {
    /// Octets of ciphertext that a session holds and has not read. A record has 16,384 octets and 256 more at most (RFC
    /// 5246 section 6.2.3), and five of a header.
    public static let unreadOctets = 65_536
    /// Octets of a peer's certificates in the handshake: some more than four of RSA-4096.
    public static let certificateOctets = 32_768
    /// Authorities between a peer's certificate and a trusted one.
    public static let intermediates: Int32 = 4
    /// Plaintext octets of one record (RFC 8446 section 5.1): what one read gives at most.
    public static let recordOctets = 16_384
    /// Octets of a name to authenticate: a host name in text (RFC 1035 section 2.3.4).
    public static let nameOctets = 253
}
