import GateProtocol
public import Registration
import SDPText
import SIPText
import SIPTransactions
public import Wire

/// The gateway's one brain: a record-routing, transaction-stateful proxy (RFC 3261 section 16) that lets a message go on
/// only when the holes that it calls for are open.
///
/// Inputs in, effects out: it reads no clock, sends nothing and asks nobody. One event loop owns one controller. There are
/// no copies of it, so what it holds by reference is its own.
///
/// The way of a message: `receive` → transaction layer → `admit` (Requests.swift) or `collect` (Responses.swift) →
/// `examine` and `plan` (Examination.swift) → `ensureHoles` (GateWork.swift) → `proceed` (Requests.swift,
/// Responses.swift).
public struct SessionController: ~Copyable {
    var settings: ControllerSettings
    var tokens: TokenSource
    var layer: TransactionLayer
    var sessions: [SessionID: Session] = [:]
    /// Sessions of each user that has any, where their number is limited.
    var userCalls: [[UInt8]: Int] = [:]
    /// More than one where a call was forked before it came here, or comes by twice.
    var dialogs: [DialogKey: [Session]] = [:]
    /// Response contexts by their server transaction.
    var contexts = TransactionMap<ProxyContext>()
    var clients = TransactionMap<ClientRole>()
    /// Client transactions whose timer C runs.
    var inviteTimers = TransactionMap<Void>()
    var lookUps = LookUps()
    var datagramHops = DatagramHops()
    var health = TargetHealth()
    var admission: Admission
    /// The registrar of the domains that are served here; nil where there is none.
    var registrar: GatewayRegistrar?
    var gate = GateLink()
    var callsElsewhere = CallsElsewhere()
    /// The last calls that are over.
    var endedCalls = EndedCalls()
    /// Messages whose envelopes are being opened.
    var examining: [EnvelopeToken: Subject] = [:]
    var nextEnvelope: UInt64 = 0
    var effects: [Effect] = []
    /// Sessions of which something is to be written.
    var unrecorded: [Session] = []
    /// Sessions of the process before this one that another controller goes on with, though their numbers are of this one's:
    /// there were more controllers then, or fewer.
    var sessionsElsewhere: Set<SessionID> = []
    var now = MonotonicTime(nanoseconds: 0)
    /// How often what happened, for status and metrics.
    public internal(set) var counters = Counters()

    /// A controller without sessions.
    ///
    /// - Parameter registrar: of the domains that are served here; nil serves none.
    public init(settings: ControllerSettings, registrar: GatewayRegistrar? = nil) {
        self.settings = settings
        self.registrar = registrar
        tokens = TokenSource(key: settings.tokenKey)
        admission = Admission(
            settings.admission, trusted: Set(settings.routes.map(\.destination.remote.address)))
        layer = TransactionLayer(timers: settings.timers, maximumTransactions: settings.maximumTransactions)
    }

    /// Takes one input into account and says what must be done.
    public mutating func handle(_ input: Input, at time: MonotonicTime) -> [Effect] {
        now = time
        switch input {
        case .received(let message, let flow): receive(message, flow)
        case .malformed(let error, let request, let flow): refuse(error, request, flow)
        case .fired(.transaction(let token)): run(layer.fired(token))
        case .fired(.inviteTimeout(let client)): inviteTimedOut(client)
        case .fired(.trying(let transaction)): tryingOverdue(transaction)
        case .fired(.halfOpen(let session)): halfOpenTimedOut(session)
        case .fired(.end(let session)): timedOut(session)
        case .fired(.sessionExpires(let session)): sessionExpired(session)
        case .fired(.renewal): renewHoles()
        case .located(let token, let destinations, let isTemporary):
            located(token, destinations, isTemporary: isTemporary)
        case .stored(let token, let succeeded): stored(token, succeeded)
        case .locationChanged(let change): registrar?.adopt(change)
        case .announced(let announcement): take(announcement)
        case .usersChanged(let users): registrar?.replaceUsers(users)
        case .connectionClosed(let connection):
            registrar?.connectionClosed(connection)
            run(layer.connectionFailed(connection))
        case .connectionTimedOut(let connection): connectionTimedOut(connection)
        case .transportFailed(let destination):
            if destination.transport == .tcp { datagramHops.connectionFailed(to: destination.remote, at: now) }
            run(layer.transportFailed(to: destination))
        case .gateConnected(let timeout, let translates): gateConnected(timeout, translates)
        case .gateDisconnected: gateDisconnected()
        case .gateReplied(let token, let reply): gateReplied(token, reply)
        case .envelopeOpened(let token, let outcome): envelopeOpened(token, outcome)
        case .restored(let records, let elsewhere): restore(records, elsewhere: elsewhere)
        case .suspend: suspend()
        case .shutdown: for id in sessions.keys.sorted() { close(id, .shutdown) }
        }
        var result: [Effect] = []
        swap(&result, &effects)
        return unrecorded.isEmpty ? result : takeRecords() + result
    }

