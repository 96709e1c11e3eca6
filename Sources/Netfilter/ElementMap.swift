/// The maps and sets of `table netdev sekisho`. One per direction, so that a packet with an inside tuple that arrives at the
/// outside interface is looked up among the tuples of the outside, and misses.
public enum ElementMap: UInt8, Hashable, Sendable, CaseIterable {
    /// Inside to outside: saddr . sport . daddr . dport : next hop.
    case out4, out6
    /// Outside to inside: saddr . sport . daddr . dport : next hop.
    case in4, in6
    /// Any outside source to an inside endpoint: daddr . dport : next hop; limited in rate.
    case any4, any6
    /// Inside to outside, with the source translated: saddr . sport . daddr . dport : new saddr . new sport . next hop.
    case natOut4
    /// Outside to inside, with the destination translated: saddr . sport . daddr . dport : new daddr . new dport . next hop.
    case natIn4
    /// Any outside source to an external endpoint: daddr . dport : new daddr . new dport . next hop; limited in rate.
    case natAny4
    /// The same on the routed path. The kernel's routing says where a packet goes, so these are sets.
    case routedOut4, routedOut6, routedIn4, routedIn6, routedAny4, routedAny6
    /// Inside to outside, with a source that is translated after routing: saddr . sport . daddr . dport; a set.
    case routedNatOut4
    /// What that source becomes: saddr . sport . daddr . dport : new saddr . new sport. It counts nothing.
    case routedSource4
    /// The same as `natIn4` and `natAny4` without a next hop.
    case routedNatIn4, routedNatAny4

    /// That of packets from inside to outside.
    static func outgoing(isIPv6: Bool, _ forwarding: MediaForwarding) -> ElementMap {
        forwarding == .fast ? (isIPv6 ? .out6 : .out4) : (isIPv6 ? .routedOut6 : .routedOut4)
    }

    /// That of packets from outside to inside.
    static func incoming(isIPv6: Bool, _ forwarding: MediaForwarding) -> ElementMap {
        forwarding == .fast ? (isIPv6 ? .in6 : .in4) : (isIPv6 ? .routedIn6 : .routedIn4)
    }

    /// That of packets from any source outside.
    static func any(isIPv6: Bool, _ forwarding: MediaForwarding) -> ElementMap {
        forwarding == .fast ? (isIPv6 ? .any6 : .any4) : (isIPv6 ? .routedAny6 : .routedAny4)
    }

    /// The name in nft listings.
    public var name: String { "\(label)" }

    /// The name as messages carry it.
    var label: StaticString {
        switch self {
        case .out4: "out4"
        case .out6: "out6"
        case .in4: "in4"
        case .in6: "in6"
        case .any4: "any4"
        case .any6: "any6"
        case .natOut4: "nat_out4"
        case .natIn4: "nat_in4"
        case .natAny4: "nat_any4"
        case .routedOut4: "routed_out4"
        case .routedOut6: "routed_out6"
        case .routedIn4: "routed_in4"
        case .routedIn6: "routed_in6"
        case .routedAny4: "routed_any4"
        case .routedAny6: "routed_any6"
        case .routedNatOut4: "routed_nat_out4"
        case .routedSource4: "routed_source4"
        case .routedNatIn4: "routed_nat_in4"
        case .routedNatAny4: "routed_nat_any4"
        }
    }

    /// Which way the packets take.
    var forwarding: MediaForwarding {
        switch self {
        case .out4, .out6, .in4, .in6, .any4, .any6, .natOut4, .natIn4, .natAny4: .fast
        case .routedOut4, .routedOut6, .routedIn4, .routedIn6, .routedAny4, .routedAny6, .routedNatOut4, .routedSource4,
            .routedNatIn4, .routedNatAny4:
            .routed
        }
    }

    var isIPv6: Bool {
        switch self {
        case .out4, .in4, .any4, .natOut4, .natIn4, .natAny4, .routedOut4, .routedIn4, .routedAny4, .routedNatOut4,
            .routedSource4, .routedNatIn4, .routedNatAny4:
            false
        case .out6, .in6, .any6, .routedOut6, .routedIn6, .routedAny6: true
        }
    }

    /// Whether the key is a destination alone, and the elements carry a rate limit.
    var isHalfOpen: Bool {
        switch self {
        case .out4, .out6, .in4, .in6, .natOut4, .natIn4, .routedOut4, .routedOut6, .routedIn4, .routedIn6,
            .routedNatOut4,
            .routedSource4, .routedNatIn4:
            false
        case .any4, .any6, .natAny4, .routedAny4, .routedAny6, .routedNatAny4: true
        }
    }

    /// Whether the packets go from inside to outside.
    var isOutgoing: Bool {
        switch self {
        case .out4, .out6, .natOut4, .routedOut4, .routedOut6, .routedNatOut4, .routedSource4: true
        case .in4, .in6, .any4, .any6, .natIn4, .natAny4, .routedIn4, .routedIn6, .routedAny4, .routedAny6,
            .routedNatIn4,
            .routedNatAny4:
            false
        }
    }

    /// Whether the map is there only where addresses are translated.
    var isForTranslation: Bool { translates || self == .routedNatOut4 }

    /// Whether the elements have a new endpoint for the packets.
    var translates: Bool {
        switch self {
        case .natOut4, .natIn4, .natAny4, .routedSource4, .routedNatIn4, .routedNatAny4: true
        case .out4, .out6, .in4, .in6, .any4, .any6, .routedOut4, .routedOut6, .routedIn4, .routedIn6, .routedAny4,
            .routedAny6, .routedNatOut4:
            false
        }
    }

    /// Whether the elements count: each packet is counted by one element.
    var isCounted: Bool { self != .routedSource4 }

    /// Whether the elements say which neighbour the packets are handed to.
    var hasNextHop: Bool { forwarding == .fast }

    /// Endpoints in a key.
    var endpoints: Int { isHalfOpen ? 1 : 2 }

    var addressOctets: Int { isIPv6 ? 16 : 4 }

    /// Octets of a key: each port is padded to four octets.
    var keyOctets: Int { endpoints * (addressOctets + 4) }

    /// Octets of what a key is mapped to: the new endpoint, its port padded to four octets, and the next hop. A set has none.
    var dataOctets: Int { (translates ? addressOctets + 4 : 0) + (hasNextHop ? addressOctets : 0) }

    /// The map of this name; nil for any other.
    init?(_ name: NetlinkAttribute) {
        for map in Self.allCases where name.isText(map.label) {
            self = map
            return
        }
        return nil
    }
}
