import GateProtocol
import Glibc
import Lab
import Netfilter
import Testing
import Wire

/// What the kernel does with elements: timeouts, renewal, limits, errors.
@Suite(.serialized) struct KernelElementTests {
    private let hosts = Addressing.both[0]
    private let s1 = SessionID(1)
    private let s2 = SessionID(2)

    private func reason(_ reply: GateReply) -> GateRefusal.Reason? {
        if case .refused(let refusal) = reply { refusal.reason } else { nil }
    }

    /// A session of its own for each number: RTP alone.
    private func holes(_ number: UInt64) -> Holes {
        let port = UInt16(20_000 + number % 40_000)
        return Holes(paths: [
            MediaPath(inside: Endpoint(hosts.inside.address, port), outside: Endpoint(hosts.outside.address, port))
        ])
    }

    @Test(arguments: MediaForwarding.allCases)
    func `a hole that is not renewed closes by itself`(forwarding: MediaForwarding) throws {
        let gate = try GatewayFixture("expire", holeTimeout: .seconds(1), forwarding: forwarding)
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        #expect(gate.ask(.narrow(s1, Holes(halfOpen: [hosts.inside], paths: [hosts.path]))) == .completed)
        try b.send(0..<10, to: hosts.inside)
        #expect(a.receive(10).count == 10)
        usleep(1_200_000)
        try b.send(0..<10, to: hosts.inside)
        try a.send(0..<10, to: hosts.outside)
        #expect(a.receive().isEmpty)
        #expect(b.receive().isEmpty)
        // The gatekeeper's clock was not moved, so it still knows the session: a renewal opens it again.
        #expect(gate.missing([s1]) == [])
        try b.send(0..<10, to: hosts.inside)
        #expect(a.receive(10).count == 10)
        // When the time has passed for the gatekeeper too, the session is gone.
        #expect(gate.gatekeeper.expire(at: gate.now + .seconds(2)) == [s1])
        try b.send(0..<10, to: hosts.inside)
        #expect(a.receive().isEmpty)
    }

    @Test(arguments: MediaForwarding.allCases)
    func `renewal outlives the timeout and keeps the counts`(forwarding: MediaForwarding) throws {
        let gate = try GatewayFixture("renew", holeTimeout: .seconds(1), forwarding: forwarding)
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        #expect(gate.ask(.narrow(s1, Holes(halfOpen: [hosts.inside], paths: [hosts.path]))) == .completed)
        #expect(gate.ask(.renew([s1])) == .renewed(missing: [], silent: [s1]))
        for round in 0..<6 {
            usleep(400_000)
            // Packets went through since the renewal before this one, if there was a round before it.
            #expect(gate.ask(.renew([s1])) == .renewed(missing: [], silent: round == 0 ? [s1] : []))
            try b.send(0..<10, to: hosts.inside)
            #expect(a.receive(10).count == 10)
        }
        #expect(gate.report(1)?.paths.first?.incoming.packets == 60)
    }

