import CMSText
import Crypto

/// Keys and certificates that the tests share; made once, RSA keys are slow.
struct Peers: Sendable {
    let p256: Identity
    let rsa: Identity
    let stranger: Identity

    static let shared = Result { try Peers() }

    private init() throws {
        p256 = try Self.identity("callee", .generateP256())
        rsa = try Self.identity("gateway", .generateRSA())
        stranger = try Self.identity("stranger", .generateP256())
    }

    static func identity(_ name: String, _ key: PrivateKey) throws -> Identity {
        var builder = CertificateBuilder(commonName: name, notBefore: 1_700_000_000, notAfter: 4_000_000_000)
        builder.uris = ["sip:\(name)@example.net"]
        return try Identity(key: key, certificate: builder.selfSigned(by: key))
    }
}

/// A body as SIP carries it.
let sdp = Array(
    """
    Content-Type: application/sdp\r
    \r
    v=0\r
    o=- 1 1 IN IP4 192.0.2.1\r
    s=-\r
    c=IN IP4 192.0.2.1\r
    t=0 0\r
    m=audio 49170 RTP/AVP 0\r

    """.utf8)

/// The ways in which a content encryption key reaches a public key.
enum RecipientKind: CaseIterable, Sendable {
    case rsaPKCS1v15
    case rsaOAEPSHA1
    case rsaOAEPSHA256
    case ecdhSHA1
    case ecdhSHA256

    func identity(_ peers: Peers) -> Identity {
        switch self {
        case .rsaPKCS1v15, .rsaOAEPSHA1, .rsaOAEPSHA256: peers.rsa
        case .ecdhSHA1, .ecdhSHA256: peers.p256
        }
    }

    func recipient(_ peers: Peers) throws -> Recipient {
        guard let certificate = identity(peers).certificate else { throw Missing() }
        switch self {
        case .rsaPKCS1v15: return .certificate(certificate, .init(keyTransport: .rsaPKCS1v15))
        case .rsaOAEPSHA1:
            return .certificate(
                certificate, .init(keyTransport: .rsaOAEP(.init(hash: .sha1, maskGenerationHash: .sha1))))
        case .rsaOAEPSHA256, .ecdhSHA256: return .certificate(certificate)
        case .ecdhSHA1: return .certificate(certificate, .init(keyDerivationHash: .sha1))
        }
    }

    /// Options of `openssl cms -encrypt` after `-recip`.
    var options: [String] {
        switch self {
        case .rsaPKCS1v15, .ecdhSHA1: []
        case .rsaOAEPSHA1: ["-keyopt", "rsa_padding_mode:oaep"]
        case .rsaOAEPSHA256: ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"]
        case .ecdhSHA256: ["-keyopt", "ecdh_kdf_md:sha256"]
        }
    }

    struct Missing: Error {}
}

extension ContentAlgorithm {
    /// The option of `openssl cms -encrypt`.
    var option: String {
        switch self {
        case .aes128GCM: "-aes-128-gcm"
        case .aes256GCM: "-aes-256-gcm"
        case .aes128CBC: "-aes-128-cbc"
        case .aes256CBC: "-aes-256-cbc"
        }
    }
}
