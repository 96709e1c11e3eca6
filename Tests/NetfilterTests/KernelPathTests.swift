import GateProtocol
import Lab
import Netfilter
import Testing
import Wire

/// The addresses of one run of a test.
struct Addressing: Sendable, CustomTestStringConvertible {
    let name: String
    let inside: Endpoint
    let outside: Endpoint
    let stranger: Endpoint
    let outsideOtherPort: Endpoint
    let insideOtherPort: Endpoint

    var path: MediaPath { MediaPath(inside: inside, outside: outside) }
    var testDescription: String { name }

    static let both = [
        Addressing(
            name: "v4", inside: endpoint("10.1.0.2:4000"), outside: endpoint("10.2.0.2:5000"),
            stranger: endpoint("10.2.0.3:5000"), outsideOtherPort: endpoint("10.2.0.2:5002"),
            insideOtherPort: endpoint("10.1.0.2:4002")),
        Addressing(
            name: "v6", inside: endpoint("[fd00:1::2]:4000"), outside: endpoint("[fd00:2::2]:5000"),
            stranger: endpoint("[fd00:2::3]:5000"), outsideOtherPort: endpoint("[fd00:2::2]:5002"),
            insideOtherPort: endpoint("[fd00:1::2]:4002")),
    ]
}

/// What passes and what does not, packet by packet, on either path.
@Suite(.serialized) struct KernelPathTests {
    let session = SessionID(7)