    @Test(arguments: MediaForwarding.allCases)
    func `no packet is lost while holes are renewed`(forwarding: MediaForwarding) throws {
        let gate = try GatewayFixture("flow", forwarding: forwarding)
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        #expect(gate.ask(.narrow(s1, Holes(paths: [hosts.path]))) == .completed)
        try b.send(0, to: hosts.inside)
        #expect(a.receive(1).count == 1)
        let destination = hosts.inside
        let sender = try Background { try b.send(0..<20_000, to: destination) }
        for _ in 0..<500 { #expect(gate.missing([s1]) == []) }
        try sender.join()
        #expect(a.receive(20_000).count == 20_000)
        // A packet that another CPU is counting while its element is replaced may be missing from the report.
        let counted = try #require(gate.report(1)?.paths.first?.incoming.packets)
        #expect(counted <= 20_001 && counted >= 20_001 - 20, "\(counted)")
    }

    @Test(arguments: MediaForwarding.allCases)
    func `no packet of a stream that goes on is lost while others come and go`(forwarding: MediaForwarding) throws {
        let gate = try GatewayFixture("change", forwarding: forwarding)
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        #expect(gate.ask(.narrow(s1, Holes(paths: [hosts.path]))) == .completed)
        let destination = hosts.inside
        let sender = try Background { try b.send(0..<20_000, to: destination) }
        // A video stream is offered, agreed on, moved and removed, as by re-INVITEs.
        for _ in 0..<150 {
            for change in [
                Holes(halfOpen: holes(7).paths.map(\.inside), paths: [hosts.path]),
                Holes(paths: [hosts.path] + holes(7).paths), Holes(paths: holes(8).paths + [hosts.path]),
                Holes(paths: [hosts.path]),
            ] {
                #expect(gate.ask(.narrow(s1, change)) == .completed)
            }
        }
        try sender.join()
        #expect(a.receive(20_000).count == 20_000)
    }

    @Test func `a batch that fails changes nothing`() throws {
        let gate = try GatewayFixture("atomic", isOwned: false)
        #expect(gate.ask(.narrow(s1, holes(1))) == .completed)
        // Somebody else puts an element with other data where ours would go: EBUSY for the whole batch.
        try gate.testbed.gateway.command(
            "nft", "add element netdev sekisho in4 { 10.2.0.2 . 20002 . 10.1.0.2 . 20002 timeout 9s : 10.1.0.77 }")
        let listing = "nft list table netdev sekisho | sed 's/expires[^:]*//'"
        let before = try gate.testbed.gateway.command("sh", "-c", listing)
        let both = Holes(paths: holes(3).paths + holes(2).paths)
        let outcome = gate.gatekeeper.handle(.narrow(s1, both), at: gate.now)
        #expect(reason(outcome.reply) == .kernel)
        #expect(outcome.error?.attempt == .addElements(.in4))
        #expect(outcome.error?.cause == .element)
        #expect(try gate.testbed.gateway.command("sh", "-c", listing) == before)
        #expect(gate.report(1)?.holes == holes(1))
        #expect(gate.ask(.narrow(s2, holes(3))) == .completed)
    }

    @Test func `a batch that deletes first and fails changes nothing`() throws {
        let gate = try GatewayFixture("keeps", isOwned: false)
        #expect(gate.ask(.openFromAny(s1, inside: [hosts.inside])) == .completed)
        try gate.testbed.gateway.command(
            "nft", "add element netdev sekisho in4 { 10.2.0.2 . 20002 . 10.1.0.2 . 20002 timeout 9s : 10.1.0.77 }")
        let listing = "nft list table netdev sekisho | sed 's/expires[^:]*//'"
        let before = try gate.testbed.gateway.command("sh", "-c", listing)
        let outcome = gate.gatekeeper.handle(.narrow(s1, holes(2)), at: gate.now)
        #expect(reason(outcome.reply) == .kernel)
        #expect(outcome.error?.attempt == .addElements(.in4))
        #expect(try gate.testbed.gateway.command("sh", "-c", listing) == before)
        #expect(gate.report(1)?.holes == Holes(halfOpen: [hosts.inside]))
        #expect(gate.ask(.narrow(s1, holes(1))) == .completed)
        #expect(gate.ask(.close(s1)).isDone)
        let left = try gate.testbed.gateway.command("nft", "list", "map", "netdev", "sekisho", "any4")
        #expect(!left.contains("elements"))
    }

    @Test func `a table that is gone is made anew by the next request, with what it held`() throws {
        let gate = try GatewayFixture("cause", isOwned: false)
        #expect(gate.ask(.narrow(s1, holes(1))) == .completed)
        let requests = [GateRequest.narrow(s2, holes(2)), .renew([s1]), .list(after: nil), .close(s2)]
        for (index, request) in requests.enumerated() {
            try gate.testbed.gateway.command("nft", "delete", "table", "netdev", "sekisho")
            let key = ElementKey.any(to: hosts.inside)
            let error = #expect(throws: NetfilterError.self) { try gate.firewall.counters(of: [key]) }
            #expect(error?.cause == .table)
            #expect(gate.gatekeeper.handle(request, at: gate.now).error == nil)
            #expect(gate.gatekeeper.restorations == index + 1)
            #expect(gate.report(1)?.holes == holes(1))
        }
        #expect(gate.gatekeeper.sessionCount == 1)
        #expect(try gate.firewall.heldElements().count == 2)
    }

    @Test func `what the kernel refuses one of several is refused that one`() throws {
        let gate = try GatewayFixture("group", isOwned: false)
        try gate.testbed.gateway.command(
            "nft", "add element netdev sekisho in4 { 10.2.0.2 . 20002 . 10.1.0.2 . 20002 timeout 9s : 10.1.0.77 }")
        let requests = [GateRequest.narrow(s1, holes(1)), .narrow(s2, holes(2)), .narrow(SessionID(3), holes(3))]
        let outcomes = gate.gatekeeper.handle(requests, at: gate.now)
        #expect(outcomes.map { reason($0.reply) } == [nil, .kernel, nil])
        #expect(outcomes[1].error?.attempt == .addElements(.in4))
        #expect(gate.report(1)?.holes == holes(1))
        #expect(gate.report(2) == nil)
        #expect(gate.report(3)?.holes == holes(3))
    }

    @Test func `several that close together say what each counted`() throws {
        let gate = try GatewayFixture("counts", isOwned: false)
        let v6 = Addressing.both[1]
        let open = [GateRequest.narrow(s1, Holes(paths: [hosts.path])), .narrow(s2, Holes(paths: [v6.path]))]
        #expect(gate.gatekeeper.handle(open, at: gate.now).map(\.reply) == [.completed, .completed])
        for (addresses, packets) in [(hosts, 3), (v6, 5)] as [(Addressing, UInt32)] {
            let a = try PacketPump(addresses.inside, in: gate.testbed.inside)
            let b = try PacketPump(addresses.outside, in: gate.testbed.outside)
            try b.send(0..<packets, to: addresses.inside)
            #expect(a.receive(Int(packets)).count == Int(packets))
        }
        // One element is gone already, as if it had expired: nobody fails for that.
        try gate.testbed.gateway.command("nft", "flush", "map", "netdev", "sekisho", "out6")
        let outcomes = gate.gatekeeper.handle([.close(s1), .close(s2)], at: gate.now)
        #expect(outcomes.map(\.reply.isDone) == [true, true])
        #expect(outcomes.map { $0.closed?.paths.first?.incoming.packets } == [3, 5])
    }

    @Test(arguments: MediaForwarding.allCases)
    func `a full map refuses and holds what it held`(forwarding: MediaForwarding) throws {
        let gate = try GatewayFixture("full", elementsPerMap: 3, forwarding: forwarding)
        for number in 1...3 as ClosedRange<UInt64> {
            #expect(gate.ask(.narrow(SessionID(number), holes(number))) == .completed)
        }
        #expect(gate.ask(.narrow(SessionID(4), holes(4))) == .refused(GateRefusal(.tableFull, errno: ENFILE)))
        // Replacing and renewing need no room.
        #expect(gate.missing([SessionID(1), SessionID(2), SessionID(3)]) == [])
        #expect(gate.ask(.close(SessionID(2))).isDone)
        #expect(gate.ask(.narrow(SessionID(4), holes(4))) == .completed)
    }

    @Test func `two sessions never share a hole`() throws {
        let gate = try GatewayFixture("own")
        #expect(gate.ask(.narrow(s1, Holes(halfOpen: [hosts.inside], paths: [hosts.path]))) == .completed)
        #expect(reason(gate.ask(.openFromAny(s2, inside: [hosts.inside]))) == .conflict)
        #expect(reason(gate.ask(.narrow(s2, Holes(paths: [hosts.path])))) == .conflict)
        #expect(gate.ask(.close(s2)).isDone)
        #expect(gate.report(1)?.holes == Holes(halfOpen: [hosts.inside], paths: [hosts.path]))
    }

    @Test(arguments: MediaForwarding.allCases)
    func `the routing table decides`(forwarding: MediaForwarding) throws {
        let gate = try GatewayFixture("routes", forwarding: forwarding)
        let gateway = gate.testbed.gateway
        try gateway.command("ip", "route", "add", "10.4.0.0/24", "via", "10.1.0.9")
        try gateway.command("ip", "route", "add", "unreachable", "10.5.0.0/24")
        try gateway.command("ip", "route", "add", "blackhole", "10.6.0.0/24")
        func to(_ outside: StaticString) -> GateRefusal.Reason? {
            reason(gate.ask(.narrow(s1, Holes(paths: [MediaPath(inside: hosts.inside, outside: endpoint(outside))]))))
        }
        #expect(to("10.3.0.9:5000") == nil)
        #expect(to("10.4.0.1:5000") == .wrongInterface)
        #expect(to("10.5.0.1:5000") == .noRoute)
        #expect(to("10.6.0.1:5000") == .noRoute)
        #expect(to("10.7.0.1:5000") == .noRoute)
        #expect(to("10.2.0.255:5000") == .noRoute)
        #expect(reason(gate.ask(.openFromAny(s2, inside: [endpoint("10.1.0.255:4000")]))) == .noRoute)
        #expect(gate.report(1)?.paths.first?.path.outside == endpoint("10.3.0.9:5000"))
    }

    @Test func `an address that the gateway gets is its own at once`() throws {
        let gate = try GatewayFixture("addr")
        let target = endpoint("10.1.0.50:4000")
        #expect(reason(gate.ask(.openFromAny(s1, inside: [endpoint("10.1.0.1:4000")]))) == .ownAddress)
        #expect(gate.ask(.openFromAny(s1, inside: [target])) == .completed)
        try gate.testbed.gateway.command("ip", "addr", "add", "10.1.0.50/24", "dev", "lan0")
        #expect(reason(gate.ask(.openFromAny(s1, inside: [target]))) == .ownAddress)
        try gate.testbed.gateway.command("ip", "addr", "del", "10.1.0.50/24", "dev", "lan0")
        #expect(gate.ask(.openFromAny(s1, inside: [target])) == .completed)
    }

    @Test func `two thousand sessions are renewed, listed and closed`() throws {
        let gate = try GatewayFixture("many")
        let sessions = (1...2000 as ClosedRange<UInt64>).map { SessionID($0) }
        for session in sessions { #expect(gate.ask(.narrow(session, holes(session.value))) == .completed) }
        for start in stride(from: 0, to: sessions.count, by: GateLimits.sessionsPerRenewal) {
            let part = Array(sessions[start..<min(start + GateLimits.sessionsPerRenewal, sessions.count)])
            #expect(gate.missing(part) == [])
        }
        var listed = 0
        var after: SessionID?
        while case .listed(let reports, let more) = gate.ask(.list(after: after)) {
            listed += reports.count
            after = reports.last?.session
            if !more { break }
        }
        #expect(listed == 2000)
        for session in sessions { #expect(gate.ask(.close(session)).isDone) }
        let left = try gate.testbed.gateway.command("nft", "list", "map", "netdev", "sekisho", "in4")
        #expect(!left.contains("elements"))
    }

    @Test func `a session with all its holes in both families fits one transaction`() throws {
        let gate = try GatewayFixture("wide")
        let v6 = Addressing.both[1]
        let paths = (0..<16 as Range<UInt16>).flatMap { number in
            [
                MediaPath(
                    inside: Endpoint(hosts.inside.address, 4000 + number),
                    outside: Endpoint(hosts.outside.address, 5000 + number)),
                MediaPath(
                    inside: Endpoint(v6.inside.address, 4000 + number),
                    outside: Endpoint(v6.outside.address, 5000 + number)),
            ]
        }
        #expect(gate.ask(.narrow(s1, Holes(paths: paths))) == .completed)
        #expect(gate.report(1)?.holes == Holes(paths: paths))
        #expect(gate.missing([s1]) == [])
        #expect(gate.ask(.openFromAny(s1, inside: [hosts.inside])) == .completed)
        #expect(gate.report(1)?.holes == Holes(halfOpen: [hosts.inside]))
    }
}