    /// Performs what the transaction layer wants: most of it goes to the shell, the rest is for the proxy.
    mutating func run(_ actions: [TransactionAction]) {
        for action in actions {
            switch action {
            case .send(let message, let destination): effects.append(.send(message, destination))
            case .start(let token, let duration): effects.append(.startTimer(.transaction(token), duration))
            case .cancel(let token): effects.append(.cancelTimer(.transaction(token)))
            case .request(let message, let id, let flow): admit(message, id, flow)
            case .cancelRequest(let message, let id, let of, _): cancel(message, id, of)
            case .acknowledge(let message, let flow, _): acknowledge(message, flow)
            case .response(let message, let id): collect(message, id)
            case .strayResponse(let message, let flow): passOn(message, flow)
            case .timedOut(let id): ended(id, with: 408, "Request Timeout", .timedOut)
            case .failed(let id): ended(id, with: 503, "Service Unavailable", .transportFailed)
            case .ended(let id): forget(id)
            }
        }
    }

    private mutating func receive(_ message: Message, _ flow: Flow) {
        var message = message
        if message.isRequest {
            counters.requests += 1
            // The places that the full table keeps for ending calls are for calls that there are.
            if message.method == .bye, layer.count >= settings.maximumTransactions,
                session(of: message, from: flow) == nil
            {
                counters.refused += 1
                return
            }
            message.stampVia(source: flow.remote)
            guard admits(message, flow) else { return refuseStatelessly(message, flow) }
            if let challenge = statelessChallenge(to: message, from: flow) {
                return answerStatelessly(challenge, message, flow)
            }
        } else {
            counters.responses += 1
        }
        let isOfCall =
            layer.count >= settings.maximumTransactions && message.isRequest && message.tag(of: .to) != nil
            && session(of: message, from: flow) != nil
        let isStrangers = message.method == .invite && flow.transport == .udp && !isTrusted(flow)
        run(
            layer.receive(
                message, from: flow, isOfCall: isOfCall, repeats: isStrangers ? Self.repeatsToStrangers : .max))
    }

    /// Answers what is no acceptable message, when it can be answered: 400 with where and why, without a transaction.
    private mutating func refuse(_ error: ParseError, _ request: Message?, _ flow: Flow) {
        counters.malformed += 1
        effects.append(.log(.malformed(error, from: flow.remote)))
        guard var request else { return }
        request.stampVia(source: flow.remote)
        var status: UInt16 = 400
        var phrase = Array("Bad Request - \(error.description)".utf8)
        if error.code == .unsupported, ASCII.equal(Array("\(error.production)".utf8).span, "SIP-Version") {
            status = 505
            phrase = Array("Version Not Supported - \(error.description)".utf8)
        } else if error.code == .tooLong, ASCII.equal(Array("\(error.production)".utf8).span, "message") {
            status = 413
            phrase = Array("Request Entity Too Large - \(error.description)".utf8)
        }
        let response = Message(status: status, phrase: phrase, to: request, tag: tokens.constantTag(for: request))
        answerStatelessly(response, request, flow)
    }

    /// A transaction is over: nothing refers to it any more.
    private mutating func forget(_ id: TransactionID) {
        clients[id] = nil
        if let context = contexts.removeValue(of: id), !context.isInvite, context.answered == nil {
            effects.append(.cancelTimer(.trying(id)))
        }
        stopInviteTimer(id)
    }
}

/// How often what happened since the start.
public struct Counters: Sendable, Equatable {
    /// Requests received.
    public var requests: UInt64 = 0
    /// Responses received.
    public var responses: UInt64 = 0
    /// Octets received that are no acceptable message.
    public var malformed: UInt64 = 0
    /// Responses that belong to no client transaction (RFC 6026 section 7.3).
    public var strayResponses: UInt64 = 0
    /// Requests outside of calls that their source, or all together, sent too many of.
    public var overLimit: UInt64 = 0
    /// Messages that were refused.
    public var refused: UInt64 = 0
    /// Sessions that began.
    public var sessionsOpened: UInt64 = 0
    /// Sessions that ended.
    public var sessionsClosed: UInt64 = 0
    /// Envelopes that were opened.
    public var envelopesOpened: UInt64 = 0
    /// Envelopes that had to be read and could not be.
    public var envelopesUndecipherable: UInt64 = 0
    /// Requests sent to the gate.
    public var gateRequests: UInt64 = 0
    /// Requests that the gate refused.
    public var gateRefusals: UInt64 = 0

