import GateProtocol
import SIPText
import SIPTransactions
import Wire

// Requests on their way through: RFC 3261 sections 16.3 to 16.6, CANCEL (16.10) and the ACK to a 2xx.
extension SessionController {
    /// What Max-Forwards is set to when a request has none (section 16.6 item 3).
    static let initialMaxForwards: UInt64 = 70
    /// Octets of SIP in one IPv4 datagram: 65,535 less the headers of IP and UDP.
    static let largestDatagram = 65_507

    /// Validates a request, finds where it goes and begins its way.
    mutating func admit(_ message: Message, _ id: TransactionID, _ flow: Flow) {
        let hash = LoopCheck.hash(message, tokens)
        let hasToTag = message.tag(of: .to) != nil
        let found = hasToTag ? session(of: message) : nil
        if let rejection = fault(in: message, hash: hash) { return decline(message, id, flow, rejection) }
        var request = message
        Routing.preprocess(&request, settings: settings)
        let destination: Destination
        switch Routing.target(of: request, isInDialog: hasToTag && knownCall(of: request) != nil, settings: settings) {
        case .destination(let target): destination = target
        case .own: return answerOwn(request, id)
        case .badURI:
            let rejection = Rejection(416, "Unsupported URI Scheme", "only sip URIs are routed here")
            return decline(message, id, flow, rejection)
        case .none:
            let rejection =
                hasToTag && found == nil
                ? Rejection(481, "Call/Transaction Does Not Exist", "no such dialog here")
                : Rejection(404, "Not Found", "no route to the domain of the Request-URI")
            return decline(message, id, flow, rejection)
        }
        guard let listener = settings.listener(facing: destination) else {
            let rejection = Rejection(502, "Bad Gateway", "no listener for the transport of the next hop")
            return decline(message, id, flow, rejection)
        }
        if hasToTag, let fault = bindingFault(of: request, from: flow, to: destination) {
            return refuse(message, id, fault)
        }
        var context = ProxyContext(
            server: id, request: request, flow: flow, destination: destination, listener: listener, hash: hash,
            session: found?.id)
        if request.method == .invite {
            if hasToTag {
                guard found != nil else {
                    return refuse(message, id, Rejection(481, "Call/Transaction Does Not Exist", "no such dialog here"))
                }
            } else {
                do throws(Rejection) {
                    context.session = try begin(request, flow, destination)
                    context.isInitial = true
                } catch {
                    return refuse(message, id, error)
                }
            }
            contexts[id] = context
            run(layer.respond(Message(status: 100, reason: "Trying", to: request, tag: nil), to: id))
        } else {
            contexts[id] = context
        }
        examine(.request(id))
    }

    /// Refuses a request that goes nowhere. Whatever becomes of a BYE, its sender has hung up: the call is over.
    private mutating func decline(_ message: Message, _ id: TransactionID, _ flow: Flow, _ rejection: Rejection) {
        if message.method == .bye, let found = session(of: message), isFromItsSender(message, flow) {
            close(found.id, .bye)
        }
        refuse(message, id, rejection)
    }

    /// Section 16.3: what must hold before anything else is looked at.
    private func fault(in message: Message, hash: UInt64) -> Rejection? {
        if message.number(of: .maxForwards, upTo: MessageLimits.maxForwards) == 0 {
            return Rejection(483, "Too Many Hops", "Max-Forwards is 0")
        }
        if LoopCheck.isLoop(message, hash: hash, settings: settings) {
            return Rejection(482, "Loop Detected", "this gateway forwarded the same request before")
        }
        return unsupported(message.values(of: .proxyRequire), in: message)
    }

    /// A 420 that names the extensions that are asked for: this gateway knows none.
    private func unsupported(_ extensions: [Slice], in message: Message) -> Rejection? {
        guard !extensions.isEmpty else { return nil }
        var rejection = Rejection(420, "Bad Extension", "an extension is required that is not supported here")
        rejection.unsupported = Array(extensions.map(message.copy).joined(separator: Array(", ".utf8)))
        return rejection
    }

    /// A request for the gateway itself.
    private mutating func answerOwn(_ request: Message, _ id: TransactionID) {
        guard request.method == .options else {
            return refuse(request, id, Rejection(404, "Not Found", "the gateway has no users of its own"))
        }
        if let rejection = unsupported(request.values(of: .require), in: request) {
            return refuse(request, id, rejection)
        }
        var response = Message(status: 200, reason: "OK", to: request, tag: tokens.token())
        response.append(.accept, Array("application/sdp, application/pkcs7-mime, multipart/mixed".utf8))
        response.append(.allow, Array("INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, MESSAGE".utf8))
        run(layer.respond(response, to: id))
    }

