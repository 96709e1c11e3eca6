import GateProtocol
import SIPText
import SIPTransactions
import Wire

// Requests that go out: RFC 3261 section 16.6, CANCEL (16.10) and timer C (16.8).
extension SessionController {
    /// What Max-Forwards is set to when a request has none (section 16.6 item 3).
    static let initialMaxForwards: UInt64 = 70
    /// Octets of SIP in one IPv4 datagram: 65,535 less the headers of IP and UDP.
    static let largestDatagram = 65_507

    /// Sends a request on by every branch that has not begun: its holes are open, or it needs none.
    mutating func forward(_ id: TransactionID) {
        guard let context = contexts[id] else { return }
        guard !context.isCancelled else { return terminate(id) }
        for index in context.branches.indices where context.branches[index].client == nil { send(index, of: id) }
        conclude(id)
    }

    /// A request that was cancelled before it went anywhere.
    private mutating func terminate(_ id: TransactionID) {
        guard let context = contexts[id] else { return }
        if let session = context.session {
            if context.isInitial {
                close(session, .cancelled)
            } else {
                sessions[session]?.negotiation.rollBack()
                ensureHoles(session, for: .none)
            }
        }
        respond(id, Message(status: 487, reason: "Request Terminated", to: context.request, tag: tokens.token()))
    }

    /// Sends a request on by one branch.
    private mutating func send(_ index: Int, of id: TransactionID) {
        guard let context = contexts[id], !context.branches[index].isOver else { return }
        var destination = context.branches[index].destination
        guard var listener = settings.listener(facing: destination) else {
            return fail(index, of: id, Rejection(502, "Bad Gateway", "no listener for the transport of the next hop"))
        }
        var request = outgoing(context, by: context.branches[index], listener)
        if destination.transport == .udp {
            // Too large for a datagram (section 18.1.1): a connection is tried first.
            let stream = Destination(.tcp, destination.remote)
            let isLarge = exceedsDatagram(request)
            if isLarge, !context.branches[index].target.isDatagramOnly,
                !datagramHops.contains(destination.remote, at: now),
                let other = settings.listener(facing: stream)
            {
                contexts[id]?.branches[index].target.destinations.insert(stream, at: 0)
                contexts[id]?.branches[index].target.isDatagramOnly = true
                (destination, listener) = (stream, other)
                request = outgoing(context, by: context.branches[index], listener)
            } else if isLarge, request.serialized().count > Self.largestDatagram {
                let why = "it fits no datagram, and the next hop takes UDP"
                return fail(index, of: id, Rejection(513, "Message Too Large", why))
            }
        }
        destination.local = listener.endpoint
        contexts[id]?.branches[index].destination = destination
        contexts[id]?.branches[index].listener = listener
        guard let (client, actions) = layer.request(request, to: destination) else {
            return fail(index, of: id, .full)
        }
        contexts[id]?.branches[index].client = client
        clients[client] = .proxied(id, branch: index)
        run(actions)
    }

    /// A branch has its final response from the gateway itself.
    private mutating func fail(_ index: Int, of id: TransactionID, _ rejection: Rejection) {
        guard let request = contexts[id]?.request else { return }
        note(rejection, of: request)
        contexts[id]?.branches[index].final = rejection.response(
            to: request, tag: tokens.token(), settings: settings)
        contexts[id]?.branches[index].why = .refused
    }

    /// Tries the next way of a branch whose way has failed (RFC 3263 section 4.3), if there is one and nobody was reached.
    ///
    /// - Returns: whether it is tried.
    mutating func tryNextWay(_ index: Int, of id: TransactionID) -> Bool {
        guard let context = contexts[id], context.answered == nil, !context.isCancelled else { return false }
        let branch = context.branches[index]
        guard branch.target.destinations.count > 1, !branch.isReached, !branch.isCancelled else { return false }
        let next = branch.target.destinations[1]
        if branch.isTryingStream { datagramHops.insert(next.remote, at: now) }
        contexts[id]?.branches[index].target.destinations.removeFirst()
        contexts[id]?.branches[index].destination = next
        contexts[id]?.branches[index].client = nil
        contexts[id]?.branches[index].gotProvisional = false
        send(index, of: id)
        return true
    }

    /// The next hop of a branch has failed. That is remembered where there is another way to try first next time.
    mutating func noteFailure(_ branch: Branch, for penalty: Duration) {
        guard branch.target.destinations.count > 1, !branch.isReached, !branch.isTryingStream else { return }
        health.failed(branch.destination, at: now, for: penalty)
    }

    /// The request as the next hop of a branch gets it.
    private mutating func outgoing(_ context: ProxyContext, by branch: Branch, _ listener: Listener) -> Message {
        var request = readdressed(
            context.request, from: context.flow.remote.address, to: branch.destination.remote.address, context.session)
        if let uri = branch.target.uri { request.setRequestURI(uri) }
        for value in branch.target.route.reversed() { request.prepend(.route, value) }
        // The branches that may come of this one (RFC 5393 section 5.3.3.1).
        request.set(.maxBreadth, decimal: UInt64(max(1, context.breadth / context.branches.count)))
        request.prepare(
            from: context.flow, by: listener, branch: LoopCheck.branch(hash: context.hash, &tokens),
            recordRouteUser: record(of: context, to: branch.destination), settings: settings)
        return request
    }

