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

    /// The way of one message; without a connection it is a datagram's.
    public init(transport: TransportKind, local: Endpoint, remote: Endpoint, connection: UInt64? = nil) {
        self.transport = transport
        self.local = local
        self.remote = remote
        self.connection = connection
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

    /// A receiver, with the connection and the own address to use when they matter.
    public init(_ transport: TransportKind, _ remote: Endpoint, connection: UInt64? = nil, local: Endpoint? = nil) {
        self.transport = transport
        self.remote = remote
        self.connection = connection
        self.local = local
    }
}
