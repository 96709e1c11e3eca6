internal import ControlProtocol

/// Every table of a network namespace, as nft lists it, and as iptables-save lists what iptables made.
public struct SiteRuleset: Sendable {
    /// A table's family and name, as nft writes them: `inet filter`.
    public struct Table: Hashable, Sendable, CustomStringConvertible {
        /// `ip`, `ip6`, `inet`, `netdev`, ...
        public let family: String
        /// Its name.
        public let name: String

        /// Family and name with a space between.
        public var description: String { "\(family) \(name)" }
    }

    /// Where a base chain sees packets.
    public enum Hook: String, Sendable {
        case ingress, prerouting, input, forward, output, postrouting, egress
    }

    /// A chain and its rules.
    public struct Chain: Sendable {
        /// Its table.
        public let table: Table
        /// Its name.
        public let name: String
        /// Where it sees packets; nil when it is only jumped to.
        public var hook: Hook?
        /// Its place among those of a hook: lower ones are earlier.
        public var priority: Int64 = 0
        /// `filter`, `nat` or `route`.
        public var type = ""
        /// Whether what reaches its end is dropped.
        public var dropsAtEnd = false
        /// The interfaces that it is bound to; empty for chains of all.
        public var devices: [String] = []
        var rules: [Rule] = []

        /// `table inet filter, chain forward (hook forward, priority 0, policy drop)`
        public var title: String {
            guard let hook else { return "table \(table), chain \(name)" }
            let device = devices.isEmpty ? "" : " on \(devices.joined(separator: ", "))"
            return "table \(table), chain \(name) (hook \(hook.rawValue)\(device), priority \(priority), "
                + "policy \(dropsAtEnd ? "drop" : "accept"))"
        }
    }

    /// The chains, in the order of the listing.
    public internal(set) var chains: [Chain] = []
    /// The tables that iptables made; its own commands change them.
    public internal(set) var iptablesTables: Set<Table> = []
    /// The listing itself, for a copy of it.
    let entries: [JSONValue]
    private var places: [String: Int] = [:]

    /// Whether a family has a table by a name that iptables gives its own.
    public func mayBeIptables(family: String) -> Bool {
        let names: Set<String> = ["filter", "mangle", "nat", "raw", "security"]
        return chains.contains { $0.table.family == family && names.contains($0.table.name) }
    }

    /// The name of the gate's own tables, which are no site's.
    public static let ownTable = "sekisho"

    /// The chain of a table.
    func chain(_ name: String, of table: Table) -> Chain? { places[Self.key(table, name)].map { chains[$0] } }

    /// Whether a table has a chain of this name.
    func has(_ name: String, in table: Table) -> Bool { places[Self.key(table, name)] != nil }

    private static func key(_ table: Table, _ chain: String) -> String { "\(table.family)/\(table.name)/\(chain)" }

    init(entries: [JSONValue]) { self.entries = entries }

    mutating func add(_ chain: Chain) {
        places[Self.key(chain.table, chain.name)] = chains.count
        chains.append(chain)
    }

    mutating func add(_ rule: Rule, to name: String, of table: Table) {
        guard let place = places[Self.key(table, name)] else { return }
        chains[place].rules.append(rule)
    }

    /// Makes the table iptables' own, with no rules yet.
    mutating func becomesIptables(_ table: Table) {
        iptablesTables.insert(table)
        for index in chains.indices where chains[index].table == table { chains[index].rules = [] }
    }
}

/// A rule: where all matches hold, the effects happen one after the other, up to one that ends it.
struct Rule: Sendable {
    /// What an operator finds it by: `rule 7`, or its line.
    var name: String
    var matches: [Match] = []
    var effects: [Effect] = []
}

/// What a rule does.
enum Effect: Sendable {
    case accept
    case drop
    case jump(String)
    case go(String)
    case leave
    /// Accepted or dropped as somebody else says: `queue`.
    case uncertain
    /// The effect of the first element that the fields are.
    case verdicts([Field], [(element: [Value], effect: Effect)]?)
    /// The mark is kept in some bits, and then others are turned; nil for a mark that is not known.
    case marks((keeps: UInt32, turns: UInt32)?)
    /// `notrack`
    case untracks
}
