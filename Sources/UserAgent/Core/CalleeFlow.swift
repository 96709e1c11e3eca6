import SDPText
import SIPText
import SIPTransactions
import Wire

// The callee's side up to the ACK (RFC 3261 section 13.3).
extension Call {
    private var answerPlan: AnswerPlan? {
        switch settings.plan {
        case .caller: nil
        case .callee(let plan): plan
        }
    }

    /// The INVITE that makes the call.
    mutating func take(invite message: Message, _ transaction: TransactionID, _ flow: Flow) {
        guard state == .idle, let plan = answerPlan else { return }
        let reached = Destination(flow.transport, flow.remote, connection: flow.connection)
        invite = message
        inviteServer = transaction
        disclosedTo = DisclosureRequest.all(in: message).map { message.copy($0.host) }
        dialog = Dialog(
            invite: message, tag: tokens.token(), sequence: UInt32(truncatingIfNeeded: tokens.number() & 0xFFFF),
            listeners: settings.listeners, user: plan.user, reached: reached)
        report(
            .began(number, .callee, callID: PrintableText.line(message.value(of: .callID).map(message.copy) ?? [])))
        if let refusal = plan.refusal { return refuse(transaction, refusal, "Refused", "refused as told") }
        state = .reading
        read(message, for: .openOffer(transaction))
    }

    /// The offer has been read; there may be none, then the 2xx makes one.
    mutating func offered(_ description: SessionDescription?, in transaction: TransactionID) {
        guard state == .reading else { return }
        state = .ringing
        offer = description
        effects.append(.media(.open))
    }

    mutating func calleeMediaOpened(at endpoint: Endpoint, _ plan: AnswerPlan) {
        guard state == .ringing, let transaction = inviteServer else { return }
        var negotiation = Negotiation(
            address: endpoint.address, port: endpoint.port, sessionID: tokens.number(), formats: plan.formats)
        let description = offer.map { negotiation.answer(to: $0) } ?? negotiation.offer()
        self.negotiation = negotiation
        guard let description else {
            return refuse(transaction, 488, "Not Acceptable Here", "the offer has no stream that can be taken")
        }
        if plan.sendsEarlyMedia, offer != nil {
            protect(description, for: .sealAnswer(transaction, isEarly: true))
        } else if plan.acceptAfter > .zero {
            respond(transaction, 180, "Ringing")
        }
        if plan.acceptAfter > .zero {
            effects.append(.startTimer(.accept, plan.acceptAfter))
        } else {
            accept()
        }
    }

    /// The user takes the call.
    mutating func accept() {
        guard state == .ringing, let transaction = inviteServer, let description = negotiation?.local else { return }
        protect(description, for: .sealAnswer(transaction, isEarly: false))
    }

    /// Sends the 183 or the 200 with its description.
    mutating func sendAnswer(_ body: OutgoingBody, in transaction: TransactionID, isEarly: Bool) {
        guard state == .ringing, let invite, let dialog else { return }
        let status: UInt16 = isEarly ? 183 : 200
        var response = Message(
            status: status, reason: isEarly ? "Session Progress" : "OK", to: invite, tag: dialog.localTag)
        addDialogFields(to: &response)
        attach(body, to: &response, .response(status))
        effects.append(.respond(response, transaction))
        startMedia()
        guard !isEarly else { return report(.progress(number, status: status)) }
        inviteServer = nil
        state = .answered
        effects.append(.media(.enter(.call)))
        awaitAcknowledgement(of: response, in: transaction)
    }

    /// A 2xx is sent again until its ACK comes, over every transport (section 13.3.1.4).
    mutating func awaitAcknowledgement(of response: Message, in transaction: TransactionID) {
        unacknowledged = Unacknowledged(response: response, transaction: transaction, interval: settings.timers.t1)
        effects.append(.startTimer(.answer, settings.timers.t1))
        effects.append(.startTimer(.acknowledgement, settings.timers.transactionTime))
    }

