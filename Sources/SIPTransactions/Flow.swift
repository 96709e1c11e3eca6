public import Wire

/// How messages travel.
public enum TransportKind: UInt8, Hashable, Sendable {
    case udp, tcp, tls

    /// Whether the transport delivers in order or says that it cannot: no retransmission is needed over it.
    @inlinable
    public var isReliable: Bool {
        switch self {
        case .udp: false
        case .tcp, .tls: true
        }
    }

    /// The port where none is written (RFC 3261 section 19.1.2).
    public var defaultPort: UInt16 {
        switch self {
        case .udp, .tcp: 5_060
        case .tls: 5_061
        }
    }
}

/// Where a message came from, and therefore the way back.
public struct Flow: Hashable, Sendable {
    /// What carried the message.
    public var transport: TransportKind
    /// The own address that it arrived at.
    public var local: Endpoint
    /// The address that it came from.
    public var remote: Endpoint
    /// The connection's number; nil for datagrams.
    public var connection: UInt64?
    /// The SIP domains of the peer's verified certificate (RFC 5922 section 7.1), in lower case; empty when there was
    /// none.
    public var authenticatedDomains: [[UInt8]]

    /// The way of one message; without a connection it is a datagram's.
    public init(
        transport: TransportKind, local: Endpoint, remote: Endpoint, connection: UInt64? = nil,
        authenticatedDomains: [[UInt8]] = []
    ) {
        self.transport = transport
        self.local = local
        self.remote = remote
        self.connection = connection
        self.authenticatedDomains = authenticatedDomains
    }
}

/// Where a message goes.
public struct Destination: Hashable, Sendable {
    /// What carries the message.
    public var transport: TransportKind
    /// The address and port of the receiver.
    public var remote: Endpoint
    /// The connection to use when it is still open; without one, or when it is gone, a new one is made to `remote`.
    public var connection: UInt64?
    /// The own address to send from; nil leaves it to the shell.
    public var local: Endpoint?
    /// The SIP domain or host that TLS must authenticate (RFC 5922 section 7.3), in lower case. Without it no new TLS
    /// connection is made, and one that is open is used.
    public var serverName: [UInt8]

    /// A receiver, with the connection, the own address and the name to authenticate when they matter.
    public init(
        _ transport: TransportKind, _ remote: Endpoint, connection: UInt64? = nil, local: Endpoint? = nil,
        serverName: [UInt8] = []
    ) {
        self.transport = transport
        self.remote = remote
        self.connection = connection
        self.local = local
        self.serverName = serverName
    }
}
