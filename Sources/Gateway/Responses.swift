import SIPText
import SIPTransactions
import Wire

// Responses on their way back: RFC 3261 section 16.7.
extension SessionController {
    /// Takes a response from a client transaction.
    mutating func collect(_ message: Message, _ client: TransactionID) {
        guard case .proxied(let server, let index) = clients[client], let context = contexts[server],
            let status = message.status
        else {
            if let status = message.status, status >= 200 { stopInviteTimer(client) }
            return
        }
        if status != 503 { health.succeeded(context.branches[index].destination) }
        if context.isInvite {
            if status >= 200 {
                stopInviteTimer(client)
            } else if !context.branches[index].gotProvisional {
                contexts[server]?.branches[index].gotProvisional = true
                if context.branches[index].isCancelled {
                    sendCancel(index, of: server)
                } else {
                    startInviteTimer(client, settings.inviteTimeout)
                }
            } else if status > 100, !context.branches[index].isCancelled {
                startInviteTimer(client, settings.inviteTimeout)
            }
        }
        // To anything but INVITE nothing provisional is passed on (RFC 4320 section 4.1).
        guard status > 100, context.isInvite || status >= 200 else { return }
        if status < 300 { contexts[server]?.branches[index].isReached = true }
        var response = message
        response.removeFirstValue(of: .via)
        if context.isBusy {
            // A failure comes once; all else comes again.
            if status >= 300 || context.queue.count < ProxyContext.maximumQueue {
                contexts[server]?.queue.append((branch: index, response: response))
            }
            return
        }
        consider(response, server, index)
    }

    /// Looks at a response whose turn it is.
    private mutating func consider(_ response: Message, _ server: TransactionID, _ index: Int) {
        guard let context = contexts[server], let status = response.status else { return }
        if let acknowledgement = context.branches[index].terminatingACK {
            // The 2xx of a dialog that was ended here comes again: so does its ACK.
            if (200..<300).contains(status) {
                effects.append(.send(acknowledgement, context.branches[index].destination))
            }
            return
        }
        if let answered = context.answered {
            if status >= 300 { contexts[server]?.branches[index].final = response }
            if answered >= 300, context.isInvite, (200..<300).contains(status) {
                // It crossed the CANCEL: the callee must not stay in a call alone.
                let rejection = Rejection(408, "Request Timeout", "the answer came too late")
                return terminate(context, index, response, rejection)
            }
            // Only further 2xx to an INVITE are passed on after a final response (section 16.7 item 5, RFC 6026).
            guard context.isInvite, (200..<300).contains(answered), (200..<300).contains(status) else { return }
            confirm(context, response, index)
            return run(layer.respond(dressed(response, context, index), to: server))
        }
        guard status < 300 else {
            if status == 503 {
                let wait = response.leadingSeconds(of: .retryAfter).map { Duration.seconds(Int64($0)) }
                noteFailure(context.branches[index], for: wait ?? TargetHealth.Limits.penalty)
            }
            if status != 503 || !tryNextWay(index, of: server) { lose(index, of: server, response) }
            return conclude(server)
        }
        contexts[server]?.isBusy = true
        examine(.response(server, branch: index, response))
    }

    /// A branch has failed: its early media closes, and a 6xx ends the others too (section 16.7 item 5).
    private mutating func lose(_ index: Int, of server: TransactionID, _ response: Message) {
        guard let context = contexts[server], !context.branches[index].isOver else { return }
        contexts[server]?.branches[index].final = response
        if let status = response.status, status >= 600 {
            contexts[server]?.later = []
            cancelBranches(of: server)
        }
        guard context.isInitial, context.branches.count > 1, let id = context.session, let session = sessions[id],
            session.negotiation.early.values.contains(where: { $0.branch == index })
        else { return }
        session.negotiation.early = session.negotiation.early.filter { $0.value.branch != index }
        ensureHoles(id, for: .none)
    }

    /// When every branch has failed, the next targets are tried, or the caller gets the best response.
    mutating func conclude(_ server: TransactionID) {
        guard let context = contexts[server], context.answered == nil, !context.isBusy,
            context.branches.allSatisfy(\.isOver)
        else { return }
        if !context.later.isEmpty {
            contexts[server]?.branches += context.later[0].map(Branch.init)
            contexts[server]?.later.removeFirst()
            return forward(server)
        }
        guard let (index, response) = BestResponse.of(context) else { return }
        contexts[server]?.isBusy = true
        examine(.response(server, branch: index, response))
    }

