import GateProtocol
import Lab
import Netfilter
import Testing
import Wire

/// What holds of the routed path alone: the mark, and that connection tracking knows of nothing.
@Suite(.serialized) struct RoutedPathTests {
    private let session = SessionID(7)
    private let hosts = Addressing.both[0]

    private func gate(_ name: String) throws -> GatewayFixture { try GatewayFixture(name, forwarding: .routed) }

    /// Packets that a rule with a comment has counted.
    private func counted(_ comment: String, _ gate: GatewayFixture) throws -> Int {
        let line = try gate.testbed.gateway.command("nft", "list", "ruleset").split(separator: "\n").first {
            $0.contains("\"\(comment)\"")
        }
        let words = try #require(line).split(separator: " ")
        let place = try #require(words.firstIndex(of: "packets"))
        return try #require(Int(words[place + 1]))
    }

    @Test func `closing is immediate, where a firewall that tracks connections lets media go on`() throws {
        let gate = try gate("atonce")
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        // The site accepts what is established, before, after and at the usual place.
        for priority in ["-10", "10"] {
            try gate.testbed.gateway.command(
                "nft",
                "add table inet site\(priority); add chain inet site\(priority) f "
                    + "{ type filter hook forward priority \(priority); };"
                    + "add rule inet site\(priority) f ct state established accept")
        }
        #expect(gate.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        try a.send(0..<50, to: hosts.outside)
        try b.send(0..<50, to: hosts.inside)
        #expect(a.receive(50).count == 50 && b.receive(50).count == 50)
        #expect(gate.ask(.close(session)).isDone)
        try a.send(0..<200, to: hosts.outside)
        try b.send(0..<200, to: hosts.inside)
        #expect(a.receive().isEmpty && b.receive().isEmpty)

        // The attack, against a firewall of the usual form: a set of tuples, and established before it.
        try gate.firewall.remove()
        try gate.testbed.gateway.command(
            "nft",
            "add set inet admin media { type ipv4_addr . inet_service; };"
                + "add rule inet admin forward ip daddr . udp dport @media accept;"
                + "add element inet admin media { 10.1.0.2 . 4000, 10.2.0.2 . 5000 }")
        try a.send(0..<50, to: hosts.outside)
        try b.send(0..<50, to: hosts.inside)
        #expect(a.receive(50).count == 50 && b.receive(50).count == 50)
        try gate.testbed.gateway.command("nft", "flush", "set", "inet", "admin", "media")
        try a.send(0..<200, to: hosts.outside)
        try b.send(0..<200, to: hosts.inside)
        #expect(a.receive(200).count == 200 && b.receive(200).count == 200)
    }

    @Test func `what is let through has its bit beside others' bits, and is tracked by nobody`() throws {
        let gate = try gate("mark")
        try gate.testbed.gateway.command(
            "nft",
            """
            add table netdev before; add chain netdev before c { type filter hook ingress device wan0 priority -200; };
            add rule netdev before c meta mark set 0x11;
            add table inet watch; add chain inet watch f { type filter hook forward priority -50; };
            add rule inet watch f meta mark 0x40000011 ct state untracked counter comment "both";
            add rule inet watch f meta mark 0x40000000 ct state untracked counter comment "own";
            add rule inet watch f ct state != untracked counter comment "tracked"
            """)
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        #expect(gate.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        try a.send(0..<10, to: hosts.outside)
        try b.send(0..<20, to: hosts.inside)
        #expect(b.receive(10).count == 10 && a.receive(20).count == 20)
        #expect(try counted("both", gate) == 20)
        #expect(try counted("own", gate) == 10)
        #expect(try counted("tracked", gate) == 0)
    }

    @Test func `somebody else's mark opens nothing`() throws {
        let gate = try gate("foreign")
        try gate.testbed.gateway.command(
            "nft",
            "add table netdev before; add chain netdev before c { type filter hook ingress device wan0 priority -200; };"
                + "add rule netdev before c meta mark set 0x40000000")
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        try b.send(0..<10, to: hosts.inside)
        #expect(a.receive().isEmpty)
        #expect(gate.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        try b.send(0..<10, to: hosts.inside)
        #expect(a.receive(10).count == 10)
    }

    @Test func `the site's firewall has the last word`() throws {
        let gate = try gate("site")
        try gate.testbed.gateway.command("nft", "insert rule inet admin forward udp dport 4000 drop")
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        #expect(gate.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        try b.send(0..<10, to: hosts.inside)
        try a.send(0..<10, to: hosts.outside)
        #expect(a.receive().isEmpty && b.receive(10).count == 10)
        // What was let through to the site's firewall is counted, whatever that made of it.
        #expect(gate.report(7)?.paths.first?.incoming.packets == 10)
    }

    @Test func `an inside address never leaves where addresses are translated`() throws {
        let translation = TranslationSettings(addresses: [try #require(IPAddress("10.2.0.1"))], ports: 20_000...20_999)
        let gate = try GatewayFixture("inner", isOwned: false, translation: translation, forwarding: .routed)
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        _ = gate.ask(.narrow(session, Holes(paths: [hosts.path])))
        try a.send(0..<10, to: hosts.outside)
        #expect(b.receive(10).allSatisfy { $0.source.address == IPAddress("10.2.0.1") })
        // As if the packets had been let in before their elements went.
        try gate.testbed.gateway.command("nft", "flush", "map", "netdev", "sekisho", "routed_source4")
        try a.send(0..<10, to: hosts.outside)
        #expect(b.receive().isEmpty)
        let listing = try gate.testbed.gateway.command("nft", "list", "chain", "netdev", "sekisho", "leaving")
        #expect(listing.contains("ip saddr 10.1.0.0/24 counter packets 10 "), "\(listing)")
    }

    @Test func `a new gate goes on with what was routed, and drops what is half there`() throws {
        let translation = TranslationSettings(addresses: [try #require(IPAddress("10.2.0.1"))], ports: 20_000...20_999)
        let gate = try GatewayFixture("heir", isOwned: false, translation: translation, forwarding: .routed)
        let other = MediaPath(inside: hosts.insideOtherPort, outside: hosts.outside)
        let v6 = Addressing.both[1]
        _ = gate.ask(.narrow(session, Holes(paths: [hosts.path, v6.path])))
        _ = gate.ask(.narrow(SessionID(8), Holes(paths: [other])))
        #expect(try gate.firewall.heldElements().count == 8)
        try gate.testbed.gateway.command(
            "nft", "delete", "element", "netdev", "sekisho", "routed_nat_out4", "{ 10.1.0.2 . 4002 . 10.2.0.2 . 5000 }")
        let next = try GatewayFixture(after: gate, translation: translation)
        #expect(next.firewall.isInherited)
        #expect(try next.gatekeeper.inherit(at: next.now) == Inheritance(sessions: 1, removed: 2))
        #expect(next.report(7)?.paths.count == 2)
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        try a.send(0..<5, to: hosts.outside)
        #expect(b.receive(5).count == 5)
        #expect(next.ask(.close(session)).isDone)
        #expect(try next.firewall.heldElements().isEmpty)
    }
}
