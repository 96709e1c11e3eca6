import GateProtocol
import SDPText
import SIPText
import SIPTransactions
import Wire

/// Something of each end of a call.
struct Both<Value> {
    var caller: Value
    var callee: Value

    subscript(party: Party) -> Value {
        get { party == .caller ? caller : callee }
        set { if party == .caller { caller = newValue } else { callee = newValue } }
    }
}

/// A content-encryption key that the session holds: its octets are in the shell.
struct HeldKey: Hashable, Sendable {
    let handle: KeyHandle
    /// Whose message established it: a party replaces its own key, and both may use each other's.
    let party: Party
    /// How often it may be used again (CEKMaxDecrypts, RFC 3185 section 3.2); nil is for as long as the dialog lasts.
    var usesLeft: Int?
}

/// How the SDP of a session came to be known.
public enum Reading: String, Sendable, Equatable {
    /// Nothing was read yet.
    case none = "nothing"
    /// `application/sdp` in the clear.
    case plain
    /// An envelope that was opened.
    case disclosed
    /// An envelope for others.
    case closed = "unreadable"
}

/// One call, from the INVITE that began it: where its ends are, its offer/answer exchange, the holes that follow from it
/// and the keys that read it.
///
/// A class, since many look at one session and none wants a copy. It belongs to the controller that made it.
final class Session {
    enum Phase: Hashable, Sendable {
        /// INVITE sent on, no 2xx yet.
        case early
        /// A 2xx was passed on.
        case established
        /// CANCEL or BYE came, or a final error: nothing may be open.
        case ending
    }

    /// Requests inside a call, ACK and BYE apart: one each tenth of a second for long, so many at once. DTMF by INFO (RFC
    /// 6086) and the refreshes of three services at one time stay below it.
    static let requestInterval = Duration.milliseconds(100)
    static let requestBurst = 50

    let id: SessionID
    /// Call-ID and the caller's tag.
    let dialog: DialogKey
    /// The callee's tag, from the 2xx on.
    var calleeTag: [UInt8]?
    /// The callee's tags that responses to the INVITE had: one for each of its phones that rang.
    private var seenTags: [[UInt8]] = []
    /// The callee's tags of early dialogs that the caller has ended.
    private var leftTags: [[UInt8]] = []
    /// The callee's tags of the dialogs that are up, and where it is in each: more than one when several phones answered.
    private(set) var confirmed: [(tag: [UInt8], place: Place)] = []
    /// The URIs of From and To, for people.
    let from: [UInt8]
    let to: [UInt8]
    let caller: Place
    /// Where the callee may be: a place for each way that the INVITE may take.
    let callees: [Place]
    /// Where the callee is that answered first.
    var callee: Place?
    /// The TLS connections that the call's signalling takes, by the tag of who is at the other end: a phone has no name
    /// that a new one could prove.
    var secureWays: [[UInt8]: Destination] = [:]
    let startedAt: MonotonicTime
    /// Whose call it counts as; empty for nobody's.
    var user: [UInt8] = []
    var phase = Phase.early
    /// BYE came: no answer that arrives late brings the call back.
    var isOver = false
    /// A session timer runs: without a refresh in time the call is over.
    var hasTimer = false
    /// When it runs out.
    var expires: MonotonicTime?
    /// A 2xx was passed on and its ACK has not come.
    var awaitsACK = false
    var negotiation = Negotiation()
    /// What the gate confirmed.
    var installed = Holes()
    /// What the gate was asked for last.
    var requested = Holes()
    /// The external endpoints that its inside ones have or had.
    var bindings: [EndpointBinding] = []
    /// The highest CSeq number of each party's requests.
    var sequences = Both<UInt32>(caller: 0, callee: 0)
    /// The ends of the dialog, from the 2xx on.
    var ends: Both<DialogEnd>?
    /// What may still be asked inside the call before it counts as a flood.
    var allowance: Admission.Allowance
    /// Since when no packet has gone through the holes, as the gate's renewals show.
    var silentSince: MonotonicTime?
    var keys: [HeldKey] = []
    /// The keys went with the process that held them: who is outside and shows none of them proves nothing.
    var hasLostKeys = false
    /// A 2xx to the INVITE was passed on: the call goes on without the transaction that began it.
    var isAnswered = false
    /// The numbers of the requests that the process before this one carried in the call; nil when it carried none.
    var restored: Both<UInt32>?
    /// The sum of what is written of it; nil while nothing is.
    var recordSum: UInt64?
    var reading = Reading.none
    /// What happened so far, for whoever asks why.
    var record = CallRecord()
    /// What its holes had counted when they closed.
    var lastReport: HoleReport?

