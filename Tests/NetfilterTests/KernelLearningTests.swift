import GateProtocol
import Lab
import Netfilter
import Testing
import Wire

/// Learning with the kernel's own log of packets, packet by packet, on both media paths.
@Suite(.serialized) struct KernelLearningTests {
    private let session = SessionID(7)
    private let phone = endpoint("10.1.0.2:4000")
    private let peer = endpoint("10.2.0.2:40000")
    private let told = endpoint("192.168.1.7:5000")

    private var asked: LearningPath { LearningPath(inside: phone, told: told, from: peer.address) }

    @Test(arguments: MediaForwarding.allCases, [false, true])
    func `the first packet of the peer opens its path; a stranger's, and another port's later, open nothing`(
        forwarding: MediaForwarding, translates: Bool
    ) throws {
        let translation = TranslationSettings(
            addresses: [try #require(IPAddress("10.2.0.1"))], ports: 20_000...20_999)
        let gate = try GatewayFixture(
            "learn", translation: translates ? translation : nil, forwarding: forwarding)
        let log = try gate.testbed.gateway.run { try PacketLog(group: 5_060) }
        func look() { log.read { gate.gatekeeper.noteMiss(from: $0, to: $1, at: gate.now) } }
        let a = try PacketPump(phone, in: gate.testbed.inside)
        let b = try PacketPump(peer, in: gate.testbed.outside)
        let bLater = try PacketPump(endpoint("10.2.0.2:40002"), in: gate.testbed.outside)
        let c = try PacketPump(endpoint("10.2.0.3:40000"), in: gate.testbed.stranger)

        var external = phone
        let reply = gate.ask(.narrow(session, Holes(learning: [asked])))
        if case .bound(let bindings) = reply { external = bindings.first?.external ?? phone }
        #expect(reply.isDone && (external != phone) == translates)
        // A stranger comes before the peer.
        try c.send(0..<10, to: external)
        #expect(a.receive().isEmpty)
        look()
        #expect(gate.report(7)?.paths == [])
        // The peer's first packet is seen and not delivered; the next ones are.
        try b.send(0..<1, to: external)
        #expect(a.receive().isEmpty)
        look()
        #expect(gate.report(7)?.paths.map(\.path) == [MediaPath(inside: phone, outside: peer)])
        try b.send(1..<50, to: external)
        #expect(a.receive(49).map(\.number) == Array(1..<50))
        try a.send(0..<50, to: peer)
        #expect(b.receive(50).map(\.number) == Array(0..<50))
        // Nobody else has anything delivered or learned after that, and a renewal changes nothing.
        for other in [bLater, c] {
            try other.send(0..<20, to: external)
            #expect(a.receive().isEmpty)
            look()
            #expect(gate.missing([session]) == [])
            #expect(gate.ask(.narrow(session, Holes(learning: [asked]))).isDone)
            try other.send(0..<20, to: external)
            #expect(a.receive().isEmpty)
            look()
        }
        try a.send(0..<10, to: bLater.endpoint)
        #expect(bLater.receive().isEmpty)
        #expect(gate.report(7)?.paths.map(\.path) == [MediaPath(inside: phone, outside: peer)])
        try b.send(50..<60, to: external)
        #expect(a.receive(10).map(\.number) == Array(50..<60))
        // It closes like any other path.
        #expect(gate.ask(.close(session)).isDone)
        try b.send(0..<10, to: external)
        #expect(a.receive().isEmpty)
        look()
        #expect(gate.report(7) == nil)
    }
}
