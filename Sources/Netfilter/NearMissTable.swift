public import GateProtocol
public import Wire

/// Packets that no hole let through, by the two ends of each: a sample of the last minute. A pure value.
///
/// What it is told of comes from anyone, so it is bounded: the pair that was seen longest ago makes room. Whose call a pair
/// nearly belonged to is only found out when somebody asks for it.
public struct NearMissTable: Sendable {
    /// Pairs at one time. A stream that misses its hole comes again fifty times a second; a thousand strangers do not.
    static let maximumPairs = 1_024
    /// How long a pair is remembered after its last packet: long enough for somebody to ask why they do not hear anything.
    static let memory: Duration = .seconds(60)

    private struct Pair: Hashable {
        let source: Endpoint
        let destination: Endpoint
    }

    private struct Count {
        var packets: UInt64
        var last: MonotonicTime
    }

    private var counts: [Pair: Count] = [:]

    /// A table of nothing.
    public init() {}

    /// Pairs that are remembered.
    public var count: Int { counts.count }

    /// Takes a packet into account that found no hole.
    public mutating func note(from source: Endpoint, to destination: Endpoint, at now: MonotonicTime) {
        let pair = Pair(source: source, destination: destination)
        if counts[pair] == nil, counts.count >= Self.maximumPairs { makeRoom(at: now) }
        counts[pair, default: Count(packets: 0, last: now)].packets += 1
        counts[pair]?.last = now
    }

    /// Forgets what is too old, and when nothing is, the older half: so that a flood of strangers costs little for each.
    private mutating func makeRoom(at now: MonotonicTime) {
        counts = counts.filter { now - $0.value.last < Self.memory }
        guard counts.count >= Self.maximumPairs else { return }
        let times = counts.values.map(\.last).sorted()
        let middle = times[times.count / 2]
        counts = counts.filter { $0.value.last > middle }
    }

    /// What was nearly a packet of these holes, the most frequent first: it came to one of their inside endpoints from
    /// elsewhere, or went to one of their outside endpoints from elsewhere, or passed between the same two hosts.
    public func nearMisses(of holes: [OpenHole], at now: MonotonicTime) -> [NearMiss] {
        guard !counts.isEmpty else { return [] }
        let ends = Ends(holes)
        var found: [NearMiss] = []
        for (pair, count) in counts where now - count.last < Self.memory && ends.nearly(pair.source, pair.destination) {
            found.append(NearMiss(source: pair.source, destination: pair.destination, packets: count.packets))
        }
        // Equally frequent ones in an order of their own, so that an answer does not change from one look to the next.
        found.sort { a, b in
            a.packets == b.packets ? a.source.description < b.source.description : a.packets > b.packets
        }
        return Array(found.prefix(GateLimits.nearMissesPerReport))
    }
}

/// The two ends of a session's holes.
private struct Ends {
    /// Where its packets from outside go: the external endpoint where there is one.
    private var inner: Set<Endpoint> = []
    /// Where its packets from inside come from.
    private var inside: Set<IPAddress> = []
    private var outer: Set<Endpoint> = []
    private var innerHosts: Set<IPAddress> = []
    private var outerHosts: Set<IPAddress> = []

    init(_ holes: [OpenHole]) {
        var peers: Set<IPAddress> = []
        for open in holes {
            inner.insert(open.external ?? open.hole.inside)
            inside.insert(open.hole.inside.address)
            switch open.hole {
            case .path(let path): outer.insert(path.outside)
            case .learning(let path): peers.insert(path.from)
            case .halfOpen, .reserved: break
            }
        }
        innerHosts = Set(inner.map(\.address))
        outerHosts = peers.union(outer.map(\.address))
    }

    func nearly(_ source: Endpoint, _ destination: Endpoint) -> Bool {
        if inner.contains(destination) || outer.contains(destination) && inside.contains(source.address) { return true }
        return outerHosts.contains(source.address) && innerHosts.contains(destination.address)
            || inside.contains(source.address) && outerHosts.contains(destination.address)
    }
}