    /// A new call: an INVITE without To tag.
    private mutating func begin(_ request: Message, _ flow: Flow, _ destination: Destination) throws(Rejection)
        -> SessionID
    {
        guard let callID = request.value(of: .callID), let tag = request.tag(of: .from) else {
            throw Rejection(400, "Bad Request", "From has no tag")
        }
        let key = DialogKey(callID: request.copy(callID), tag: request.copy(tag))
        guard dialogs[key] == nil else {
            throw Rejection(482, "Loop Detected", "merged request: the same call is being set up")
        }
        guard sessions.count < settings.maximumSessions else { throw .full }
        let id = SessionID(tokens.number())
        sessions[id] = Session(
            id: id, callID: key.callID, callerTag: key.tag,
            from: request.address(of: .from).map { request.copy($0.uri) } ?? [],
            to: request.address(of: .to).map { request.copy($0.uri) } ?? [],
            callerSide: settings.side(of: flow.remote.address),
            calleeSide: settings.side(of: destination.remote.address), callerAddress: flow.remote.address,
            calleeAddress: destination.remote.address, startedAt: now)
        dialogs[key] = id
        counters.sessionsOpened += 1
        effects.append(.log(.sessionOpened(id, callID: key.callID)))
        return id
    }

    /// Sends a request on (section 16.6): its holes are open, or it needs none.
    mutating func forward(_ id: TransactionID) {
        guard var context = contexts[id] else { return }
        guard !context.isCancelled || context.request.method != .invite else {
            if let session = context.session {
                if context.isInitial {
                    close(session, .cancelled)
                } else {
                    sessions[session]?.rollBack()
                    ensureHoles(session, for: .none)
                }
            }
            return respond(
                id, Message(status: 487, reason: "Request Terminated", to: context.request, tag: tokens.token()))
        }
        let branch = LoopCheck.branch(hash: context.hash, &tokens)
        let recordsRoute = context.isInitial || context.request.method == .subscribe && context.session == nil
        let request = outgoing(
            context.request, from: context.flow, by: context.listener, branch: branch, recordsRoute: recordsRoute)
        var destination = context.destination
        destination.local = context.listener.endpoint
        guard
            destination.transport.isReliable || request.bytes.count < Self.largestDatagram
                || request.serialized().count <= Self.largestDatagram
        else {
            if let session = context.session, context.isInitial { close(session, .refused) }
            return refuse(
                context.request, id,
                Rejection(513, "Message Too Large", "it fits no datagram, and the next hop takes UDP"))
        }
        guard let (client, actions) = layer.request(request, to: destination) else {
            if let session = context.session, context.isInitial || request.method == .bye {
                close(session, context.isInitial ? .refused : .bye)
            }
            return refuse(context.request, id, .full)
        }
        context.client = client
        contexts[id] = context
        clients[client] = .proxied(id)
        if request.method == .invite { effects.append(.startTimer(.inviteTimeout(id), settings.inviteTimeout)) }
        run(actions)
    }

    /// The request as the next hop gets it.
    private func outgoing(
        _ request: Message, from flow: Flow, by listener: Listener, branch: [UInt8], recordsRoute: Bool
    ) -> Message {
        var request = request
        let hops = request.number(of: .maxForwards, upTo: MessageLimits.maxForwards).map { $0 - min($0, 1) }
        var value: [UInt8] = []
        ASCII.append(decimal: hops ?? Self.initialMaxForwards, to: &value)
        request.set(.maxForwards, value)
        if recordsRoute {
            // Two values when the request leaves by another address than it came in by (RFC 5658 section 4), so that
            // each end gets one that it can reach.
            let arrival = Listener(flow.transport, flow.local)
            if arrival != listener { request.prepend(.recordRoute, Routing.recordRoute(arrival, settings)) }
            request.prepend(.recordRoute, Routing.recordRoute(listener, settings))
        }
        if let top = request.address(of: .route), let uri = try? URI(in: request.bytes.span, top.uri),
            !uri.parameters.contains("lr", in: request.bytes.span), let target = request.requestURI
        {
            // The next hop is a strict router (section 16.6 item 6).
            var last: [UInt8] = [ASCII.less]
            last.append(contentsOf: request.copy(target))
            last.append(ASCII.greater)
            let next = request.copy(top.uri)
            request.removeFirstValue(of: .route)
            request.append(.route, last)
            request.setRequestURI(next)
        }
        request.prepend(.via, Routing.via(listener, settings, branch: branch))
        return request
    }

