import ControlProtocol
public import Wire

extension SiteRuleset {
    /// Octets of a listing that is read: nft writes some 200 for a rule.
    public static let maximumListing = 32 << 20
    /// What nft nests inside one another goes to about fifteen levels.
    static let limits = JSONReader.Limits(length: maximumListing, depth: 32, members: 64)

    /// Reads what `nft -j list ruleset` writes (libnftables-json(5)), of all families at once or of each.
    ///
    /// - Throws: what is no such listing, and at which octet.
    public init(nftListings: [[UInt8]]) throws(ParseError) {
        var entries: [JSONValue] = []
        for listing in nftListings {
            entries += try JSONReader.read(listing.span, within: Self.limits).array("nftables")
        }
        self.init(entries: entries)
        let sets = NamedSets(entries)
        for entry in entries { if let chain = entry.member("chain"), let read = Self.chain(chain) { add(read) } }
        for entry in entries {
            guard let rule = entry.member("rule"), let table = rule.table, let chain = rule.word("chain") else {
                continue
            }
            let handle = rule.whole("handle").map { "rule \($0)" } ?? "a rule"
            add(NftRule(rule, in: table, sets).rule(named: handle), to: chain, of: table)
        }
    }

    private static func chain(_ value: JSONValue) -> Chain? {
        guard let table = value.table, let name = value.word("name") else { return nil }
        var chain = Chain(table: table, name: name)
        chain.hook = value.word("hook").flatMap { Hook(rawValue: $0) }
        chain.type = value.word("type") ?? ""
        chain.dropsAtEnd = value.word("policy") == "drop"
        chain.priority = value.whole("prio") ?? 0
        if let device = value.word("dev") { chain.devices = [device] }
        if case .array(let devices) = value.member("dev")?.content { chain.devices = devices.compactMap(\.word) }
        return chain
    }
}

/// The named sets and maps of a listing.
struct NamedSets {
    private var values: [String: JSONValue] = [:]

    init(_ entries: [JSONValue]) {
        for entry in entries {
            for kind in ["set", "map"] {
                guard let set = entry.member(kind), let table = set.table, let name = set.word("name") else { continue }
                values["\(table)/\(name)"] = set
            }
        }
    }

    /// The elements of `@name`; nil when there is no such set, empty when it has none.
    func elements(_ name: Substring, of table: SiteRuleset.Table) -> [JSONValue]? {
        guard let set = values["\(table)/\(name)"] else { return nil }
        guard case .array(let items) = set.member("elem")?.content else { return [] }
        return items
    }
}

/// One rule as libnftables-json(5) writes it.
struct NftRule {
    private let value: JSONValue
    private let table: SiteRuleset.Table
    private let sets: NamedSets

    init(_ value: JSONValue, in table: SiteRuleset.Table, _ sets: NamedSets) {
        self.value = value
        self.table = table
        self.sets = sets
    }

    func rule(named name: String) -> Rule {
        var rule = Rule(name: name)
        guard case .array(let statements) = value.member("expr")?.content else { return rule }
        for statement in statements {
            guard case .object(let members) = statement.content, let member = members.first else { continue }
            switch member.name {
            case "match": rule.matches.append(match(member.value))
            case "vmap": rule.effects.append(verdicts(member.value))
            case "mangle": if let effect = mangle(member.value) { rule.effects.append(effect) }
            // Whether a limit is reached, what a program of its own says: not to be known beforehand.
            case "limit", "quota", "ct count", "meter", "socket", "osf": rule.matches.append(.uncertain)
            case "set": break
            case "xt": extend(&rule, member.value)
            case _: if let effect = Self.effect(member) { rule.effects.append(effect) }
            }
        }
        return rule
    }

    /// The verdict statements; nil for what lets the packet go on.
    private static func effect(_ member: JSONValue.Member) -> Effect? {
        switch member.name {
        case "accept": .accept
        case "drop", "reject": .drop
        case "return": .leave
        case "jump": member.value.word("target").map { .jump($0) }
        case "goto": member.value.word("target").map { .go($0) }
        case "queue": .uncertain
        case "notrack": .untracks
        case _: nil
        }
    }

