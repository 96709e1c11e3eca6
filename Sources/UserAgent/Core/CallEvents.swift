import SIPText
import SIPTransactions
import Wire

/// What happens to one call.
enum CallInput: Sendable {
    /// The user wants the call to be made.
    case begin
    /// The user wants it to end: CANCEL, BYE, or a refusal.
    case hangUp
    /// A request of its dialog, or the INVITE that makes it.
    case request(Message, TransactionID, Flow)
    /// The INVITE that came was cancelled.
    case cancelled
    /// An ACK that belongs to no transaction: for a 2xx.
    case acknowledged(Message)
    case response(Message, Purpose)
    /// A request was not answered in time.
    case timedOut(Purpose)
    /// A request could not be sent.
    case failed(Purpose)
    case fired(CallTimer)
    case mediaOpened(Endpoint)
    case mediaFailed(String)
    case sealed(Int, SealOutcome)
    case opened(Int, OpenOutcome)
    case examined(Int, CertificateVerdict)
}

/// What an own request is for.
enum Purpose: Hashable, Sendable {
    case invite
    case reinvite
    case bye
    /// CANCEL, and the BYE to a second callee of a forked INVITE: nothing follows from the answer.
    case aside
}

/// The timers of one call.
enum CallTimer: Hashable, Sendable {
    /// The callee accepts.
    case accept
    /// Nobody has answered for too long.
    case ringing
    /// The 2xx is sent again until its ACK comes (RFC 3261 section 13.3.1.4).
    case answer
    /// No ACK came.
    case acknowledgement
    case hangUp
    /// The peer should have hung up.
    case longest
    case reinvite
    /// A CANCEL without a final response to the INVITE (section 9.1).
    case cancelled
    /// RTP is sent no longer after the end.
    case sendOn
    /// The media sockets are closed.
    case listenOn
}

/// What one call wants done.
enum CallEffect: Equatable, Sendable {
    /// Send a request in a client transaction of its own.
    case request(Message, Destination, Purpose)
    /// Answer in a server transaction.
    case respond(Message, TransactionID)
    /// Send an ACK.
    case acknowledge(Message, Destination)
    /// CANCEL the INVITE that is under way.
    case cancelInvite
    /// Wait no longer for the INVITE's final response.
    case abandonInvite
    case startTimer(CallTimer, Duration)
    case cancelTimer(CallTimer)
    case media(MediaCommand)
    case seal(Int, SealRequest)
    /// Open the first of these envelopes that the device's identity or the keys can open.
    case open(Int, [[UInt8]], [KeyHandle])
    /// Judge a certificate: DER, and the host of the Warning that came with it.
    case examine(Int, [UInt8], host: [UInt8]?)
    case forget(KeyHandle)
    case report(Report)
    /// Nothing of the call is left.
    case finished
}
