import GateProtocol
import Testing
import Wire

/// Every list at its limit and one over it, when written and when read.
@Suite struct FrameLimitTests {
    private static let path = Samples.path6
    private static let holes = GateLimits.holesPerSession

    private func fits(_ frame: GateFrame) throws { #expect(try Samples.decode(Samples.encode([frame])) == [frame]) }

    private func isTooMany(_ frame: GateFrame) {
        var output: [UInt8] = [7]
        do throws(ParseError) {
            try FrameEncoder.append(frame, to: &output)
            Issue.record("\(frame) was written")
        } catch {
            #expect(error.code == .tooMany)
        }
        #expect(output == [7])
    }

    /// Raises a count octet and adds the entry that it announces.
    private func isTooManyWhenRead(_ frame: GateFrame, countAt offset: Int, adding octets: [UInt8]) throws {
        var bytes = try Samples.encode([frame])
        bytes[offset] += 1
        bytes += octets
        let length = bytes.count - 4
        bytes.replaceSubrange(0..<4, with: (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) })
        #expect(throws: ParseError(.tooMany, in: "", at: offset)) { try Samples.decode(bytes) }
    }

    @Test func `half-open endpoints`() throws {
        let most = Array(repeating: Samples.v4, count: Self.holes)
        let full = GateFrame.request(.openFromAny(Samples.session, inside: most), id: 1)
        try fits(full)
        isTooMany(.request(.openFromAny(Samples.session, inside: most + [Samples.v4]), id: 1))
        try isTooManyWhenRead(full, countAt: 17, adding: [4, 1, 2, 3, 4, 5, 6])
    }

    @Test func `paths`() throws {
        let most = Array(repeating: Self.path, count: Self.holes)
        let full = GateFrame.request(.narrow(Samples.session, Holes(paths: most)), id: 1)
        try fits(full)
        isTooMany(.request(.narrow(Samples.session, Holes(paths: most + [Self.path])), id: 1))
        try isTooManyWhenRead(full, countAt: 18, adding: Array(repeating: 0, count: 38))
    }

    @Test func `paths to be learned`() throws {
        let most = Array(repeating: Samples.learning4, count: Self.holes)
        let full = GateFrame.request(.narrow(Samples.session, Holes(learning: most)), id: 1)
        try fits(full)
        isTooMany(.request(.narrow(Samples.session, Holes(learning: most + [Samples.learning6])), id: 1))
        try isTooManyWhenRead(full, countAt: 19, adding: Array(repeating: 0, count: 19))
        // Together with the others.
        let path = [Self.path]
        try fits(.request(.narrow(Samples.session, Holes(paths: path, learning: Array(most.dropLast()))), id: 1))
        isTooMany(.request(.narrow(Samples.session, Holes(paths: path, learning: most)), id: 1))
        isTooMany(.request(.narrow(Samples.session, Holes(learning: most, reserved: [Samples.v4])), id: 1))
    }

    @Test func `half-open endpoints and paths together`() throws {
        let half = Array(repeating: Samples.v4, count: Self.holes / 2)
        let paths = Array(repeating: Self.path, count: Self.holes / 2)
        try fits(.request(.narrow(Samples.session, Holes(halfOpen: half, paths: paths)), id: 1))
        isTooMany(.request(.narrow(Samples.session, Holes(halfOpen: half, paths: paths + [Self.path])), id: 1))
    }

    @Test func `sessions of a renewal`() throws {
        let most = (0..<GateLimits.sessionsPerRenewal).map { SessionID(UInt64($0)) }
        let full = GateFrame.request(.renew(most), id: 1)
        try fits(full)
        try fits(.reply(.renewed(missing: most, silent: most), id: 1))
        isTooMany(.request(.renew(most + [SessionID(0)]), id: 1))
        isTooMany(.reply(.renewed(missing: most + [SessionID(0)]), id: 1))
        isTooMany(.reply(.renewed(missing: [], silent: most + [SessionID(0)]), id: 1))
        var bytes = try Samples.encode([full])
        bytes[10] += 1
        bytes += Array(repeating: 0, count: 8)
        let length = bytes.count - 4
        bytes.replaceSubrange(0..<4, with: (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) })
        #expect(throws: ParseError(.tooMany, in: "", at: 9)) { try Samples.decode(bytes) }
    }

    @Test func `reports of a page, each as large as can be`() throws {
        let entry = PathReport(path: Self.path, outgoing: Traffic(), incoming: Traffic())
        let miss = NearMiss(source: Samples.v6, destination: Samples.v6, packets: 1)
        let report = HoleReport(
            session: Samples.session, paths: Array(repeating: entry, count: Self.holes),
            nearMisses: Array(repeating: miss, count: GateLimits.nearMissesPerReport))
        let most = Array(repeating: report, count: GateLimits.reportsPerPage)
        let full = GateFrame.reply(.listed(most, more: true), id: 1)
        try fits(full)
        isTooMany(.reply(.listed(most + [report], more: true), id: 1))
        try isTooManyWhenRead(full, countAt: 10, adding: Array(repeating: 0, count: 10))
    }

    @Test func `entries of a report`() throws {
        let half = HalfOpenReport(inside: Samples.v4, incoming: Traffic())
        let entry = PathReport(path: Self.path, outgoing: Traffic(), incoming: Traffic())
        var report = HoleReport(session: Samples.session, halfOpen: Array(repeating: half, count: Self.holes))
        try fits(.reply(.listed([report], more: false), id: 1))
        report.paths = [entry]
        isTooMany(.reply(.listed([report], more: false), id: 1))
        report = HoleReport(session: Samples.session, halfOpen: Array(repeating: half, count: Self.holes + 1))
        isTooMany(.reply(.listed([report], more: false), id: 1))
    }

    @Test func `near misses of a report`() throws {
        let miss = NearMiss(source: Samples.v6, destination: Samples.v4, packets: 1)
        var report = HoleReport(
            session: Samples.session, nearMisses: Array(repeating: miss, count: GateLimits.nearMissesPerReport))
        try fits(.reply(.closed(report), id: 1))
        report.nearMisses.append(miss)
        isTooMany(.reply(.closed(report), id: 1))
    }
}
