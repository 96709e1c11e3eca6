import GateProtocol
import Glibc
import Lab
import Netfilter
import Testing
import Wire

/// Open paths follow the kernel's routes and interfaces.
@Suite(.serialized) struct FollowingTests {
    private let session = SessionID(7)
    private let inside = endpoint("10.1.0.2:4000")
    private let far = endpoint("10.3.0.9:6000")

    private var path: MediaPath { MediaPath(inside: inside, outside: far) }

    /// A gateway that knows two ways to 10.3.0.9: one by the callee and one by the stranger, both of whom have that address.
    private func gate(_ name: String, _ forwarding: MediaForwarding = .fast) throws -> GatewayFixture {
        let gate = try GatewayFixture(name, forwarding: forwarding)
        try gate.testbed.stranger.command("ip", "addr", "add", "10.3.0.9/32", "dev", "lo")
        return gate
    }

    private func route(_ gate: GatewayFixture, _ words: String...) throws {
        try gate.testbed.gateway.command("sh", "-c", "ip route \(words.joined(separator: " "))")
    }

    @Test func `a path goes another way without losing a packet`() throws {
        let gate = try gate("other")
        let a = try PacketPump(inside, in: gate.testbed.inside)
        let first = try PacketPump(far, in: gate.testbed.outside)
        let second = try PacketPump(far, in: gate.testbed.stranger)
        #expect(gate.ask(.narrow(session, Holes(paths: [path]))) == .completed)
        let destination = far
        // Neighbours are known by then: what is looked for meanwhile is not to be mistaken for a loss.
        try PacketPump(endpoint("10.2.0.1:9000"), in: gate.testbed.gateway).send(0, to: endpoint("10.2.0.3:9000"))
        for _ in 0..<100
        where try !gate.testbed.gateway.command("ip", "neigh", "show", "10.2.0.3").contains("lladdr") { usleep(20_000) }
        let sender = try Background { try a.send(0..<20_000, to: destination) }
        try route(gate, "replace 10.3.0.0/24 via 10.2.0.3 dev wan0")
        let followed = try gate.gatekeeper.follow(at: gate.now)
        #expect(followed.moved == 1 && followed.suspended.isEmpty)
        try sender.join()
        try a.send(20_000..<20_010, to: destination)
        let (early, late) = (first.receive(), second.receive())
        #expect(early.count + late.count == 20_010)
        #expect(late.suffix(10).map(\.number) == Array(20_000..<20_010))
        #expect(try gate.gatekeeper.follow(at: gate.now).isEmpty)
        // A packet that another CPU is counting while its element is replaced may be missing.
        let counted = try #require(gate.report(7)?.paths.first?.outgoing.packets)
        #expect(counted <= 20_010 && counted >= 20_000)
    }

