/// What peers may cost before they are understood.
public struct TransportLimits: Sendable {
    /// TCP connections at one time, accepted and made.
    public var connections = 1_024
    /// Connections accepted at one time: a quarter is kept for those that are made.
    public var acceptedConnections: Int { connections - connections / 4 }
    /// Connections accepted from one address: one source must not shut out the others.
    public var connectionsPerSource = 64
    /// Seconds in which a connection must deliver its first whole message, and each one after it begun. A TLS
    /// handshake has as long, before that.
    public var messageSeconds: Int64 = 10
    /// Seconds in which a connection must be made: the first segment and two retransmissions of it, after 1 and 3 seconds
    /// (RFC 6298 section 2). A request that waits for it has further ways to go within its own 32 seconds.
    public var connectSeconds: Int64 = 4
    /// Seconds without an octet after which an idle connection is closed.
    public var idleSeconds: Int64 = 7_200
    /// Seconds without an answer after which a connection is lost: to what was sent, or to the kernel's own question after as
    /// many seconds of silence (RFC 5482, RFC 9293 section 3.8.4).
    public var userTimeoutSeconds: Int64 = 60
    /// Octets that may wait to be written to one connection; a peer that does not read is closed.
    public var pendingOctets = 1 << 20
    /// Messages that may wait for a connection to be made.
    public var waitingMessages = 64
    /// Messages of one connection that are taken one after another: a peer that sends many at once (pipelining) gets no
    /// more of the loop than one that does not. The rest waits until all others had their turn.
    public var pipelinedMessages = 32
    /// Octets of one message, head and body.
    public var messageOctets = 81_920
    /// Domains of one peer's certificate that its connection is used for: a certificate may list hundreds.
    static let aliasedDomains = 16
    /// Datagrams read in one system call.
    public var datagramBatch = 16

    /// Every limit at its default.
    public init() {}
}
