import GateProtocol
import SIPText
import SIPTransactions

/// What a proxy remembers of one request between its server and its client transaction: the response context of RFC 3261
/// section 16.
struct ProxyContext {
    let server: TransactionID
    /// The request with its Via stamped and own Route values taken off.
    var request: Message
    let flow: Flow
    let destination: Destination
    let listener: Listener
    /// The loop hash of the request as it came.
    let hash: UInt64
    var session: SessionID?
    /// Whether the request began the session: INVITE without To tag.
    var isInitial = false
    /// Whether the request carried an offer, readable or not: a description in its response is then the answer.
    var carriesOffer = false
    var client: TransactionID?
    var gotProvisional = false
    var isCancelled = false
    /// The status of the final response that was passed on.
    var answered: UInt16?
    /// A response whose SDP is being read or whose holes are being made.
    var isBusy = false
    /// Responses that wait behind it.
    var queue: [Message] = []
    /// The ACK to a 2xx whose dialog was ended here, for its retransmissions.
    var terminatingACK: Message?

    /// Responses that may wait; a peer that sends more loses them and sends them again.
    static let maximumQueue = 8
}

/// Why a client transaction exists.
enum ClientRole {
    /// It carries a request on for this server transaction.
    case proxied(TransactionID)
    /// It is the gateway's own: a CANCEL, or the BYE of a dialog that it ended.
    case own
}

/// A message on its way through the gateway: it waits for an envelope to open, then for the gate.
enum Subject {
    case request(TransactionID)
    case response(TransactionID, Message)
    /// An ACK to a 2xx; it has no transaction.
    case acknowledgement(Message, Flow, SessionID)
    /// Nothing waits: refreshing, reconciling, closing after the fact.
    case none
}