    /// The user part of the gateway's Record-Route, empty in a call; nil where there is none.
    private func record(of context: ProxyContext, to destination: Destination) -> [UInt8]? {
        if context.isInitial { return [] }
        guard context.session == nil, SubscriptionToken.begins(context.request) else { return nil }
        let token = SubscriptionToken(from: context.flow, to: destination, settings: settings)
        return token?.text(for: context.request, key: settings.contactKey) ?? []
    }

    // MARK: CANCEL and timer C

    /// CANCEL is answered here and goes its own way (section 16.10); what the INVITE had open closes at once. One that
    /// matches nothing is not forwarded without state, as that section would have it: only known calls pass here.
    mutating func cancel(_ message: Message, _ id: TransactionID, _ invite: TransactionID?) {
        guard let invite, let context = contexts[invite] else {
            return refuse(message, id, Rejection(481, "Call/Transaction Does Not Exist", "no INVITE to cancel"))
        }
        run(layer.respond(Message(status: 200, reason: "OK", to: message, tag: tokens.token()), to: id))
        guard !context.isCancelled, context.answered == nil else { return }
        contexts[invite]?.isCancelled = true
        contexts[invite]?.later = []
        if let session = context.session {
            if let session = sessions[session] { note(.said(by: .caller, CallEvent.Label(.cancel)), in: session) }
            if context.isInitial {
                sessions[session]?.phase = .ending
            } else if context.carriesOffer {
                sessions[session]?.negotiation.suspendOffer()
            }
            ensureHoles(session, for: .none)
        }
        cancelBranches(of: invite)
    }

    /// Cancels every branch that has no final response, save one.
    mutating func cancelBranches(of id: TransactionID, except winner: Int? = nil) {
        guard let context = contexts[id] else { return }
        for index in context.branches.indices where index != winner {
            guard !context.branches[index].isOver, !context.branches[index].isCancelled else { continue }
            contexts[id]?.branches[index].isCancelled = true
            sendCancel(index, of: id)
        }
    }

    /// Sends CANCEL downstream, which must wait for a provisional response (section 9.1).
    mutating func sendCancel(_ index: Int, of id: TransactionID) {
        guard let branch = contexts[id]?.branches[index], let client = branch.client, branch.gotProvisional,
            let invite = layer.request(of: client)
        else { return }
        // Who does not answer the INVITE after CANCEL will not any more (section 9.1).
        startInviteTimer(client, settings.timers.transactionTime)
        guard let (cancel, actions) = layer.request(Message.cancel(for: invite), to: branch.destination) else { return }
        clients[cancel] = .own
        run(actions)
    }

    /// Timer C runs from the first provisional response on: until then the client transaction's own timer B does.
    mutating func startInviteTimer(_ client: TransactionID, _ duration: Duration) {
        inviteTimers[client] = ()
        effects.append(.startTimer(.inviteTimeout(client), duration))
    }

    mutating func stopInviteTimer(_ client: TransactionID) {
        guard inviteTimers.removeValue(of: client) != nil else { return }
        effects.append(.cancelTimer(.inviteTimeout(client)))
    }

    /// The callee's side has neither answered nor been heard of for too long (section 16.8).
    mutating func inviteTimedOut(_ client: TransactionID) {
        guard inviteTimers.removeValue(of: client) != nil else { return }
        if case .proxied(let server, let index) = clients[client], let context = contexts[server],
            !context.branches[index].isOver
        {
            let isCancelled = context.branches[index].isCancelled
            context.branches[index].isCancelled = true
            // Who does not answer the INVITE may not answer the CANCEL; the caller is told now.
            ended(client, with: 408, "Request Timeout", .timedOut)
            // What the callee says to the CANCEL is acknowledged, and a 2xx that crosses it is ended.
            if !isCancelled { return sendCancel(index, of: server) }
        }
        run(layer.abandon(client))
    }
}

extension Message {
    /// What every request that goes on gets: one hop less, the gateway's Record-Route and Via, and the route as the next
    /// hop wants it.
    ///
    /// - Parameter user: the user part of the Record-Route, which may be empty; nil for no Record-Route.
    mutating func prepare(
        from flow: Flow, by listener: Listener, branch: [UInt8], recordRouteUser user: [UInt8]?,
        settings: ControllerSettings
    ) {
        let hops = number(of: .maxForwards, upTo: MessageLimits.maxForwards).map { $0 - min($0, 1) }
        set(.maxForwards, decimal: hops ?? SessionController.initialMaxForwards)
        if let user {
            // Two values when the request leaves by another address than it came in by (RFC 5658 section 4), so that
            // each end gets one that it can reach.
            let arrival = Listener(flow.transport, flow.local)
            let uri = requestURI.flatMap { try? URI(in: bytes.span, $0) }
            let isSecure = uri?.scheme == .sips
            if arrival != listener {
                prepend(.recordRoute, Routing.recordRoute(arrival, user: user, isSecure: isSecure, settings))
            }
            prepend(.recordRoute, Routing.recordRoute(listener, user: user, isSecure: isSecure, settings))
        }
        if let top = address(of: .route), let uri = try? URI(in: bytes.span, top.uri),
            !uri.parameters.contains("lr", in: bytes.span), let target = requestURI
        {
            // The next hop is a strict router (RFC 3261 section 16.6 item 6).
            var last: [UInt8] = [ASCII.less]
            last.append(contentsOf: copy(target))
            last.append(ASCII.greater)
            let next = copy(top.uri)
            removeFirstValue(of: .route)
            append(.route, last)
            setRequestURI(next)
        }
        prepend(.via, Routing.via(listener, settings, branch: branch))
    }
}