    /// - Parameters:
    ///   - request: the INVITE.
    ///   - callees: a place for each way that it may take, never none.
    convenience init(
        _ id: SessionID, _ dialog: DialogKey, _ request: Message, caller: Place, callees: [Place], at now: MonotonicTime
    ) {
        self.init(
            id, dialog, from: request.address(of: .from).map { request.copy($0.uri) } ?? [],
            to: request.address(of: .to).map { request.copy($0.uri) } ?? [], caller: caller, callees: callees, at: now)
    }

    /// - Parameters:
    ///   - from: the URI of From.
    ///   - to: the URI of To.
    ///   - callees: never none.
    init(
        _ id: SessionID, _ dialog: DialogKey, from: [UInt8], to: [UInt8], caller: Place, callees: [Place],
        at now: MonotonicTime
    ) {
        self.id = id
        self.dialog = dialog
        self.from = from
        self.to = to
        self.caller = caller
        self.callees = callees
        startedAt = now
        allowance = Admission.Allowance(usedUntil: now)
    }

    var callID: [UInt8] { dialog.callID }

    /// Whether media between the parties crosses the gateway, or may come to.
    var crosses: Bool {
        if let callee { return callee.side != caller.side }
        for callee in callees where callee.side != caller.side { return true }
        return false
    }

    /// Whose request it is: the caller's when it carries the caller's tag in From.
    func sender(of request: Message) -> Party {
        dialog.hasTag(request.octets(request.tag(of: .from) ?? .empty)) ? .caller : .callee
    }

    /// Notes the callee's tag in a response to the INVITE.
    func noteTag(_ tag: [UInt8]) {
        guard seenTags.count < ProxyContext.maximumBranches, !seenTags.contains(tag), !leftTags.contains(tag) else {
            return
        }
        seenTags.append(tag)
    }

    /// An early dialog is over.
    ///
    /// - Returns: whether it was the last that has rung.
    func leaveEarly(_ tag: [UInt8]) -> Bool {
        seenTags.removeAll { $0 == tag }
        if leftTags.count < ProxyContext.maximumBranches, !leftTags.contains(tag) { leftTags.append(tag) }
        return seenTags.isEmpty
    }

    /// Whether the early dialog with that tag of the callee's is over: what comes of it still is too late.
    func hasLeft(_ tag: Span<UInt8>) -> Bool {
        for left in leftTags where ASCII.equal(tag, left.span) { return true }
        return false
    }

    /// Notes that a 2xx made a dialog with that tag of the callee's, who is at that place.
    func confirm(_ tag: [UInt8], at place: Place) {
        guard confirmed.count < ProxyContext.maximumBranches, !isConfirmed(tag.span) else { return }
        confirmed.append((tag, place))
    }

    /// One of the dialogs is over.
    ///
    /// - Returns: whether another one is left, which is the session's then: without media, until it agrees on some.
    func leave(_ tag: [UInt8]) -> Bool {
        guard isConfirmed(tag.span), confirmed.count > 1 else { return false }
        confirmed.removeAll { $0.tag == tag }
        guard calleeTag == tag else { return true }
        (calleeTag, callee) = confirmed[0]
        ends = nil
        negotiation.abandonMedia()
        return true
    }

    /// Whether a dialog with that tag of the callee's was confirmed.
    func isConfirmed(_ tag: Span<UInt8>) -> Bool {
        for dialog in confirmed where ASCII.equal(tag, dialog.tag.span) { return true }
        return false
    }

    /// Whether a tag is the callee's, or one of those that it may come to have.
    func isCallees(_ tag: Span<UInt8>) -> Bool {
        if let calleeTag { return ASCII.equal(tag, calleeTag.span) || isConfirmed(tag) }
        for seen in seenTags where ASCII.equal(tag, seen.span) { return true }
        return false
    }

    /// Whether one of the two is a phone inside of that address.
    func hasInsideParty(at address: IPAddress) -> Bool {
        caller.side == .inside && caller.address == address
            || callees.contains { $0.side == .inside && $0.address == address }
    }

    /// Whether a party may be somewhere.
    func isPlace(of party: Party, _ isThere: (Place) -> Bool) -> Bool {
        switch party {
        case .caller: isThere(caller)
        case .callee: callees.contains(where: isThere)
        }
    }

    /// What should be open now.
    var wanted: Holes { phase == .ending ? Holes() : negotiation.wanted }
}
