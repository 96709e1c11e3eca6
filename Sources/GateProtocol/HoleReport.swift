public import Wire

/// What went through a hole in one direction, as the kernel counted it.
public struct Traffic: Hashable, Sendable {
    /// Packets that went through.
    public var packets: UInt64
    /// Octets of the network layer: IP header, UDP header and payload.
    public var bytes: UInt64

    /// Both counts of one direction; nothing went through when they are left out.
    public init(packets: UInt64 = 0, bytes: UInt64 = 0) {
        self.packets = packets
        self.bytes = bytes
    }

    /// The sums of the packets and of the octets.
    public static func + (a: Traffic, b: Traffic) -> Traffic {
        Traffic(packets: a.packets &+ b.packets, bytes: a.bytes &+ b.bytes)
    }
}

/// A half-open endpoint and what came in through it; packets over the rate limit are not counted.
public struct HalfOpenReport: Hashable, Sendable {
    /// The inside endpoint that is open for any source.
    public var inside: Endpoint
    /// Where it is reached from outside, when that is another endpoint.
    public var external: Endpoint?
    /// What came in from anyone.
    public var incoming: Traffic

    /// The count of one half-open endpoint.
    public init(inside: Endpoint, external: Endpoint? = nil, incoming: Traffic) {
        self.inside = inside
        self.external = external
        self.incoming = incoming
    }
}

/// A path and what went each way.
public struct PathReport: Hashable, Sendable {
    /// The two endpoints.
    public var path: MediaPath
    /// What the inside endpoint is outside, when that is another one.
    public var external: Endpoint?
    /// From the inside endpoint to the outside one.
    public var outgoing: Traffic
    /// From the outside endpoint to the inside one.
    public var incoming: Traffic

    /// The counts of one path.
    public init(path: MediaPath, external: Endpoint? = nil, outgoing: Traffic, incoming: Traffic) {
        self.path = path
        self.external = external
        self.outgoing = outgoing
        self.incoming = incoming
    }
}

/// What one session has open, with the counts since each hole was opened; renewing does not reset them.
public struct HoleReport: Hashable, Sendable {
    /// The session that the holes belong to.
    public var session: SessionID
    /// Its half-open endpoints.
    public var halfOpen: [HalfOpenReport]
    /// Its exact paths.
    public var paths: [PathReport]
    /// What was nearly one of its packets lately, the most frequent first; at most `GateLimits.nearMissesPerReport`.
    public var nearMisses: [NearMiss]

    /// The holes of a session with their counts; it has none of a kind that is left out.
    public init(
        session: SessionID, halfOpen: [HalfOpenReport] = [], paths: [PathReport] = [], nearMisses: [NearMiss] = []
    ) {
        self.session = session
        self.halfOpen = halfOpen
        self.paths = paths
        self.nearMisses = nearMisses
    }

    /// The holes without their counts.
    public var holes: Holes { Holes(halfOpen: halfOpen.map(\.inside), paths: paths.map(\.path)) }
}
