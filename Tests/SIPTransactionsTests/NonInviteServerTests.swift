import SIPText
import Testing

@testable import SIPTransactions

/// Every arrow of figure 8 of RFC 3261, and every blank cell.
@Suite struct NonInviteServerTests {
    static let options = Sample.request("OPTIONS")
    static let trying = Sample.response(100, to: options)
    static let ok = Sample.response(200, to: options)

    static func machine(_ inputs: NonInviteServer.Input..., isReliable: Bool = false) -> NonInviteServer {
        var machine = NonInviteServer(timers: Timers(), isReliable: isReliable)
        for input in inputs { _ = machine.handle(input) }
        return machine
    }

    @Test func `the way through proceeding answers again what was answered`() {
        var tx = Self.machine()
        #expect(tx.handle(.request) == [])  // trying: request absorbed
        #expect(tx.handle(.provisional(Self.trying)) == [.send(Self.trying)])  // trying: 1xx from TU
        #expect(tx.handle(.request) == [.send(Self.trying)])  // proceeding: request
        #expect(tx.handle(.provisional(Self.trying)) == [.send(Self.trying)])  // proceeding: 1xx from TU
        #expect(tx.handle(.final(Self.ok)) == [.send(Self.ok), .start(.j, .seconds(32))])  // proceeding: final
        #expect(tx.handle(.request) == [.send(Self.ok)])  // completed: request
        #expect(tx.handle(.final(Self.trying)) == [])  // completed: other final absorbed
        #expect(tx.handle(.fired(.j)) == [.ended])  // J
        #expect(tx.handle(.request) == [])
    }

    @Test func `a final response out of trying starts J, of zero over a connection`() {
        var udp = Self.machine()
        #expect(udp.handle(.final(Self.ok)) == [.send(Self.ok), .start(.j, .seconds(32))])  // trying: final
        var tcp = Self.machine(isReliable: true)
        #expect(tcp.handle(.final(Self.ok)) == [.send(Self.ok), .start(.j, .zero)])  // trying: final
        #expect(tcp.handle(.fired(.j)) == [.ended])  // J
    }

    @Test func `a transport error is told and ends nothing`() {
        for inputs: [NonInviteServer.Input] in [[], [.provisional(Self.trying)], [.final(Self.ok)]] {
            var tx = Self.machine()
            for input in inputs { _ = tx.handle(input) }
            let before = tx
            #expect(tx.handle(.transportFailed) == [.failed])
            #expect(tx == before)
        }
    }

    @Test func `giving up ends it in silence`() {
        var tx = Self.machine()
        #expect(tx.handle(.giveUp) == [.ended])  // trying
        var proceeding = Self.machine(.provisional(Self.trying))
        #expect(proceeding.handle(.giveUp) == [.ended])  // proceeding
    }

    static let everyInput: [NonInviteServer.Input] =
        [.request, .provisional(trying), .final(ok), .giveUp, .transportFailed] + TimerName.allCases.map { .fired($0) }

    static let states: [(name: String, machine: NonInviteServer, arrows: [NonInviteServer.Input])] = [
        ("trying", machine(), [.provisional(trying), .final(ok), .giveUp, .transportFailed]),
        (
            "proceeding", machine(.provisional(trying)),
            [.request, .provisional(trying), .final(ok), .giveUp, .transportFailed]
        ),
        ("completed", machine(.final(ok)), [.request, .transportFailed, .fired(.j)]),
        ("terminated", machine(.final(ok), .fired(.j)), []),
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
