import SDPText
import SIPText
import SIPTransactions
import Wire

// What both sides do once there is a dialog, and how a call ends (RFC 3261 sections 14 and 15).
extension Call {
    /// The call is up on this side.
    mutating func establish() {
        state = .established
        if role == .caller { effects.append(.media(.enter(.call))) }
        report(.established(number))
        if let hangUpAfter = timing.hangUpAfter { effects.append(.startTimer(.hangUp, hangUpAfter)) }
        effects.append(.startTimer(.longest, timing.longest))
        if let reinviteAfter = timing.reinviteAfter { effects.append(.startTimer(.reinvite, reinviteAfter)) }
    }

    mutating func startMedia() {
        effects.append(.media(negotiation?.target.map { .run($0) } ?? .stopSending))
    }

    mutating func mediaOpened(at endpoint: Endpoint) {
        switch settings.plan {
        case .caller(let plan): callerMediaOpened(at: endpoint, plan)
        case .callee(let plan): calleeMediaOpened(at: endpoint, plan)
        }
    }

    mutating func mediaFailed(_ why: String) {
        if let transaction = inviteServer {
            refuse(transaction, 480, "Temporarily Unavailable", "media sockets: \(why)")
        } else {
            fail(by: .init(role), status: 500, "media sockets: \(why)")
        }
    }

    // MARK: Requests of the peer

    /// A request: the INVITE that makes the call, or one of its dialog.
    mutating func take(_ message: Message, _ transaction: TransactionID, _ flow: Flow) {
        guard state != .idle else { return take(invite: message, transaction, flow) }
        guard dialog?.accept(message) ?? false else {
            return respond(to: message, in: transaction, 500, "Server Internal Error (CSeq out of order)")
        }
        switch state {
        case .lingering, .ended, .idle, .preparing, .calling, .proceeding, .judging:
            respond(to: message, in: transaction, 481, "Call/Transaction Does Not Exist")
        case .reading, .ringing, .answered, .established, .ending:
            switch message.method {
            case .bye: takeBye(message, transaction)
            case .invite: takeReinvite(message, transaction)
            case .ack, .cancel, .options, .register, .prack, .update, .info, .message, .refer, .subscribe, .notify,
                .publish, .other, nil:
                var response = Message(status: 405, reason: "Method Not Allowed", to: message, tag: dialog?.localTag)
                response.append(.allow, Allowed.methods)
                effects.append(.respond(response, transaction))
            }
        }
    }

    private mutating func takeBye(_ message: Message, _ transaction: TransactionID) {
        respond(to: message, in: transaction, 200, "OK")
        if let pending = inviteServer {
            // A BYE in an early dialog ends the INVITE too (section 15.1.2).
            respond(pending, 487, "Request Terminated")
            inviteServer = nil
        }
        // Two BYE that cross end the call once; ours still waits for its answer.
        guard state != .ending else { return }
        ending = Ending(by: role == .caller ? .callee : .caller, status: 0, why: "")
        over()
    }

    private mutating func takeReinvite(_ message: Message, _ transaction: TransactionID) {
        guard state == .established, !isReinviting else {
            return respond(to: message, in: transaction, 491, "Request Pending")
        }
        guard unacknowledged == nil else {
            var response = Message(status: 500, reason: "Server Internal Error", to: message, tag: dialog?.localTag)
            response.append(.retryAfter, Array("\(tokens.number() % 10)".utf8))
            return effects.append(.respond(response, transaction))
        }
        read(message, for: .openReoffer(transaction, message))
    }

    /// A re-INVITE's body has been read.
    mutating func reoffered(_ description: SessionDescription?, by message: Message, in transaction: TransactionID) {
        guard state == .established else {
            return respond(to: message, in: transaction, 481, "Call/Transaction Does Not Exist")
        }
        let answer = description.map { negotiation?.answer(to: $0) } ?? negotiation?.offer()
        guard let answer else { return respond(to: message, in: transaction, 488, "Not Acceptable Here") }
        protect(answer, for: .sealReanswer(transaction, message))
    }

    mutating func sendReanswer(_ body: OutgoingBody, to message: Message, in transaction: TransactionID) {
        dialog?.refresh(from: message)
        var response = Message(status: 200, reason: "OK", to: message, tag: dialog?.localTag)
        if let dialog, let listener = settings.listeners.facing(dialog.reached) {
            response.append(.contact, listener.contact(user: user))
        }
        response.append(.allow, Allowed.methods)
        attach(body, to: &response, .response(200))
        effects.append(.respond(response, transaction))
        awaitAcknowledgement(of: response, in: transaction)
        startMedia()
        report(.renegotiated(number))
    }

    mutating func respond(to message: Message, in transaction: TransactionID, _ status: UInt16, _ reason: StaticString)
    {
        effects.append(
            .respond(Message(status: status, reason: reason, to: message, tag: dialog?.localTag), transaction))
    }

    // MARK: Own re-INVITE

    private mutating func reinvite() {
        guard state == .established, !isReinviting, unacknowledged == nil, let offer = negotiation?.offer() else {
            return
        }
        isReinviting = true
        protect(offer, for: .sealReoffer)
    }

    mutating func sendReinvite(_ body: OutgoingBody) {
        guard state == .established, let (request, destination) = dialog?.request(.invite, &tokens) else { return }
        var message = request
        message.append(.allow, Allowed.methods)
        attach(body, to: &message, .request(.invite))
        effects.append(.request(message, destination, .reinvite))
    }