    @Test(arguments: MediaForwarding.allCases)
    func `a path that leads nowhere is closed until it leads somewhere`(forwarding: MediaForwarding) throws {
        let gate = try gate("nowhere", forwarding)
        let a = try PacketPump(inside, in: gate.testbed.inside)
        let b = try PacketPump(far, in: gate.testbed.outside)
        let other = Addressing.both[0].path
        #expect(gate.ask(.narrow(session, Holes(paths: [path]))) == .completed)
        #expect(
            gate.ask(.narrow(SessionID(8), Holes(paths: [MediaPath(inside: inside, outside: other.outside)])))
                == .completed)
        try b.send(0..<10, to: inside)
        #expect(a.receive(10).count == 10)
        for (change, reason) in [
            ("del 10.3.0.0/24", GateRefusal.Reason.noRoute),
            ("replace 10.3.0.0/24 via 10.1.0.9 dev lan0", .wrongInterface),
        ] {
            try route(gate, change)
            let gone = try gate.gatekeeper.follow(at: gate.now)
            #expect(gone.suspended.map(\.session) == [session])
            #expect(gone.suspended.map(\.refusal) == [GateRefusal(reason, endpoint: far)])
            try b.send(0..<10, to: inside)
            #expect(a.receive().isEmpty)
            #expect(try gate.firewall.heldElements().count == 2)
            // Its place and its counts are kept, and renewing does not open it.
            #expect(gate.missing([session, SessionID(8)]) == [])
            #expect(try gate.firewall.heldElements().count == 2)
            #expect(gate.report(7)?.paths.map(\.incoming.packets) == [10])
            try route(gate, "replace 10.3.0.0/24 via 10.2.0.2 dev wan0")
            #expect(try gate.gatekeeper.follow(at: gate.now).resumed == 1)
            try route(gate, "replace 10.3.0.0/24 via 10.2.0.2 dev wan0 metric 0")
        }
        try b.send(0..<10, to: inside)
        #expect(a.receive(10).count == 10)
        #expect(gate.report(7)?.paths.map(\.incoming.packets) == [20])
        #expect(gate.ask(.close(session)).isDone)
        #expect(gate.ask(.close(SessionID(8))).isDone)
        #expect(try gate.firewall.heldElements().isEmpty)
    }

    @Test func `nothing is open for longer because it goes another way`() throws {
        let gate = try gate("time")
        let half = Holes(halfOpen: [endpoint("10.1.0.2:4002")], paths: [path])
        #expect(gate.ask(.narrow(session, half)) == .completed)
        gate.now = gate.now + .seconds(40)
        try route(gate, "replace 10.3.0.0/24 via 10.2.0.3 dev wan0")
        #expect(try gate.gatekeeper.follow(at: gate.now).moved == 1)
        let moved = try gate.firewall.heldElements().filter { $0.element.nextHop == IPAddress("10.2.0.3") }
        #expect(moved.count == 1)
        #expect(moved.allSatisfy { $0.remaining <= .seconds(20) && $0.remaining > .seconds(10) }, "\(moved)")
        #expect(gate.gatekeeper.expire(at: gate.now + .seconds(21)) == [session])
        #expect(try gate.firewall.heldElements().isEmpty)
    }

    @Test func `an interface that goes and comes back, and one that takes shorter packets, is served again`() throws {
        let gate = try GateProcess("interface")
        let child = try gate.startReady()
        let client = try gate.connect()
        let hosts = Addressing.both[0]
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        #expect(try client.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        try b.send(0..<5, to: hosts.inside)
        #expect(a.receive(5).count == 5)

        try gate.testbed.gateway.command("ip", "link", "delete", "wan0")
        try child.expect("interface wan0 is gone; no media passes until it is back")
        try Command.output([
            "sh", "-e", "-c",
            """
            ip -n \(gate.testbed.ethernet.name) link add p0 type veth peer name wan0 netns \(gate.testbed.gateway.name)
            ip -n \(gate.testbed.ethernet.name) link set p0 master br0 up
            ip -n \(gate.testbed.gateway.name) addr add 10.2.0.1/24 dev wan0
            ip -n \(gate.testbed.gateway.name) link set wan0 up
            """,
        ])
        try child.expect("interface wan0 is there again")
        func passes() throws -> Bool {
            for _ in 0..<100 {
                try b.send(0, to: hosts.inside)
                try a.send(0, to: hosts.outside)
                if !a.receive(1).isEmpty, !b.receive(1).isEmpty { return true }
                usleep(50_000)
            }
            return false
        }
        #expect(try passes())
        #expect(
            try gate.testbed.gateway.command("nft", "list", "chain", "netdev", "sekisho", "outside").contains("wan0"))

        try gate.testbed.gateway.command("ip", "link", "set", "wan0", "mtu", "1400")
        for _ in 0..<100 where try !gate.ruleset().contains("meta length > 1400") { usleep(50_000) }
        #expect(try gate.ruleset().contains("meta length > 1400"))
        #expect(try passes())
        #expect(try client.ask(.close(session))?.isDone == true)
        try b.send(0..<5, to: hosts.inside)
        #expect(a.receive().isEmpty)
        child.signal(SIGTERM)
        #expect(child.wait(seconds: 10) == 0)
    }

    @Test func `all that moves moves in one transaction, or nothing does`() throws {
        let kernel = FirewallFake()
        func route(_ prefix: String, _ hop: String, _ interface: UInt32) throws -> (prefix: Prefix, route: Route) {
            (try #require(Prefix(prefix)), .via(try #require(IPAddress(hop)), interface: interface))
        }
        kernel.routes = [try route("10.1.0.0/24", "10.1.0.2", 1), try route("10.3.0.0/24", "10.2.0.2", 2)]
        var gatekeeper = Gatekeeper(
            kernel: kernel, policy: PinholePolicy(inside: GatewayFixture.insidePrefixes), halfOpenAllowed: true,
            holeTimeout: .seconds(60))
        let now = MonotonicTime(nanoseconds: 0)
        for number in 1...100 as ClosedRange<UInt16> {
            let path = MediaPath(inside: Endpoint(inside.address, 4000 + number), outside: far)
            let reply = gatekeeper.handle(.narrow(SessionID(UInt64(number)), Holes(paths: [path])), at: now).reply
            #expect(reply == .completed)
        }
        #expect(try gatekeeper.follow(at: now).isEmpty)
        let (before, transactions) = (kernel.elements, kernel.transactions.count)
        kernel.routes[1] = try route("10.3.0.0/24", "10.2.0.9", 2)
        // The addresses, two ways for each path, and then the transaction.
        kernel.faults[kernel.calls + 1 + 200] = EBUSY
        #expect(throws: NetfilterError.self) { try gatekeeper.follow(at: now) }
        #expect(kernel.elements == before && kernel.transactions.count == transactions)
        #expect(try gatekeeper.follow(at: now).moved == 100)
        #expect(kernel.transactions.count == transactions + 1)
        #expect(kernel.transactions.last?.old.count == 100 && kernel.transactions.last?.wanted.count == 100)
        #expect(kernel.elements.count == 200)
        #expect(kernel.elements.values.count { $0.nextHop == IPAddress("10.2.0.9") } == 100)
    }

    @Test func `the process follows routes by itself`() throws {
        let gate = try GateProcess("follows")
        let child = try gate.startReady()
        let client = try gate.connect()
        try gate.testbed.stranger.command("ip", "addr", "add", "10.3.0.9/32", "dev", "lo")
        let a = try PacketPump(inside, in: gate.testbed.inside)
        let second = try PacketPump(far, in: gate.testbed.stranger)
        #expect(try client.ask(.narrow(session, Holes(paths: [path]))) == .completed)
        try gate.testbed.gateway.command("ip", "route", "replace", "10.3.0.0/24", "via", "10.2.0.3", "dev", "wan0")
        try child.expect("routes changed: 1 sessions go by other neighbours")
        try a.send(0..<5, to: far)
        #expect(second.receive(5).count == 5)
        try gate.testbed.gateway.command("ip", "route", "del", "10.3.0.0/24")
        try child.expect("closed a path of 0000000000000007 until it leads somewhere")
        try a.send(0..<5, to: far)
        #expect(second.receive().isEmpty)
        child.signal(SIGTERM)
        #expect(child.wait(seconds: 10) == 0)
    }
}
