import GateProtocol
import Wire

/// A call that is over, as far as somebody may ask of it later.
struct EndedCall: Sendable {
    let id: SessionID
    let callID: [UInt8]
    let from: [UInt8]
    let to: [UInt8]
    let caller: Place
    let callee: Place?
    let startedAt: MonotonicTime
    let endedAt: MonotonicTime
    let reason: CloseReason
    let reading: Reading
    let record: CallRecord
    /// What its holes had counted to the end; nil where it had none, or the gate has not said.
    var lastReport: HoleReport?

    init(_ session: Session, at now: MonotonicTime, _ reason: CloseReason) {
        id = session.id
        callID = session.callID
        from = session.from
        to = session.to
        caller = session.caller
        callee = session.callee ?? session.callees.first
        startedAt = session.startedAt
        endedAt = now
        self.reason = reason
        reading = session.reading
        record = session.record
        lastReport = session.lastReport
    }
}

/// The last calls that are over: a caller who heard nothing hangs up first and asks then.
struct EndedCalls: Sendable {
    /// Calls that are remembered of each kind: of a busy gateway's last second, of a small one's last hours. Each is half a
    /// kilobyte.
    static let maximumCalls = 256

    /// Those that somebody answered, and the others, which strangers can make as many of as they like.
    private var answered = Ring()
    private var others = Ring()

    /// The newest first, answered ones before the others.
    var newestFirst: [EndedCall] { answered.newestFirst + others.newestFirst }

    mutating func append(_ call: EndedCall, isAnswered: Bool) {
        if isAnswered { answered.append(call) } else { others.append(call) }
    }

    /// What the gate said of a call that was over already.
    mutating func note(_ report: HoleReport) {
        if !answered.note(report) { _ = others.note(report) }
    }

    private struct Ring {
        private var calls: [EndedCall] = []
        /// The oldest one's place, once there is no more room.
        private var oldest = 0

        var newestFirst: [EndedCall] { (calls[oldest...] + calls[..<oldest]).reversed() }

        mutating func append(_ call: EndedCall) {
            guard calls.count >= EndedCalls.maximumCalls else { return calls.append(call) }
            calls[oldest] = call
            oldest = (oldest + 1) % calls.count
        }

        mutating func note(_ report: HoleReport) -> Bool {
            guard let index = calls.firstIndex(where: { $0.id == report.session }) else { return false }
            calls[index].lastReport = report
            return true
        }
    }
}