    /// An extension of iptables in a table that iptables-save did not list: its name is all that nft knows.
    private func extend(_ rule: inout Rule, _ value: JSONValue) {
        switch (value.word("type"), value.word("name")) {
        case ("target", "REJECT"): rule.effects.append(.drop)
        case ("target", "MARK"), ("target", "CONNMARK"): rule.effects.append(.marks(nil))
        case ("target", _), (_, "comment"): break
        case (_, _): rule.matches.append(.uncertain)
        }
    }

    // MARK: Matches

    private func match(_ value: JSONValue) -> Match {
        guard let left = value.member("left"), let right = value.member("right") else { return .uncertain }
        var match = Match(fields: fields(left), elements: elements(right))
        switch value.word("op") {
        case "==", "in", .none: break
        case "!=": match.isNegated = true
        case .some: match.elements = nil
        }
        return match
    }

    private func fields(_ value: JSONValue) -> [Field] {
        if case .array(let parts) = value.member("concat")?.content { return parts.map { Self.field($0) } }
        return [Self.field(value)]
    }

    private static func field(_ value: JSONValue) -> Field {
        if case .array(let parts) = value.member("&")?.content, parts.count == 2, let mask = parts[1].whole {
            switch field(parts[0]) {
            case .mark: return .mark(UInt32(truncatingIfNeeded: mask))
            case .connectionMark: return .connectionMark(UInt32(truncatingIfNeeded: mask))
            case _: return .other
            }
        }
        if let meta = value.member("meta") { return self.meta(meta.word("key") ?? "") }
        if let payload = value.member("payload") { return self.payload(payload) }
        if let ct = value.member("ct") {
            switch ct.word("key") {
            case "state": return .state
            case "status": return .status
            case "mark": return .connectionMark(.max)
            case _: return .other
            }
        }
        if let fib = value.member("fib"), case .array(let flags) = fib.member("flags")?.content {
            let words = Set(flags.compactMap(\.word))
            if fib.word("result") == "oif", words.contains("saddr"), words.contains("iif") { return .wayBack }
            if fib.word("result") == "type", words == ["daddr"] { return .destinationType }
        }
        return .other
    }

    private static func meta(_ key: String) -> Field {
        switch key {
        case "mark": .mark(.max)
        case "iifname", "iif": .inbound
        case "oifname", "oif": .outbound
        case "nfproto": .network
        case "l4proto": .transport
        case "pkttype": .packetType
        case _: .other
        }
    }

    private static func payload(_ value: JSONValue) -> Field {
        switch (value.word("protocol"), value.word("field")) {
        case ("ip", "saddr"): .source(isIPv6: false)
        case ("ip", "daddr"): .destination(isIPv6: false)
        case ("ip6", "saddr"): .source(isIPv6: true)
        case ("ip6", "daddr"): .destination(isIPv6: true)
        case ("ip", "protocol"), ("ip6", "nexthdr"): .transport
        case ("udp", "sport"): .sourcePort(.udp)
        case ("tcp", "sport"): .sourcePort(.tcp)
        case ("th", "sport"): .sourcePort(nil)
        case ("udp", "dport"): .destinationPort(.udp)
        case ("tcp", "dport"): .destinationPort(.tcp)
        case ("th", "dport"): .destinationPort(nil)
        case ("ip", _): .header(isIPv6: false)
        case ("ip6", _): .header(isIPv6: true)
        case ("udp", _): .segment(.udp)
        case ("tcp", _): .segment(.tcp)
        case ("icmp", _), ("icmpv6", _), ("igmp", _), ("sctp", _), ("dccp", _), ("esp", _), ("ah", _), ("arp", _):
            .foreign
        case (_, _): .other
        }
    }

    // MARK: Values

    /// The right side of a match: a value, a set of them, or a set by its name.
    private func elements(_ value: JSONValue) -> [[Value]]? {
        switch value.content {
        case .text(let text) where text.hasPrefix("@"):
            return sets.elements(text.dropFirst(), of: table)?.map { Self.element($0) }
        case .array(let items):
            return items.map { Self.element($0) }
        case .object:
            if case .array(let items) = value.member("set")?.content { return items.map { Self.element($0) } }
            if let item = value.member("set") { return [Self.element(item)] }
            // Flags of which any does.
            if case .array(let items) = value.member("|")?.content { return items.map { Self.element($0) } }
            return [Self.element(value)]
        case .null, .flag, .number, .negative, .text:
            return [Self.element(value)]
        }
    }

