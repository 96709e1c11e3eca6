import SIPText
import Testing

@testable import SIPTransactions

/// Every arrow of figure 6 of RFC 3261, and every blank cell.
@Suite struct NonInviteClientTests {
    static let options = Sample.request("OPTIONS")
    static let trying = Sample.response(100, to: options)
    static let ok = Sample.response(200, to: options)

    static func machine(_ inputs: NonInviteClient.Input..., isReliable: Bool = false) -> NonInviteClient {
        var (machine, _) = NonInviteClient.start(options, timers: Timers(), isReliable: isReliable)
        for input in inputs { _ = machine.handle(input) }
        return machine
    }

    @Test func `the request is sent, over datagrams with timer E`() {
        let (_, udp) = NonInviteClient.start(Self.options, timers: Timers(), isReliable: false)
        #expect(udp == [.send(Self.options), .start(.e, .milliseconds(500)), .start(.f, .seconds(32))])
        let (_, tcp) = NonInviteClient.start(Self.options, timers: Timers(), isReliable: true)
        #expect(tcp == [.send(Self.options), .start(.f, .seconds(32))])
    }

    @Test func `timer E doubles up to T2, and F comes after the eleventh request`() {
        var tx = Self.machine()
        var pauses: [Duration] = [.milliseconds(500)]
        while pauses.reduce(.zero, +) < .seconds(32) {
            let next = min(.milliseconds(500) * (1 << min(pauses.count, 8)), .seconds(4))
            #expect(tx.handle(.fired(.e)) == [.send(Self.options), .start(.e, next)])  // trying: E
            pauses.append(next)
        }
        #expect(pauses.map { $0 / .milliseconds(500) } == [1, 2, 4, 8, 8, 8, 8, 8, 8, 8, 8])
        #expect(tx.handle(.fired(.f)) == [.cancel(.e), .timedOut, .ended])  // trying: F
    }

    @Test func `after a provisional E is T2 at once`() {
        var tx = Self.machine()
        #expect(tx.handle(.provisional(Self.trying)) == [.deliver(Self.trying)])  // trying: 1xx
        #expect(tx.handle(.provisional(Self.trying)) == [.deliver(Self.trying)])  // proceeding: 1xx
        #expect(tx.handle(.fired(.e)) == [.send(Self.options), .start(.e, .seconds(4))])  // proceeding: E
        #expect(tx.handle(.fired(.f)) == [.cancel(.e), .timedOut, .ended])  // proceeding: F
    }

    @Test func `the final response is told once`() {
        var trying = Self.machine()
        #expect(  // trying: final
            trying.handle(.final(Self.ok)) == [
                .cancel(.e), .cancel(.f), .deliver(Self.ok), .start(.k, .seconds(5)),
            ])
        var tx = Self.machine(.provisional(Self.trying))
        #expect(  // proceeding: final
            tx.handle(.final(Self.ok)) == [.cancel(.e), .cancel(.f), .deliver(Self.ok), .start(.k, .seconds(5))])
        #expect(tx.handle(.final(Self.ok)) == [])
        #expect(tx.handle(.fired(.k)) == [.ended])  // K
    }

    @Test func `over a connection nothing is sent again and K is zero`() {
        var tx = Self.machine(isReliable: true)
        #expect(tx.handle(.final(Self.ok)) == [.cancel(.f), .deliver(Self.ok), .start(.k, .zero)])
        #expect(tx.handle(.fired(.k)) == [.ended])
        var silent = Self.machine(isReliable: true)
        #expect(silent.handle(.fired(.f)) == [.timedOut, .ended])
    }

    @Test func `a transport error is the end`() {
        var trying = Self.machine()
        #expect(trying.handle(.transportFailed) == [.cancel(.e), .cancel(.f), .failed, .ended])  // trying
        var proceeding = Self.machine(.provisional(Self.trying), isReliable: true)
        #expect(proceeding.handle(.transportFailed) == [.cancel(.f), .failed, .ended])  // proceeding
    }

    static let everyInput: [NonInviteClient.Input] =
        [.provisional(trying), .final(ok), .transportFailed] + TimerName.allCases.map { .fired($0) }

    static let states: [(name: String, machine: NonInviteClient, arrows: [NonInviteClient.Input])] = [
        ("trying", machine(), [.provisional(trying), .final(ok), .transportFailed, .fired(.e), .fired(.f)]),
        (
            "proceeding", machine(.provisional(trying)),
            [.provisional(trying), .final(ok), .transportFailed, .fired(.e), .fired(.f)]
        ),
        ("completed", machine(.final(ok)), [.fired(.k)]),
        ("terminated", machine(.fired(.f)), []),
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
