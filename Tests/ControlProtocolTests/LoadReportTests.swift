import ControlProtocol
import Testing
import Wire

/// Rates from two looks at a server.
@Suite struct LoadReportTests {
    private func status(_ counters: [(String, UInt64)]) -> StatusReport {
        StatusReport(
            version: "1", uptime: 9, isGateConnected: true, sessions: 1, pinholes: 2,
            counters: counters.map { StatusReport.Counter($0.0, $0.1) })
    }

    private func session(_ identifier: String, _ holes: [(UInt64, UInt64)]?) throws -> SessionReport {
        let inside = try #require(Endpoint("10.1.0.2:4000"))
        let pinholes = holes?.map { out, back in
            PinholeReport(
                inside: inside, outside: inside, outward: .init(packets: out, bytes: 1),
                inward: .init(packets: back, bytes: 1))
        }
        return SessionReport(
            identifier: identifier, callID: [], from: [], to: [], state: .open, age: 1, description: .plain,
            pinholes: pinholes)
    }

    @Test func `counts become rates, the busiest call comes first, and what is not known stays unknown`() throws {
        let earlier = LoadReport.Look(
            status: status([("requests", 10), ("malformed", 3), ("gone", 5)]),
            sessions: [
                try session("a", [(0, 0), (5, 5)]), try session("b", [(100, 100)]), try session("d", [(50, 50)]),
                try session("e", nil),
            ], time: 10)
        let later = LoadReport.Look(
            status: status([("requests", 30), ("malformed", 3), ("new", 7), ("gone", 4)]),
            sessions: [
                try session("a", [(10, 0), (5, 5)]), try session("b", [(200, 180)]), try session("c", [(9, 9)]),
                try session("d", [(1, 60)]), try session("e", [(1, 1)]),
            ], time: 12)
        let report = LoadReport(from: earlier, to: later)
        #expect(report.rates.map(\.name) == ["requests"] && report.rates.map(\.perSecond) == [10])
        #expect(report.calls.map(\.session.identifier).prefix(3) == ["b", "a", "d"])
        let rates = Dictionary(
            uniqueKeysWithValues: report.calls.map { ($0.session.identifier, ($0.outward, $0.inward)) })
        #expect(rates["a"]?.0 == 5 && rates["a"]?.1 == 0)
        #expect(rates["b"]?.0 == 50 && rates["b"]?.1 == 40)
        #expect(rates["c"]?.0 == nil && rates["c"]?.1 == nil)
        #expect(rates["d"]?.0 == nil && rates["d"]?.1 == 5)
        #expect(rates["e"]?.0 == nil)
    }

    @Test func `two looks at one moment have no rates`() throws {
        let look = LoadReport.Look(status: status([("requests", 1)]), sessions: [try session("a", [(1, 1)])], time: 1)
        let report = LoadReport(from: look, to: look)
        #expect(report.rates.isEmpty && report.calls.first?.outward == nil)
    }
}
