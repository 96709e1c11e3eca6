import GateProtocol
import Registration
import SIPText
import SIPTransactions
import Wire

// Requests that come in: RFC 3261 sections 16.3 to 16.5, and where they go.
extension SessionController {
    /// Validates a request, finds where it goes and begins its way.
    mutating func admit(_ message: Message, _ id: TransactionID, _ flow: Flow) {
        let hash = LoopCheck.hash(message, tokens)
        if let rejection = fault(in: message, hash: hash) { return decline(message, id, flow, rejection) }
        let edge = edgeTarget(of: message, from: flow)
        let subscription = SubscriptionToken(carriedBy: message, settings: settings)
        var request = message
        Routing.preprocess(&request, settings: settings)
        if request.method == .register, registrar?.isResponsible(for: request) ?? false {
            return register(request, id, flow)
        }
        if isExhausted(request), edge != nil || !Routing.isOwn(request, settings: settings) {
            return decline(request, id, flow, Self.exhausted)
        }
        let authentication = subscription == nil ? authenticate(&request, id, flow) : .notAsked
        guard authentication != .refused else { return }
        removeClaims(&request, from: flow)
        let isInDialog = message.tag(of: .to) != nil
        let context = ProxyContext(
            server: id, request: request, flow: flow, hash: hash,
            breadth: Int(
                message.number(of: .maxBreadth, upTo: MessageLimits.maxBreadth)
                    ?? UInt64(ProxyContext.defaultBreadth)))
        context.isAuthenticated = authentication == .proved
        if isInDialog { context.session = session(of: message, from: flow)?.session.id }
        context.subscription = subscription
        let isFollowed =
            isInDialog
            && (context.session != nil || subscription != nil || knownCall(of: request, from: flow) != nil)
        if let groups = edge.map({ [[$0]] }) ?? registeredTargets(of: request) {
            // The same answer for who is nobody's and for who is nowhere: names are not to be found out by asking.
            guard !groups.isEmpty else {
                return decline(message, id, flow, isInDialog ? .unknownDialog : .notRegistered)
            }
            contexts[id] = context
            return dispatch(id, groups)
        }
        switch Routing.decision(for: request, from: flow, isInDialog: isFollowed, settings: settings) {
        case .target(let target):
            contexts[id] = context
            dispatch(id, [[isFollowed ? following(target, in: context) : target]])
        case .lookUp(let query):
            contexts[id] = context
            if request.method == .invite { sayTrying(id) }
            locate(query, for: .request(id))
        case .own: answerOwn(request, id)
        case .rejected(let rejection):
            let isUnknown = isInDialog && context.session == nil && rejection.status == 404
            decline(message, id, flow, isUnknown ? .unknownDialog : rejection)
        }
    }

    /// What is for the gateway itself needs no hop more (section 16.3 item 3).
    private func isExhausted(_ request: Message) -> Bool {
        request.number(of: .maxForwards, upTo: MessageLimits.maxForwards) == 0
    }

    private static var exhausted: Rejection { Rejection(483, "Too Many Hops", "Max-Forwards is 0") }

