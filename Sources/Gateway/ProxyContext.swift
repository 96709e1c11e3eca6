import GateProtocol
import SIPText
import SIPTransactions

/// One element of a request's target set (RFC 3261 section 16.5) and the ways to it.
struct Target: Sendable {
    /// What replaces the Request-URI; nil leaves it.
    var uri: [UInt8]?
    /// Route values that go on top: the Path of a registration (RFC 3327 section 5.3).
    var route: [[UInt8]] = []
    /// Next hops, never none; when the first fails the next is tried (RFC 3263 section 4.3).
    var destinations: [Destination]
    /// Whether it stays with datagrams however large the request is: a connection was tried.
    var isDatagramOnly = false

    /// Next hops of one target that are tried.
    static let maximumDestinations = 8
}

/// One way that a request was sent on: a client transaction, and the next ones when it fails.
struct Branch {
    var target: Target
    /// The way that is tried.
    var destination: Destination
    var listener: Listener?
    var client: TransactionID?
    /// A response came: CANCEL may be sent (section 9.1).
    var gotProvisional = false
    /// A response of 101 to 199 came: the callee has been reached, no other way is tried.
    var isReached = false
    /// CANCEL is wanted, or sent.
    var isCancelled = false
    /// The final response of 300 to 699; it waits until every branch has one.
    var final: Message?
    /// Why there is a final response that nobody sent.
    var why: CloseReason?
    /// The ACK to a 2xx whose dialog was ended here, for its retransmissions.
    var terminatingACK: Message?

    init(_ target: Target) {
        self.target = target
        destination = target.destinations[0]
    }

    /// Whether it goes by a connection only for its size, and as a datagram when there is none.
    var isTryingStream: Bool { target.isDatagramOnly && destination.transport == .tcp }

    /// Nothing more is to be expected but further 2xx.
    var isOver: Bool { final != nil }
}

/// What a proxy remembers of one request between its server and its client transactions: the response context of RFC 3261
/// section 16.
///
/// A class for the same reason as `Session`.
final class ProxyContext {
    let server: TransactionID
    /// The request with its Via stamped and own Route values taken off.
    var request: Message
    let flow: Flow
    /// The loop hash of the request as it came.
    let hash: UInt64
    var session: SessionID?
    /// Whether the request began the session: INVITE without To tag.
    var isInitial = false
    /// Whether the request carried an offer, readable or not: a description in its response is then the answer.
    var carriesOffer = false
    /// The subscription that it belongs to, when there is one.
    var subscription: SubscriptionToken?
    /// Whether its sender proved to be a user of this gateway.
    var isAuthenticated = false
    /// How many branches this request may have at one time, here and further on (RFC 5393 section 5.3).
    let breadth: Int
    /// Every way that was tried or is.
    var branches: [Branch] = []
    /// What was asked of the session timer.
    var timer: SessionTimerRequest?
    /// Targets whose turn comes when every branch has failed, those of one turn together.
    var later: [[Target]] = []
    var isCancelled = false
    /// Whether it is a BYE that ends one of several dialogs and not the call.
    var leavesOneDialog = false
    /// The status of the final response that was passed on.
    var answered: UInt16?
    /// A response whose SDP is being read or whose holes are being made.
    var isBusy = false
    /// Responses that wait behind it, with the numbers of their branches.
    var queue: [(branch: Int, response: Message)] = []

    /// Responses that may wait, beside one failure of each branch; a peer that sends more loses them and sends them again.
    static let maximumQueue = 8
    /// What Max-Breadth is where a request names none (RFC 5393 section 5.3.3).
    static let defaultBreadth = 60
    /// Branches of one request: a phone book of sixteen devices.
    static let maximumBranches = 16

    init(server: TransactionID, request: Message, flow: Flow, hash: UInt64, breadth: Int) {
        self.server = server
        self.request = request
        self.flow = flow
        self.hash = hash
        self.breadth = breadth
    }

    var isInvite: Bool { request.method == .invite }
}

/// Why a client transaction exists.
enum ClientRole {
    /// It carries a request on, as this branch of the server transaction's context.
    case proxied(TransactionID, branch: Int)
    /// It is the gateway's own: a CANCEL, or the BYE of a dialog that it ended.
    case own
}

/// A message on its way through the gateway: it waits for an envelope to open, then for the gate.
enum Subject {
    case request(TransactionID)
    case response(TransactionID, branch: Int, Message)
    /// An ACK to a 2xx; it has no transaction.
    case acknowledgement(Acknowledgement, SessionID)
    /// Nothing waits: refreshing, reconciling, closing after the fact.
    case none
}

/// An ACK to a 2xx on its way, routed.
struct Acknowledgement {
    /// The ACK, own Route values taken off.
    let message: Message
    let flow: Flow
    var destination: Destination
    var listener: Listener
}
