import SIPTransactions
import ServerLocation
import Testing
import Wire

/// What is remembered between look-ups: answers, and destinations that failed.
@Suite struct MemoryTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    // MARK: Answers

    @Test(
        arguments: [
            (.records(.addresses([]), lifetime: .zero), 5), (.records(.addresses([]), lifetime: .seconds(5)), 5),
            (.records(.addresses([]), lifetime: .seconds(60)), 60),
            (.records(.addresses([]), lifetime: .seconds(3_600)), 3_600),
            (.records(.addresses([]), lifetime: .seconds(2_147_483_647)), 3_600), (.noData(lifetime: nil), 30),
            (.noData(lifetime: .zero), 5), (.noSuchName(lifetime: .seconds(60)), 60),
            (.noSuchName(lifetime: .seconds(301)), 300), (.failed(.timedOut), 5), (.failed(.noServer), 5),
        ] as [(Answer, Int64)])
    func `An answer is kept for its lifetime, within bounds`(answer: Answer, seconds: Int64) throws {
        var cache = ResolutionCache()
        let question = try Zone.question("a.example", .a)
        cache.keep(answer, to: question, at: start)
        #expect(cache.answer(to: question, at: start + .seconds(seconds) + .nanoseconds(-1)) == answer)
        #expect(cache.answer(to: question, at: start + .seconds(seconds)) == nil)
    }

    @Test func `Lack of room is no answer to keep`() throws {
        var cache = ResolutionCache()
        let question = try Zone.question("a.example", .a)
        cache.keep(.failed(.overloaded), to: question, at: start)
        #expect(cache.count == 0)
    }

    @Test func `A full cache drops what has ended, then what ends soonest`() throws {
        var cache = ResolutionCache()
        func question(_ number: Int) throws -> Question { try Zone.question("a\(number).example", .a) }
        let limit = ResolutionCache.Limits.entries
        for number in 0..<limit {
            cache.keep(.noData(lifetime: .seconds(number == 7 ? 10 : 20)), to: try question(number), at: start)
        }
        #expect(cache.count == limit)
        cache.keep(.noData(lifetime: .seconds(20)), to: try question(8), at: start)
        #expect(cache.count == limit, "the same question takes no further place")
        cache.keep(.noData(lifetime: .seconds(30)), to: try question(limit), at: start)
        #expect(cache.count == limit)
        #expect(cache.answer(to: try question(7), at: start) == nil)
        #expect(cache.answer(to: try question(limit), at: start) != nil)
        cache.keep(.noData(lifetime: .seconds(30)), to: try question(limit + 1), at: start + .seconds(20))
        #expect(cache.count == 2)
        cache.removeAll()
        #expect(cache.count == 0)
    }

    // MARK: Destinations

    private func destination(_ number: UInt16, _ transport: TransportKind = .udp) -> Destination {
        Destination(transport, Endpoint(.v4(0xC000_0201), number))
    }

    @Test func `What failed is tried last, in the same order, for a time`() {
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

    @Test func `When all have failed, none is left out`() {
        var health = TargetHealth()
        let all = (1...3).map { destination($0) }
        for destination in all { health.failed(destination, at: start) }
        #expect(health.arrange(all, at: start) == all)
    }

    @Test func `Transports of one address fail apart, connections do not`() {
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

    @Test func `At most 1,024 destinations are remembered`() {
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
