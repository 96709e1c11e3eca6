import GateProtocol
import Lab
import Netfilter
import Testing
import Wire

/// Address translation in the kernel, packet by packet.
@Suite(.serialized) struct KernelTranslationTests {
    private let session = SessionID(7)
    private let phone = endpoint("10.1.0.2:4000")
    private let phoneRTCP = endpoint("10.1.0.2:4001")
    private let far = endpoint("10.2.0.2:5000")
    private let farRTCP = endpoint("10.2.0.2:5001")

    private var path: MediaPath { MediaPath(inside: phone, outside: far) }

    private func bindings(_ reply: GateReply) throws -> [Endpoint: Endpoint] {
        guard case .bound(let bindings) = reply else {
            Issue.record("not bound: \(reply)")
            return [:]
        }
        return Dictionary(uniqueKeysWithValues: bindings.map { ($0.inside, $0.external) })
    }

    private func gate(
        _ name: String, _ forwarding: MediaForwarding, isOwned: Bool = true, address: StaticString = "10.2.0.1"
    ) throws -> GatewayFixture {
        let translation = TranslationSettings(
            addresses: [try #require(IPAddress("\(address)"))], ports: 20_000...20_999)
        return try GatewayFixture(name, isOwned: isOwned, translation: translation, forwarding: forwarding)
    }

    @Test(arguments: MediaForwarding.allCases)
    func `a call is seen outside as an external endpoint, from half open to closed`(forwarding: MediaForwarding) throws
    {
        let gate = try gate("nat", forwarding)
        let a = try PacketPump(phone, in: gate.testbed.inside)
        let b = try PacketPump(far, in: gate.testbed.outside)
        let c = try PacketPump(endpoint("10.2.0.3:5000"), in: gate.testbed.stranger)
        let foreign = try gate.testbed.listForeignRules()

        let half = try bindings(gate.ask(.openFromAny(session, inside: [phone, phoneRTCP])))
        let external = try #require(half[phone])
        #expect(external.address == IPAddress("10.2.0.1") && external.port.isMultiple(of: 2))
        #expect(half[phoneRTCP] == Endpoint(external.address, external.port + 1))
        // Anyone may send there, at a limited rate; the phone's own address is not to be reached, and nothing goes out.
        try c.send(100..<103, to: external)
        #expect(a.receive(3).map(\.source) == [c.endpoint, c.endpoint, c.endpoint])
        try b.send(0..<10, to: phone)
        try a.send(0..<10, to: far)
        #expect(a.receive().isEmpty && b.receive().isEmpty)

        let open = try bindings(gate.ask(.narrow(session, Holes(paths: [path]))))
        #expect(open == [phone: external])
        try a.send(0..<50, to: far)
        try b.send(0..<60, to: external)
        let outgoing = b.receive(50)
        #expect(outgoing.map(\.number) == Array(0..<50))
        #expect(Set(outgoing.map(\.source)) == [external] && Set(outgoing.map(\.hopLimit)) == [63])
        let incoming = a.receive(60)
        #expect(incoming.map(\.number) == Array(0..<60) && Set(incoming.map(\.source)) == [far])
        // Nobody else, and no port beside it.
        try c.send(0..<50, to: external)
        try b.send(0..<50, to: Endpoint(external.address, external.port + 2))
        #expect(a.receive().isEmpty)
        let report = try #require(gate.report(7)?.paths.first)
        #expect(report.path == path && report.external == external)
        #expect(report.outgoing.packets == 50 && report.incoming.packets == 60)

        #expect(gate.ask(.close(session)).isDone)
        try a.send(0..<50, to: far)
        try b.send(0..<50, to: external)
        #expect(a.receive().isEmpty && b.receive().isEmpty)
        #expect(try gate.testbed.listForeignRules() == foreign)
    }

    @Test(arguments: MediaForwarding.allCases)
    func `checksums stay right, and a packet without one gets none`(forwarding: MediaForwarding) throws {
        let gate = try gate("natsum", forwarding)
        let a = try PacketPump(phone, in: gate.testbed.inside)
        let b = try PacketPump(far, in: gate.testbed.outside)
        let external = try #require(try bindings(gate.ask(.narrow(session, Holes(paths: [path]))))[phone])
        for (number, checksum) in RawDatagram.Checksum.allCases.enumerated() {
            let number = UInt32(number)
            try RawDatagram.send(number, from: phone, to: far, checksum, in: gate.testbed.inside)
            try RawDatagram.send(number, from: far, to: external, checksum, in: gate.testbed.outside)
        }
        // The receiving kernel drops the third, whose checksum was wrong before.
        #expect(b.receive().map(\.number) == [0, 1])
        #expect(a.receive().map(\.number) == [0, 1])
        #expect(gate.report(7)?.paths.first?.outgoing.packets == 3)
        // Half open too.
        _ = gate.ask(.openFromAny(SessionID(8), inside: [phoneRTCP]))
        let c = try PacketPump(phoneRTCP, in: gate.testbed.inside)
        for (number, checksum) in RawDatagram.Checksum.allCases.enumerated() {
            try RawDatagram.send(
                UInt32(number), from: farRTCP, to: Endpoint(external.address, external.port + 1), checksum,
                in: gate.testbed.outside)
        }
        #expect(c.receive().map(\.number) == [0, 1])
    }

    @Test(arguments: MediaForwarding.allCases)
    func `an address that is none of the machine's does as well when it is routed to it`(forwarding: MediaForwarding)
        throws
    {
        let gate = try gate("natrouted", forwarding, address: "192.0.2.7")
        for host in [gate.testbed.outside, gate.testbed.stranger] {
            try host.command("ip", "route", "add", "192.0.2.7/32", "via", "10.2.0.1")
        }
        let a = try PacketPump(phone, in: gate.testbed.inside)
        let b = try PacketPump(far, in: gate.testbed.outside)
        let external = try #require(try bindings(gate.ask(.narrow(session, Holes(paths: [path]))))[phone])
        try a.send(0..<5, to: far)
        try b.send(0..<5, to: external)
        #expect(b.receive(5).map(\.source) == Array(repeating: external, count: 5))
        #expect(a.receive(5).count == 5)
    }

    @Test(arguments: MediaForwarding.allCases)
    func `IPv6 is routed at the same time`(forwarding: MediaForwarding) throws {
        let gate = try gate("natsix", forwarding)
        let hosts = Addressing.both[1]
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        #expect(gate.ask(.narrow(SessionID(6), Holes(paths: [hosts.path]))) == .completed)
        try a.send(0..<5, to: hosts.outside)
        try b.send(0..<5, to: hosts.inside)
        #expect(b.receive(5).map(\.source) == Array(repeating: hosts.inside, count: 5))
        #expect(a.receive(5).count == 5)
    }

    @Test(arguments: MediaForwarding.allCases)
    func `a new gate goes on with the bindings, and gives their ports to nobody else`(forwarding: MediaForwarding)
        throws
    {
        let gate = try gate("natheir", forwarding, isOwned: false)
        let external = try #require(try bindings(gate.ask(.narrow(session, Holes(paths: [path]))))[phone])
        let next = try GatewayFixture(
            after: gate,
            translation: TranslationSettings(
                addresses: [external.address], ports: external.port...external.port + 1))
        #expect(next.firewall.isInherited)
        #expect(try next.gatekeeper.inherit(at: next.now).sessions == 1)
        let a = try PacketPump(phone, in: gate.testbed.inside)
        let b = try PacketPump(far, in: gate.testbed.outside)
        try a.send(0..<5, to: far)
        #expect(b.receive(5).map(\.source) == Array(repeating: external, count: 5))
        #expect(
            next.ask(.openFromAny(SessionID(9), inside: [endpoint("10.1.0.3:4000")]))
                == .refused(
                    GateRefusal(.noPort, endpoint: endpoint("10.1.0.3:4000"))))
        #expect(try bindings(next.ask(.narrow(session, Holes(paths: [path])))) == [phone: external])
        #expect(next.ask(.close(session)).isDone)
        try b.send(0..<5, to: external)
        #expect(a.receive().isEmpty)
    }

    @Test func `nft lists the rules and the elements`() throws {
        let gate = try gate("natlist", .fast, isOwned: false)
        let external = try #require(try bindings(gate.ask(.narrow(session, Holes(paths: [path]))))[phone])
        let listing = try gate.testbed.gateway.command("nft", "list", "table", "netdev", "sekisho")
        #expect(
            listing.contains(
                "ip saddr set ip saddr . udp sport . ip daddr . udp dport map @nat_out4 udp sport set udp sport "
                    + "fwd ip to ip daddr device \"wan0\""))
        #expect(listing.contains("10.1.0.2 . 4000 . 10.2.0.2 . 5000 counter packets 0 bytes 0 timeout 1m"))
        #expect(listing.contains(": 10.2.0.1 . \(external.port) . 10.2.0.2"))
        #expect(listing.contains("ip daddr 10.2.0.1 udp dport 20000-20999 counter packets 0 bytes 0 drop"))
    }
}
