import GateProtocol
import Glibc
import Lab
import Testing
import Wire

@testable import Netfilter

/// What no hole lets through is seen, and is dropped or goes its way all the same.
@Suite(.serialized) struct KernelNearMissTests {
    @Test(arguments: Addressing.both)
    func `packets from elsewhere than the answer said are near misses of their call`(hosts: Addressing) throws {
        let gate = try GatewayFixture("miss\(hosts.name)")
        let log = try gate.testbed.gateway.run { try PacketLog(group: 5_060) }
        #expect(gate.ask(.narrow(SessionID(7), Holes(paths: [hosts.path]))) == .completed)
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let aOther = try PacketPump(hosts.insideOtherPort, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        let bOther = try PacketPump(hosts.outsideOtherPort, in: gate.testbed.outside)
        func take() {
            log.read { gate.gatekeeper.noteMiss(from: $0, to: $1, at: gate.now) }
        }
        // What goes through is none.
        try a.send(0..<20, to: hosts.outside)
        try b.send(0..<20, to: hosts.inside)
        #expect(a.receive(20).count == 20 && b.receive(20).count == 20)
        take()
        #expect(gate.report(7)?.nearMisses == [])
        try bOther.send(0..<30, to: hosts.inside)
        try aOther.send(0..<20, to: hosts.outside)
        try b.send(0..<10, to: hosts.insideOtherPort)
        #expect(a.receive().isEmpty && aOther.receive().isEmpty && b.receive().isEmpty)
        take()
        #expect(
            gate.report(7)?.nearMisses == [
                NearMiss(source: hosts.outsideOtherPort, destination: hosts.inside, packets: 30),
                NearMiss(source: hosts.insideOtherPort, destination: hosts.outside, packets: 20),
                NearMiss(source: hosts.outside, destination: hosts.insideOtherPort, packets: 10),
            ])
        // A call that closes tells its own to the end.
        guard case .closed(let last) = gate.ask(.close(SessionID(7))) else {
            Issue.record("not closed")
            return
        }
        #expect(last.nearMisses.count == 3 && last.paths.first?.incoming.packets == 20)
    }

    @Test func `a flood is a sample`() throws {
        let hosts = Addressing.both[0]
        let gate = try GatewayFixture("missflood")
        let log = try gate.testbed.gateway.run { try PacketLog(group: 5_060) }
        #expect(gate.ask(.openFromAny(SessionID(1), inside: [hosts.insideOtherPort])) == .completed)
        let c = try PacketPump(hosts.stranger, in: gate.testbed.stranger)
        try c.send(0..<5_000, to: hosts.inside)
        var count = 0
        log.read { _, _ in count += 1 }
        // A hundred at once, and a hundred for each second that it took.
        #expect(count >= 100 && count < 2_500, "\(count)")
    }

    @Test func `a group that another program has is said to be taken`() throws {
        let gate = try GatewayFixture("missgroup")
        let first = try gate.testbed.gateway.run { try PacketLog(group: 5_060) }
        let error = #expect(throws: NetfilterError.self) {
            _ = try gate.testbed.gateway.run { try PacketLog(group: 5_060) }
        }
        #expect(error?.errno == EPERM)
        #expect(error?.advice?.contains("nflog_group") == true)
        withExtendedLifetime(first) {}
    }
}
