public import GateProtocol
public import Registration
public import SIPText
public import SIPTransactions
public import Wire

/// What the session controller wants done. The shell performs effects in order and completely before the next input.
public enum Effect: Sendable, Equatable {
    case send(Message, Destination)
    case startTimer(TimerKey, Duration)
    case cancelTimer(TimerKey)
    case askGate(GateToken, GateRequest)
    /// Find the SIP server of a domain (RFC 3263).
    case locate(LookUpToken, ServerQuery)
    /// Put a change of the registrations on the disk, in the order of the effects.
    case store(StoreToken, LocationChange)
    /// Tell the controllers of other event loops.
    case announce(Announcement)
    /// Decrypt the first CMS body that own identities or the session's keys open.
    case openEnvelope(EnvelopeToken, EnvelopeRequest)
    /// Overwrite a key: its session is over, or it was replaced.
    case forgetKey(KeyHandle)
    /// Write what the next process must know, in the order of the effects.
    case journal(JournalEntry)
    case log(GatewayEvent)
}

/// The envelopes of a message and the keys that its session holds.
public struct EnvelopeRequest: Sendable, Equatable {
    /// ContentInfo, DER, in the order in which they are to be tried.
    public var contents: [[UInt8]]
    /// Keys that the session holds, by their handles.
    public var keys: [KeyHandle]

    /// The envelopes of one message and the keys to try.
    public init(contents: [[UInt8]], keys: [KeyHandle]) {
        self.contents = contents
        self.keys = keys
    }
}

/// What an operator wants to read afterwards. No event carries a body, a key or a credential.
public enum GatewayEvent: Sendable, Equatable {
    /// The gate confirmed the session's holes.
    case holesChanged(SessionID, Holes)
    case sessionOpened(SessionID, callID: [UInt8])
    case sessionClosed(SessionID, CloseReason)
    /// A request or response was refused: the status that was answered, and why.
    case refused(callID: [UInt8], status: UInt16, why: String)
    case malformed(ParseError, from: Endpoint)
    case gateConnected(unknownSessionsClosed: Int)
    case gateDisconnected
    /// The calls of the process before this one go on, save those that were being set up.
    case restored(calls: Int, ended: Int)
}

/// Why a session is over.
public enum CloseReason: String, Sendable, Equatable {
    case bye = "BYE"
    case cancelled = "CANCEL"
    case rejected = "final error response"
    case timedOut = "transaction timed out"
    case expired = "session timer ran out"
    case replaced = "its phone began another call on the same ports"
    case silent = "no media for too long"
    case connectionLost = "the connection of its phone was lost"
    case transportFailed = "transport failed"
    case refused = "refused by policy"
    case shutdown = "shutting down"
}
