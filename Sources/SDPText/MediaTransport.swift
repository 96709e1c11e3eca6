import Wire

/// The `<proto>` of an m-line, as far as a firewall must tell (RFC 8866 section 8.2.4 and its registry).
public enum MediaTransport: Hashable, Sendable {
    /// `RTP/AVP`, RFC 3551.
    case rtpAVP
    /// `RTP/AVPF`, RFC 4585.
    case rtpAVPF
    /// `RTP/SAVP`, RFC 3711.
    case rtpSAVP
    /// `RTP/SAVPF`, RFC 5124.
    case rtpSAVPF
    /// `UDP/TLS/RTP/SAVP`, DTLS-SRTP, RFC 5764.
    case dtlsSAVP
    /// `UDP/TLS/RTP/SAVPF`, DTLS-SRTP, RFC 5764.
    case dtlsSAVPF
    /// `udptl`, fax over UDP, ITU-T T.38 annex D.
    case udptl
    /// `udp`: anything over UDP, RFC 8866 section 5.14.
    case udp
    /// `UDP/DTLS/SCTP`, data channels, RFC 8841.
    case dtlsSCTP
    /// TCP in all its forms, and whatever this list does not have.
    case other

    /// Whether RTP is carried, and with it RTCP.
    public var isRTP: Bool {
        switch self {
        case .rtpAVP, .rtpAVPF, .rtpSAVP, .rtpSAVPF, .dtlsSAVP, .dtlsSAVPF: true
        case .udptl, .udp, .dtlsSCTP, .other: false
        }
    }

    /// Whether packets are UDP datagrams.
    public var isUDP: Bool {
        switch self {
        case .rtpAVP, .rtpAVPF, .rtpSAVP, .rtpSAVPF, .dtlsSAVP, .dtlsSAVPF, .udptl, .udp, .dtlsSCTP: true
        case .other: false
        }
    }

    /// Reads a `<proto>` without regard to case: fax machines send both `udptl` and `UDPTL`.
    init(_ token: Span<UInt8>) {
        for (name, transport) in Self.names where ASCII.equalIgnoringCase(token, name) {
            self = transport
            return
        }
        self = .other
    }

    private static let names: [(StaticString, MediaTransport)] = [
        ("RTP/AVP", .rtpAVP), ("RTP/SAVP", .rtpSAVP), ("RTP/AVPF", .rtpAVPF), ("RTP/SAVPF", .rtpSAVPF),
        ("UDP/TLS/RTP/SAVPF", .dtlsSAVPF), ("UDP/TLS/RTP/SAVP", .dtlsSAVP), ("udptl", .udptl), ("udp", .udp),
        ("UDP/DTLS/SCTP", .dtlsSCTP),
    ]
}
