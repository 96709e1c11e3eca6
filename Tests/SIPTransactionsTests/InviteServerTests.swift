import SIPText
import Testing

@testable import SIPTransactions

/// Every arrow of figure 7 of RFC 3261 as RFC 6026 has it, and every blank cell.
@Suite struct InviteServerTests {
    static let invite = Sample.request("INVITE")
    static let ack = Sample.request("ACK", toTag: "b1")
    static let trying = Sample.response(100, to: invite)
    static let ringing = Sample.response(180, to: invite)
    static let ok = Sample.response(200, to: invite)
    static let busy = Sample.response(486, to: invite)

    static func machine(_ inputs: InviteServer.Input..., isReliable: Bool = false) -> InviteServer {
        var machine = InviteServer(timers: Timers(), isReliable: isReliable)
        for input in inputs { _ = machine.handle(input) }
        return machine
    }

    @Test func `proceeding sends every provisional and the last one again`() {
        var tx = Self.machine()
        #expect(tx.handle(.invite) == [])  // nothing to send yet
        #expect(tx.handle(.provisional(Self.trying)) == [.send(Self.trying)])  // 1xx from TU
        #expect(tx.handle(.invite) == [.send(Self.trying)])  // INVITE
        #expect(tx.handle(.provisional(Self.ringing)) == [.send(Self.ringing)])  // 1xx from TU
        #expect(tx.handle(.invite) == [.send(Self.ringing)])  // INVITE
    }

    @Test func `a transport error in proceeding is told and ends nothing`() {
        var tx = Self.machine(.provisional(Self.trying))
        #expect(tx.handle(.transportFailed) == [.failed])  // RFC 6026: stays
        #expect(tx.handle(.invite) == [.send(Self.trying)])
    }

    @Test(arguments: [false, true])
    func `a 2xx leads to accepted, where INVITEs are absorbed and ACKs and more 2xx go through`(isReliable: Bool) {
        var tx = Self.machine(.provisional(Self.trying), isReliable: isReliable)
        #expect(tx.handle(.success(Self.ok)) == [.send(Self.ok), .start(.l, .seconds(32))])  // 2xx from TU
        #expect(tx.handle(.invite) == [])  // INVITE, RFC 6026
        #expect(tx.handle(.success(Self.ok)) == [.send(Self.ok)])  // 2xx from TU, RFC 6026
        #expect(tx.handle(.ack(Self.ack)) == [.deliver(Self.ack)])  // ACK, RFC 6026
        #expect(tx.handle(.transportFailed) == [.failed])  // RFC 6026
        #expect(tx.handle(.fired(.l)) == [.ended])  // L
        #expect(tx.handle(.invite) == [])
    }

    @Test func `over datagrams a failure is sent again until the ACK comes`() {
        var tx = Self.machine()
        #expect(  // 300-699 from TU
            tx.handle(.failure(Self.busy)) == [
                .send(Self.busy), .start(.g, .milliseconds(500)), .start(.h, .seconds(32)),
            ])
        #expect(tx.handle(.invite) == [.send(Self.busy)])  // INVITE
        #expect(tx.handle(.fired(.g)) == [.send(Self.busy), .start(.g, .seconds(1))])  // G
        #expect(tx.handle(.transportFailed) == [.failed])  // RFC 6026: stays
        #expect(tx.handle(.ack(Self.ack)) == [.cancel(.g), .cancel(.h), .start(.i, .seconds(5))])  // ACK
        #expect(tx.handle(.ack(Self.ack)) == [])  // ACK in confirmed
        #expect(tx.handle(.fired(.i)) == [.ended])  // I
    }

    @Test func `over a connection a failure is sent once and the ACK ends it`() {
        var tx = Self.machine(isReliable: true)
        #expect(tx.handle(.failure(Self.busy)) == [.send(Self.busy), .start(.h, .seconds(32))])  // 300-699 from TU
        #expect(tx.handle(.ack(Self.ack)) == [.cancel(.h), .start(.i, .zero)])  // ACK
        #expect(tx.handle(.fired(.i)) == [.ended])  // I
    }

    @Test func `without an ACK timer H ends it`() {
        var udp = Self.machine(.failure(Self.busy))
        #expect(udp.handle(.fired(.h)) == [.cancel(.g), .timedOut, .ended])  // H
        var tcp = Self.machine(.failure(Self.busy), isReliable: true)
        #expect(tcp.handle(.fired(.h)) == [.timedOut, .ended])  // H
    }

    @Test func `timer G doubles up to T2`() {
        var tx = Self.machine(.failure(Self.busy))
        let pauses = (0..<6).map { _ in tx.handle(.fired(.g)) }
        let expected: [Duration] = [1, 2, 4, 4, 4, 4].map { .seconds($0) }
        #expect(pauses == expected.map { [.send(Self.busy), .start(.g, $0)] })
    }

    static let everyInput: [InviteServer.Input] =
        [.invite, .ack(ack), .provisional(ringing), .success(ok), .failure(busy), .transportFailed]
        + TimerName.allCases.map { .fired($0) }

    /// State, how to get there, and the inputs that the figure has an arrow for.
    static let states: [(name: String, machine: InviteServer, arrows: [InviteServer.Input])] = [
        (
            "proceeding", machine(.provisional(trying)),
            [.invite, .provisional(ringing), .success(ok), .failure(busy), .transportFailed]
        ),
        ("accepted", machine(.success(ok)), [.ack(ack), .success(ok), .transportFailed, .fired(.l)]),
        ("completed", machine(.failure(busy)), [.invite, .ack(ack), .transportFailed, .fired(.g), .fired(.h)]),
        ("confirmed", machine(.failure(busy), .ack(ack)), [.fired(.i)]),
        ("terminated", machine(.failure(busy), .fired(.h)), []),
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
