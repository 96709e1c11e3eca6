/// What peers may cost before they are understood.
public struct TransportLimits: Sendable {
    /// TCP connections at one time, accepted and made.
    public var connections = 1_024
    /// Connections accepted from one address: THREATS of one source must not shut out the others.
    public var connectionsPerSource = 64
    /// Seconds in which a connection must deliver its first whole message, and each one after it begun.
    public var messageSeconds: Int64 = 10
    /// Seconds without an octet after which an idle connection is closed.
    public var idleSeconds: Int64 = 7_200
    /// Octets that may wait to be written to one connection; a peer that does not read is closed.
    public var pendingOctets = 1 << 20
    /// Datagrams read in one system call.
    public var datagramBatch = 16

    public init() {}
}
