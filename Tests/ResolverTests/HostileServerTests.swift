import NIOCore
import Resolver
import SIPTransactions
import ServerLocation
import Testing
import Wire

/// Name servers that are silent, late, gone, or lie.
@Suite struct HostileServerTests {
    /// Runs a body with a resolver whose only server answers what the closure makes of a query.
    private func run(
        holds: Bool = false, _ change: (inout ResolverLimits) -> Void = { _ in },
        _ reply: @escaping @Sendable ([UInt8]) -> [UInt8]?, _ body: (Bench, FakeNameServer) async throws -> Void
    ) async throws {
        let loops = Bench([])
        let (server, endpoint) = try await FakeNameServer.start(on: loops.loop, holds: holds, reply)
        try await Bench.run([endpoint], change) { try await body($0, server) }
        try await server.close()
        try await loops.stop()
    }

    /// Those who ask give up soon, the threads as good as never: the server has to let go of its answer.
    private static func impatient(_ limits: inout ResolverLimits) {
        patient(&limits)
        limits.patience = .milliseconds(100)
    }

    /// However long the test itself has to wait for its turn, nobody gives up.
    private static func patient(_ limits: inout ResolverLimits) {
        limits.patience = .seconds(600)
        limits.serverSeconds = 600
        limits.attempts = 1
    }

    /// Everybody gives up soon.
    private static func hasty(_ limits: inout ResolverLimits) {
        limits.patience = .milliseconds(100)
        limits.serverSeconds = 1
        limits.attempts = 1
    }

    @Test func `A silent server costs the look-up its patience, not the thread's`() async throws {
        try await run(holds: true, Self.impatient, { FakeNameServer.head($0, answers: 0, code: 2) }) { bench, server in
            let outcome = try await bench.locate(LookupTarget(.sip, "a.test"))
            #expect(outcome == Bench.Outcome(error: "a.test: NAPTR a.test: no answer in time"))
            let (counters, underWay) = try await bench.counters()
            #expect(counters.timedOut == 1)
            #expect(underWay == 1, "the question keeps its place until its thread is back")
            try await server.releaseUntilSettled(bench)
            #expect(try await bench.counters().underWay == 0)
        }
    }

    @Test func `An answer that comes late is kept for the next`() async throws {
        try await run(
            holds: true, Self.impatient, { FakeNameServer.head($0, answers: 0, code: 3) }
        ) {
            bench, server in
            #expect(try await bench.locate(LookupTarget(.sip, "a.test")).error?.hasSuffix("no answer in time") == true)
            try await server.releaseUntilSettled(bench)
            let cached = try await bench.counters().0.cached
            _ = try await bench.locate(LookupTarget(.sip, "a.test"))
            #expect(try await bench.counters().0.cached > cached)
            try await server.releaseUntilSettled(bench)
        }
    }

