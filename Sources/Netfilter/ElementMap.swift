/// The maps of `table netdev sekisho`. One per direction, so that a packet with an inside tuple that arrives at the
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
        }
    }

    var isIPv6: Bool {
        switch self {
        case .out4, .in4, .any4, .natOut4, .natIn4, .natAny4: false
        case .out6, .in6, .any6: true
        }
    }

    /// Whether the key is a destination alone, and the elements carry a rate limit.
    var isHalfOpen: Bool {
        switch self {
        case .out4, .out6, .in4, .in6, .natOut4, .natIn4: false
        case .any4, .any6, .natAny4: true
        }
    }

    /// Whether the packets go from inside to outside.
    var isOutgoing: Bool {
        switch self {
        case .out4, .out6, .natOut4: true
        case .in4, .in6, .any4, .any6, .natIn4, .natAny4: false
        }
    }

    /// Whether the elements have a new endpoint for the packets.
    var translates: Bool {
        switch self {
        case .out4, .out6, .in4, .in6, .any4, .any6: false
        case .natOut4, .natIn4, .natAny4: true
        }
    }

    /// Endpoints in a key.
    var endpoints: Int { isHalfOpen ? 1 : 2 }

    var addressOctets: Int { isIPv6 ? 16 : 4 }

    /// Octets of a key: each port is padded to four octets.
    var keyOctets: Int { endpoints * (addressOctets + 4) }

    /// Octets of what a key is mapped to: the new endpoint, its port padded to four octets, and the next hop.
    var dataOctets: Int { translates ? 2 * addressOctets + 4 : addressOctets }

    /// The map of this name; nil for any other.
    init?(_ name: NetlinkAttribute) {
        for map in Self.allCases where name.isText(map.label) {
            self = map
            return
        }
        return nil
    }
}