    /// Every count at 0.
    public init() {}

    /// The counts of two controllers together.
    public static func + (a: Counters, b: Counters) -> Counters {
        var sum = a
        for path in [
            \Counters.requests, \.responses, \.malformed, \.strayResponses, \.overLimit, \.refused, \.sessionsOpened,
            \.sessionsClosed, \.envelopesOpened, \.envelopesUndecipherable, \.gateRequests, \.gateRefusals,
        ] as [WritableKeyPath<Counters, UInt64>] {
            sum[keyPath: path] += b[keyPath: path]
        }
        return sum
    }
}

// MARK: - Sessions

extension SessionController {
    /// The known call that a request with a To tag belongs to and whose request it is, if only by a fork that the session
    /// does not follow.
    func knownCall(of request: Message, from flow: Flow) -> (session: Session, sender: Party)? {
        // Phones of RFC 2543 have no From tag.
        if let key = DialogKey(request, callersTag: .from), let sessions = dialogs[key] {
            return (choose(sessions, request, .caller, flow), .caller)
        }
        guard let key = DialogKey(request, callersTag: .to), !key.hasEmptyTag, let sessions = dialogs[key] else {
            return nil
        }
        return (choose(sessions, request, .callee, flow), .callee)
    }

    /// Which of the sessions of one call a request belongs to. A call that was forked before it came here, or that comes by
    /// twice since both phones are inside and their server is not, has several: the first are told apart by the callee's
    /// tag, the others by where they come from.
    private func choose(_ sessions: [Session], _ request: Message, _ sender: Party, _ flow: Flow) -> Session {
        guard sessions.count > 1 else { return sessions[0] }
        let tag = request.tag(of: sender == .caller ? .to : .from)
        var best = (session: sessions[0], rank: -1)
        for session in sessions {
            var rank = isPlace(flow.remote, of: sender, in: session) ? 1 : 0
            if let tag, session.isCallees(request.octets(tag)) { rank += 2 }
            if rank > best.rank { best = (session, rank) }
        }
        return best.session
    }

    /// The session that a request with a To tag belongs to, and whose request it is. Another fork of the callee has a dialog
    /// of its own, which is not the session's: the callee's tag must be the one that its 2xx established, when it did.
    func session(of request: Message, from flow: Flow) -> (session: Session, sender: Party)? {
        guard let (session, sender) = knownCall(of: request, from: flow) else { return nil }
        guard let calleeTag = session.calleeTag else { return (session, sender) }
        let tag = request.tag(of: sender == .caller ? .to : .from)
        if tag == nil, sender == .caller { return (session, sender) }
        return ASCII.equal(request.octets(tag ?? .empty), calleeTag.span) ? (session, sender) : nil
    }

    /// The other sessions of the same dialog: the call comes by more than once.
    func siblings(of session: Session) -> [Session] {
        (dialogs[session.dialog] ?? []).filter { $0 !== session && $0.calleeTag == session.calleeTag }
    }

    /// Nobody answered the BYE with an end of the call, or nobody acknowledged the 2xx: the caller is gone.
    mutating func timedOut(_ id: SessionID) {
        guard let session = sessions[id], session.isOver || session.awaitsACK else { return }
        close(id, session.isOver ? .bye : .timedOut)
    }

    /// Ends a session: nothing stays open, no key is kept.
    mutating func close(_ id: SessionID, _ reason: CloseReason) {
        guard let session = sessions.removeValue(forKey: id) else { return }
        dialogs[session.dialog]?.removeAll { $0 === session }
        if dialogs[session.dialog]?.isEmpty ?? false { dialogs[session.dialog] = nil }
        if !session.installed.isEmpty || !session.requested.isEmpty {
            gate.closing.insert(id)
            ask(.close(id), for: .none)
        }
        if session.recordSum != nil, gate.holeTimeout == nil || !gate.closing.contains(id) {
            // Without a gate too: what it holds and nobody has written of is closed when it is back.
            effects.append(.journal(.drop(id)))
        }
        if !session.installed.halfOpen.isEmpty { effects.append(.cancelTimer(.halfOpen(id))) }
        if session.isOver || session.awaitsACK { effects.append(.cancelTimer(.end(id))) }
        if session.hasTimer { effects.append(.cancelTimer(.sessionExpires(id))) }
        forgetBindings(of: session)
        announcePhones(of: session, isThere: false)
        endCall(of: session.user)
        for key in session.keys { effects.append(.forgetKey(key.handle)) }
        counters.sessionsClosed += 1
        effects.append(.log(.sessionClosed(id, reason)))
        endedCalls.append(EndedCall(session, at: now, reason), isAnswered: session.calleeTag != nil)
    }
}
