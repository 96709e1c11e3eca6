import GateProtocol
import Glibc
import Lab
import Testing
import Wire

/// How long a request takes, from the asker's send to the gate's reply. It prints and expects nothing; run it by
/// `SEKISHO_MEASURE=1 swift test -c release --filter RoundTrip`.
@Suite(.serialized) struct RoundTripMeasurement {
    private static let isAsked = getenv("SEKISHO_MEASURE") != nil

    private func path(_ number: UInt64) -> MediaPath {
        // RTP alone, so that 10,000 sessions have ports of their own.
        let port = UInt16(20_000 + number % 40_000)
        return MediaPath(
            inside: Endpoint(endpoint("10.1.0.2:1").address, port),
            outside: Endpoint(endpoint("10.2.0.2:1").address, port))
    }

    private func microseconds(_ body: () throws -> GateReply?) rethrows -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        let reply = try body()
        let took = clock.now - start
        if case .refused(let refusal)? = reply { Issue.record("\(refusal)") }
        return Double(took.wholeNanoseconds) / 1000
    }

    private func show(_ name: String, _ times: [Double]) {
        let sorted = times.sorted()
        guard let first = sorted.first, let last = sorted.last else { return }
        let p50 = sorted[sorted.count / 2]
        let p99 = sorted[sorted.count * 99 / 100]
        print("\(name): n \(sorted.count), min \(first), p50 \(p50), p99 \(p99), max \(last) µs")
    }

    @Test(.enabled(if: isAsked, "a measurement, not a test: set SEKISHO_MEASURE"), arguments: [0, 10_000] as [UInt64])
    func `request to reply over the socket`(sessions: UInt64) throws {
        let gate = try GateProcess("time\(sessions)")
        let child = try gate.startReady(["hole_timeout: 600"])
        let client = try gate.connect()
        for number in 0..<sessions {
            _ = try client.ask(.narrow(SessionID(number + 1_000_000), Holes(paths: [path(number)])))
        }
        var opens: [Double] = []
        var narrows: [Double] = []
        var closes: [Double] = []
        for number in 0..<10_000 as Range<UInt64> {
            let pair = [path(sessions + 2 * (number % 1000)), path(sessions + 2 * (number % 1000) + 1)]
            let session = SessionID(number)
            opens.append(try microseconds { try client.ask(.openFromAny(session, inside: pair.map(\.inside))) })
            narrows.append(try microseconds { try client.ask(.narrow(session, Holes(paths: pair))) })
            closes.append(try microseconds { try client.ask(.close(session)) })
        }
        show("\(sessions) sessions, open 2 half-open", opens)
        show("\(sessions) sessions, narrow to 2 paths", narrows)
        show("\(sessions) sessions, close", closes)
        guard sessions > 0 else { return }
        var renewals: [Double] = []
        for start in stride(from: 0, to: sessions, by: 64) {
            let part = (start..<min(start + 64, sessions)).map { SessionID($0 + 1_000_000) }
            renewals.append(try microseconds { try client.ask(.renew(part)) })
        }
        show("\(sessions) sessions, renew 64 of them", renewals)
        child.signal(SIGTERM)
        _ = child.wait(seconds: 10)
    }
}
