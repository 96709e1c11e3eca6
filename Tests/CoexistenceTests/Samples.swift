import Coexistence
import Wire

/// Rulesets as nft lists them, and facts of a gateway between lan0 and wan0.
enum Samples {
    /// A chain of a listing; without a hook it is one to jump to.
    static func chain(
        _ name: String = "forward", hook: String? = "forward", priority: Int = 0, policy: String = "drop",
        table: String = "site", family: String = "inet", device: String? = nil
    ) -> String {
        let base =
            hook.map { #", "type": "filter", "hook": "\#($0)", "prio": \#(priority), "policy": "\#(policy)""# } ?? ""
        let bound = device.map { #", "dev": "\#($0)""# } ?? ""
        return
            #"{"chain": {"family": "\#(family)", "table": "\#(table)", "name": "\#(name)", "handle": 1\#(base)\#(bound)}}"#
    }

    /// A rule of a listing, with its number and its statements.
    static func rule(
        _ handle: Int, _ statements: String..., chain: String = "forward", table: String = "site",
        family: String = "inet"
    ) -> String {
        #"{"rule": {"family": "\#(family)", "table": "\#(table)", "chain": "\#(chain)", "handle": \#(handle), "expr": [\#(statements.joined(separator: ", "))]}}"#
    }

    static func ruleset(_ entries: [String]) throws -> SiteRuleset {
        let version = #"{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}"#
        let text = #"{"nftables": [\#(([version] + entries).joined(separator: ", "))]}"#
        return try SiteRuleset(nftListings: [Array(text.utf8)])
    }

    static let accept = #"{"accept": null}"#
    static let drop = #"{"drop": null}"#

    static func match(_ left: String, _ right: String, _ op: String = "==") -> String {
        #"{"match": {"op": "\#(op)", "left": \#(left), "right": \#(right)}}"#
    }

    static func meta(_ key: String) -> String { #"{"meta": {"key": "\#(key)"}}"# }

    static func payload(_ transport: String, _ field: String) -> String {
        #"{"payload": {"protocol": "\#(transport)", "field": "\#(field)"}}"#
    }

    static func ct(_ key: String) -> String { #"{"ct": {"key": "\#(key)"}}"# }

    /// `meta mark and 0x40000000 == 0x40000000`
    static let marked = match(#"{"&": [{"meta": {"key": "mark"}}, 1073741824]}"#, "1073741824")

    /// A machine on which everything is well and no firewall is.
    static func facts(_ entries: [String] = []) throws -> Facts {
        var facts = Facts()
        facts.ruleset = try ruleset(entries)
        facts.gate = Facts.Gate(
            inside: "lan0", outside: "wan0", prefixes: ["10.1.0.0/24"].compactMap { Prefix($0) },
            mediaPorts: 1024...65535)
        facts.interfaces = [
            Facts.Interface(
                name: "lan0", isUp: true, isEthernet: true, addresses: ["10.1.0.1"].compactMap { IPAddress($0) }),
            Facts.Interface(
                name: "wan0", isUp: true, isEthernet: true, addresses: ["10.2.0.1"].compactMap { IPAddress($0) }),
        ]
        facts.listeners = ["10.1.0.1:5060", "10.2.0.1:5060"].compactMap { Endpoint($0) }.map {
            Facts.Listener(transport: .udp, endpoint: $0)
        }
        facts.forwardsIPv4 = true
        facts.forwardsIPv6 = true
        facts.gateSocket = "/run/sekisho/gate.sock"
        facts.proxySocket = "/run/sekisho/control.sock"
        facts.gateAnswer = .answers
        facts.proxyAnswer = .answers
        facts.features = Dictionary(uniqueKeysWithValues: Facts.Feature.allCases.map { ($0, .answers) })
        return facts
    }
}

extension Packet {
    /// Media from inside to outside with the contract's mark.
    static var media: Packet {
        var packet = Packet(isIPv6: false, inbound: "lan0", outbound: "wan0", transport: .udp)
        packet.source = IPAddress("10.1.0.2")
        packet.mark = MarkContract.bit
        packet.state = .untracked
        return packet
    }

    /// SIP to the gateway from anybody.
    static var signalling: Packet {
        var packet = Packet(isIPv6: false, inbound: "wan0", outbound: nil, transport: .udp)
        packet.destination = IPAddress("10.2.0.1")
        packet.destinationPort = 5060
        return packet
    }
}
