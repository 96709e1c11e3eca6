public import GateProtocol
public import Wire

/// One session as the operator sees it.
public struct SessionSummary: Sendable, Equatable {
    /// How far its holes are.
    public enum State: Hashable, Sendable {
        case halfOpen, open, noMedia, closing
    }

    /// The session's number at the gate.
    public var id: SessionID
    /// The Call-ID as it came from outside: any octets.
    public var callID: [UInt8]
    /// The URIs of From and To.
    public var from: [UInt8]
    /// The URI of To.
    public var to: [UInt8]
    /// How far the session's holes are.
    public var state: State
    /// When the session began.
    public var startedAt: MonotonicTime
    /// How its session description was read.
    public var reading: Reading
    /// What the gate confirmed.
    public var holes: Holes
}

extension SessionController {
    /// Whether the gate answers.
    public var isGateConnected: Bool { gate.holeTimeout != nil }

    /// Every session, the oldest first.
    public var summaries: [SessionSummary] {
        sessions.values.sorted { ($0.startedAt, $0.id) < ($1.startedAt, $1.id) }.map { summary(of: $0) }
    }

    /// One session as the operator sees it.
    func summary(of session: Session) -> SessionSummary {
        let state: SessionSummary.State =
            if session.phase == .ending {
                .closing
            } else if !session.installed.paths.isEmpty {
                .open
            } else {
                session.installed.halfOpen.isEmpty ? .noMedia : .halfOpen
            }
        return SessionSummary(
            id: session.id, callID: session.callID, from: session.from, to: session.to, state: state,
            startedAt: session.startedAt, reading: session.reading, holes: session.installed)
    }
}
