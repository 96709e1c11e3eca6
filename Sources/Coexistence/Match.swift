import Wire

/// Whether something holds: three values, because a packet is known in part and a rule may ask for what is not.
enum Certainty: Int, Comparable {
    case no
    case maybe
    case yes

    static func < (a: Certainty, b: Certainty) -> Bool { a.rawValue < b.rawValue }

    var negated: Certainty {
        switch self {
        case .no: .yes
        case .maybe: .maybe
        case .yes: .no
        }
    }
}

/// What a rule compares.
enum Field: Hashable, Sendable {
    /// `meta mark`, of which these bits.
    case mark(UInt32)
    /// `ct mark`, of which these bits.
    case connectionMark(UInt32)
    case inbound
    case outbound
    /// `meta nfproto`
    case network
    /// `meta l4proto`, `ip protocol`, `ip6 nexthdr`
    case transport
    case source(isIPv6: Bool)
    case destination(isIPv6: Bool)
    /// Of this protocol only; nil for both.
    case sourcePort(Packet.Transport?)
    case destinationPort(Packet.Transport?)
    /// `ct state`
    case state
    /// `ct status`
    case status
    /// `fib saddr . iif oif`: whether the way back leads out where the packet came in.
    case wayBack
    /// `fib daddr type`, `-m addrtype --dst-type`
    case destinationType
    /// `meta pkttype`
    case packetType
    /// Something of this family's header that is not looked at; packets of the other have none.
    case header(isIPv6: Bool)
    /// The same of a transport's header.
    case segment(Packet.Transport)
    /// Of a protocol that carries neither SIP nor media: `icmpv6 type`.
    case foreign
    case other
}

/// What a field is compared with.
enum Value: Hashable, Sendable {
    case numbers(ClosedRange<UInt64>)
    /// A name of the field's own, or an interface's, which may end with `*`.
    case name(String)
    case addresses(Prefix)
    case addressRange(IPAddress, IPAddress)
    case any
    case unknown
}

/// One comparison: the fields together are, or are not, one of the elements.
struct Match: Hashable, Sendable {
    var fields: [Field]
    /// Each with a value for each field; nil when they are not known.
    var elements: [[Value]]?
    var isNegated = false

    /// What nobody can tell beforehand: a limit, a clock, a set that others fill.
    static let uncertain = Match(fields: [.other], elements: nil)

    /// Whether the packet matches. A packet that lacks a field matches neither way: the kernel leaves the rule.
    func holds(for packet: Packet) -> Certainty {
        let known = fields.map(packet.value)
        if known.contains(where: { if case .absent = $0 { true } else { false } }) { return .no }
        guard let elements else { return .maybe }
        var best = Certainty.no
        for element in elements where best < .yes {
            let all = zip(known, element).map { Self.compare($0, $1) }.min() ?? .maybe
            best = max(best, element.count == known.count ? all : .maybe)
        }
        return isNegated ? best.negated : best
    }

    private static func compare(_ known: Known, _ value: Value) -> Certainty {
        switch (known, value) {
        case (_, .any): .yes
        case (.unknown, _), (_, .unknown): .maybe
        case (.number(let number, _), .numbers(let range)): range.contains(number) ? .yes : .no
        case (.number(_, let names), .name(let name)): names.contains { fits($0, name) } ? .yes : .no
        case (.address(let address), .addresses(let prefix)): prefix.contains(address) ? .yes : .no
        case (.address(let address), .addressRange(let first, let last)):
            !less(address, first) && !less(last, address) ? .yes : .no
        // What should not be compared: an interface by its number, an address by a name.
        case (.number, _), (.address, _), (.absent, _): .maybe
        }
    }

    /// Whether a name is the one that a rule has, with `*` at its end for all that begin so.
    private static func fits(_ name: String, _ pattern: String) -> Bool {
        pattern.hasSuffix("*") ? name.hasPrefix(pattern.dropLast()) : name == pattern
    }

    private static func less(_ a: IPAddress, _ b: IPAddress) -> Bool {
        var (one, other): ([UInt8], [UInt8]) = ([], [])
        a.appendOctets(to: &one)
        b.appendOctets(to: &other)
        return one.lexicographicallyPrecedes(other)
    }
}

/// What a packet has in a field.
enum Known {
    /// A number, and what it is called; names alone have a number that nothing is compared with.
    case number(UInt64, [String])
    case address(IPAddress)
    case unknown
    /// The packet has no such field.
    case absent

    static func names(_ names: String...) -> Known { .number(.max, names) }
}

extension Packet {
    func value(of field: Field) -> Known {
        switch field {
        case .mark(let mask): mark.map { .number(UInt64($0 & mask), []) } ?? .unknown
        // A new connection's is 0; what is not tracked has none.
        case .connectionMark: state == .new ? .number(0, []) : .absent
        case .inbound: .names(inbound)
        case .outbound: outbound.map { .names($0) } ?? .absent
        case .network: isIPv6 ? .number(10, ["ipv6"]) : .number(2, ["ipv4"])
        case .transport: .number(transport.number, [transport.rawValue])
        case .source(let isIPv6): isIPv6 == self.isIPv6 ? source.map { .address($0) } ?? .unknown : .absent
        case .destination(let isIPv6): isIPv6 == self.isIPv6 ? destination.map { .address($0) } ?? .unknown : .absent
        case .sourcePort(let transport): port(sourcePort, of: transport)
        case .destinationPort(let transport): port(destinationPort, of: transport)
        case .state: .names(state.rawValue)
        case .status: state == .new ? .number(0, []) : .absent
        // It came the way that answers to it go; where that is not so, rp_filter's finding speaks of it.
        case .wayBack: .names("true")
        case .destinationType: outbound == nil ? .names("local") : .names("unicast")
        case .packetType: .names("unicast", "host")
        case .header(let isIPv6): isIPv6 == self.isIPv6 ? .unknown : .absent
        case .segment(let transport): transport == self.transport ? .unknown : .absent
        case .foreign: .absent
        case .other: .unknown
        }
    }

    private func port(_ port: UInt16?, of transport: Transport?) -> Known {
        guard transport ?? self.transport == self.transport else { return .absent }
        return port.map { .number(UInt64($0), []) } ?? .unknown
    }
}
