import Wire

/// Counts packets by kind, direction and phase.
struct MediaCounts {
    private struct Key: Hashable {
        let kind: PacketReport.Kind
        let way: Way
        let phase: MediaPhase
    }
    private var entries: [Key: PacketReport] = [:]
    var fromElsewhere = 0
    private var started: [MediaPhase: MonotonicTime]
    private var firstInCall: MonotonicTime?

    /// - Parameter time: when the sockets were opened, the start of the early phase.
    init(at time: MonotonicTime) { started = [.early: time] }

    mutating func enter(_ phase: MediaPhase, at time: MonotonicTime) { started[phase] = started[phase] ?? time }

    mutating func count(
        _ kind: PacketReport.Kind, _ way: Way, _ phase: MediaPhase, _ number: UInt16?, at time: MonotonicTime
    ) {
        if kind == .rtp, way == .received, phase == .call { firstInCall = firstInCall ?? time }
        let key = Key(kind: kind, way: way, phase: phase)
        var entry =
            entries[key]
            ?? PacketReport(
                kind: kind, way: way, phase: phase, count: 0, first: number, last: number,
                lastAfterMilliseconds: 0)
        entry.count += 1
        entry.last = number
        entry.lastAfterMilliseconds = started[phase].map { Self.milliseconds(time - $0) } ?? 0
        entries[key] = entry
    }

    /// In the order of the call; phases without packets are left out.
    var reports: [PacketReport] {
        var reports: [PacketReport] = []
        for phase in MediaPhase.allCases {
            for kind in [PacketReport.Kind.rtp, .rtcp] {
                for way in [Way.sent, .received] {
                    if let entry = entries[Key(kind: kind, way: way, phase: phase)] { reports.append(entry) }
                }
            }
        }
        return reports
    }

    var firstAfterMilliseconds: Int? {
        guard let start = started[.call], let firstInCall else { return nil }
        return Self.milliseconds(firstInCall - start)
    }

    private static func milliseconds(_ duration: Duration) -> Int { Int(duration.wholeNanoseconds / 1_000_000) }
}