    /// The targets of a request are known, those that are tried together in one group: it goes on, or is refused.
    mutating func dispatch(_ id: TransactionID, _ groups: [[Target]], isTrying: Bool = false) {
        guard let context = contexts[id] else { return }
        let message = context.request
        guard !context.isCancelled else { return forward(id) }
        guard context.breadth > 0 else { return refuse(message, id, .tooBroad) }
        context.later = turns(groups, breadth: context.breadth)
        let places = context.later.joined().flatMap(\.destinations).map { settings.place(of: $0.remote.address) }
        context.branches = context.later.isEmpty ? [] : context.later.removeFirst().map(Branch.init)
        for index in context.branches.indices {
            context.branches[index].listener = settings.listener(facing: context.branches[index].destination)
        }
        guard context.branches.contains(where: { $0.listener != nil }) else {
            let rejection = Rejection(502, "Bad Gateway", "no listener for the transport of the next hop")
            return decline(message, id, context.flow, rejection)
        }
        let known = message.tag(of: .to) == nil ? nil : knownCall(of: message, from: context.flow)
        let tag = message.tag(of: known?.sender == .callee ? .from : .to).map(message.copy) ?? []
        // Another fork that was answered may go on talking; its media is not carried.
        if message.tag(of: .to) != nil, message.method == .invite, context.session == nil,
            !(known?.session.isConfirmed(tag.span) ?? false)
        {
            return refuse(message, id, .unknownDialog)
        }
        if let known {
            for branch in context.branches {
                if let fault = bindingFault(of: message, from: context.flow, to: branch.destination) {
                    return refuse(message, id, fault)
                }
            }
            context.session.flatMap { sessions[$0] }?.noteSequence(of: message)
            resume(known.session, known.sender, message, from: context.flow)
            if message.method == .bye, context.session == nil {
                _ = known.session.leave(tag)
                journal(known.session)
            }
        } else if let subscription = context.subscription {
            if let fault = subscription.fault(from: context.flow, to: context.branches) {
                return refuse(message, id, fault)
            }
        } else if let fault = relayFault(context) {
            return refuse(message, id, fault)
        } else if message.method == .invite {
            do throws(Rejection) {
                context.session = try begin(message, context, places)
                context.isInitial = true
            } catch {
                return refuse(message, id, error)
            }
        }
        addPath(&context.request, from: context.flow, toward: context.branches[0].destination)
        if let rejection = hideContacts(
            &context.request, from: context.flow, toward: context.branches[0].destination)
        {
            return refuse(message, id, rejection)
        }
        if let rejection = adjustSessionTimer(context) {
            if context.isInitial, let session = context.session { close(session, .refused) }
            return refuse(message, id, rejection)
        }
        if message.method != .invite {
            // T1, 2 T1 and 4 T1.
            effects.append(.startTimer(.trying(id), settings.timers.t1 * 7))
        } else if !isTrying {
            sayTrying(id)
        }
        examine(.request(id))
    }

    /// Groups of targets as turns of no more branches than may be at one time (RFC 5393 section 5.3), and no more in all
    /// than are ever tried. What failed lately is a target's last way.
    private func turns(_ groups: [[Target]], breadth: Int) -> [[Target]] {
        var turns: [[Target]] = []
        var left = ProxyContext.maximumBranches
        for group in groups {
            var rest = group.prefix(left)
            for index in rest.indices { rest[index].destinations = health.arrange(rest[index].destinations, at: now) }
            left -= rest.count
            while !rest.isEmpty {
                turns.append(Array(rest.prefix(breadth)))
                rest = rest.dropFirst(breadth)
            }
        }
        return turns
    }

    private mutating func sayTrying(_ id: TransactionID) {
        guard let context = contexts[id] else { return }
        var trying = Message(status: 100, reason: "Trying", to: context.request, tag: nil)
        // The caller measures the round trip by it (section 8.2.6.1).
        trying.appendFields(of: .timestamp, from: context.request)
        run(layer.respond(trying, to: id))
    }

    /// Nobody has answered a request other than INVITE for as long as its sender's timer E takes to reach T2: it is told
    /// that the request is here, and not before (RFC 4320 section 4.1).
    mutating func tryingOverdue(_ id: TransactionID) {
        guard let context = contexts[id], context.answered == nil else { return }
        sayTrying(id)
    }

    /// Refuses a request that goes nowhere. Whatever becomes of a BYE, its sender has hung up: the call is over.
    mutating func decline(_ message: Message, _ id: TransactionID, _ flow: Flow, _ rejection: Rejection) {
        if message.method == .bye, let found = session(of: message, from: flow), isFromItsSender(message, flow) {
            close(found.session.id, .bye)
        }
        refuse(message, id, rejection)
    }

    /// Section 16.3: what must hold before anything else is looked at.
    private func fault(in message: Message, hash: UInt64) -> Rejection? {
        if LoopCheck.isLoop(message, hash: hash, settings: settings) {
            return Rejection(482, "Loop Detected", "this gateway forwarded the same request before")
        }
        return unsupported(message.values(of: .proxyRequire), of: "Proxy-Require", in: message)
    }

