import GateProtocol
import Lab
import Netfilter
import Testing
import Wire

/// What the fast path cannot carry: it takes the routed one, or is not carried. Nothing passes that no element admits.
@Suite(.serialized) struct FallThroughTests {
    private let session = SessionID(7)
    private static let hosts4 = Addressing.both[0]
    private static let hosts6 = Addressing.both[1]

    /// A gateway whose outside network takes packets of so many octets, and whose firewall accepts the mark.
    private func gate(
        _ name: String, outsideMTU: Int = 1500, translation: TranslationSettings? = nil, acceptsMark: Bool = true
    ) throws -> GatewayFixture {
        try GatewayFixture(name, isOwned: false, translation: translation, acceptsMark: acceptsMark) { testbed in
            try testbed.gateway.command("ip", "link", "set", "wan0", "mtu", "\(outsideMTU)")
            for host in [testbed.inside, testbed.outside] {
                try host.command(
                    "nft",
                    """
                    add table inet probe; add chain inet probe in { type filter hook prerouting priority -450; };
                    add rule inet probe in icmp type time-exceeded counter comment "late";
                    add rule inet probe in icmpv6 type time-exceeded counter comment "late6";
                    add rule inet probe in icmp type destination-unreachable icmp code 4 counter comment "long";
                    add rule inet probe in icmpv6 type packet-too-big counter comment "long6";
                    add rule inet probe in ip frag-off & 0x1fff == 0 ip frag-off & 0x2000 != 0 counter comment "first";
                    add rule inet probe in ip frag-off & 0x1fff != 0 counter comment "other"
                    """)
            }
        }
    }

    private func counted(_ comment: String, at host: Namespace) throws -> Int {
        let line = try host.command("nft", "list", "ruleset").split(separator: "\n").first {
            $0.contains("\"\(comment)\"")
        }
        let words = try #require(line).split(separator: " ")
        let place = try #require(words.firstIndex(of: "packets"))
        return try #require(Int(words[place + 1]))
    }

    @Test func `a packet that is too long is cut by routing, or its sender is told`() throws {
        let gate = try gate("long4", outsideMTU: 180)
        let hosts = Self.hosts4
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside, fragmentation: .allowed)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        try a.send(0..<5, to: hosts.outside)
        #expect(b.receive().isEmpty)
        #expect(gate.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        try a.send(0..<20, to: hosts.outside)
        #expect(b.receive(20).count == 20)
        #expect(try counted("first", at: gate.testbed.outside) == 20)
        #expect(gate.report(7)?.paths.first?.outgoing.packets == 20)
        try b.send(0..<20, to: hosts.inside)
        #expect(a.receive().count == 0)

        let other = MediaPath(inside: hosts.insideOtherPort, outside: hosts.outside)
        let whole = try PacketPump(hosts.insideOtherPort, in: gate.testbed.inside, fragmentation: .never)
        #expect(gate.ask(.narrow(SessionID(8), Holes(paths: [other]))) == .completed)
        try whole.send(0..<5, to: hosts.outside)
        #expect(b.receive().isEmpty)
        #expect(try counted("long", at: gate.testbed.inside) > 0)

