import GateProtocol
import SDPText
import SIPText
import SIPTransactions
import Wire

// What a message says of the media, and what follows: read the body, plan the holes, ask the gate, go on.
extension SessionController {
    /// Looks into a message, when it is one that offer and answer travel in and its media crosses the gateway.
    mutating func examine(_ subject: Subject) {
        guard let (message, id, _) = details(of: subject), let session = sessions[id], session.crosses else {
            return proceed(subject)
        }
        if message.method == .bye {
            sessions[id]?.phase = .ending
            return ensureHoles(id, for: subject)
        }
        guard carriesDescriptions(message) else { return proceed(subject) }
        if let status = message.status, status >= 300 { return plan(subject, nil, .none) }
        switch Disclosure.plan(message, settings: settings) {
        case .none: plan(subject, nil, session.reading)
        case .plain(let description): plan(subject, description, .plain)
        case .closed: unreadable(subject)
        case .rejected(let rejection): reject(subject, rejection)
        case .envelopes(let contents):
            nextEnvelope += 1
            let token = EnvelopeToken(value: nextEnvelope)
            examining[token] = subject
            let keys = session.keys.filter { $0.usesLeft.map { $0 > 0 } ?? true }.map(\.handle)
            effects.append(.openEnvelope(token, EnvelopeRequest(contents: contents, keys: keys)))
        }
    }

    /// The messages that offers and answers stand in (RFC 6337): INVITE, PRACK, UPDATE, ACK and the responses to the
    /// first three.
    private func carriesDescriptions(_ message: Message) -> Bool {
        switch message.cseq.method {
        case .invite, .ack, .prack, .update: true
        case .bye, .cancel, .options, .register, .info, .message, .refer, .subscribe, .notify, .publish, .other: false
        }
    }

    /// The message under way, its session, and whose message it is.
    private func details(of subject: Subject) -> (Message, SessionID, Party)? {
        switch subject {
        case .request(let server):
            guard let context = contexts[server], let id = context.session else { return nil }
            return (context.request, id, sender(of: context.request, in: id))
        case .response(let server, let message):
            guard let context = contexts[server], let id = context.session else { return nil }
            return (message, id, sender(of: context.request, in: id).other)
        case .acknowledgement(let message, _, let id): return (message, id, sender(of: message, in: id))
        case .none: return nil
        }
    }

    /// Whose request it is: the caller's when it carries the caller's tag in From.
    private func sender(of request: Message, in id: SessionID) -> Party {
        guard let tag = request.tag(of: .from), let session = sessions[id] else { return .caller }
        return ASCII.equal(request.octets(tag), session.callerTag.span) ? .caller : .callee
    }

    /// An envelope has been tried.
    mutating func envelopeOpened(_ token: EnvelopeToken, _ outcome: EnvelopeOutcome) {
        guard let subject = examining.removeValue(forKey: token) else { return }
        guard let (_, id, _) = details(of: subject), sessions[id] != nil else {
            // The session ended meanwhile: its new key goes too.
            if case .opened(let body) = outcome, let key = body.newKey { effects.append(.forgetKey(key)) }
            return proceed(subject)
        }
        switch outcome {
        case .malformed(let error): reject(subject, .badBody("CMS body", error))
        case .undecipherable: unreadable(subject)
        case .opened(let body):
            counters.envelopesOpened += 1
            remember(body, in: id)
            guard body.isAuthenticated || settings.disclosure.acceptsUnauthenticated else { return unreadable(subject) }
            // What is wrong inside is known to key holders only, and answered as if it could not be read at all.
            guard let description = try? Disclosure.description(in: body.plaintext) else { return unreadable(subject) }
            plan(subject, description, .disclosed)
        }
    }

    /// Keeps the session's key (RFC 3185): a new one replaces the one before it.
    private mutating func remember(_ body: OpenedBody, in id: SessionID) {
        guard var session = sessions[id] else { return }
        if let used = body.usedKey, let index = session.keys.firstIndex(where: { $0.handle == used }),
            let left = session.keys[index].usesLeft
        {
            session.keys[index].usesLeft = left - 1
            if left <= 1 {
                effects.append(.forgetKey(used))
                session.keys.remove(at: index)
            }
        }
        if let key = body.newKey {
            for old in session.keys { effects.append(.forgetKey(old.handle)) }
            session.keys = [HeldKey(handle: key, usesLeft: body.newKeyUses)]
        }
        sessions[id] = session
    }

    /// The SDP must be seen and cannot: 496, unless such calls may go on without media.
    private mutating func unreadable(_ subject: Subject) {
        counters.envelopesUndecipherable += 1
        guard settings.disclosure.requiresSDP else { return plan(subject, nil, .closed) }
        reject(subject, .undecipherable)
    }

    /// Derives the session's holes from what was read and asks the gate for them.
    private mutating func plan(_ subject: Subject, _ description: SessionDescription?, _ reading: Reading) {
        guard let (message, id, party) = details(of: subject), var session = sessions[id] else { return proceed(subject) }
        if reading != .none { session.reading = reading }
        let tag = message.tag(of: .to).map(message.copy) ?? []
        switch message.status {
        case .some(let status) where status >= 300:
            if message.cseq.method == .invite, isInitial(subject) { session.phase = .ending }
            session.rollBack()
        case .some(let status) where status >= 200 && message.cseq.method == .invite:
            // A 2xx that crossed a CANCEL wins: the call is up.
            session.phase = .established
            session.calleeTag = session.calleeTag ?? tag
            if description == nil { session.settle(withEarlyAnswerOf: tag) }
        case .some, nil: break
        }
        if let description {
            let isProvisional = message.status.map { $0 < 200 } ?? false
            do throws(Rejection) {
                try session.take(
                    description, from: party, provisionalTag: isProvisional ? tag : nil, settings: settings)
            } catch {
                return reject(subject, error)
            }
        }
        sessions[id] = session
        ensureHoles(id, for: subject)
    }

    private func isInitial(_ subject: Subject) -> Bool {
        switch subject {
        case .request(let server), .response(let server, _): contexts[server]?.isInitial ?? false
        case .acknowledgement, .none: false
        }
    }

    /// The message goes on.
    mutating func proceed(_ subject: Subject) {
        switch subject {
        case .request(let server): forward(server)
        case .response(let server, let message): deliver(message, server)
        case .acknowledgement(let message, let flow, _): forward(message, flow)
        case .none: break
        }
    }

    /// The message does not go on as it is.
    mutating func reject(_ subject: Subject, _ rejection: Rejection) {
        switch subject {
        case .request(let server):
            guard let context = contexts[server] else { return }
            // BYE ends the call whatever the gate says; its holes die by their timeout.
            guard context.request.method != .bye else { return proceed(subject) }
            if let id = context.session {
                if context.isInitial {
                    close(id, .refused)
                } else {
                    sessions[id]?.rollBack()
                    ensureHoles(id, for: .none)
                }
            }
            refuse(context.request, server, rejection)
        case .response(let server, let message):
            guard let context = contexts[server], let status = message.status else { return }
            if (200..<300).contains(status), context.request.method == .invite {
                terminate(context, message, rejection)
            } else {
                // A preview that cannot be honoured opens nothing and goes on.
                deliver(message, server)
            }
        case .acknowledgement(let message, let flow, _): forward(message, flow)
        case .none: break
        }
    }
}