    /// Passes a response on: its holes are open, or it needs none.
    mutating func deliver(_ response: Message, _ server: TransactionID, _ index: Int) {
        guard let context = contexts[server], let status = response.status else { return }
        if let answered = context.answered, answered >= 300 {
            // The caller was answered while this one waited for its holes. A 2xx would leave the callee in a call alone.
            if context.isInvite, (200..<300).contains(status) {
                terminate(context, index, response, Rejection(408, "Request Timeout", "the answer came too late"))
            }
            return next(server)
        }
        let response = dressed(response, context, index)
        if (200..<300).contains(status) {
            keepSessionTimer(context, response)
            confirm(context, response, index)
            if let session = context.session.flatMap({ sessions[$0] }) {
                learnDialog(session, context, response, index)
                if context.isInvite { session.isAnswered = true }
                // What others say changes nothing that is written.
                if context.isInvite || context.request.method == .update { journal(session) }
            }
        }
        respond(server, response)
        if context.isInvite, (200..<300).contains(status) {
            contexts[server]?.later = []
            cancelBranches(of: server, except: index)
        }
        guard let id = context.session else { return next(server) }
        switch context.request.method {
        case .invite:
            if (200..<300).contains(status) {
                if sessions[id]?.phase == .early { sessions[id]?.phase = .established }
                if sessions[id]?.isOver == false {
                    sessions[id]?.awaitsACK = true
                    effects.append(.startTimer(.end(id), settings.timers.transactionTime))
                }
            } else if status >= 300, context.isInitial || endsDialog(response, status) {
                close(id, context.isCancelled ? .cancelled : context.branches[index].why ?? .rejected)
            }
        case .update:
            if endsDialog(response, status) { close(id, .rejected) }
        case .bye:
            // A challenge (section 22.3) is for the sender to answer with another BYE; what is shut stays shut. Of several
            // dialogs one may have ended.
            if status >= 200, status != 401, status != 407, !context.leavesOneDialog {
                // Where the call comes by twice, the BYE may have come by once.
                if let session = sessions[id] {
                    for sibling in siblings(of: session) { close(sibling.id, .bye) }
                }
                close(id, context.branches[index].why ?? .bye)
            }
        case .ack, .cancel, .options, .register, .prack, .info, .message, .refer, .subscribe, .notify,
            .publish, .other, nil:
            break
        }
        next(server)
    }

    /// The response as the caller gets it, each time that it comes: a 2xx to an INVITE comes again until its ACK does.
    private func dressed(_ response: Message, _ context: ProxyContext, _ index: Int) -> Message {
        let answerer = context.branches[index].destination.remote.address
        var response = readdressed(response, from: answerer, to: context.flow.remote.address, context.session)
        guard let status = response.status, (200..<300).contains(status) else { return response }
        writeSessionTimer(context, &response)
        if context.request.method == .register { showContacts(&response) }
        return response
    }

    /// A 2xx to the INVITE that began a call has made a dialog: the first one that is the session's, or another fork's.
    private func confirm(_ context: ProxyContext, _ response: Message, _ index: Int) {
        guard context.isInvite, context.isInitial, let session = context.session.flatMap({ sessions[$0] }),
            let tag = response.tag(of: .to)
        else { return }
        session.confirm(
            response.copy(tag), at: settings.place(of: context.branches[index].destination.remote.address))
    }

    /// Lets the next waiting response have its turn.
    mutating func next(_ server: TransactionID) {
        guard let context = contexts[server] else { return }
        contexts[server]?.isBusy = false
        guard let first = context.queue.first else { return conclude(server) }
        contexts[server]?.queue.removeFirst()
        consider(first.response, server, first.branch)
    }

    /// Gives a response to the server transaction.
    mutating func respond(_ server: TransactionID, _ response: Message) {
        if let status = response.status, status >= 200, let context = contexts[server] {
            if !context.isInvite, context.answered == nil { effects.append(.cancelTimer(.trying(server))) }
            context.answered = status
        }
        run(layer.respond(response, to: server))
    }

    /// A client transaction ended without a final response: the next way is tried, or the branch gets a response made here
    /// (sections 16.7 item 6, 16.9).
    mutating func ended(_ client: TransactionID, with status: UInt16, _ reason: StaticString, _ why: CloseReason) {
        stopInviteTimer(client)
        guard case .proxied(let server, let index) = clients[client], let context = contexts[server],
            context.answered == nil, context.branches[index].client == client, !context.branches[index].isOver
        else { return }
        noteFailure(
            context.branches[index],
            for: why == .timedOut ? TargetHealth.Limits.silence : TargetHealth.Limits.penalty)
        if tryNextWay(index, of: server) { return conclude(server) }
        contexts[server]?.branches[index].why = why
        lose(index, of: server, Message(status: status, reason: reason, to: context.request, tag: tokens.token()))
        conclude(server)
    }
}

/// The choice among the final responses of a request's branches (RFC 3261 section 16.7 item 6).
enum BestResponse {
    /// The response that the caller gets and the branch that it came by; nil while there is none.
    static func of(_ context: ProxyContext) -> (branch: Int, response: Message)? {
        var best: (branch: Int, response: Message, rank: Int)?
        for (index, branch) in context.branches.enumerated() {
            guard let response = branch.final, let status = response.status else { continue }
            let rank = rank(status)
            if best.map({ rank < $0.rank }) ?? true { best = (index, response, rank) }
        }
        guard let best, let status = best.response.status else { return nil }
        var response = best.response
        if status == 401 || status == 407 {
            // The caller must be able to satisfy every branch that asks for credentials (section 16.7 item 7).
            for (index, branch) in context.branches.enumerated() where index != best.branch {
                guard let other = branch.final, other.status == 401 || other.status == 407 else { continue }
                response.appendFields(of: .wwwAuthenticate, from: other)
                response.appendFields(of: .proxyAuthenticate, from: other)
            }
        } else if status == 503, context.branches[best.branch].why != .refused {
            // A 503 would keep the caller away from this gateway, which works; its own refusal says what it means.
            response.setStatus(500, reason: "Server Internal Error")
        }
        return (best.branch, response)
    }

    /// 6xx first; then the lower class; within 4xx what the caller can do something about; what says least at the end.
    private static func rank(_ status: UInt16) -> Int {
        switch status {
        case 600...: 0
        case 300..<400: 10
        case 401, 407: 20
        case 415, 420, 484: 21
        case 408: 28
        case 487: 29
        case 400..<500: 22
        default: 30
        }
    }
}