    static func element(_ value: JSONValue) -> [Value] {
        if let inner = value.member("elem")?.member("val") { return element(inner) }
        if case .array(let parts) = value.member("concat")?.content { return parts.map { single($0) } }
        return [single(value)]
    }

    private static func single(_ value: JSONValue) -> Value {
        switch value.content {
        case .number(let number): return .numbers(number...number)
        case .flag(let flag): return .name(flag ? "true" : "false")
        case .text("*"): return .any
        case .text(let text):
            return IPAddress(text).flatMap { Prefix($0, length: $0.bitWidth) }.map { .addresses($0) } ?? .name(text)
        case .object:
            if let prefix = value.member("prefix"), let text = prefix.word("addr"), let length = prefix.whole("len") {
                guard let address = IPAddress(text) else { return .unknown }
                return Prefix(address, length: Int(length)).map { .addresses($0) } ?? .unknown
            }
            if case .array(let ends) = value.member("range")?.content, ends.count == 2 {
                if let first = ends[0].word.flatMap({ IPAddress($0) }),
                    let last = ends[1].word.flatMap({ IPAddress($0) })
                {
                    return .addressRange(first, last)
                }
                if let first = ends[0].whole, let last = ends[1].whole, 0 <= first, first <= last {
                    return .numbers(UInt64(first)...UInt64(last))
                }
            }
            return .unknown
        case .null, .negative, .array: return .unknown
        }
    }

    // MARK: Effects

    private func verdicts(_ value: JSONValue) -> Effect {
        guard let key = value.member("key"), let data = value.member("data") else { return .uncertain }
        let items: [JSONValue]?
        switch data.content {
        case .text(let text): items = sets.elements(text.dropFirst(), of: table)
        case _:
            if case .array(let listed) = data.member("set")?.content { items = listed } else { items = nil }
        }
        return .verdicts(
            fields(key),
            items?.compactMap { item in
                guard case .array(let pair) = item.content, pair.count == 2,
                    case .object(let members) = pair[1].content, let member = members.first
                else { return nil }
                return (Self.element(pair[0]), Self.effect(member) ?? .marks((keeps: .max, turns: 0)))
            })
    }

    /// `meta mark set ...`; nil for what changes something else.
    private func mangle(_ value: JSONValue) -> Effect? {
        guard value.member("key")?.member("meta")?.word("key") == "mark", let source = value.member("value") else {
            return nil
        }
        if let number = source.whole { return .marks((keeps: 0, turns: UInt32(truncatingIfNeeded: number))) }
        for (operation, change) in Self.changes {
            guard case .array(let parts) = source.member(operation)?.content, parts.count == 2,
                let number = parts[1].whole,
                parts[0].member("meta")?.word("key") == "mark"
            else { continue }
            return .marks(change(UInt32(truncatingIfNeeded: number)))
        }
        return .marks(nil)
    }

    private static let changes: [(String, @Sendable (UInt32) -> (keeps: UInt32, turns: UInt32))] = [
        ("|", { (keeps: ~$0, turns: $0) }), ("&", { (keeps: $0, turns: 0) }), ("^", { (keeps: .max, turns: $0) }),
    ]
}

extension JSONValue {
    /// The text that it is.
    var word: String? { if case .text(let text) = content { text } else { nil } }

    /// The whole number that it is.
    var whole: Int64? {
        switch content {
        case .number(let number): Int64(exactly: number)
        case .negative(let number): Int64(exactly: number).map { -$0 }
        case .null, .flag, .text, .array, .object: nil
        }
    }

    func word(_ name: String) -> String? { member(name)?.word }

    func whole(_ name: String) -> Int64? { member(name)?.whole }

    /// The table that an entry of a listing says it is in.
    var table: SiteRuleset.Table? {
        guard let family = word("family"), let name = word("table") else { return nil }
        return SiteRuleset.Table(family: family, name: name)
    }
}
