public import Wire

/// Where one m-line wants its packets.
///
/// An address that is a unicast one by its form may still be one that no hole may lead to (the gateway's own, loopback,
/// link-local, IPv4-mapped): that is policy and is judged where holes are planned.
public enum StreamTarget: Hashable, Sendable {
    /// Port 0: refused or ended (RFC 3264 sections 6 and 8.2), or offered only inside a bundle (RFC 9143 section 6).
    case rejected
    /// The address is `0.0.0.0`, `::` or under `.invalid`: neither RTP nor RTCP may be sent (RFC 3264 section 8.4).
    case held
    /// An address and a port. A stream on hold by direction keeps both: RTCP flows on (RFC 3264 section 8.4).
    ///
    /// `rtcp` is `a=rtcp` or else the port after RTP's (RFC 3550 section 11). It is nil when there is none to open:
    /// `a=rtcp-mux-only`, a transport without RTCP, `a=rtcp` with port 0 or an unspecified address, or RTP at 65535.
    case transport(rtp: Endpoint, rtcp: Endpoint?)
    /// No hole can be opened for it.
    case unsupported(UnsupportedStream)
}

/// Why no hole can be opened for a stream.
public enum UnsupportedStream: Hashable, Sendable {
    /// The address is a name; what it resolves to here and at the peer may differ.
    case hostName
    /// The address is multicast, or has the suffix that only multicast has.
    case multicast
    /// The `<proto>` is not one known to run over UDP.
    case transport
    /// `m=` with a number of ports over one.
    case severalPorts
    /// More than one c-line.
    case severalConnections

    /// The reason in words fit for a reason phrase.
    public var phrase: StaticString {
        switch self {
        case .hostName: "media address is a host name"
        case .multicast: "media address is multicast"
        case .transport: "media transport is not over UDP"
        case .severalPorts: "media over several ports"
        case .severalConnections: "several c-lines for one stream"
        }
    }
}

extension SessionDescription {
    /// Where each m-line wants its packets, by the index of the m-line.
    public var targets: [StreamTarget] { media.map(\.target) }
}

extension MediaDescription {
    /// Where this stream wants its packets, from its c-line, m-line and `a=rtcp`. Candidates are not looked at.
    public var target: StreamTarget {
        guard port != 0, let connection else { return .rejected }
        guard transport.isUDP else { return .unsupported(.transport) }
        guard portCount == 1 else { return .unsupported(.severalPorts) }
        guard ownConnectionCount <= 1 else { return .unsupported(.severalConnections) }
        guard !connection.isMulticast else { return .unsupported(.multicast) }
        guard !connection.isUnspecified else { return .held }
        guard case .ip(let address) = connection.address else { return .unsupported(.hostName) }
        let rtp = Endpoint(address, port)
        guard transport.isRTP, !isRTCPMuxOnly else { return .transport(rtp: rtp, rtcp: nil) }
        guard let rtcp else {
            return .transport(rtp: rtp, rtcp: port < .max ? Endpoint(address, port + 1) : nil)
        }
        guard let separate = rtcp.connection else {
            return .transport(rtp: rtp, rtcp: rtcp.port == 0 ? nil : Endpoint(address, rtcp.port))
        }
        guard !separate.isMulticast else { return .unsupported(.multicast) }
        guard rtcp.port != 0, !separate.isUnspecified else { return .transport(rtp: rtp, rtcp: nil) }
        guard case .ip(let rtcpAddress) = separate.address else { return .unsupported(.hostName) }
        return .transport(rtp: rtp, rtcp: Endpoint(rtcpAddress, rtcp.port))
    }
}
