import ControlProtocol
import Testing
import Wire

@testable import Coexistence

/// What becomes of a packet in a chain, without a kernel.
@Suite struct WalkTests {
    private typealias S = Samples

    private func outcome(
        _ rules: [String], of packet: Packet = .media, policy: String = "drop", more: [String] = []
    ) throws -> Outcome {
        let ruleset = try S.ruleset([S.chain(policy: policy)] + more + rules)
        return Walk.outcome(of: packet, in: try #require(ruleset.chains.first), of: ruleset).0
    }

    @Test func `A chain without rules does what its policy says`() throws {
        #expect(try outcome([]) == .drops(by: "its policy"))
        #expect(try outcome([], policy: "accept") == .passes)
    }

    @Test(arguments: [
        (Samples.marked, true),
        (Samples.match(Samples.meta("mark"), "1073741824"), true),
        (Samples.match(Samples.meta("mark"), "1"), false),
        (Samples.match(#"{"&": [{"meta": {"key": "mark"}}, 1]}"#, "0", "!="), false),
        (Samples.match(Samples.meta("iifname"), #""lan0""#), true),
        (Samples.match(Samples.meta("iifname"), #""lan*""#), true),
        (Samples.match(Samples.meta("iifname"), #"{"set": ["eth0", "lan0"]}"#), true),
        (Samples.match(Samples.meta("oifname"), #""lan0""#), false),
        (Samples.match(Samples.meta("nfproto"), #""ipv6""#), false),
        (Samples.match(Samples.meta("l4proto"), #"{"set": ["tcp", "udp"]}"#), true),
        (Samples.match(Samples.payload("ip", "protocol"), #""udp""#), true),
        (Samples.match(Samples.payload("ip", "saddr"), #"{"prefix": {"addr": "10.1.0.0", "len": 24}}"#), true),
        (Samples.match(Samples.payload("ip", "saddr"), #"{"range": ["10.1.0.3", "10.1.0.9"]}"#), false),
        (Samples.match(Samples.payload("ip", "saddr"), #"{"range": ["10.0.0.3", "10.1.0.2"]}"#), true),
        (Samples.match(Samples.payload("ip6", "saddr"), #""::1""#, "!="), false),
        (Samples.match(Samples.payload("tcp", "dport"), "5060", "!="), false),
        (Samples.match(Samples.payload("icmpv6", "type"), #"{"set": ["nd-neighbor-solicit"]}"#), false),
        (Samples.match(Samples.payload("tcp", "flags"), #""syn""#), false),
        (Samples.match(Samples.payload("ip6", "hoplimit"), "255", "!="), false),
        (Samples.match(Samples.ct("state"), #"["established", "related"]"#, "in"), false),
        (Samples.match(Samples.ct("state"), #"["untracked", "established"]"#, "in"), true),
        (Samples.match(Samples.ct("status"), #""dnat""#, "in"), false),
        (Samples.match(#"{"fib": {"result": "oif", "flags": ["saddr", "iif"]}}"#, "false"), false),
    ])
    func `A match that is settled accepts or leaves it to the policy`(_ match: String, _ holds: Bool) throws {
        let expected: Outcome = holds ? .passes : .drops(by: "its policy")
        #expect(try outcome([S.rule(7, match, S.accept)]) == expected)
    }

    @Test(arguments: [
        Samples.match(Samples.payload("udp", "dport"), "5060"),
        Samples.match(Samples.payload("ip", "daddr"), #""192.0.2.1""#, "!="),
        Samples.match(Samples.payload("ip", "daddr"), #""@nobody""#),
        Samples.match(Samples.payload("udp", "length"), "200"),
        Samples.match(Samples.payload("ip", "ttl"), "255"),
        #"{"limit": {"rate": 5, "per": "second"}}"#,
        #"{"xt": {"type": "match", "name": "recent"}}"#,
    ])
    func `What is not settled makes the outcome depend on the rule`(_ match: String) throws {
        #expect(try outcome([S.rule(7, match, S.accept)]) == .depends(on: "its policy"))
        #expect(
            try outcome([S.rule(7, match, S.drop)], policy: "accept") == .depends(on: "rule 7 of chain forward"))
        #expect(try outcome([S.rule(7, match, S.accept)], policy: "accept") == .passes)
        #expect(try outcome([S.rule(7, match, S.accept), S.rule(8, S.accept)]) == .passes)
    }

    @Test func `Rules end at the first that holds, and its number is told`() throws {
        #expect(
            try outcome([S.rule(7, S.marked, S.drop), S.rule(8, S.accept)]) == .drops(by: "rule 7 of chain forward"))
        #expect(try outcome([S.rule(7, S.marked, S.accept), S.rule(8, S.drop)]) == .passes)
        #expect(
            try outcome([S.rule(7, #"{"reject": {"type": "icmpx", "expr": "admin-prohibited"}}"#)])
                == .drops(by: "rule 7 of chain forward"))
    }

    @Test func `jump comes back, goto does not, return leaves a chain`() throws {
        let other = S.chain("other", hook: nil)
        let inOther = S.rule(9, S.match(S.meta("iifname"), #""eth9""#), S.accept, chain: "other")
        let last = S.rule(8, S.accept)
        #expect(try outcome([S.rule(7, #"{"jump": {"target": "other"}}"#), last], more: [other, inOther]) == .passes)
        #expect(
            try outcome([S.rule(7, #"{"goto": {"target": "other"}}"#), last], more: [other, inOther])
                == .drops(by: "its policy"))
        let leaves = S.rule(9, #"{"return": null}"#, chain: "other")
        let drops = S.rule(10, S.drop, chain: "other")
        #expect(
            try outcome([S.rule(7, #"{"jump": {"target": "other"}}"#), last], more: [other, leaves, drops]) == .passes)
        #expect(
            try outcome([S.rule(7, #"{"jump": {"target": "other"}}"#), last], more: [other, drops])
                == .drops(by: "rule 10 of chain other"))
    }

    @Test func `A chain that jumps to itself, and one too deep, are not judged`() throws {
        let around = S.rule(7, #"{"jump": {"target": "forward"}}"#)
        #expect(try outcome([around]) == .depends(on: "chain forward, which is too deep to follow"))
        func deep(_ count: Int) throws -> Outcome {
            let chains = (1...count).map { S.chain("c\($0)", hook: nil) }
            let jumps = (1..<count).map { S.rule($0, #"{"jump": {"target": "c\#($0 + 1)"}}"#, chain: "c\($0)") }
            let rules = [S.rule(99, #"{"jump": {"target": "c1"}}"#), S.rule(98, S.accept, chain: "c\(count)")]
            return try outcome(rules, more: chains + jumps)
        }
        #expect(try deep(Walk.maximumDepth - 1) == .passes)
        #expect(try deep(Walk.maximumDepth) == .depends(on: "chain c\(Walk.maximumDepth), which is too deep to follow"))
    }

    @Test func `Verdict maps and sets by name are looked up`() throws {
        let map =
            #"{"map": {"family": "inet", "name": "vm", "table": "site", "type": "inet_service", "map": "verdict", "elem": [[22, {"drop": null}], [5060, {"accept": null}]]}}"#
        let rule = S.rule(7, #"{"vmap": {"key": {"payload": {"protocol": "udp", "field": "dport"}}, "data": "@vm"}}"#)
        var packet = Packet.signalling
        #expect(try outcome([rule], of: packet, more: [map]) == .passes)
        packet.destinationPort = 22
        #expect(try outcome([rule], of: packet, policy: "accept", more: [map]) == .drops(by: "rule 7 of chain forward"))
        packet.destinationPort = 23
        #expect(try outcome([rule], of: packet, policy: "accept", more: [map]) == .passes)
        let states =
            #"{"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["invalid", {"drop": null}], ["new", {"accept": null}]]}}}"#
        #expect(try outcome([S.rule(7, states)], of: packet) == .passes)
    }

    @Test func `The set by which firewalld knows a mark is read`() throws {
        let set =
            #"{"set": {"family": "inet", "name": "m", "table": "site", "type": ["ipv4_addr", "mark"], "elem": [{"concat": [{"prefix": {"addr": "0.0.0.0", "len": 0}}, 1073741824]}]}}"#
        let rule = S.rule(
            7,
            S.match(
                #"{"concat": [{"payload": {"protocol": "ip", "field": "saddr"}}, {"meta": {"key": "mark"}}]}"#, #""@m""#
            ),
            S.accept)
        #expect(try outcome([rule], more: [set]) == .passes)
        var packet = Packet.media
        packet.mark = 0
        #expect(try outcome([rule], of: packet, more: [set]) == .drops(by: "its policy"))
        // It compares the whole mark.
        packet.mark = MarkContract.bit | 1
        #expect(try outcome([rule], of: packet, more: [set]) == .drops(by: "its policy"))
    }

    @Test func `A rule that changes the mark is followed`() throws {
        let set = #"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 5}}"#
        let or = #"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"|": [{"meta": {"key": "mark"}}, 4]}}}"#
        let fromConnection = #"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"ct": {"key": "mark"}}}}"#
        let accepts = S.rule(8, S.marked, S.accept)
        #expect(try outcome([S.rule(7, or), accepts]) == .passes)
        #expect(try outcome([S.rule(7, set), accepts]) == .drops(by: "its policy"))
        #expect(try outcome([S.rule(7, fromConnection), accepts]) == .depends(on: "its policy"))
    }

    @Test func `A listing that is none is refused with its place`() {
        for text in ["", "{}", "[]", #"{"nftables": 1}"#, #"{"nftables": ["#] {
            #expect(throws: ParseError.self) { try SiteRuleset(nftListings: [Array(text.utf8)]) }
        }
        let limit = SiteRuleset.limits.depth
        func nested(_ depth: Int) -> [UInt8] {
            Array(
                #"{"nftables": \#(String(repeating: "[", count: depth))\#(String(repeating: "]", count: depth))}"#.utf8)
        }
        #expect(throws: Never.self) { try SiteRuleset(nftListings: [nested(limit)]) }
        #expect(throws: ParseError.self) { try SiteRuleset(nftListings: [nested(limit + 1)]) }
    }
}
