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

        var hosts: Hosts { Hosts(source: source.address, destination: destination.address) }
    }

    private struct Hosts: Hashable {
        let source: IPAddress
        let destination: IPAddress
    }

    private struct Count {
        var packets: UInt64
        var last: MonotonicTime
    }

    private var counts: [Pair: Count] = [:]
    // A call that closes asks for its own: it must not look through a thousand strangers'.
    private var byDestination: [Endpoint: [Pair]] = [:]
    private var byHosts: [Hosts: [Pair]] = [:]

    /// A table of nothing.
    public init() {}

    /// Pairs that are remembered.
    public var count: Int { counts.count }

    /// Takes a packet into account that found no hole.
    public mutating func note(from source: Endpoint, to destination: Endpoint, at now: MonotonicTime) {
        let pair = Pair(source: source, destination: destination)
        if counts[pair] == nil {
            if counts.count >= Self.maximumPairs { makeRoom(at: now) }
            counts[pair] = Count(packets: 0, last: now)
            list(pair)
        }
        counts[pair]?.packets += 1
        counts[pair]?.last = now
    }

    private mutating func list(_ pair: Pair) {
        byDestination[pair.destination, default: []].append(pair)
        byHosts[pair.hosts, default: []].append(pair)
    }

    /// Forgets what is too old, and when nothing is, the older half: so that a flood of strangers costs little for each.
    private mutating func makeRoom(at now: MonotonicTime) {
        counts = counts.filter { now - $0.value.last < Self.memory }
        if counts.count >= Self.maximumPairs {
            let times = counts.values.map(\.last).sorted()
            let middle = times[times.count / 2]
            counts = counts.filter { $0.value.last > middle }
        }
        byDestination = [:]
        byHosts = [:]
        for pair in counts.keys { list(pair) }
    }

    /// What was nearly a packet of these holes, the most frequent first: it came to one of their inside endpoints from
    /// elsewhere, or passed between their hosts, by other ports than theirs.
    public func nearMisses(of holes: [OpenHole], at now: MonotonicTime) -> [NearMiss] {
        guard !counts.isEmpty else { return [] }
        var pairs: Set<Pair> = []
        // Where its packets from inside come from, and where those from outside go.
        var (inside, inner, outside): (Set<IPAddress>, Set<IPAddress>, Set<IPAddress>) = ([], [], [])
        for open in holes {
            let target = open.external ?? open.hole.inside
            pairs.formUnion(byDestination[target] ?? [])
            inner.insert(target.address)
            inside.insert(open.hole.inside.address)
            if case .path(let path) = open.hole { outside.insert(path.outside.address) }
        }
        for host in outside {
            for other in inner { pairs.formUnion(byHosts[Hosts(source: host, destination: other)] ?? []) }
            for other in inside { pairs.formUnion(byHosts[Hosts(source: other, destination: host)] ?? []) }
        }
        var found: [NearMiss] = []
        for pair in pairs {
            guard let count = counts[pair], now - count.last < Self.memory else { continue }
            found.append(NearMiss(source: pair.source, destination: pair.destination, packets: count.packets))
        }
        // Equally frequent ones in an order of their own, so that an answer does not change from one look to the next.
        found.sort { a, b in
            a.packets == b.packets ? a.source.description < b.source.description : a.packets > b.packets
        }
        return Array(found.prefix(GateLimits.nearMissesPerReport))
    }
}