    /// CANCEL is answered here and goes its own way (section 16.10); what the INVITE had open closes at once. One that
    /// matches nothing is not forwarded without state, as that section would have it: only known calls pass here.
    mutating func cancel(_ message: Message, _ id: TransactionID, _ invite: TransactionID?) {
        guard let invite, var context = contexts[invite] else {
            return refuse(message, id, Rejection(481, "Call/Transaction Does Not Exist", "no INVITE to cancel"))
        }
        run(layer.respond(Message(status: 200, reason: "OK", to: message, tag: tokens.token()), to: id))
        guard !context.isCancelled, context.answered == nil else { return }
        context.isCancelled = true
        contexts[invite] = context
        if let session = context.session {
            if context.isInitial {
                sessions[session]?.phase = .ending
            } else if context.carriesOffer {
                sessions[session]?.rollBack()
            }
            ensureHoles(session, for: .none)
        }
        sendCancel(invite)
    }

    /// Sends CANCEL downstream, which must wait for a provisional response (section 9.1).
    mutating func sendCancel(_ id: TransactionID) {
        guard let context = contexts[id], let client = context.client, context.gotProvisional,
            let invite = layer.request(of: client)
        else { return }
        var destination = context.destination
        destination.local = context.listener.endpoint
        guard let (cancel, actions) = layer.request(Message.cancel(for: invite), to: destination) else { return }
        clients[cancel] = .own
        run(actions)
    }

    /// Timer C: the callee's side has neither answered nor been heard of for too long (section 16.8).
    mutating func inviteTimedOut(_ id: TransactionID) {
        guard var context = contexts[id], context.answered == nil else { return }
        context.isCancelled = true
        contexts[id] = context
        guard context.gotProvisional, let client = context.client else { return }
        sendCancel(id)
        // Who does not answer the INVITE may not answer the CANCEL; the caller is told now.
        ended(client, with: 408, "Request Timeout", .timedOut)
        run(layer.abandon(client))
    }

    /// The ACK to a 2xx has no transaction: it is looked at, then sent on.
    mutating func acknowledge(_ message: Message, _ flow: Flow) {
        var request = message
        Routing.preprocess(&request, settings: settings)
        guard request.number(of: .maxForwards, upTo: MessageLimits.maxForwards) != 0 else { return }
        guard let (known, _) = knownCall(of: request),
            case .destination(var destination) = Routing.target(of: request, isInDialog: true, settings: settings),
            bindingFault(of: request, from: flow, to: destination) == nil,
            let listener = settings.listener(facing: destination)
        else { return }
        destination.local = listener.endpoint
        if session(of: request) != nil, sessions[known.id]?.awaitsACK == true {
            sessions[known.id]?.awaitsACK = false
            if !known.isOver { effects.append(.cancelTimer(.end(known.id))) }
        }
        // Only the ACK that brings the answer to an open offer is looked into, and only in the dialog of the session: a
        // fork that answered after another has no media here, but its dialog must be ended properly.
        guard case .offered(_, _, invite: request.cseq.number) = known.exchange, session(of: request) != nil else {
            return forward(request, flow, to: destination, by: listener)
        }
        examine(.acknowledgement(request, flow, known.id))
    }

    /// Sends an ACK on that was looked into.
    mutating func forward(_ acknowledgement: Message, _ flow: Flow) {
        guard
            case .destination(var destination) = Routing.target(
                of: acknowledgement, isInDialog: true, settings: settings),
            let listener = settings.listener(facing: destination)
        else { return }
        destination.local = listener.endpoint
        forward(acknowledgement, flow, to: destination, by: listener)
    }

    private mutating func forward(
        _ acknowledgement: Message, _ flow: Flow, to destination: Destination, by listener: Listener
    ) {
        let branch = LoopCheck.branch(hash: LoopCheck.hash(acknowledgement, tokens), &tokens)
        let request = outgoing(acknowledgement, from: flow, by: listener, branch: branch, recordsRoute: false)
        effects.append(.send(request, destination))
    }

    /// Answers a request with a refusal.
    mutating func refuse(_ request: Message, _ id: TransactionID, _ rejection: Rejection) {
        counters.refused += 1
        let callID = request.value(of: .callID).map(request.copy) ?? []
        effects.append(.log(.refused(callID: callID, status: rejection.status, why: rejection.why)))
        run(layer.respond(rejection.response(to: request, tag: tokens.token(), settings: settings), to: id))
    }
}
