import SIPTransactions
import ServerLocation
import Testing
import Wire

/// What is remembered between look-ups.
@Suite struct MemoryTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

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
}
