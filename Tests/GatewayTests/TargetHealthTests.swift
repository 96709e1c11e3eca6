import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// Which destinations failed, and for how long that is remembered.
@Suite struct TargetHealthTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func destination(_ number: UInt16, _ transport: TransportKind = .udp) -> Destination {
        Destination(transport, Endpoint(.v4(0xC000_0201), number))
    }

    @Test func `what failed is tried last, in the same order, for a time`() {
        var health = TargetHealth()
        let all = (1...4).map { destination($0) }
        #expect(health.arrange(all, at: start) == all)
        health.failed(all[2], at: start)
        health.failed(all[0], at: start)
        #expect(health.arrange(all, at: start) == [all[1], all[3], all[0], all[2]])
        let end = start + TargetHealth.Limits.penalty
        #expect(health.isSuspect(all[0], at: end + .nanoseconds(-1)))
        #expect(health.arrange(all, at: end) == all)
        health.succeeded(all[0])
        #expect(health.arrange(all, at: start) == [all[0], all[1], all[3], all[2]])
    }

    @Test func `when all have failed, none is left out`() {
        var health = TargetHealth()
        let all = (1...3).map { destination($0) }
        for destination in all { health.failed(destination, at: start) }
        #expect(health.arrange(all, at: start) == all)
    }

    @Test func `transports of one address fail apart, connections do not`() {
        var health = TargetHealth()
        health.failed(destination(1), at: start)
        #expect(!health.isSuspect(destination(1, .tcp), at: start))
        var connected = destination(1)
        connected.connection = 7
        #expect(health.isSuspect(connected, at: start))
    }

    @Test func `Retry-After is believed within bounds`() {
        for (stated, granted) in [(600, 600), (601, 600), (-1, 0), (90, 90)] as [(Int64, Int64)] {
            var health = TargetHealth()
            health.failed(destination(1), at: start, for: .seconds(stated))
            #expect(!health.isSuspect(destination(1), at: start + .seconds(granted)))
            if granted > 0 {
                #expect(health.isSuspect(destination(1), at: start + .seconds(granted) + .nanoseconds(-1)))
            }
        }
    }

    @Test func `at most 1,024 destinations are remembered`() {
        var health = TargetHealth()
        let limit = UInt16(TargetHealth.Limits.entries)
        for number in 1...limit { health.failed(destination(number), at: start, for: .seconds(number == 9 ? 10 : 20)) }
        #expect(health.count == Int(limit))
        health.failed(destination(limit + 1), at: start)
        #expect(health.count == Int(limit))
        #expect(!health.isSuspect(destination(9), at: start))
        #expect(health.isSuspect(destination(limit + 1), at: start))
    }
}
