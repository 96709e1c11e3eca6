import Wire

/// Next hops that took no connection when a large request was for them (RFC 3261 section 18.1.1). Where a firewall drops
/// what begins one, finding that out takes seconds: it is remembered for a while.
struct DatagramHops {
    /// How long such a request goes to them as a datagram at once.
    static let memory = Duration.seconds(60)
    /// How many are remembered: as many as a gateway has neighbours, and then some.
    static let maximum = 1_024

    /// How long a connection may take to fail: longer than the transport waits for one.
    private static let trial = Duration.seconds(8)

    private var ends: [Endpoint: MonotonicTime] = [:]
    /// Until when the failure of a connection is that of a large request without a transaction, an ACK's.
    private var trials: [Endpoint: MonotonicTime] = [:]

    /// How many are remembered.
    var count: Int { ends.count }

    /// Whether a next hop took no connection a short time ago.
    func contains(_ remote: Endpoint, at now: MonotonicTime) -> Bool { ends[remote].map { now < $0 } ?? false }

    /// An ACK goes there by a connection, if there can be one.
    mutating func `try`(_ remote: Endpoint, at now: MonotonicTime) {
        if trials.count >= Self.maximum { trials = trials.filter { now < $0.value } }
        guard trials.count < Self.maximum || trials[remote] != nil else { return }
        trials[remote] = now + Self.trial
    }

    /// A connection failed: the one that an ACK was to take, or another that had been there.
    mutating func connectionFailed(to remote: Endpoint, at now: MonotonicTime) {
        guard let end = trials.removeValue(forKey: remote), now < end else { return }
        insert(remote, at: now)
    }

    /// A next hop took no connection.
    mutating func insert(_ remote: Endpoint, at now: MonotonicTime) {
        if ends.count >= Self.maximum { ends = ends.filter { now < $0.value } }
        guard ends.count < Self.maximum || ends[remote] != nil else { return }
        ends[remote] = now + Self.memory
    }
}
