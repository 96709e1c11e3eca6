/// The program that keeps a chain: its rules are changed by that program's means.
public enum SiteFirewall: String, CaseIterable, Sendable {
    case firewalld
    /// firewalld with `FirewallBackend=iptables`.
    case firewalldWithIptables
    case ufw
    case docker
    /// OpenWrt's.
    case fw4
    /// iptables, and whoever calls it.
    case iptables
    /// A ruleset of the site's own, by nft.
    case handWritten

    /// What an operator calls it.
    public var name: String {
        switch self {
        case .firewalld: "firewalld"
        case .firewalldWithIptables: "firewalld (by iptables)"
        case .ufw: "ufw"
        case .docker: "Docker"
        case .fw4: "OpenWrt's fw4"
        case .iptables: "iptables"
        case .handWritten: "a ruleset by nft"
        }
    }

    /// Whose a base chain is, by the names of its table and of the chains beside it.
    init(of chain: SiteRuleset.Chain, in ruleset: SiteRuleset) {
        let table = chain.table
        if table.name == "firewalld" {
            self = .firewalld
        } else if table.name == "fw4" {
            self = .fw4
        } else if !ruleset.iptablesTables.contains(table) {
            self = .handWritten
        } else if chain.hook == .forward, ruleset.has("DOCKER-USER", in: table) {
            // Docker puts it before everything else in FORWARD, ufw's chains included.
            self = .docker
        } else if ruleset.has("ufw-before-input", in: table) || ruleset.has("ufw6-before-input", in: table) {
            self = .ufw
        } else if ruleset.has("\(chain.name)_ZONES", in: table) {
            self = .firewalldWithIptables
        } else {
            self = .iptables
        }
    }
}

extension SiteRuleset {
    /// The firewalls that are there, each with the tables in which it was found.
    public var firewalls: [(firewall: SiteFirewall, tables: [Table])] {
        var found: [(firewall: SiteFirewall, tables: [Table])] = []
        func note(_ firewall: SiteFirewall, _ table: Table) {
            if let place = found.firstIndex(where: { $0.firewall == firewall }) {
                if !found[place].tables.contains(table) { found[place].tables.append(table) }
            } else {
                found.append((firewall, [table]))
            }
        }
        for chain in siteChains { note(SiteFirewall(of: chain, in: self), chain.table) }
        return found
    }

    /// The base chains of others that filter, in the order of hook and priority.
    var siteChains: [Chain] {
        chains.filter { $0.hook != nil && $0.type != "nat" && $0.table.name != Self.ownTable && mayDrop($0) }
    }

    /// Whether a packet that comes to a chain may be dropped there.
    private func mayDrop(_ chain: Chain) -> Bool {
        var seen: Set<String> = []
        return chain.dropsAtEnd || mayDrop(chain, &seen)
    }

    private func mayDrop(_ chain: Chain, _ seen: inout Set<String>) -> Bool {
        guard seen.insert(chain.name).inserted else { return false }
        for rule in chain.rules {
            for effect in rule.effects where mayDrop(effect, of: chain.table, &seen) { return true }
        }
        return false
    }

    private func mayDrop(_ effect: Effect, of table: Table, _ seen: inout Set<String>) -> Bool {
        switch effect {
        case .drop, .uncertain, .verdicts(_, nil): return true
        case .accept, .leave, .marks, .untracks: return false
        case .jump(let name), .go(let name):
            guard let chain = chain(name, of: table) else { return false }
            return mayDrop(chain, &seen)
        case .verdicts(_, .some(let elements)):
            for (_, effect) in elements where mayDrop(effect, of: table, &seen) { return true }
            return false
        }
    }

    /// The zone that firewalld has an interface in: where its chain of a hook sends the packets of that interface.
    func zone(of interface: String, in table: Table) -> String? {
        guard let zones = chain("filter_INPUT_ZONES", of: table) ?? chain("INPUT_ZONES", of: table) else { return nil }
        let packet = Packet(isIPv6: false, inbound: interface, outbound: nil, transport: .udp)
        for rule in zones.rules where rule.matches.allSatisfy({ $0.holds(for: packet) == .yes }) {
            for case .go(let name) in rule.effects {
                for prefix in ["filter_IN_", "IN_"] where name.hasPrefix(prefix) {
                    return String(name.dropFirst(prefix.count))
                }
            }
        }
        return nil
    }
}
