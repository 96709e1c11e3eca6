import Testing
import Wire

@testable import Coexistence

/// Facts in, findings out.
@Suite struct ExaminationTests {
    private typealias S = Samples

    private func findings(_ entries: [String] = [], _ change: (inout Facts) -> Void = { _ in }) throws -> [Finding] {
        var facts = try S.facts(entries)
        change(&facts)
        return Examination.findings(facts)
    }

    private func problems(_ entries: [String] = [], _ change: (inout Facts) -> Void = { _ in }) throws -> [Finding] {
        try findings(entries, change).filter { $0.severity == .problem }
    }

    @Test func `a machine on which everything is well has one notice: nothing drops what goes out`() throws {
        let findings = try findings()
        #expect(findings.count == 1)
        #expect(findings.first?.place == "forward hook" && findings.first?.severity == .notice)
        #expect(try self.findings([S.chain()]).allSatisfy { $0.place != "forward hook" })
    }

    @Test func `a default-drop forward chain leaves the fast path alone and needs a line for the routed one`() throws {
        let fast = try #require(try findings([S.chain()]).first)
        #expect(fast.severity == .notice && fast.remedy == nil && fast.signalling == nil)
        #expect(
            fast.place == "a ruleset by nft: table inet site, chain forward (hook forward, priority 0, policy drop)")
        #expect(fast.media?.hasPrefix("passes before this chain") == true)
        let routed = try #require(try problems([S.chain(priority: -10)]) { $0.mediaPath = .routed }.first)
        #expect(routed.place.contains("priority -10"))
        #expect(
            routed.remedy?.commands.map(\.description) == [
                "nft insert rule inet site forward meta mark and 0x40000000 == 0x40000000 accept"
            ], "\(String(describing: routed.remedy))")
        #expect(try problems([S.chain(), S.rule(7, S.marked, S.accept)]) { $0.mediaPath = .routed }.isEmpty)
        // A rule before it that drops: the line is not the first, so the packet never comes to it.
        let late = [
            S.chain(), S.rule(6, S.match(S.ct("state"), #""untracked""#, "in"), S.drop), S.rule(7, S.marked, S.accept),
        ]
        #expect(try problems(late) { $0.mediaPath = .routed }.first?.media?.contains("rule 6 of chain forward") == true)
    }

    @Test
    func `a chain that changes the mark is found where the mark matters, and lets it be with the line at its head`()
        throws
    {
        let chain = S.chain("mangle", hook: "prerouting", priority: -150, policy: "accept")
        func changes(_ value: String, _ rules: [String] = []) throws -> [Finding] {
            let rule = S.rule(
                7, #"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": \#(value)}}"#, chain: "mangle")
            return try findings([chain] + rules + [rule]) { $0.mediaPath = .routed }.filter {
                $0.what.contains("from the mark")
            }
        }
        let sure = try #require(try changes("5").first)
        #expect(sure.severity == .problem && sure.place.contains("chain mangle (hook prerouting, priority -150"))
        #expect(
            sure.remedy?.commands.map(\.description).first?.hasPrefix("nft insert rule inet site mangle meta mark")
                == true)
        #expect(try changes(#"{"ct": {"key": "mark"}}"#).first?.severity == .warning)
        #expect(try changes(#"{"|": [{"meta": {"key": "mark"}}, 4]}"#).isEmpty)
        #expect(try changes("5", [S.rule(6, S.marked, S.accept, chain: "mangle")]).isEmpty)
        #expect(
            try findings([chain, S.rule(7, S.drop, chain: "mangle")]).allSatisfy { !$0.what.contains("from the mark") })
    }

    @Test func `SIP that the input chain drops has its line, at its interface`() throws {
        let chain = S.chain("input", hook: "input")
        let sip = try #require(try problems([chain]).first)
        #expect(sip.signalling == "dropped: udp 10.1.0.1:5060 at lan0, udp 10.2.0.1:5060 at wan0 (its policy)")
        #expect(
            sip.remedy?.commands.map(\.description) == [
                "nft insert rule inet site input iifname lan0 ip daddr 10.1.0.1 udp dport 5060 accept",
                "nft insert rule inet site input iifname wan0 ip daddr 10.2.0.1 udp dport 5060 accept",
            ])
        let port = S.match(S.payload("udp", "dport"), "5060")
        #expect(try problems([chain, S.rule(7, port, S.accept, chain: "input")]).isEmpty)
        let fromTrunk = S.rule(7, S.match(S.payload("ip", "saddr"), #""192.0.2.1""#), port, S.accept, chain: "input")
        let unsure = try findings([chain, fromTrunk])
        #expect(
            unsure.first?.severity == .notice && unsure.first?.signalling?.hasPrefix("depends on its policy") == true)
    }

    @Test func `chains of others: their hook, their devices, their family`() throws {
        // A chain for translation drops nothing of its own; one of another family sees none of these packets.
        #expect(try problems([S.chain("input", hook: "input", family: "ip6")]).isEmpty)
        let bound = S.chain("early", hook: "ingress", priority: -200, table: "ddos", family: "netdev", device: "wan0")
        let early = try findings([bound])
        #expect(early.first?.severity == .warning && early.first?.media?.hasPrefix("goes through it first") == true)
        let late = S.chain("late", hook: "ingress", priority: 0, table: "ddos", family: "netdev", device: "wan0")
        #expect(try findings([late]).first { $0.place.contains("late") }?.severity == .notice)
        let same = S.chain("same", hook: "ingress", priority: -100, table: "ddos", family: "netdev", device: "wan0")
        #expect(try findings([same]).first?.media?.contains("the order of one priority") == true)
        let own = S.chain(
            "outside", hook: "ingress", priority: -100, table: "sekisho", family: "netdev", device: "wan0")
        #expect(
            try findings([own, S.rule(3, S.drop, chain: "outside", table: "sekisho", family: "netdev")]).count == 1)
    }

    @Test func `interfaces, forwarding, filters and helpers of the machine`() throws {
        #expect(try problems { $0.interfaces.removeLast() }.contains { $0.place == "interface wan0" })
        #expect(try problems { $0.interfaces[0].isUp = false }.first?.what == "it is down")
        #expect(try problems { $0.interfaces[1].isEthernet = false }.count == 1)
        #expect(
            try problems {
                $0.interfaces[1].isEthernet = false
                $0.mediaPath = .routed
            }.isEmpty)
        let strict = try findings { $0.interfaces[1].reversePathFilter = 1 }
        #expect(strict.contains { $0.place == "net.ipv4.conf.wan0.rp_filter" })
        #expect(try findings { $0.interfaces[1].reversePathFilter = 2 }.count == 1)
        #expect(try findings { $0.forwardsIPv4 = false }.first?.severity == .warning)
        let stopped = try problems {
            $0.forwardsIPv4 = false
            $0.mediaPath = .routed
        }
        #expect(stopped.first?.remedy?.commands.first?.description == "sysctl -w net.ipv4.ip_forward=1")
        // Nobody inside has an IPv6 address.
        #expect(try findings { $0.forwardsIPv6 = false }.count == 1)
        let helper = try findings {
            $0.helpers = ["ct helper inet site voice is of type sip; take it out of the ruleset"]
        }
        #expect(helper.first?.severity == .warning && helper.first?.signalling?.contains("CVE-2026-23457") == true)
        #expect(try findings { $0.legacyTables = ["filter"] }.first?.place == "iptables-legacy")
    }

    @Test func `listeners at addresses that nobody has, and at all addresses`() throws {
        let far = try #require(Endpoint("192.0.2.9:5060"))
        #expect(
            try problems { $0.listeners = [Facts.Listener(transport: .tcp, endpoint: far)] }.first?.place
                == "sekishod.yaml")
        let every = try #require(Endpoint("0.0.0.0:5060"))
        let dropped = try problems([S.chain("input", hook: "input")]) {
            $0.listeners = [Facts.Listener(transport: .tcp, endpoint: every)]
        }
        #expect(
            dropped.first?.remedy?.commands.map(\.description) == [
                "nft insert rule inet site input iifname lan0 tcp dport 5060 accept",
                "nft insert rule inet site input iifname wan0 tcp dport 5060 accept",
            ])
    }

    @Test func `daemons that are silent, what the kernel lacks, what could not be looked at`() throws {
        #expect(try problems { $0.gateAnswer = .silent("no such file") }.first?.remedy?.commands.count == 1)
        #expect(try problems { $0.proxyAnswer = .silent("refused") }.first?.place == "/run/sekisho/control.sock")
        let severities: [(Facts.Feature, Finding.Severity)] = [
            (.fastPath, .problem), (.translation, .warning), (.ownership, .notice), (.mirroring, .notice),
            (.routedPath, .notice),
        ]
        for (feature, severity) in severities {
            let finding = try findings { $0.features[feature] = .silent("errno 95") }.first {
                $0.place == "this kernel"
            }
            #expect(finding?.severity == severity && finding?.what.contains("errno 95") == true, "\(feature)")
        }
        let blind = try findings {
            $0.ruleset = nil
            $0.gate = nil
            $0.gaps = [("the ruleset", "Operation not permitted")]
        }
        #expect(blind.map(\.severity) == [.warning] && blind.first?.signalling == "not known")
    }

    @Test func `problems come first`() throws {
        let severities = try findings([S.chain("input", hook: "input")]) {
            $0.helpers = ["x"]
            $0.features[.mirroring] = .silent("x")
        }.map(\.severity)
        #expect(severities == [.problem, .warning, .notice, .notice])
    }
}