    mutating func reanswered(by response: Message) {
        guard let status = response.status, status >= 200 else { return }
        if status < 300 {
            if let (message, destination) = acknowledgements[response.cseq.number] {
                return effects.append(.acknowledge(message, destination))
            }
            guard state == .established, isReinviting else { return acknowledge(response) }
            dialog?.refresh(from: response)
            read(response, for: .openReanswer(response))
        } else {
            isReinviting = false
            switch status {
            case 491:
                // Both sides asked at once; the side that made the Call-ID waits the longer (section 14.1).
                let steps = Int64(tokens.number() % 190)
                let wait: Duration = role == .caller ? .milliseconds(2_100 + steps * 10) : .milliseconds(steps * 10)
                effects.append(.startTimer(.reinvite, wait))
            case 408, 481: bye(by: .init(role), status: status, "the peer knows no such call any more")
            default: break  // The call goes on as it was (section 14.1).
            }
        }
    }

    mutating func tookReanswer(_ description: SessionDescription?, in response: Message) {
        acknowledge(response)
        isReinviting = false
        guard let description, negotiation?.take(answer: description, isFinal: true) ?? false else {
            return bye(by: .init(role), status: 488, Fault.noAnswer.phrase)
        }
        startMedia()
        report(.renegotiated(number))
    }

    // MARK: Ending

    /// The user wants the call to end.
    mutating func hangUp() {
        switch state {
        case .idle, .preparing, .judging: fail(by: .init(role), status: 487, "given up")
        case .calling: isCancelWanted = true
        case .proceeding:
            guard !isCancelWanted else { return }
            isCancelWanted = true
            cancel()
        case .reading, .ringing:
            if let transaction = inviteServer {
                refuse(transaction, 480, "Temporarily Unavailable", "given up")
            } else {
                isCancelWanted = true
            }
        case .answered: isByeWanted = true
        case .established: bye(by: .init(role), status: 0, "")
        case .ending, .lingering, .ended: break
        }
    }

    /// Ends the dialog.
    ///
    /// - Parameter status: 0 when the call came to its end; else what is wrong with it.
    mutating func bye(by: Ending.By, status: UInt16, _ why: String) {
        guard let (message, destination) = dialog?.request(.bye, &tokens) else { return }
        state = .ending
        ending = Ending(by: by, status: status, why: why)
        stopTimers()
        if timing.sendOn == .zero { effects.append(.media(.stopSending)) }
        effects.append(.request(message, destination, .bye))
    }

    mutating func byeAnswered(by response: Message) {
        guard state == .ending, (response.status ?? 0) >= 200 else { return }
        over()
    }

    mutating func gotNothing(for purpose: Purpose, status: UInt16, why: String) {
        switch purpose {
        case .invite:
            switch state {
            case .calling, .proceeding: fail(by: .network, status: status, why)
            case .idle, .preparing, .judging, .reading, .ringing, .answered, .established, .ending, .lingering, .ended:
                break
            }
        case .reinvite:
            isReinviting = false
            if state == .established { bye(by: .init(role), status: status, "re-INVITE: \(why)") }
        case .bye:
            guard state == .ending else { return }
            if ending?.isNormal ?? true { ending = Ending(by: .init(role), status: status, why: "BYE: \(why)") }
            over()
        case .aside: break
        }
    }

    mutating func fired(_ timer: CallTimer) {
        switch timer {
        case .accept: accept()
        case .ringing:
            if state == .calling || state == .proceeding { hangUp() }
            if state == .calling { effects.append(.startTimer(.cancelled, settings.timers.transactionTime)) }
        case .answer: sendAnswerAgain()
        case .acknowledgement: notAcknowledged()
        case .hangUp: hangUp()
        case .longest:
            if state == .established { bye(by: .init(role), status: 408, "the peer did not hang up") }
        case .reinvite: reinvite()
        case .cancelled:
            guard state == .calling || state == .proceeding else { return }
            effects.append(.abandonInvite)
            fail(by: .caller, status: 487, "cancelled; no final response came")
        case .sendOn: effects.append(.media(.stopSending))
        case .listenOn: finish()
        }
    }

    /// The call has not come about.
    mutating func fail(by: Ending.By, status: UInt16, _ why: String) {
        ending = Ending(by: by, status: status, why: why)
        over()
    }

    /// No dialog is left. The media sockets stay for as long as they are to show what still comes.
    private mutating func over() {
        guard state != .lingering, state != .ended else { return }
        quieten()
        state = .lingering
        stopTimers()
        forgetKeys()
        unacknowledged = nil
        report(.ended(number, ending ?? Ending(by: .network, status: 500, why: "")))
        let wait = max(timing.sendOn, timing.listenOn)
        if wait > .zero {
            effects.append(.startTimer(.listenOn, wait))
        } else {
            finish()
        }
    }

    /// Who says BYE still is in the call until it is answered: packets that crossed it are no fault. From then on nothing
    /// is sent, unless it is to show that the way is shut.
    private mutating func quieten() {
        effects.append(.media(.enter(.afterBye)))
        if timing.sendOn > .zero {
            effects.append(.startTimer(.sendOn, timing.sendOn))
        } else {
            effects.append(.media(.stopSending))
        }
    }

    private mutating func finish() {
        state = .ended
        effects.append(.cancelTimer(.sendOn))
        effects.append(.media(.close))
        effects.append(.finished)
    }

    private mutating func stopTimers() {
        for timer in [CallTimer.accept, .ringing, .answer, .acknowledgement, .hangUp, .longest, .reinvite, .cancelled] {
            effects.append(.cancelTimer(timer))
        }
    }
}
