import Testing
import Wire

@testable import Coexistence

/// What is copied into a namespace, and whose packets go through it.
@Suite struct CopyTests {
    private typealias S = Samples

    @Test
    func `device-bound chains, iptables' and the gate's own tables are left out, and what is referred to stands first`()
        throws
    {
        var ruleset = try S.ruleset([
            S.rule(9, #"{"jump": {"target": "other"}}"#),
            #"{"table": {"family": "inet", "name": "site", "handle": 1}}"#, S.chain(), S.chain("other", hook: nil),
            S.rule(7, #"{"flow": {"op": "add", "flowtable": "@ft"}}"#), S.rule(8, S.marked, S.accept),
            #"{"flowtable": {"family": "inet", "name": "ft", "table": "site", "hook": "ingress", "prio": -1, "dev": "lan0"}}"#,
            S.chain("bound", hook: "ingress", device: "wan0"), S.rule(10, S.drop, chain: "bound"),
            #"{"table": {"family": "netdev", "name": "early", "handle": 1}}"#,
            #"{"table": {"family": "inet", "name": "sekisho", "handle": 1}}"#,
            #"{"table": {"family": "ip", "name": "filter", "handle": 1}}"#,
            S.chain("FORWARD", priority: -5, table: "filter", family: "ip"),
        ])
        ruleset.read(iptablesSave: "*filter\nCOMMIT\n", isIPv6: false)
        let copy = String(decoding: ruleset.copy, as: UTF8.self)
        #expect(
            copy == #"{"nftables":[{"table":{"family":"inet","name":"site","handle":1}},"#
                + #"{"chain":{"family":"inet","table":"site","name":"forward","handle":1,"type":"filter","hook":"forward","prio":0,"policy":"drop"}},"#
                + #"{"chain":{"family":"inet","table":"site","name":"other","handle":1}},"#
                + #"{"rule":{"family":"inet","table":"site","chain":"forward","handle":9,"expr":[{"jump":{"target":"other"}}]}},"#
                + #"{"rule":{"family":"inet","table":"site","chain":"forward","handle":8,"expr":[{"match":{"op":"==","left":{"&":[{"meta":{"key":"mark"}},1073741824]},"right":1073741824}},{"accept":null}]}}]}"#
        )
    }

    @Test func `a negative priority is written as it was read`() throws {
        let entries = [#"{"table": {"family": "inet", "name": "site"}}"#, S.chain(priority: -300)]
        #expect(String(decoding: try S.ruleset(entries).copy, as: UTF8.self).contains(#""prio":-300"#))
        #expect(try S.ruleset(entries).chains.first?.priority == -300)
    }

    @Test func `interfaces that rules name by index are known`() throws {
        let ruleset = try S.ruleset([
            S.chain(), S.rule(1, S.match(S.meta("iif"), #""lo""#), S.accept),
            S.rule(2, S.match(S.meta("oif"), #"{"set": ["eth1", "eth2"]}"#), S.accept),
            S.rule(3, S.match(S.meta("iifname"), #""eth3""#), S.accept),
        ])
        #expect(ruleset.namedByIndex == ["lo", "eth1", "eth2"])
    }

    @Test func `phones are of the inside prefixes, the party outside is one that calls go to`() throws {
        var facts = try S.facts()
        facts.peers = ["10.1.0.7", "192.0.2.33"].compactMap { IPAddress($0) }
        let plan = ProbePlan(facts)
        #expect(plan.pairs.map(\.phone.description) == ["10.1.0.2"])
        #expect(plan.pairs.map(\.peer.description) == ["192.0.2.33"])
        #expect(plan.mediaPorts == 40_000...40_031)
        facts.peers = []
        facts.gate?.mediaPorts = 5_059...5_062
        facts.gate?.prefixes = ["10.1.0.1", "10.1.0.4/30", "fd00:1::/64"].compactMap { Prefix($0) }
        let narrow = ProbePlan(facts)
        #expect(narrow.pairs.map(\.phone.description) == ["10.1.0.6"], "no address outside is of IPv6")
        #expect(narrow.pairs.map(\.peer.description) == ["10.2.0.2"])
        #expect(narrow.mediaPorts == 5_059...5_062)
    }
}