    @Test func `Equal questions are asked once`() async throws {
        try await run(holds: true, Self.patient, { FakeNameServer.head($0, answers: 0, code: 3) }) { bench, server in
            let many = (0..<50).map { _ in bench.begin(LookupTarget(.sip, "a.test", .known(.udp))) }
            try await server.hear(1)
            #expect(try await bench.counters().0.joined == 49)
            try await server.release()
            // The questions for addresses go the same way.
            try await server.hear(3)
            #expect(try await server.count() == 3)
            try await server.release()
            for outcome in many { #expect(try await outcome.get().error == "a.test: A a.test: no such records") }
            let counters = try await bench.counters().0
            #expect(counters.asked == 3)
            #expect(counters.joined == 3 * 49)
        }
    }

    @Test func `More questions than there is room for fail at once`() async throws {
        let limits = { (limits: inout ResolverLimits) in
            Self.impatient(&limits)
            limits.questions = 3
            limits.threads = 1
        }
        try await run(holds: true, limits, { FakeNameServer.head($0, answers: 0, code: 2) }) { bench, server in
            let waiting = (1...3).map { bench.begin(LookupTarget(.sip, "a\($0).test")) }
            let outcome = try await bench.locate(LookupTarget(.sip, "a4.test"))
            #expect(outcome == Bench.Outcome(error: "a4.test: NAPTR a4.test: too many questions are waiting"))
            #expect(try await bench.counters().0.overloaded == 1)
            for outcome in waiting { #expect(try await outcome.get().error?.hasSuffix("no answer in time") == true) }
            // Those who gave up still take the room, until a thread has been through them.
            #expect(try await bench.locate(LookupTarget(.sip, "a5.test")).error?.hasSuffix("are waiting") == true)
            try await server.releaseUntilSettled(bench)
            #expect(try await bench.locate(LookupTarget(.sip, "a6.test")).error?.hasSuffix("no answer in time") == true)
            try await server.releaseUntilSettled(bench)
        }
    }

    @Test func `More look-ups than there is room for fail at once`() async throws {
        let limits = { (limits: inout ResolverLimits) in
            Self.patient(&limits)
            limits.lookups = 2
        }
        try await run(holds: true, limits, { FakeNameServer.head($0, answers: 0, code: 2) }) { bench, server in
            let waiting = (1...2).map { _ in bench.begin(LookupTarget(.sip, "a.test")) }
            let outcome = try await bench.locate(LookupTarget(.sip, "a.test"))
            #expect(outcome == Bench.Outcome(error: "a.test: too many questions are waiting"))
            try await server.releaseUntilSettled(bench)
            for outcome in waiting { #expect(try await outcome.get().error?.contains("NAPTR a.test") == true) }
            #expect(try await bench.locate(LookupTarget(.sip, "192.0.2.1")).found == ["udp 192.0.2.1:5060"])
        }
    }

    @Test func `With no server at all the hosts table still counts`() async throws {
        try await Bench.run([Endpoint(.v4(0x7F00_0001), try NameServer.freePort())]) { bench in
            let found = try await bench.locate(LookupTarget(.sip, "localhost", acceptsLoopback: true)).found
            #expect(found.contains("udp 127.0.0.1:5060"))
            let error = try await bench.locate(LookupTarget(.sip, "a.test")).error
            #expect(error?.hasPrefix("a.test: A a.test: ") == true || error?.hasPrefix("a.test: AAAA a.test: ") == true)
        }
    }

    @Test(arguments: [2, 4, 5] as [UInt8])
    func `A server that cannot or will not answer is a failure`(code: UInt8) async throws {
        try await run({ _ in }, { FakeNameServer.head($0, answers: 0, code: code) }) { bench, _ in
            let error = try await bench.locate(LookupTarget(.sip, "a.test")).error
            #expect(error == "a.test: NAPTR a.test: no name server gave a usable answer")
        }
    }

    @Test(arguments: [
        // Twenty records, none there.
        ([0, 20], [] as [UInt8]),
        // A name that points to itself.
        ([0, 1], [0xC0, 24, 0, 33, 0, 1, 0, 0, 0, 60, 0, 0]),
        // Data that is longer than the message.
        ([0, 1], [0xC0, 12, 0, 35, 0, 1, 0, 0, 0, 60, 0xFF, 0xFF, 0, 0]),
    ])
    func `A lie about the format is refused and counted`(counts: [UInt8], records: [UInt8]) async throws {
        try await run(
            { _ in },
            { FakeNameServer.head($0, answers: UInt16(counts[0]) << 8 | UInt16(counts[1])) + records }
        ) { bench, _ in
            let error = try await bench.locate(LookupTarget(.sip, "a.test")).error
            #expect(error?.hasPrefix("a.test: NAPTR a.test: malformed answer: ") == true, "\(error ?? "found")")
            #expect(try await bench.counters().0.malformed == 1)
        }
    }

    @Test func `An answer to another question is not heard`() async throws {
        @Sendable func other(_ query: [UInt8]) -> [UInt8]? {
            var head = FakeNameServer.head(query, answers: 0, code: 3)
            head[13] ^= 1
            return head
        }
        try await run(Self.hasty, other) { bench, _ in
            let error = try await bench.locate(LookupTarget(.sip, "a.test")).error
            #expect(error == "a.test: NAPTR a.test: no answer in time")
        }
    }

    @Test func `Closing ends the look-ups that wait`() async throws {
        let loops = Bench([])
        let (server, endpoint) = try await FakeNameServer.start(on: loops.loop) { _ in nil }
        let bench = Bench([endpoint], Self.hasty)
        let outcome = bench.begin(LookupTarget(.sip, "a.test"))
        try await server.hear(1)
        try await bench.close()
        #expect(try await outcome.get().error?.hasPrefix("a.test: NAPTR a.test: ") == true)
        try await bench.stop()
        try await server.close()
        try await loops.stop()
    }
}
