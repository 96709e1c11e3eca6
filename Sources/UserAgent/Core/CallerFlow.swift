import SDPText
import SIPText
import SIPTransactions
import Wire

// The caller's side up to the answer (RFC 3261 sections 8.1 and 13.2).
extension Call {
    private var callPlan: CallPlan? {
        switch settings.plan {
        case .caller(let plan): plan
        case .callee: nil
        }
    }

    mutating func begin() {
        guard state == .idle, let plan = callPlan else { return }
        state = .preparing
        switch plan.protection {
        case .plain: break
        case .enveloped:
            isProtected = true
            disclosedTo = plan.disclosures.map(\.host)
        }
        effects.append(.media(.open))
    }

    /// The media sockets are there: the offer can be made.
    mutating func callerMediaOpened(at endpoint: Endpoint, _ plan: CallPlan) {
        guard state == .preparing else { return }
        negotiation = Negotiation(
            address: endpoint.address, port: endpoint.port, sessionID: tokens.number(), formats: plan.formats)
        guard let offer = negotiation?.offer() else { return }
        protect(offer, for: .sealOffer)
    }

    /// Sends the INVITE, the first one or the one after a 496.
    mutating func sendInvite(_ body: OutgoingBody) {
        guard state == .preparing, let plan = callPlan, let listener = settings.listeners.facing(plan.destination)
        else {
            return
        }
        guard !isCancelWanted else { return fail(by: .caller, status: 487, "cancelled before it was sent") }
        var message = Message(request: .invite, uri: plan.target, sequence: invite.map { $0.cseq.number + 1 } ?? 1)
        message.prepend(.via, listener.via(branch: tokens.branch()))
        message.append(.maxForwards, Array("70".utf8))
        if let proxy = plan.proxy { message.append(.route, [ASCII.less] + proxy + Array(";lr>".utf8)) }
        if let earlier = invite {
            message.appendFields(of: .from, from: earlier)
            message.appendFields(of: .to, from: earlier)
            message.appendFields(of: .callID, from: earlier)
        } else {
            message.append(.from, [ASCII.less] + plan.from + Array(">;tag=".utf8) + tokens.token())
            message.append(.to, [ASCII.less] + plan.target + [ASCII.greater])
            message.append(.callID, tokens.token() + tokens.token())
            effects.append(.startTimer(.ringing, timing.ringing))
            let callID = PrintableText.line(message.value(of: .callID).map(message.copy) ?? [])
            report(.began(number, .caller, callID: callID))
        }
        message.append(.contact, listener.contact(user: user))
        message.append(.allow, Allowed.methods)
        attach(body, to: &message, .request(.invite))
        invite = message
        state = .calling
        var destination = plan.destination
        destination.local = destination.local ?? listener.endpoint
        effects.append(.request(message, destination, .invite))
    }

    // MARK: Responses

    /// A response to the INVITE.
    mutating func answered(by response: Message) {
        guard let status = response.status, let invite, response.cseq.number == invite.cseq.number else { return }
        switch state {
        case .calling, .proceeding:
            if status < 200 {
                provisional(response, status)
            } else if status < 300 {
                accepted(by: response)
            } else {
                rejected(by: response, status)
            }
        case .reading, .established, .answered, .ending, .lingering:
            if (200..<300).contains(status) { acceptedAgain(by: response) }
        case .idle, .preparing, .judging, .ringing, .ended: break
        }
    }

    private mutating func provisional(_ response: Message, _ status: UInt16) {
        let isFirst = state == .calling
        state = .proceeding
        if isFirst, isCancelWanted { cancel() }
        guard status > 100 else { return }
        report(.progress(number, status: status))
        if !isCancelWanted, !response.body.isEmpty { read(response, for: .openAnswer(response)) }
    }

    private mutating func accepted(by response: Message) {
        guard let invite, let plan = callPlan else { return }
        effects.append(.cancelTimer(.ringing))
        effects.append(.cancelTimer(.cancelled))
        dialog = Dialog(
            response: response, invite: invite, listeners: settings.listeners, user: user, reached: plan.destination)
        guard !isCancelWanted else {
            // The answer crossed the CANCEL and wins; the call ends by BYE.
            acknowledge(response)
            return bye(by: .caller, status: 487, "cancelled, but answered before that")
        }
        state = .reading
        read(response, for: .openAnswer(response))
    }