        #expect(gate.ask(.close(session)).isDone)
        try a.send(0..<20, to: hosts.outside)
        #expect(b.receive().isEmpty)
    }

    @Test func `a site that does not accept the mark carries no packet that is too long`() throws {
        let gate = try gate("nomark", outsideMTU: 180, acceptsMark: false)
        let hosts = Self.hosts4
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside, fragmentation: .allowed)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        #expect(gate.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        try a.send(0..<20, to: hosts.outside)
        #expect(b.receive().isEmpty)
    }

    @Test func `the sender of a long packet over IPv6 is told`() throws {
        let gate = try gate("long6", outsideMTU: 1280)
        let hosts = Self.hosts6
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside, octets: 1300, fragmentation: .never)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside, octets: 1300)
        #expect(gate.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        try a.send(0..<5, to: hosts.outside)
        #expect(b.receive().isEmpty)
        #expect(try counted("long6", at: gate.testbed.inside) > 0)
    }

    @Test(arguments: [hosts4, hosts6])
    func `the sender of a packet without a hop left is told, where it is let through`(hosts: Addressing) throws {
        let gate = try gate("ttl\(hosts.name)")
        let comment = hosts.inside.address.isIPv6 ? "late6" : "late"
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside, hopLimit: 1)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside, hopLimit: 1)
        try b.send(0..<5, to: hosts.inside)
        #expect(a.receive().isEmpty)
        #expect(try counted(comment, at: gate.testbed.outside) == 0)
        #expect(gate.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        try b.send(0..<5, to: hosts.inside)
        try a.send(0..<5, to: hosts.outside)
        #expect(a.receive().isEmpty && b.receive().isEmpty)
        #expect(try counted(comment, at: gate.testbed.outside) > 0)
        #expect(try counted(comment, at: gate.testbed.inside) > 0)
        #expect(gate.report(7)?.paths.first?.outgoing.packets == 5)
        // With a hop more they are carried.
        let again = try PacketPump(hosts.insideOtherPort, in: gate.testbed.inside, hopLimit: 2)
        let other = MediaPath(inside: hosts.insideOtherPort, outside: hosts.outside)
        #expect(gate.ask(.narrow(SessionID(8), Holes(paths: [other]))) == .completed)
        try again.send(0..<5, to: hosts.outside)
        #expect(b.receive(5).map(\.hopLimit) == [1, 1, 1, 1, 1])
    }

    @Test(arguments: [true, false])
    func `a packet in fragments is not carried, and no piece of it`(isTracked: Bool) throws {
        let gate = try gate("pieces\(isTracked)")
        let hosts = Self.hosts4
        if !isTracked { try gate.testbed.gateway.command("nft", "flush chain inet admin forward") }
        // The hosts cut them.
        try gate.testbed.inside.command("ip", "link", "set", "eth0", "mtu", "180")
        try gate.testbed.outside.command("ip", "link", "set", "eth0", "mtu", "180")
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside, fragmentation: .allowed)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside, fragmentation: .allowed)
        for holes in [Holes(halfOpen: [hosts.inside], paths: [hosts.path]), Holes()] {
            #expect(gate.ask(.narrow(session, holes)).isDone)
            try a.send(0..<10, to: hosts.outside)
            try b.send(0..<10, to: hosts.inside)
            #expect(a.receive().isEmpty && b.receive().isEmpty)
            for host in [gate.testbed.inside, gate.testbed.outside] {
                #expect(try counted("first", at: host) == 0)
                #expect(try counted("other", at: host) == 0)
            }
        }
    }

    @Test func `translated packets tell no inside address when they are not carried`() throws {
        let external = try #require(IPAddress("10.2.0.1"))
        let gate = try gate(
            "longnat", outsideMTU: 180,
            translation: TranslationSettings(addresses: [external], ports: 20_000...20_999))
        let hosts = Self.hosts4
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside, octets: 100, hopLimit: 1)
        guard case .bound(let bindings) = gate.ask(.narrow(session, Holes(paths: [hosts.path]))),
            let outside = bindings.first?.external
        else {
            Issue.record("not bound")
            return
        }
        // Outward: what may be cut is not carried, who may not be cut is told.
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside, fragmentation: .allowed)
        try a.send(0..<10, to: hosts.outside)
        #expect(try counted("first", at: gate.testbed.outside) == 0)
        #expect(try counted("other", at: gate.testbed.outside) == 0)
        // Inward: an error would name the phone.
        try b.send(0..<10, to: outside)
        #expect(a.receive().isEmpty)
        #expect(try counted("late", at: gate.testbed.outside) == 0)
        let listing = try gate.testbed.gateway.command("nft", "list", "chain", "netdev", "sekisho", "outside_routed")
        #expect(
            listing.contains("ip ttl <= 1 ip daddr 10.2.0.1 udp dport 20000-20999 counter packets 10 "), "\(listing)")
    }
}
