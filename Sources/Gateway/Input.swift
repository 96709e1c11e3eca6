public import GateProtocol
public import Registration
public import SIPText
public import SIPTransactions
public import Wire

/// What happens to the session controller.
public enum Input: Sendable {
    /// A message arrived.
    case received(Message, Flow)
    /// Octets arrived that are no acceptable message; the request among them, when it can be answered.
    case malformed(ParseError, answerable: Message?, Flow)
    /// A timer that an effect started has run out.
    case fired(TimerKey)
    /// A message could not be sent, or the connection that it was sent on is gone.
    case transportFailed(Destination)
    /// The gate answers and said after how long unrefreshed holes close, and whether it translates addresses.
    case gateConnected(holeTimeout: Duration, translates: Bool = false)
    /// The gate is gone; what was asked of it and not answered will not be.
    case gateDisconnected
    case gateReplied(GateToken, GateReply)
    /// What the process before this one has written of its sessions; the first input of all. Others of its sessions are those of
    /// other controllers.
    case restored([SessionRecord], elsewhere: Set<SessionID> = [])
    /// The process is about to end, and another one will go on with the calls: those that are being set up end.
    case suspend
    /// The process is about to end: every hole must be closed, since nobody will watch the calls.
    case shutdown
    /// A `locate` effect has come to its end; no destination when nothing was found, or when nobody can say (`isTemporary`).
    case located(LookUpToken, [Destination], isTemporary: Bool = false)
    /// A `store` effect has come to its end.
    case stored(StoreToken, Bool)
    /// Another controller's registrar has changed this on the disk.
    case locationChanged(LocationChange)
    /// Another controller has an `announce` effect.
    case announced(Announcement)
    /// The registrar's users are these now.
    case usersChanged([RegisteredUser])
    /// A connection that a peer had made is gone.
    case connectionClosed(UInt64)
    /// A connection that a peer had made is lost: the peer did not answer any more.
    case connectionTimedOut(UInt64)
    /// An `openEnvelope` effect has come to its end.
    case envelopeOpened(EnvelopeToken, EnvelopeOutcome)
}

/// A timer of the controller.
public enum TimerKey: Hashable, Sendable {
    /// A timer of RFC 3261 section 17.
    case transaction(TimerToken)
    /// Timer C of the INVITE that went out by this client transaction (section 16.6 item 11).
    case inviteTimeout(TransactionID)
    /// When the sender of a request other than INVITE is told that it came (RFC 4320 section 4.1).
    case trying(TransactionID)
    /// How long the session's holes may be open to any source.
    case halfOpen(SessionID)
    /// When a session ends that waits for the answer to a BYE, or for the ACK to a 2xx.
    case end(SessionID)
    /// How long a session may go without a refresh (RFC 4028).
    case sessionExpires(SessionID)
    /// Holes must be refreshed.
    case renewal
}

/// Names a request to the gate until its reply.
public struct GateToken: Hashable, Sendable {
    /// The token's number.
    public let value: UInt32
    /// The token of this number.
    public init(value: UInt32) { self.value = value }
}

/// Names an envelope that is being opened.
public struct EnvelopeToken: Hashable, Sendable {
    /// The token's number.
    public let value: UInt64
    /// The token of this number.
    public init(value: UInt64) { self.value = value }
}

/// Names a content-encryption key; its octets are in the shell.
public struct KeyHandle: Hashable, Sendable {
    /// The handle's number.
    public let value: UInt64
    /// The handle of this number.
    public init(value: UInt64) { self.value = value }
}

/// What the shell found in an envelope.
public enum EnvelopeOutcome: Sendable, Equatable {
    case opened(OpenedBody)
    /// Not CMS, or CMS over a limit: anyone can see it without a key.
    case malformed(ParseError)
    /// Everything that depends on a key: one answer, whatever the cause.
    case undecipherable
}

/// The inside of an envelope and how it was opened.
public struct OpenedBody: Sendable, Equatable {
    /// A MIME entity with its own headers.
    public var plaintext: [UInt8]
    /// Whether a changed octet would have been noticed (AES-GCM).
    public var isAuthenticated: Bool
    /// The key that this message established for the session, when it did: wrapped for a recipient, or under a new
    /// reference.
    public var newKey: KeyHandle?
    /// How often the new key may be used again; nil is for as long as the dialog lasts.
    public var newKeyUses: Int?
    /// The held key that opened it, when one did.
    public var usedKey: KeyHandle?

    /// What was found and which keys opened it or came with it.
    public init(
        plaintext: [UInt8], isAuthenticated: Bool, newKey: KeyHandle?, newKeyUses: Int?, usedKey: KeyHandle?
    ) {
        self.plaintext = plaintext
        self.isAuthenticated = isAuthenticated
        self.newKey = newKey
        self.newKeyUses = newKeyUses
        self.usedKey = usedKey
    }
}
