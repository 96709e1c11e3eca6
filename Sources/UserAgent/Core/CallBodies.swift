import CMSText
import SDPText
import SIPText
import SIPTransactions
import Wire

// Session descriptions on their way out and in: sealed and opened by the shell, counted and understood here.
extension Call {
    /// Why a body is not understood.
    enum Fault: Equatable {
        case unsupported
        case malformed(ParseError)
        case undecipherable
        /// In the clear, where the call is protected.
        case unprotected
        /// An answer that is none, or agrees on nothing.
        case noAnswer

        var phrase: String {
            switch self {
            case .unsupported: "the body is of a type that is not read"
            case .malformed(let error): "the body is malformed: \(error)"
            case .undecipherable: "the body cannot be decrypted"
            case .unprotected: "the session description came in the clear though the call is protected"
            case .noAnswer: "there is no answer to the offer, or it agrees on no stream"
            }
        }
    }

    // MARK: Out

    /// Protects a description as the call does it, and goes on with `ready`.
    mutating func protect(_ description: [UInt8], for work: Work) {
        guard isProtected else {
            let form = BodyForm(kind: .plain, cipher: nil)
            return ready(OutgoingBody(content: description, form: form, origin: .none), for: work)
        }
        let method: SealRequest.Method
        switch (settings.plan, keys.first) {
        case (.caller(let plan), nil):
            guard case .enveloped(let algorithm) = plan.protection else {
                return sealingFailed("the call is not protected", for: work)
            }
            let recipients = plan.recipients + plan.disclosures.map(\.recipient)
            method = .recipients(recipients, algorithm, reference: tokens.octets(16))
        case (_, let key?):
            if reuse == .encryptedData, !key.algorithm.isAuthenticated {
                method = .direct(key.handle)
            } else if key.reference != nil {
                method = .wrapped(key.handle)
            } else {
                return sealingFailed("the key of the call has no reference to be named by", for: work)
            }
        case (.callee, nil):
            return sealingFailed("no key of the call is left", for: work)
        }
        let number = remember(work)
        effects.append(.seal(number, SealRequest(plaintext: MessageBody.entity(description), method: method)))
    }

    mutating func sealed(_ number: Int, _ outcome: SealOutcome) {
        guard let work = work.removeValue(forKey: number) else { return }
        switch outcome {
        case .failed(let why): sealingFailed(why, for: work)
        case .sealed(let content, let form, let newKey):
            if let newKey {
                replaceKeys(by: newKey)
                ready(
                    OutgoingBody(content: content, form: form, origin: .publicKey, reference: newKey.reference),
                    for: work)
            } else {
                let origin = form.kind == .encrypted ? KeyOrigin.held : .referenced
                ready(
                    OutgoingBody(content: content, form: form, origin: origin, reference: keys.first?.reference),
                    for: work)
            }
        }
    }

    /// A body is ready to go.
    private mutating func ready(_ body: OutgoingBody, for work: Work) {
        switch work {
        case .sealOffer: sendInvite(body)
        case .sealAnswer(let transaction, let isEarly): sendAnswer(body, in: transaction, isEarly: isEarly)
        case .sealReoffer: sendReinvite(body)
        case .sealReanswer(let transaction, let message): sendReanswer(body, to: message, in: transaction)
        case .openOffer, .openAnswer, .openReoffer, .openReanswer, .openAcknowledgement, .examineCertificate: break
        }
    }

    private mutating func sealingFailed(_ why: String, for work: Work) {
        switch work {
        case .sealOffer: fail(by: .caller, status: 500, why)
        case .sealAnswer(let transaction, _): refuse(transaction, 500, "Server Internal Error", why)
        case .sealReoffer: isReinviting = false
        case .sealReanswer(let transaction, let message):
            respond(to: message, in: transaction, 500, "Server Internal Error")
        case .openOffer, .openAnswer, .openReoffer, .openReanswer, .openAcknowledgement, .examineCertificate: break
        }
    }

    /// Attaches a body and reports it.
    mutating func attach(_ body: OutgoingBody, to message: inout Message, _ carrier: BodyReport.Carrier) {
        var contentID = tokens.token()
        contentID.append(ASCII.at)
        contentID += Array("sekisho.invalid".utf8)
        body.attach(to: &message, contentID: contentID, hosts: disclosedTo)
        report(
            .body(
                number,
                BodyReport(
                    way: .sent, carrier: carrier, form: body.form, key: body.origin, reference: body.reference,
                    octets: body.content.count)))
    }

