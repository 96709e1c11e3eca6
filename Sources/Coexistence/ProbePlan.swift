public import Wire

/// Whose packets go through a copy of the ruleset: addresses that calls of this site could have.
public struct ProbePlan: Hashable, Sendable {
    /// Two ends of a call.
    public struct Pair: Hashable, Sendable {
        /// A phone inside.
        public let phone: IPAddress
        /// A party outside.
        public let peer: IPAddress

        /// Whether they are IPv6.
        public var isIPv6: Bool { phone.isIPv6 }
    }

    /// One pair of each family that phones use and for which there are addresses.
    public let pairs: [Pair]
    /// Media ports of both ends: some of those that media may use, from an even one, and none that sekishod listens on. Each
    /// stream has one of its own, so that connection tracking knows none from another.
    public let mediaPorts: ClosedRange<UInt16>

    /// As many as a test has streams.
    private static let streams: UInt16 = 32
    /// A port that a site's rules for media will have, when they have any.
    private static let usualPort: UInt16 = 40_000

    /// Phones are the first addresses of the inside prefixes that are not this machine's. The party outside is the first that
    /// sekishod routes calls to, or else a neighbour of the outside interface's address.
    public init(_ facts: Facts) {
        let own = Set(facts.interfaces.flatMap(\.addresses))
        let prefixes = facts.gate?.prefixes ?? []
        pairs = [false, true].compactMap { isIPv6 in
            let phones = prefixes.lazy.filter { $0.address.isIPv6 == isIPv6 }.flatMap { prefix in
                (UInt8(0)...UInt8(15)).lazy.compactMap { Self.host(prefix, Int($0)) }
            }
            guard let phone = phones.first(where: { !own.contains($0) }) else { return nil }
            let routed = facts.peers.first { peer in
                peer.isIPv6 == isIPv6 && !own.contains(peer) && !prefixes.contains { $0.contains(peer) }
            }
            guard let peer = routed ?? Self.neighbour(facts, isIPv6: isIPv6, own) else { return nil }
            return Pair(phone: phone, peer: peer)
        }
        let ports = facts.gate?.mediaPorts ?? Self.usualPort...UInt16.max
        let taken = Set(facts.listeners.map(\.endpoint.port))
        let last = ports.upperBound - min(Self.streams - 1, ports.upperBound - ports.lowerBound)
        let from = ports.contains(Self.usualPort) && Self.usualPort <= last ? Self.usualPort : ports.lowerBound
        let first = (from...max(from, last)).first { first in
            first % 2 == 0 && !taken.contains { first <= $0 && $0 - first < Self.streams }
        }
        mediaPorts = (first ?? from)...min(ports.upperBound, (first ?? from) + (Self.streams - 1))
    }

    /// An address of a prefix, from its second or, where it has only one, that one.
    private static func host(_ prefix: Prefix, _ number: Int) -> IPAddress? {
        let bits = prefix.address.bitWidth - prefix.length
        if bits == 0 { return number == 0 ? prefix.address : nil }
        let last = UInt8(truncatingIfNeeded: number + 2)
        guard bits >= 8 || last < 1 << UInt8(bits) else { return nil }
        return changed(prefix.address) { $0 | last }
    }

    private static func neighbour(_ facts: Facts, isIPv6: Bool, _ own: Set<IPAddress>) -> IPAddress? {
        let outside = facts.interfaces.first { $0.name == facts.gate?.outside }?.addresses ?? []
        guard let address = outside.first(where: { $0.isIPv6 == isIPv6 && $0.scope == .unicast }) else { return nil }
        return [1, 2, 3].lazy.compactMap { step in changed(address) { $0 < 250 ? $0 + step : $0 - step } }
            .first { !own.contains($0) }
    }

    private static func changed(_ address: IPAddress, _ change: (UInt8) -> UInt8) -> IPAddress? {
        var octets: [UInt8] = []
        address.appendOctets(to: &octets)
        octets[octets.count - 1] = change(octets[octets.count - 1])
        return IPAddress(octets: octets.span)
    }
}
