public import GateProtocol
public import Wire

/// One session as the operator sees it.
public struct SessionSummary: Sendable, Equatable {
    public var id: SessionID
    public var callID: [UInt8]
    /// The URIs of From and To.
    public var from: [UInt8]
    public var to: [UInt8]
    /// `half-open`, `open`, `no media`, `closing`.
    public var state: String
    public var startedAt: MonotonicTime
    public var reading: Reading
    /// What the gate confirmed.
    public var holes: Holes
}

extension SessionController {
    /// Whether the gate answers.
    public var isGateConnected: Bool { gate.holeTimeout != nil }

    /// Every session, the oldest first.
    public var summaries: [SessionSummary] {
        sessions.values.sorted { ($0.startedAt, $0.id.value) < ($1.startedAt, $1.id.value) }.map { session in
            let state =
                if session.phase == .ending {
                    "closing"
                } else if !session.installed.paths.isEmpty {
                    "open"
                } else {
                    session.installed.halfOpen.isEmpty ? "no media" : "half-open"
                }
            return SessionSummary(
                id: session.id, callID: session.callID, from: session.from, to: session.to, state: state,
                startedAt: session.startedAt, reading: session.reading, holes: session.installed)
        }
    }
}
