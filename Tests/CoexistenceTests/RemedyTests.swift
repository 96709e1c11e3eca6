import Testing
import Wire

@testable import Coexistence

/// The lines for each firewall.
@Suite struct RemedyTests {
    private typealias S = Samples

    /// The ruleset of a firewall that iptables made, with more chains.
    private func iptables(_ more: [String], family: String = "ip") throws -> SiteRuleset {
        var ruleset = try S.ruleset(
            [
                S.chain("FORWARD", table: "filter", family: family),
                S.chain("INPUT", hook: "input", table: "filter", family: family),
            ] + more.map { S.chain($0, hook: nil, table: "filter", family: family) })
        ruleset.read(iptablesSave: "*filter\nCOMMIT\n", isIPv6: family == "ip6")
        return ruleset
    }

    private func media(_ ruleset: SiteRuleset, families: [Bool] = [false]) throws -> Remedy {
        let chain = try #require(ruleset.chains.first { $0.hook == .forward })
        return RemedyWriter(for: chain, in: ruleset).acceptingMarked(families: families)
    }

    private func sip(_ ruleset: SiteRuleset) throws -> Remedy {
        let chain = try #require(ruleset.chains.first { $0.hook == .input })
        let endpoint = try #require(Endpoint("10.2.0.1:5060"))
        return RemedyWriter(for: chain, in: ruleset).accepting([
            Signalling(transport: .udp, endpoint: endpoint, interface: "wan0")
        ])
    }

    @Test func `iptables, and what is built on it`() throws {
        let plain = try media(try iptables([]))
        #expect(
            plain.commands.map(\.description) == ["iptables -I FORWARD -m mark --mark 0x40000000/0x40000000 -j ACCEPT"])
        #expect(plain.inCopy == plain.commands)
        let six = try media(try iptables([], family: "ip6"))
        #expect(six.commands.first?.words.first == "ip6tables")
        let docker = try media(try iptables(["DOCKER-USER", "ufw-before-input"]))
        #expect(docker.commands.first?.words[2] == "DOCKER-USER")
        let ufw = try media(try iptables(["ufw-before-input", "ufw-before-forward"]))
        #expect(ufw.commands.first?.words[2] == "ufw-before-forward")
        #expect(
            ufw.toStay
                == "in /etc/ufw/before.rules after “# End required lines”: -A ufw-before-forward -m mark --mark 0x40000000/0x40000000 -j ACCEPT"
        )
        let ufw6 = try media(try iptables(["ufw6-before-input"], family: "ip6"))
        #expect(
            ufw6.toStay?.contains("before6.rules") == true && ufw6.commands.first?.words[2] == "ufw6-before-forward")
        #expect(
            try sip(try iptables(["ufw-before-input"])).commands.map(\.description) == [
                "ufw allow in on wan0 proto udp to 10.2.0.1 port 5060"
            ])
        // Docker has no part in what comes to the machine itself.
        #expect(
            try sip(try iptables(["DOCKER-USER"])).commands.map(\.description) == [
                "iptables -I INPUT -i wan0 -d 10.2.0.1 -p udp --dport 5060 -j ACCEPT"
            ])
    }

    @Test func `firewalld, by either of its backends`() throws {
        let zones = [
            S.chain("filter_INPUT_ZONES", hook: nil, table: "firewalld"),
            S.rule(
                3, S.match(S.meta("iifname"), #""lan0""#), #"{"goto": {"target": "filter_IN_internal"}}"#,
                chain: "filter_INPUT_ZONES", table: "firewalld"),
            S.rule(4, #"{"goto": {"target": "filter_IN_public"}}"#, chain: "filter_INPUT_ZONES", table: "firewalld"),
        ]
        let ruleset = try S.ruleset(
            [
                S.chain("filter_FORWARD", priority: 10, policy: "accept", table: "firewalld"),
                S.chain("filter_INPUT", hook: "input", priority: 10, policy: "accept", table: "firewalld"),
            ] + zones)
        #expect(
            try sip(ruleset).commands.map(\.description) == [
                "firewall-cmd --permanent --zone=public --add-port=5060/udp", "firewall-cmd --reload",
            ])
        #expect(ruleset.zone(of: "lan0", in: zonesTable) == "internal")
        let both = try media(ruleset, families: [false, true])
        #expect(both.commands.count == 8 && both.toStay != nil)
        #expect(both.commands.contains { $0.words.contains("--add-entry=0.0.0.0/0,0x40000000") })
        let line = ["nft", "insert", "rule", "inet", "firewalld", "filter_FORWARD"]
        #expect(both.commands.last?.words == line + ["meta", "nfproto", "ipv6"] + MarkContract.match + ["accept"])
        #expect(try media(ruleset, families: [true]).commands.count == 1)
        let four = try media(ruleset)
        #expect(four.commands.count == 7 && four.toStay == nil)
        #expect(
            both.commands.contains {
                $0.description
                    == #"firewall-cmd --permanent --policy=sekisho-media '--add-rich-rule=rule family="ipv4" source ipset="sekisho-media4" accept'"#
            })
        #expect(both.inCopy.map(\.words) == [line + MarkContract.match + ["accept"]])
        let old = try media(try iptables(["FORWARD_ZONES"]))
        #expect(
            old.commands.first?.description
                == "firewall-cmd --permanent --direct --add-rule ipv4 filter FORWARD 0 -m mark --mark 0x40000000/0x40000000 -j ACCEPT"
        )
        #expect(old.inCopy.first?.words.first == "iptables")
    }

    private var zonesTable: SiteRuleset.Table { SiteRuleset.Table(family: "inet", name: "firewalld") }

    @Test func `OpenWrt's fw4 keeps its rules in uci`() throws {
        let ruleset = try S.ruleset([
            S.chain(table: "fw4"), S.chain("input", hook: "input", table: "fw4"),
        ])
        let remedy = try media(ruleset)
        #expect(
            remedy.commands.map(\.description).contains("uci set firewall.sekisho_media.mark=0x40000000/0x40000000"))
        #expect(remedy.commands.last?.description == "service firewall restart")
        #expect(remedy.inCopy.first?.words.first == "nft")
        #expect(try sip(ruleset).commands.map(\.description).contains("uci set firewall.sekisho_sip1.dest_port=5060"))
    }

    @Test func `what is found is named with its tables`() throws {
        let ruleset = try S.ruleset([
            S.chain("filter_FORWARD", table: "firewalld"), S.chain(table: "fw4"), S.chain(),
            S.chain("nat", hook: nil), S.chain("open", hook: "input", policy: "accept", table: "quiet"),
        ])
        #expect(ruleset.firewalls.map(\.firewall) == [.firewalld, .fw4, .handWritten])
        #expect(ruleset.firewalls.last?.tables.map(\.description) == ["inet site"])
    }

    @Test(arguments: [
        (["nft", "a-b_c.9"], "nft a-b_c.9"), (["a b"], "'a b'"), (["it's"], #"'it'\''s'"#), ([""], "''"),
        (["$(x)"], "'$(x)'"),
    ])
    func `a word that a shell would read otherwise is quoted`(_ words: [String], _ text: String) {
        #expect(ShellCommand(words).description == text)
    }
}