    /// A further 2xx: the same again is acknowledged again, one of another callee gets a BYE (section 13.2.2.4).
    private mutating func acceptedAgain(by response: Message) {
        guard let invite, let plan = callPlan, let dialog else { return }
        let tag = response.tag(of: .to).map(response.copy) ?? []
        guard tag != dialog.remoteTag else {
            if let (message, destination) = acknowledgements[response.cseq.number] {
                effects.append(.acknowledge(message, destination))
            }
            return
        }
        var other = Dialog(
            response: response, invite: invite, listeners: settings.listeners, user: user, reached: plan.destination)
        let (acknowledgement, destination) = other.acknowledgement(sequence: invite.cseq.number, &tokens)
        effects.append(.acknowledge(acknowledgement, destination))
        let (bye, target) = other.request(.bye, &tokens)
        effects.append(.request(bye, target, .aside))
    }

    /// The body of a provisional response or of the 2xx has been read.
    mutating func tookAnswer(_ description: SessionDescription?, in response: Message) {
        let isFinal = (response.status ?? 0) >= 200
        if let description {
            guard negotiation?.take(answer: description, isFinal: isFinal) ?? false else {
                return answerFailed(.noAnswer, in: response)
            }
            startMedia()
        } else if isFinal, negotiation?.remote == nil {
            return answerFailed(.noAnswer, in: response)
        }
        guard isFinal, state == .reading else { return }
        acknowledge(response)
        guard !isCancelWanted else { return bye(by: .caller, status: 487, "cancelled, but answered before that") }
        establish()
    }

    /// The answer cannot be used: a preview is left alone, a 2xx makes a call that ends at once.
    mutating func answerFailed(_ fault: Fault, in response: Message) {
        guard (response.status ?? 0) >= 200, state == .reading else { return }
        acknowledge(response)
        bye(by: .caller, status: 488, fault.phrase)
    }

    /// Sends the ACK for a 2xx and keeps it for the ones that come again.
    mutating func acknowledge(_ response: Message) {
        guard let dialog else { return }
        let sequence = response.cseq.number
        let (message, destination) = dialog.acknowledgement(sequence: sequence, &tokens)
        acknowledgements[sequence] = (message, destination)
        effects.append(.acknowledge(message, destination))
    }

    private mutating func rejected(by response: Message, _ status: UInt16) {
        let reason = reasonPhrase(of: response)
        guard !isCancelWanted else {
            effects.append(.cancelTimer(.cancelled))
            return fail(by: .caller, status: status, "cancelled")
        }
        guard status == 496, isProtected else { return fail(by: .callee, status: status, reason) }
        guard !hasRetried else {
            return fail(by: .network, status: status, "the server cannot read the body though it is a recipient")
        }
        switch DisclosureDemand(response) {
        case .none: fail(by: .network, status: status, "the server sent no certificate to encrypt to")
        case .some(let demand):
            state = .judging
            let number = remember(.examineCertificate)
            effects.append(.examine(number, demand.certificate, host: demand.host))
        }
    }

    /// What the user's rules say of the server that wants to read.
    mutating func examined(_ number: Int, _ verdict: CertificateVerdict) {
        guard work.removeValue(forKey: number) != nil, state == .judging, case .caller(var plan) = settings.plan else {
            return
        }
        switch verdict {
        case .refused(let why): fail(by: .caller, status: 496, why)
        case .trusted(let disclosure):
            hasRetried = true
            plan.disclosures.append(disclosure)
            settings.plan = .caller(plan)
            disclosedTo.append(disclosure.host)
            report(.retrying(self.number, host: String(decoding: disclosure.host, as: UTF8.self)))
            // The next message has a key and a reference of its own.
            forgetKeys()
            state = .preparing
            guard let offer = negotiation?.local else { return }
            protect(offer, for: .sealOffer)
        }
    }

    private func reasonPhrase(of response: Message) -> String {
        switch response.startLine {
        case .request: ""
        case .response(_, let reason): PrintableText.line(response.copy(reason))
        }
    }

    // MARK: CANCEL

    /// Section 9.1: not before a provisional response, and not for ever.
    mutating func cancel() {
        effects.append(.cancelInvite)
        effects.append(.startTimer(.cancelled, settings.timers.transactionTime))
    }
}

/// The methods that are understood.
enum Allowed {
    static let methods = Array("INVITE, ACK, CANCEL, BYE, OPTIONS".utf8)
    static let types = Array("application/sdp, application/pkcs7-mime".utf8)
}