    // MARK: In

    /// Reads the body of a message, and goes on with `understood` or `notUnderstood`.
    mutating func read(_ message: Message, for work: Work) {
        switch MessageBody(of: message) {
        case .none: understood(nil, work)
        case .description(let description):
            guard !isProtected else { return notUnderstood(.unprotected, work) }
            let form = BodyForm(kind: .plain, cipher: nil)
            reportReceived(message, form, .none, nil)
            understood(description, work)
        case .envelopes(let contents):
            let number = remember(work)
            carriers[number] = message
            let usable = keys.filter { $0.usesLeft.map { $0 > 0 } ?? true }.map(\.handle)
            effects.append(.open(number, contents, usable))
        case .unsupported: notUnderstood(.unsupported, work)
        case .malformed(let error): notUnderstood(.malformed(error), work)
        }
    }

    mutating func opened(_ number: Int, _ outcome: OpenOutcome) {
        guard let work = work.removeValue(forKey: number), let message = carriers.removeValue(forKey: number) else {
            return
        }
        switch outcome {
        case .malformed(let error): notUnderstood(.malformed(error), work)
        case .undecipherable: notUnderstood(.undecipherable, work)
        case .opened(let body):
            // What is wrong inside is known to key holders only, and answered as if it could not be read at all.
            guard case .description(let description) = MessageBody(plaintext: body.plaintext) else {
                if let key = body.newKey { effects.append(.forget(key.handle)) }
                return notUnderstood(.undecipherable, work)
            }
            isProtected = true
            reportReceived(message, body.form, body.origin, body.reference)
            count(body)
            understood(description, work)
        }
    }

    /// The use of a held key is counted, a new key replaces the held ones (RFC 3185).
    private mutating func count(_ body: OpenedBody) {
        if let used = body.usedKey, let index = keys.firstIndex(where: { $0.handle == used }),
            let left = keys[index].usesLeft
        {
            keys[index].usesLeft = left - 1
            if left <= 1 {
                effects.append(.forget(used))
                keys.remove(at: index)
            }
        }
        if let key = body.newKey { replaceKeys(by: key) }
    }

    private mutating func replaceKeys(by key: HeldKey) {
        forgetKeys()
        keys = [key]
    }

    mutating func forgetKeys() {
        for key in keys { effects.append(.forget(key.handle)) }
        keys = []
    }

    private mutating func reportReceived(
        _ message: Message, _ form: BodyForm, _ origin: KeyOrigin, _ reference: [UInt8]?
    ) {
        let carrier: BodyReport.Carrier =
            switch message.startLine {
            case .request(let method, _, _): .request(method)
            case .response(let status, _): .response(status)
            }
        report(
            .body(
                number,
                BodyReport(
                    way: .received, carrier: carrier, form: form, key: origin, reference: reference,
                    octets: message.body.count)))
    }

    private mutating func understood(_ description: SessionDescription?, _ work: Work) {
        switch work {
        case .openOffer(let transaction): offered(description, in: transaction)
        case .openAnswer(let response): tookAnswer(description, in: response)
        case .openReoffer(let transaction, let message): reoffered(description, by: message, in: transaction)
        case .openReanswer(let response): tookReanswer(description, in: response)
        case .openAcknowledgement: tookLateAnswer(description)
        case .sealOffer, .sealAnswer, .sealReoffer, .sealReanswer, .examineCertificate: break
        }
    }

    private mutating func notUnderstood(_ fault: Fault, _ work: Work) {
        switch work {
        case .openOffer(let transaction):
            refuse(transaction, fault)
        case .openReoffer(let transaction, let message):
            effects.append(.respond(response(fault, to: message), transaction))
        case .openAnswer(let response): answerFailed(fault, in: response)
        case .openReanswer(let response):
            acknowledge(response)
            isReinviting = false
            bye(by: .init(role), status: 488, fault.phrase)
        case .openAcknowledgement: bye(by: .init(role), status: 488, fault.phrase)
        case .sealOffer, .sealAnswer, .sealReoffer, .sealReanswer, .examineCertificate: break
        }
    }
}

extension Ending.By {
    init(_ role: CallRole) {
        switch role {
        case .caller: self = .caller
        case .callee: self = .callee
        }
    }
}
