import SIPText
import SIPTransactions
import Wire

// Responses on their way back: RFC 3261 section 16.7.
extension SessionController {
    /// Takes a response from a client transaction.
    mutating func collect(_ message: Message, _ client: TransactionID) {
        guard case .proxied(let server) = clients[client], var context = contexts[server] else { return }
        guard let status = message.status, status > 100 else {
            context.gotProvisional = true
            contexts[server] = context
            if context.isCancelled { sendCancel(server) }
            return
        }
        var response = message
        response.removeFirstValue(of: .via)
        if status < 200, context.request.method == .invite {
            effects.append(.startTimer(.inviteTimeout(server), settings.inviteTimeout))
            if !context.gotProvisional {
                context.gotProvisional = true
                contexts[server] = context
                if context.isCancelled { sendCancel(server) }
            }
        }
        if context.isBusy {
            if context.queue.count < ProxyContext.maximumQueue { contexts[server]?.queue.append(response) }
            return
        }
        consider(response, server)
    }

    /// Looks at a response whose turn it is.
    private mutating func consider(_ response: Message, _ server: TransactionID) {
        guard let context = contexts[server], let status = response.status else { return }
        if let acknowledgement = context.terminatingACK {
            // The 2xx of a dialog that was ended here comes again: so does its ACK.
            if (200..<300).contains(status) { resend(acknowledgement, context) }
            return
        }
        if let answered = context.answered {
            // Only further 2xx to an INVITE are passed on after a final response (section 16.7 item 5, RFC 6026).
            guard context.request.method == .invite, (200..<300).contains(answered), (200..<300).contains(status) else {
                return
            }
            return run(layer.respond(response, to: server))
        }
        contexts[server]?.isBusy = true
        examine(.response(server, response))
    }

    /// Passes a response on: its holes are open, or it needs none.
    mutating func deliver(_ response: Message, _ server: TransactionID) {
        guard let context = contexts[server], let status = response.status else { return }
        if let answered = context.answered, answered >= 300 {
            // The caller was answered while this one waited for its holes. A 2xx would leave the callee in a call alone.
            if context.request.method == .invite, (200..<300).contains(status) {
                terminate(context, response, Rejection(408, "Request Timeout", "the answer came too late"))
            }
            return next(server)
        }
        respond(server, response)
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
                close(id, context.isCancelled ? .cancelled : .rejected)
            }
        case .update:
            if endsDialog(response, status) { close(id, .rejected) }
        case .bye:
            // A challenge (section 22.3) is for the sender to answer with another BYE; what is shut stays shut.
            if status >= 200, status != 401, status != 407 { close(id, .bye) }
        case .ack, .cancel, .options, .register, .prack, .info, .message, .refer, .subscribe, .notify,
            .publish, .other, nil:
            break
        }
        next(server)
    }

    /// Lets the next waiting response have its turn.
    mutating func next(_ server: TransactionID) {
        guard var context = contexts[server] else { return }
        context.isBusy = false
        let response = context.queue.isEmpty ? nil : context.queue.removeFirst()
        contexts[server] = context
        if let response { consider(response, server) }
    }

    /// Gives a response to the server transaction.
    mutating func respond(_ server: TransactionID, _ response: Message) {
        if let status = response.status, status >= 200 {
            contexts[server]?.answered = status
            if contexts[server]?.request.method == .invite { effects.append(.cancelTimer(.inviteTimeout(server))) }
        }
        run(layer.respond(response, to: server))
    }

    /// A client transaction ended without a final response: the caller gets one made here (sections 16.7 item 6, 16.9).
    mutating func ended(_ client: TransactionID, with status: UInt16, _ reason: StaticString, _ why: CloseReason) {
        guard case .proxied(let server) = clients[client], let context = contexts[server], context.answered == nil
        else { return }
        let isInvite = context.request.method == .invite
        if let id = context.session {
            if context.request.method == .bye || context.isInitial {
                close(id, why)
            } else if isInvite || context.carriesOffer {
                sessions[id]?.rollBack()
                ensureHoles(id, for: .none)
            }
        }
        // A non-INVITE transaction that timed out is not answered: the answer would come too late (RFC 4320 section 4.2).
        guard isInvite || status != 408 else { return run(layer.abandon(server)) }
        respond(server, Message(status: status, reason: reason, to: context.request, tag: tokens.token()))
    }
}