    mutating func sendAnswerAgain() {
        guard var waiting = unacknowledged else { return }
        effects.append(.respond(waiting.response, waiting.transaction))
        waiting.interval = min(waiting.interval * 2, settings.timers.t2)
        unacknowledged = waiting
        effects.append(.startTimer(.answer, waiting.interval))
    }

    /// An ACK for a 2xx.
    mutating func acknowledged(_ message: Message) {
        guard let waiting = unacknowledged, waiting.response.cseq.number == message.cseq.number else { return }
        unacknowledged = nil
        effects.append(.cancelTimer(.answer))
        effects.append(.cancelTimer(.acknowledgement))
        let isFirst = state == .answered
        if isFirst { establish() }
        if isByeWanted { return bye(by: .init(role), status: 0, "") }
        if negotiation?.isOfferPending ?? false, !isReinviting { read(message, for: .openAcknowledgement) }
    }

    /// The answer to an offer that the 2xx made.
    mutating func tookLateAnswer(_ description: SessionDescription?) {
        guard let description, negotiation?.take(answer: description, isFinal: true) ?? false else {
            return bye(by: .init(role), status: 488, Fault.noAnswer.phrase)
        }
        startMedia()
    }

    /// No ACK came: the dialog is there and is ended (section 13.3.1.4).
    mutating func notAcknowledged() {
        guard unacknowledged != nil else { return }
        unacknowledged = nil
        effects.append(.cancelTimer(.answer))
        bye(by: .init(role), status: 408, "no ACK came")
    }

    /// CANCEL: a call that is not accepted yet is refused with 487 (section 9.2).
    mutating func cancelled() {
        guard let transaction = inviteServer, state == .reading || state == .ringing else { return }
        respond(transaction, 487, "Request Terminated")
        inviteServer = nil
        fail(by: .caller, status: 487, "cancelled")
    }

    // MARK: Responses

    /// A response to the INVITE without a body.
    mutating func respond(_ transaction: TransactionID, _ status: UInt16, _ reason: StaticString) {
        guard let invite, let dialog else { return }
        var response = Message(status: status, reason: reason, to: invite, tag: dialog.localTag)
        if status < 300 { addDialogFields(to: &response) }
        effects.append(.respond(response, transaction))
        if status < 200 { report(.progress(number, status: status)) }
    }

    /// The INVITE is refused and the call over.
    mutating func refuse(_ transaction: TransactionID, _ status: UInt16, _ reason: StaticString, _ why: String) {
        respond(transaction, status, reason)
        inviteServer = nil
        fail(by: .callee, status: status, why)
    }

    /// The INVITE's body cannot be used.
    mutating func refuse(_ transaction: TransactionID, _ fault: Fault) {
        guard let invite else { return }
        let response = response(fault, to: invite)
        effects.append(.respond(response, transaction))
        inviteServer = nil
        fail(by: .callee, status: response.status ?? 400, fault.phrase)
    }

    /// The response that says why a body cannot be used (RFC 3261 sections 21.4.13 and 23.2).
    func response(_ fault: Fault, to request: Message) -> Message {
        let tag = dialog?.localTag
        switch fault {
        case .unsupported:
            var response = Message(status: 415, reason: "Unsupported Media Type", to: request, tag: tag)
            response.append(.accept, Allowed.types)
            return response
        case .malformed(let error):
            return Message(status: 400, phrase: Array("Bad Request (\(error))".utf8), to: request, tag: tag)
        case .undecipherable:
            var response = Message(status: 493, reason: "Undecipherable", to: request, tag: tag)
            if !settings.certificate.isEmpty {
                response.setBody(settings.certificate, contentType: Array("application/pkix-cert".utf8))
            }
            return response
        case .unprotected, .noAnswer:
            return Message(status: 488, reason: "Not Acceptable Here", to: request, tag: tag)
        }
    }

    /// Record-Route, Contact and Allow of a response that makes a dialog (section 12.1.1).
    func addDialogFields(to response: inout Message) {
        guard let invite, let dialog else { return }
        response.appendFields(of: .recordRoute, from: invite)
        if let listener = settings.listeners.facing(dialog.reached) {
            response.append(.contact, listener.contact(user: user))
        }
        response.append(.allow, Allowed.methods)
    }
}
