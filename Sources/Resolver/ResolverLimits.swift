/// What resolving may cost the daemon. No RFC states these numbers.
public struct ResolverLimits: Sendable {
    /// Threads that wait for name servers.
    public var threads = 4
    /// Questions that are asked or wait for a thread; over it, one fails at once. With one server that is silent a thread
    /// handles one in `serverSeconds` times `attempts`.
    public var questions = 256
    /// Look-ups that wait for questions; over it, one fails at once.
    public var lookups = 4_096
    /// How long those who asked wait for one question; a look-up has three rounds of them. The thread may wait longer, and
    /// what it brings is kept.
    public var patience = Duration.seconds(5)
    /// Seconds that one server is given in a round; less where `timeout` of resolv.conf(5) says so.
    public var serverSeconds: Int32 = 2
    /// Rounds over the servers; less where `attempts` of resolv.conf(5) says so.
    public var attempts: Int32 = 2
    /// How long addresses are kept: getaddrinfo(3) does not tell their lifetime.
    public var addressLifetime = Duration.seconds(60)

    /// The limits as they stand above.
    public init() {}
}

/// What the resolver did since it was made.
public struct ResolverCounters: Equatable, Sendable {
    /// Look-ups begun.
    public var lookups: UInt64 = 0
    /// Look-ups that ended without a server.
    public var lookupsFailed: UInt64 = 0
    /// Questions given to a thread.
    public var asked: UInt64 = 0
    /// Questions answered from the cache.
    public var cached: UInt64 = 0
    /// Questions that joined an equal one under way.
    public var joined: UInt64 = 0
    /// Look-ups and questions that failed for want of room.
    public var overloaded: UInt64 = 0
    /// Questions that somebody gave up waiting for.
    public var timedOut: UInt64 = 0
    /// Answers that broke the format.
    public var malformed: UInt64 = 0

    /// Nothing done yet.
    public init() {}
}
