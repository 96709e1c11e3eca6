import SIPText
import Testing

@testable import SIPTransactions

/// Every arrow of figure 5 of RFC 3261 as RFC 6026 has it, and every blank cell.
@Suite struct InviteClientTests {
    static let invite = Sample.request("INVITE")
    static let trying = Sample.response(100, to: invite)
    static let ringing = Sample.response(180, to: invite)
    static let ok = Sample.response(200, to: invite)
    static let otherOK = Sample.response(200, to: invite, tag: "b2")
    static let busy = Sample.response(486, to: invite)
    static let ack = Message.acknowledgement(of: busy, to: invite)

    static func machine(_ inputs: InviteClient.Input..., isReliable: Bool = false) -> InviteClient {
        var (machine, _) = InviteClient.start(invite, timers: Timers(), isReliable: isReliable)
        for input in inputs { _ = machine.handle(input) }
        return machine
    }

    @Test func `the INVITE is sent, over datagrams with timer A`() {
        let (_, udp) = InviteClient.start(Self.invite, timers: Timers(), isReliable: false)
        #expect(udp == [.send(Self.invite), .start(.a, .milliseconds(500)), .start(.b, .seconds(32))])
        let (_, tcp) = InviteClient.start(Self.invite, timers: Timers(), isReliable: true)
        #expect(tcp == [.send(Self.invite), .start(.b, .seconds(32))])
    }

    @Test func `timer A doubles without end, and B comes after the seventh INVITE`() {
        var tx = Self.machine()
        var elapsed = Duration.milliseconds(500)
        var sent = 1
        while elapsed < .seconds(32) {
            sent += 1
            let next = Duration.milliseconds(500) * (1 << (sent - 1))
            #expect(tx.handle(.fired(.a)) == [.send(Self.invite), .start(.a, next)])  // A
            elapsed += next
        }
        #expect(sent == 7)
        #expect(tx.handle(.fired(.b)) == [.cancel(.a), .timedOut, .ended])  // B
    }

    @Test func `over a connection B has no A to cancel`() {
        var tx = Self.machine(isReliable: true)
        #expect(tx.handle(.fired(.b)) == [.timedOut, .ended])  // B
    }

    @Test func `a transport error in calling is the end`() {
        var udp = Self.machine()
        #expect(udp.handle(.transportFailed) == [.cancel(.a), .cancel(.b), .failed, .ended])  // calling
        var tcp = Self.machine(isReliable: true)
        #expect(tcp.handle(.transportFailed) == [.cancel(.b), .failed, .ended])  // calling
    }

    @Test func `provisionals stop A and B and go to the TU`() {
        var tx = Self.machine()
        #expect(tx.handle(.provisional(Self.trying)) == [.cancel(.a), .cancel(.b), .deliver(Self.trying)])  // calling
        #expect(tx.handle(.provisional(Self.ringing)) == [.deliver(Self.ringing)])  // proceeding
        #expect(tx.handle(.fired(.a)) == [])  // fired while it was cancelled
        #expect(tx.handle(.fired(.b)) == [])
    }

    @Test func `a 2xx leads to accepted, where every further 2xx goes to the TU`() {
        var tx = Self.machine(.provisional(Self.trying))
        #expect(tx.handle(.success(Self.ok)) == [.deliver(Self.ok), .start(.m, .seconds(32))])  // proceeding: 2xx
        #expect(tx.handle(.success(Self.ok)) == [.deliver(Self.ok)])  // accepted: 2xx again, RFC 6026
        #expect(tx.handle(.success(Self.otherOK)) == [.deliver(Self.otherOK)])  // accepted: of another branch
        #expect(tx.handle(.fired(.m)) == [.ended])  // M
    }

    @Test func `a 2xx at once stops A and B`() {
        var udp = Self.machine()
        #expect(  // calling: 2xx
            udp.handle(.success(Self.ok)) == [.cancel(.a), .cancel(.b), .deliver(Self.ok), .start(.m, .seconds(32))])
        var tcp = Self.machine(isReliable: true)
        #expect(tcp.handle(.success(Self.ok)) == [.cancel(.b), .deliver(Self.ok), .start(.m, .seconds(32))])
    }

    @Test func `a failure is acknowledged each time and told once`() {
        var tx = Self.machine(.provisional(Self.trying))
        #expect(  // proceeding: 300-699
            tx.handle(.failure(Self.busy)) == [.send(Self.ack), .deliver(Self.busy), .start(.d, .seconds(32))])
        #expect(tx.handle(.failure(Self.busy)) == [.send(Self.ack)])  // completed: 300-699
        #expect(tx.handle(.fired(.d)) == [.ended])  // D
        #expect(tx.handle(.failure(Self.busy)) == [])
    }

    @Test func `a failure at once stops A and B, and D is zero over a connection`() {
        var udp = Self.machine()
        #expect(  // calling: 300-699
            udp.handle(.failure(Self.busy)) == [
                .cancel(.a), .cancel(.b), .send(Self.ack), .deliver(Self.busy), .start(.d, .seconds(32)),
            ])
        var tcp = Self.machine(isReliable: true)
        #expect(
            tcp.handle(.failure(Self.busy)) == [
                .cancel(.b), .send(Self.ack), .deliver(Self.busy), .start(.d, .zero),
            ])
    }

    @Test func `D is 32 seconds at least, whatever the own T1`() {
        for (t1, d) in [(Duration.milliseconds(10), Duration.seconds(32)), (.seconds(1), .seconds(64))] {
            var (tx, _) = InviteClient.start(Self.invite, timers: Timers(t1: t1), isReliable: false)
            #expect(tx.handle(.failure(Self.busy)).last == .start(.d, d))
        }
    }

    @Test func `an ACK that cannot be sent is the end`() {
        var tx = Self.machine(.failure(Self.busy))
        #expect(tx.handle(.transportFailed) == [.cancel(.d), .failed, .ended])  // completed: transport error
    }

    @Test func `the TU can give up`() {
        var calling = Self.machine()
        #expect(calling.handle(.giveUp) == [.cancel(.a), .cancel(.b), .ended])  // calling
        var proceeding = Self.machine(.provisional(Self.trying))
        #expect(proceeding.handle(.giveUp) == [.ended])  // proceeding
    }

    static let everyInput: [InviteClient.Input] =
        [.provisional(ringing), .success(ok), .failure(busy), .giveUp, .transportFailed]
        + TimerName.allCases.map { .fired($0) }

    static let states: [(name: String, machine: InviteClient, arrows: [InviteClient.Input])] = [
        (
            "calling", machine(),
            [.provisional(ringing), .success(ok), .failure(busy), .giveUp, .transportFailed, .fired(.a), .fired(.b)]
        ),
        (
            "proceeding", machine(.provisional(trying)),
            [.provisional(ringing), .success(ok), .failure(busy), .giveUp]
        ),
        ("accepted", machine(.success(ok)), [.success(ok), .fired(.m)]),
        ("completed", machine(.failure(busy)), [.failure(busy), .transportFailed, .fired(.d)]),
        ("terminated", machine(.fired(.b)), []),
    ]

    @Test(arguments: states.indices)
    func `where the figure has no arrow nothing is done and nothing changes`(index: Int) {
        let (name, machine, arrows) = Self.states[index]
        for input in Self.everyInput {
            var tx = machine
            let effects = tx.handle(input)
            #expect((effects == [] && tx == machine) == !arrows.contains(input), "\(name): \(input)")
        }
    }
}
