import GateProtocol
import Lab
import Netfilter
import Testing
import Wire

/// Next hops are remembered, and forgotten when the kernel tells of a change.
@Suite(.serialized) struct RouteChangeTests {
    private static let far4 = IPAddress.v4(0x0A03_0009)
    private static let far6 = IPAddress.v6(0xFD00_0003 << 32, 9)

    /// The way at this moment, as the gatekeeper asks for it.
    private func route(_ address: IPAddress, _ gate: GatewayFixture) throws -> Route {
        _ = try gate.firewall.ownAddresses()
        // Asked for twice: the second answer is the remembered one.
        let first = try gate.firewall.route(to: address)
        #expect(try gate.firewall.route(to: address) == first)
        return first
    }

    @Test(arguments: [
        (far4, "10.3.0.0/24", "10.2.0.71", "10.2.0.72", "10.2.0.73"),
        (far6, "fd00:3::/64", "fd00:2::71", "fd00:2::72", "fd00:2::73"),
    ])
    func `a route, a rule and a link that change are followed at once`(
        far: IPAddress, prefix: String, first: String, second: String, third: String
    ) throws {
        let gate = try GatewayFixture("routes")
        let gateway = gate.testbed.gateway
        let family = far.isIPv6 ? "-6" : "-4"
        let wan = gate.firewall.outsideInterface
        func hop(_ text: String) throws -> Route { .via(try #require(IPAddress(text)), interface: wan) }

        _ = try gateway.command("ip", family, "route", "replace", prefix, "via", first, "dev", "wan0")
        #expect(try route(far, gate) == hop(first))
        _ = try gateway.command("ip", family, "route", "change", prefix, "via", second, "dev", "wan0")
        #expect(try route(far, gate) == hop(second))

        // Another table, by a rule.
        _ = try gateway.command("ip", family, "route", "add", prefix, "via", third, "dev", "wan0", "table", "77")
        #expect(try route(far, gate) == hop(second))
        _ = try gateway.command("ip", family, "rule", "add", "to", prefix, "lookup", "77")
        #expect(try route(far, gate) == hop(third))
        _ = try gateway.command("ip", family, "rule", "del", "to", prefix, "lookup", "77")
        #expect(try route(far, gate) == hop(second))

        // A next hop object that is replaced under the route.
        _ = try gateway.command("ip", "nexthop", "add", "id", "5", "via", first, "dev", "wan0")
        _ = try gateway.command("ip", family, "route", "replace", prefix, "nhid", "5")
        #expect(try route(far, gate) == hop(first))
        _ = try gateway.command("ip", "nexthop", "replace", "id", "5", "via", third, "dev", "wan0")
        #expect(try route(far, gate) == hop(third))

        _ = try gateway.command("ip", family, "route", "replace", "unreachable", prefix, "metric", "1")
        _ = try gateway.command("ip", family, "route", "del", prefix, "nhid", "5")
        #expect(try route(far, gate) == .none)
    }

    @Test func `a link that goes down takes its routes with it, and hands no packet to a next hop that was`() throws {
        let gate = try GatewayFixture("link")
        let gateway = gate.testbed.gateway
        let path = MediaPath(inside: endpoint("10.1.0.2:4000"), outside: Endpoint(Self.far4, 6000))
        _ = try gateway.command("ip", "route", "replace", "10.3.0.0/24", "via", "10.2.0.71", "dev", "wan0")
        #expect(gate.ask(.narrow(SessionID(1), Holes(paths: [path]))) == .completed)
        #expect(gate.ask(.close(SessionID(1))).isDone)
        _ = try gateway.command("ip", "link", "set", "wan0", "down")
        #expect(try route(Self.far4, gate) != .via(.v4(0x0A02_0047), interface: gate.firewall.outsideInterface))
        guard case .refused(let refusal) = gate.ask(.narrow(SessionID(2), Holes(paths: [path]))) else {
            Issue.record("a hole was opened that leads nowhere")
            return
        }
        #expect(refusal.reason == .noRoute)
        _ = try gateway.command("ip", "link", "set", "wan0", "up")
        _ = try gateway.command("ip", "route", "replace", "10.3.0.0/24", "via", "10.2.0.72", "dev", "wan0")
        #expect(gate.ask(.narrow(SessionID(2), Holes(paths: [path]))) == .completed)
    }

    @Test func `an element that expired is missed by nobody: its session closes and narrows like any other`() throws {
        let gate = try GatewayFixture("missing", isOwned: false)
        let hosts = Addressing.both[0]
        #expect(gate.ask(.openFromAny(SessionID(1), inside: [hosts.inside])) == .completed)
        _ = try gate.testbed.gateway.command("nft", "flush", "map", "netdev", "sekisho", "any4")
        #expect(gate.ask(.narrow(SessionID(1), Holes(paths: [hosts.path]))) == .completed)
        _ = try gate.testbed.gateway.command("nft", "flush", "map", "netdev", "sekisho", "out4")
        #expect(gate.missing([SessionID(1)]) == [])
        #expect(gate.report(1)?.paths.map(\.path) == [hosts.path])
        _ = try gate.testbed.gateway.command("nft", "flush", "map", "netdev", "sekisho", "in4")
        #expect(gate.ask(.close(SessionID(1))).isDone)
        #expect(gate.gatekeeper.sessionCount == 0)
    }
}