    @Test(arguments: Addressing.both, MediaForwarding.allCases)
    func `a call opens, narrows and closes, packet by packet`(hosts: Addressing, forwarding: MediaForwarding) throws {
        let gate = try GatewayFixture("path\(hosts.name)", forwarding: forwarding)
        let foreign = try gate.testbed.listForeignRules()
        #expect(foreign == gate.testbed.foreignRules)
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let aOther = try PacketPump(hosts.insideOtherPort, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        let bOther = try PacketPump(hosts.outsideOtherPort, in: gate.testbed.outside)
        let c = try PacketPump(hosts.stranger, in: gate.testbed.stranger)

        // Nothing passes before.
        try b.send(0..<10, to: hosts.inside)
        try a.send(0..<10, to: hosts.outside)
        #expect(a.receive().isEmpty)
        #expect(b.receive().isEmpty)

        // Half-open: any source, at most the burst at once, nothing outward.
        #expect(gate.ask(.openFromAny(session, inside: [hosts.inside])) == .completed)
        try c.send(100..<103, to: hosts.inside)
        #expect(a.receive(3).map(\.source) == [hosts.stranger, hosts.stranger, hosts.stranger])
        try b.send(200..<300, to: hosts.inside)
        let burst = a.receive()
        #expect(!burst.isEmpty && burst.count <= 10)
        try a.send(0..<10, to: hosts.outside)
        try b.send(0..<10, to: hosts.insideOtherPort)
        #expect(b.receive().isEmpty)
        #expect(aOther.receive().isEmpty)
        let halfOpen = try #require(gate.report(7)?.halfOpen.first)
        #expect(halfOpen.inside == hosts.inside)
        #expect(halfOpen.incoming.packets == UInt64(burst.count) + 3)

        // Narrowed: the exact four-tuple both ways, and no other.
        #expect(gate.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        try a.send(0..<50, to: hosts.outside)
        try b.send(0..<60, to: hosts.inside)
        #expect(b.receive(50).map(\.number) == Array(0..<50))
        let incoming = a.receive(60)
        #expect(incoming.map(\.number) == Array(0..<60))
        #expect(Set(incoming.map(\.hopLimit)) == [63])
        try c.send(0..<50, to: hosts.inside)
        try bOther.send(0..<50, to: hosts.inside)
        try b.send(0..<50, to: hosts.insideOtherPort)
        try aOther.send(0..<50, to: hosts.outside)
        try a.send(0..<50, to: hosts.outsideOtherPort)
        for silent in [a, aOther, b, bOther, c] { #expect(silent.receive().isEmpty) }
        let path = try #require(gate.report(7)?.paths.first)
        let octets: UInt64 = hosts.inside.address.isIPv6 ? 172 + 48 : 172 + 28
        #expect(path.outgoing == Traffic(packets: 50, bytes: 50 * octets))
        #expect(path.incoming == Traffic(packets: 60, bytes: 60 * octets))

        // Closed: the next packet is dropped.
        #expect(gate.ask(.close(session)).isDone)
        try a.send(0..<50, to: hosts.outside)
        try b.send(0..<50, to: hosts.inside)
        #expect(a.receive().isEmpty)
        #expect(b.receive().isEmpty)
        #expect(gate.report(7) == nil)
        #expect(gate.ask(.close(session)).isDone)
        #expect(try gate.testbed.listForeignRules() == foreign)
    }

    @Test(arguments: Addressing.both, MediaForwarding.allCases)
    func `an inside tuple forged at the outside interface is not forwarded`(
        hosts: Addressing, forwarding: MediaForwarding
    ) throws {
        let gate = try GatewayFixture("spoof\(hosts.name)", forwarding: forwarding)
        #expect(gate.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        let forger = try PacketPump(hosts.inside, in: gate.testbed.stranger, isTransparent: true)
        // Through the gateway, where the switch would otherwise deliver it directly.
        let target = hosts.inside.address.isIPv6 ? "fd00:2::2/128" : "10.2.0.2/32"
        let router = hosts.inside.address.isIPv6 ? "fd00:2::1" : "10.2.0.1"
        try gate.testbed.stranger.command("ip", "route", "add", target, "via", router)
        // The forged packets do arrive: another table counts them at the same hook.
        try gate.testbed.gateway.command(
            "nft",
            "add table netdev probe; add chain netdev probe c "
                + "{ type filter hook ingress device wan0 priority -200; };"
                + "add rule netdev probe c udp sport 4000 udp dport 5000 counter")
        try forger.send(0..<20, to: hosts.outside)
        #expect(b.receive().isEmpty)
        #expect(gate.report(7)?.paths.first?.outgoing == Traffic())
        #expect(try gate.testbed.gateway.command("nft", "list", "table", "netdev", "probe").contains("packets 20 "))
        // The same packets from the right side pass.
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        try a.send(0..<20, to: hosts.outside)
        #expect(b.receive(20).count == 20)
    }

    @Test(arguments: MediaForwarding.allCases)
    func `a path behind a router uses the router as next hop`(forwarding: MediaForwarding) throws {
        let gate = try GatewayFixture("router", forwarding: forwarding)
        let inside = endpoint("10.1.0.2:4000")
        let far = endpoint("10.3.0.9:6000")
        let a = try PacketPump(inside, in: gate.testbed.inside)
        let b = try PacketPump(far, in: gate.testbed.outside)
        #expect(gate.ask(.narrow(session, Holes(paths: [MediaPath(inside: inside, outside: far)]))) == .completed)
        try a.send(0..<10, to: far)
        #expect(b.receive(10).count == 10)
        try b.send(0..<10, to: inside)
        #expect(a.receive(10).count == 10)
    }

    @Test(arguments: MediaForwarding.allCases)
    func `early media stays half-open beside an exact path`(forwarding: MediaForwarding) throws {
        let gate = try GatewayFixture("early", forwarding: forwarding)
        let hosts = Addressing.both[0]
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let c = try PacketPump(hosts.stranger, in: gate.testbed.stranger)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        let holes = Holes(halfOpen: [hosts.inside], paths: [hosts.path])
        #expect(gate.ask(.narrow(session, holes)) == .completed)
        try b.send(0..<40, to: hosts.inside)
        #expect(a.receive(40).count == 40)
        try c.send(0..<3, to: hosts.inside)
        #expect(a.receive(3).count == 3)
        #expect(gate.report(7)?.halfOpen.first?.incoming.packets == 3)
        #expect(gate.report(7)?.paths.first?.incoming.packets == 40)
    }
}
