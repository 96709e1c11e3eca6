/// A baresip without sound card: it sends a tone, and what it hears goes nowhere.
public struct BaresipSettings: Sendable {
    /// What encrypts its media.
    public enum MediaEncryption: String, Sendable {
        /// Nothing.
        case none = ""
        /// SRTP with the key in the session description (RFC 4568), offered and insisted on: `RTP/SAVP`.
        case srtp = "srtp-mand"
    }

    /// The user part of its address.
    public var user: String
    /// The domain of its address.
    public var domain: String
    /// Its own address, without brackets.
    public var address: String
    /// Where every request outside a dialog goes: a host with its port.
    public var proxy: String
    /// `udp`, `tcp` or `tls`.
    public var transport: String
    /// What encrypts its media.
    public var mediaEncryption = MediaEncryption.none
    /// Seconds between its registrations at `domain`; 0 is none.
    public var registration = 0
    /// Its first RTP port; it takes an even one of the twenty that follow.
    public var mediaPort: UInt16
    /// For TLS: a PEM file with its certificate and key.
    public var certificate: String?
    /// For TLS: a PEM file with the certificates that it trusts.
    public var trusted: String?

    /// Whether it answers every call at once; else it rings.
    public var answers = true
    /// Its name server; nil for those of the system.
    public var nameServer: String?
    /// The password of its registrar's Digest authentication.
    public var password: String?

    /// A phone without registration and encryption.
    public init(
        user: String, domain: String, address: String, proxy: String, transport: String, mediaPort: UInt16
    ) {
        self.user = user
        self.domain = domain
        self.address = address
        self.proxy = proxy
        self.transport = transport
        self.mediaPort = mediaPort
    }

    /// The TCP port, on loopback, of the interface that commands come through.
    static let controlPort: UInt16 = 4444

    /// Its file `config`. The tone comes at 48 kHz in two channels: baresip's sine source has nothing else.
    var configuration: String {
        var text = """
            poll_method epoll
            sip_listen \(Self.bracketed(address)):5060
            call_local_timeout 30
            call_max_calls 4
            audio_source ausine,440
            audio_player aubridge,nowhere
            audio_alert aubridge,alert
            ausrc_srate 48000
            ausrc_channels 2
            auplay_srate 48000
            auplay_channels 2
            rtp_ports \(mediaPort)-\(mediaPort + 19)
            ctrl_tcp_listen 127.0.0.1:\(Self.controlPort)
            statmode_default off
            module_path /usr/lib/baresip/modules
            module ctrl_tcp.so
            module g711.so
            module ausine.so
            module aubridge.so
            module srtp.so
            module_app account.so
            module_app menu.so

            """
        if let nameServer { text += "dns_server \(nameServer):53\n" }
        if let certificate { text += "sip_certificate \(certificate)\n" }
        if let trusted { text += "sip_cafile \(trusted)\n" }
        return text
    }

    /// Its file `accounts`.
    var account: String {
        var text = "<sip:\(user)@\(domain);transport=\(transport)>;regint=\(registration)"
        text += ";answermode=\(answers ? "auto" : "manual")"
        text += ";audio_codecs=PCMU/8000,PCMA/8000;outbound=\"sip:\(proxy);transport=\(transport)\""
        if let password { text += ";auth_user=\(user);auth_pass=\(password)" }
        if mediaEncryption != .none { text += ";mediaenc=\(mediaEncryption.rawValue)" }
        return text + "\n"
    }

    private static func bracketed(_ address: String) -> String { address.contains(":") ? "[\(address)]" : address }
}