    /// A 420 that names the extensions that are asked for: this gateway knows none.
    private func unsupported(_ extensions: [Slice], of name: StaticString, in message: Message) -> Rejection? {
        guard !extensions.isEmpty else { return nil }
        var rejection = Rejection(420, "Bad Extension", "\(name): an extension that is not known here")
        rejection.unsupported = Array(extensions.map(message.copy).joined(separator: Array(", ".utf8)))
        return rejection
    }

    /// A request for the gateway itself.
    private mutating func answerOwn(_ request: Message, _ id: TransactionID) {
        guard request.method == .options else {
            return refuse(request, id, Rejection(404, "Not Found", "the gateway has no users of its own"))
        }
        if let rejection = unsupported(request.values(of: .require), of: "Require", in: request) {
            return refuse(request, id, rejection)
        }
        var response = Message(status: 200, reason: "OK", to: request, tag: tokens.constantTag(for: request))
        response.append(.accept, Array("application/sdp, application/pkcs7-mime, multipart/mixed".utf8))
        response.append(
            .allow,
            Array(
                "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, MESSAGE, REFER, SUBSCRIBE, NOTIFY, PUBLISH"
                    .utf8))
        answerAndForget(response, request, id)
    }

    /// A new call: an INVITE without To tag.
    private mutating func begin(
        _ request: Message, _ context: ProxyContext, _ callees: [Place]
    ) throws(Rejection) -> SessionID {
        let flow = context.flow
        guard let key = DialogKey(request, callersTag: .from) else {
            throw Rejection(400, "Bad Request", "no Call-ID")
        }
        guard dialogs[key]?.count ?? 0 < ProxyContext.maximumBranches else {
            throw Rejection(482, "Loop Detected", "the call has come by too often")
        }
        guard sessions.count < settings.maximumSessions else { throw .full }
        let user = caller(of: context)
        guard beginCall(of: user) else { throw .tooManyCalls }
        let id = newSession()
        let session = Session(
            id, key.owned, request, caller: settings.place(of: flow.remote.address), callees: callees, at: now)
        if flow.transport == .tls {
            let tag = request.tag(of: .from).map(request.copy) ?? []
            session.follow(Destination(flow.transport, flow.remote, connection: flow.connection), to: tag)
        }
        session.user = user
        session.noteSequence(of: request)
        sessions[id] = session
        dialogs[session.dialog, default: []].append(session)
        announcePhones(of: session, isThere: true)
        counters.sessionsOpened += 1
        effects.append(.log(.sessionOpened(id, callID: session.callID)))
        return id
    }

    /// A number that no session has, nor one whose holes are still to be closed.
    private mutating func newSession() -> SessionID {
        while true {
            let id = SessionID((tokens.number() >> 8) * settings.shares + settings.share)
            if sessions[id] == nil, !gate.closing.contains(id), !sessionsElsewhere.contains(id) { return id }
        }
    }

    /// Answers a request with a refusal.
    mutating func refuse(_ request: Message, _ id: TransactionID, _ rejection: Rejection) {
        var rejection = rejection
        // Both ends must not try again at one time (RFC 3261 section 14.2).
        if rejection == .tooEarly { rejection.retryAfter = Int(tokens.number() % 11) }
        note(rejection, of: request)
        answerAndForget(
            rejection.response(to: request, tag: tokens.constantTag(for: request), settings: settings), request, id)
    }

    /// Answers a request that nothing was begun for: it keeps no place, and a copy of it gets the same answer again.
    mutating func answerAndForget(_ response: Message, _ request: Message, _ id: TransactionID) {
        let isReliable = layer.destination(of: id)?.transport.isReliable ?? true
        run(layer.refuse(response, or: response.trimmed(to: request, isReliable: isReliable), to: id))
    }

    /// Counts and logs a refusal.
    mutating func note(_ rejection: Rejection, of request: Message) {
        counters.refused += 1
        let callID = request.value(of: .callID).map(request.copy) ?? []
        effects.append(.log(.refused(callID: callID, status: rejection.status, why: rejection.why)))
    }
}
