import GateProtocol
import SDPText
import SIPText
import SIPTransactions
import Wire

// What a message says of the media, and what follows: read the body, plan the holes, ask the gate, go on.
extension SessionController {
    /// Messages whose envelopes are being opened at one time: half a second of RSA operations.
    static let maximumExaminations = 256

    /// Looks into a message, when it is one that offer and answer travel in and its media crosses the gateway.
    mutating func examine(_ subject: Subject) {
        guard let (message, session, sender) = details(of: subject) else {
            return isOrphan(subject) ? reject(subject, .callIsOver) : proceed(subject)
        }
        let id = session.id
        if case .request(let server) = subject, message.method == .bye,
            leavesOneDialog(message, sender.party, session)
        {
            contexts[server]?.leavesOneDialog = true
            if session.isAnswered { journal(session) }
            return ensureHoles(id, for: subject)
        }
        // The caller has ended this dialog while it was early.
        if let status = message.status, (101..<300).contains(status), message.cseq.method == .invite,
            let tag = message.tag(of: .to), session.hasLeft(message.octets(tag))
        {
            return status < 200 ? proceed(subject) : reject(subject, .callIsOver)
        }
        if message.method == .bye { note(.said(by: sender.party, CallEvent.Label(.bye)), in: session) }
        guard session.crosses else {
            noteProgress(message, nil, sender.party, isOffer: false, .none, session)
            return proceed(subject)
        }
        if message.method == .bye {
            end(id)
            return ensureHoles(id, for: subject)
        }
        guard carriesDescriptions(message) else { return proceed(subject) }
        // A call whose media would find no hole is not begun; whoever is called would answer for nothing.
        if message.method == .invite, session.phase == .early, session.requested.isEmpty, gate.holeTimeout == nil {
            return reject(subject, .gateUnavailable)
        }
        if let status = message.status {
            // A callee that takes the caller's tag for its own could speak for it later.
            if status < 300, let tag = message.tag(of: .to), session.dialog.hasTag(message.octets(tag)),
                sender.party == .callee
            {
                return reject(subject, .notAcceptable("both ends of the dialog have the same tag"))
            }
            if status >= 300 { return plan(subject, nil, .none) }
        }
        switch Disclosure.plan(message, settings: settings) {
        case .none: plan(subject, nil, session.reading)
        case .plain(let description):
            // Who cannot read a protected offer can still see the call, and would answer in the callee's place.
            guard session.keys.isEmpty && session.reading != .disclosed || sender.place.side == .inside else {
                return reject(subject, .unprotected)
            }
            let isFromOutside = sender.place.side == .outside
            plan(subject, (isFromOutside ? withoutHairpin(description) : nil) ?? description, .plain)
        case .closed: unreadable(subject)
        case .rejected(let rejection): reject(subject, rejection)
        case .envelopes(let contents):
            guard examining.count < Self.maximumExaminations else { return reject(subject, .full) }
            nextEnvelope += 1
            let token = EnvelopeToken(value: nextEnvelope)
            examining[token] = subject
            let keys = session.keys.filter { $0.usesLeft.map { $0 > 0 } ?? true }.map(\.handle)
            effects.append(.openEnvelope(token, EnvelopeRequest(contents: contents, keys: keys)))
        }
    }

    /// Whether it is the 2xx to an INVITE whose session is over: a call that it would begin had no media and no end here.
    private func isOrphan(_ subject: Subject) -> Bool {
        guard case .response(let server, _, let message) = subject, let context = contexts[server], context.isInitial,
            let id = context.session, sessions[id] == nil, let status = message.status
        else { return false }
        return (200..<300).contains(status)
    }

    /// Takes a BYE as the end of one of several dialogs of the call: an early one, which only the caller may end (RFC 3261
    /// section 15), or one of the forks that were answered.
    ///
    /// - Returns: false when it is the end of the call.
    private func leavesOneDialog(_ message: Message, _ sender: Party, _ session: Session) -> Bool {
        let tag = message.tag(of: sender == .caller ? .to : .from).map(message.copy) ?? []
        if session.phase == .early, session.calleeTag == nil {
            guard sender == .caller, !tag.isEmpty else { return false }
            session.negotiation.leaveEarly(
                tag, isLast: session.leaveEarly(tag), isTranslated: settings.translates)
            return true
        }
        return session.leave(tag)
    }

    /// BYE: nothing may be open any more, and the session goes when its answer comes, or without one.
    mutating func end(_ id: SessionID) {
        sessions[id]?.phase = .ending
        sessions[id]?.isOver = true
        if let session = sessions[id] { journal(session) }
        effects.append(.startTimer(.end(id), settings.timers.transactionTime * 2))
    }

    /// The messages that offers and answers stand in (RFC 6337): INVITE, PRACK, UPDATE, ACK and the responses to the
    /// first three.
    private func carriesDescriptions(_ message: Message) -> Bool {
        switch message.cseq.method {
        case .invite, .ack, .prack, .update: true
        case .bye, .cancel, .options, .register, .info, .message, .refer, .subscribe, .notify, .publish, .other: false
        }
    }

    /// Whose message it is, and where that party is.
    private struct Sender {
        let party: Party
        let place: Place
    }

    /// The message under way, its session, and its sender.
    private func details(of subject: Subject) -> (Message, Session, Sender)? {
        switch subject {
        case .request(let server):
            guard let context = contexts[server], let id = context.session, let session = sessions[id] else {
                return nil
            }
            return (context.request, session, sender(of: context.request, context.flow, in: session))
        case .response(let server, let index, let message):
            guard let context = contexts[server], let id = context.session, let session = sessions[id] else {
                return nil
            }
            let asker = sender(of: context.request, context.flow, in: session)
            guard asker.party == .caller else {
                return (message, session, Sender(party: .caller, place: session.caller))
            }
            let place =
                context.isInitial
                ? settings.place(of: context.branches[index].destination.remote.address)
                : session.callee ?? session.callees[0]
            return (message, session, Sender(party: .callee, place: place))
        case .acknowledgement(let acknowledgement, let id):
            guard let session = sessions[id] else { return nil }
            let message = acknowledgement.message
            return (message, session, sender(of: message, acknowledgement.flow, in: session))
        case .none: return nil
        }
    }

    /// Whose request it is: the caller's when it carries the caller's tag in From.
    private func sender(of request: Message, _ flow: Flow, in session: Session) -> Sender {
        guard session.sender(of: request) == .callee else { return Sender(party: .caller, place: session.caller) }
        let place = session.callees.first { $0.address == flow.remote.address } ?? session.callee ?? session.callees[0]
        return Sender(party: .callee, place: place)
    }

    /// An envelope has been tried.
    mutating func envelopeOpened(_ token: EnvelopeToken, _ outcome: EnvelopeOutcome) {
        guard let subject = examining.removeValue(forKey: token) else { return }
        guard let (_, session, sender) = details(of: subject) else {
            // The session ended meanwhile: its new key goes too.
            if case .opened(let body) = outcome, let key = body.newKey { effects.append(.forgetKey(key)) }
            return proceed(subject)
        }
        switch outcome {
        case .malformed(let error): reject(subject, .badBody("CMS body", error))
        case .undecipherable: unreadable(subject)
        case .opened(let body):
            counters.envelopesOpened += 1
            // The gateway's certificate is everyone's: an answer from outside shows the key of the call that it answers, or it
            // is by somebody who saw the call and does not know what was offered.
            let isProof =
                body.usedKey != nil || sender.place.side == .inside || session.keys.isEmpty && !session.hasLostKeys
            guard isProof, body.isAuthenticated || settings.disclosure.acceptsUnauthenticated else {
                // What anyone could have altered does not replace a key either.
                if let key = body.newKey { effects.append(.forgetKey(key)) }
                return unreadable(subject)
            }
            remember(body, of: sender.party, in: session)
            // What is wrong inside, or not there, is known to key holders only, and answered as if it could not be read.
            guard let description = (try? Disclosure.description(in: body.plaintext)) ?? nil else {
                return unreadable(subject)
            }
            plan(subject, description, .disclosed)
        }
    }

    /// Keeps the session's keys (RFC 3185), one for each party: a new one replaces that party's before it.
    private mutating func remember(_ body: OpenedBody, of party: Party, in session: Session) {
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
            for old in session.keys where old.party == party && old.handle != key {
                effects.append(.forgetKey(old.handle))
            }
            session.keys.removeAll { $0.party == party || $0.handle == key }
            session.keys.insert(HeldKey(handle: key, party: party, usesLeft: body.newKeyUses), at: 0)
        }
    }

    /// The SDP must be seen and cannot: 496, unless such calls may go on without media.
    private mutating func unreadable(_ subject: Subject) {
        counters.envelopesUndecipherable += 1
        guard settings.disclosure.requiresSDP else { return plan(subject, nil, .closed) }
        reject(subject, .undecipherable)
    }

    /// Derives the session's holes from what was read and asks the gate for them.
    private mutating func plan(_ subject: Subject, _ description: SessionDescription?, _ reading: Reading) {
        guard let (message, session, sender) = details(of: subject) else { return proceed(subject) }
        let before = session.wanted
        // Until all of the message has been accepted the session is as it was.
        var negotiation = session.negotiation
        let context = context(of: subject)
        let direct = directAddresses(session, sender, description)
        if let status = message.status, status >= 200 {
            settle(&negotiation, by: message, status, context, hasDescription: description != nil)
        }
        var isOffer = false
        do throws(Rejection) {
            if let description, sender.place.side == .inside,
                let fault = translationFault(description, in: message, reading)
            {
                return reject(subject, fault)
            }
            if let description {
                isOffer = try take(description, of: message, from: sender, subject, direct, &negotiation)
            } else if case .acknowledgement = subject, awaitsAnswer(negotiation, in: message, from: sender.party) {
                // The ACK had to bring the answer.
                negotiation.rollBack()
            }
        } catch {
            // The reason may name what stood in the envelope: it is for the log, not for whoever sent the copy of one.
            return reject(subject, reading == .disclosed ? withheld(error, session.id) : error)
        }
        noteProgress(message, description, sender.party, isOffer: isOffer, reading, session)
        session.negotiation = negotiation
        if reading != .none { session.reading = reading }
        if let status = message.status { advance(session, by: message, status, subject, context, sender) }
        if case .request = subject, reading == .closed || isOffer { context?.carriesOffer = true }
        // A message that changes nothing does not wait for what others asked of the gate.
        let isFinal = message.cseq.method == .invite && message.status.map { $0 >= 200 } ?? false
        if isFinal || description != nil || session.wanted != before {
            ensureHoles(session.id, for: subject)
        } else {
            proceed(subject)
        }
    }

    /// The one answer to everything that depends on a key; the operator's log has the reason.
    mutating func withheld(_ rejection: Rejection, _ id: SessionID) -> Rejection {
        let callID = sessions[id]?.callID ?? []
        if let session = sessions[id] { note(.refused(nil, why: Array(rejection.why.utf8)), in: session) }
        effects.append(.log(.refused(callID: callID, status: rejection.status, why: rejection.why)))
        return .undecipherable
    }

    /// Inside addresses that the outside party may name: of phones in another call here. Both phones are inside then, and
    /// their server outside; their media does not come by, and nothing is opened for it.
    private func directAddresses(
        _ session: Session, _ sender: Sender, _ description: SessionDescription?
    ) -> Set<IPAddress> {
        let named = sender.place.side == .outside ? description : session.negotiation.latestOffer?.description
        var addresses: Set<IPAddress> = []
        for target in named?.targets ?? [] {
            guard case .transport(let rtp, let rtcp) = target else { continue }
            for address in [rtp.address, rtcp?.address ?? rtp.address] where settings.side(of: address) == .inside {
                addresses.insert(address)
            }
        }
        guard !addresses.isEmpty else { return [] }
        return addresses.filter { isInOtherCall($0, than: session) }
    }

    /// What a final response is to the open offer.
    private func settle(
        _ negotiation: inout Negotiation, by message: Message, _ status: UInt16, _ context: ProxyContext?,
        hasDescription: Bool
    ) {
        let isInvite = message.cseq.method == .invite
        let carriesOffer = context?.carriesOffer ?? false
        guard status < 300 else {
            if isInvite {
                // Its own may be one that a response to it made; one that made none leaves that of another request alone.
                let isItsOwn =
                    carriesOffer || context?.isInitial ?? false
                    || negotiation.openOffer?.invite == message.cseq.number
                negotiation.inviteFailed(isItsOwn: isItsOwn)
            } else if carriesOffer, !negotiation.rollBackEarly(tags(of: message)) {
                negotiation.rollBack()
            }
            return
        }
        let tag = message.tag(of: .to).map(message.copy) ?? []
        guard !hasDescription, carriesOffer || isInvite && negotiation.early[tag] != nil else { return }
        if isInvite || !negotiation.rollBackEarly(tags(of: message)) { negotiation.settle(withEarlyAnswerOf: tag) }
    }

    /// What a response is to the call.
    private func advance(
        _ session: Session, by message: Message, _ status: UInt16, _ subject: Subject, _ context: ProxyContext?,
        _ sender: Sender
    ) {
        let isInvite = message.cseq.method == .invite
        let isInitial = context?.isInitial ?? false
        if status >= 300 {
            if isInvite && isInitial || endsDialog(message, status) { session.phase = .ending }
            return
        }
        if isInitial, case .response(_, let branch, _) = subject, let way = context?.branches[branch].destination,
            way.transport == .tls
        {
            session.follow(way, to: message.tag(of: .to).map(message.copy) ?? [])
        }
        if isInitial, let tag = message.tag(of: .to) { session.noteTag(message.copy(tag)) }
        guard isInvite, status >= 200 else { return }
        // A 2xx that crossed a CANCEL wins, the call is up; one that crossed a BYE does not.
        if !session.isOver { session.phase = .established }
        if isInitial, session.callee == nil {
            session.calleeTag = message.tag(of: .to).map(message.copy) ?? []
            session.callee = sender.place
        }
    }

    /// Whether a response says that the peer has no such dialog: to INVITE and UPDATE that ends it (RFC 5057 section 5.1).
    func endsDialog(_ message: Message, _ status: UInt16) -> Bool {
        status == 481 && (message.cseq.method == .invite || message.cseq.method == .update)
    }

    /// Takes a description as what it is where it stands (RFC 6337 section 2.2): INVITE and UPDATE offer, a response
    /// answers when its request offered, PRACK and ACK answer when an offer waits for it.
    ///
    /// - Returns: whether it is an offer.
    private func take(
        _ description: SessionDescription, of message: Message, from sender: Sender, _ subject: Subject,
        _ direct: Set<IPAddress>, _ negotiation: inout Negotiation
    ) throws(Rejection) -> Bool {
        let (party, place) = (sender.party, sender.place)
        switch subject {
        case .request:
            if message.method == .prack {
                let isAnswer = try negotiation.answerEarly(
                    description, by: party, at: place, tags: tags(of: message), direct: direct, settings: settings)
                if isAnswer { return false }
                if negotiation.openOffer?.party == party.other {
                    try negotiation.answer(
                        description, by: party, at: place, dialog: nil, isProvisional: false, direct: direct,
                        settings: settings)
                    return false
                }
            }
            // Only UPDATE and PRACK may offer anew while the INVITE's final response is still to come.
            let tags = message.method == .invite ? [] : tags(of: message)
            try negotiation.offer(
                description, by: party, at: place, tags: tags, invite: nil, direct: direct, settings: settings)
            return true
        case .response(_, let branch, _):
            let dialog = (tag: message.tag(of: .to).map(message.copy) ?? [], branch: branch)
            let isProvisional = message.status.map { $0 < 200 } ?? false
            let isInvite = message.cseq.method == .invite
            if context(of: subject)?.carriesOffer ?? false {
                if !isInvite,
                    try negotiation.answerEarly(
                        description, by: party, at: place, tags: tags(of: message), direct: direct, settings: settings)
                {
                    return false
                }
                try negotiation.answer(
                    description, by: party, at: place, dialog: isInvite ? dialog : nil, isProvisional: isProvisional,
                    direct: direct, settings: settings)
                return false
            }
            guard isInvite else { return false }
            if isProvisional {
                try negotiation.offerEarly(
                    description, by: party, at: place, dialog: dialog, invite: message.cseq.number, direct: direct,
                    settings: settings)
            } else if negotiation.hasAgreed(early: dialog.tag) {
                negotiation.settle(withEarlyAnswerOf: dialog.tag)
                return false
            } else if negotiation.mayOffer(party, inResponseTo: message.cseq.number) {
                negotiation.forgetEarly()
                try negotiation.offer(
                    description, by: party, at: place, tags: [], invite: message.cseq.number, direct: direct,
                    settings: settings)
            }
            return true
        case .acknowledgement:
            guard awaitsAnswer(negotiation, in: message, from: party) else { return false }
            try negotiation.answer(
                description, by: party, at: place, dialog: nil, isProvisional: false, direct: direct, settings: settings
            )
            return false
        case .none: return false
        }
    }

    /// The tags of both ends.
    private func tags(of message: Message) -> [[UInt8]] {
        [HeaderName.from, .to].compactMap { message.tag(of: $0).map(message.copy) }
    }

    /// Whether an ACK is the one that brings the answer to the open offer.
    private func awaitsAnswer(_ negotiation: Negotiation, in acknowledgement: Message, from party: Party) -> Bool {
        negotiation.openOffer.map { $0.party == party.other && $0.invite == acknowledgement.cseq.number } ?? false
    }

    private func context(of subject: Subject) -> ProxyContext? {
        switch subject {
        case .request(let server), .response(let server, _, _): contexts[server]
        case .acknowledgement, .none: nil
        }
    }

    /// The message goes on.
    mutating func proceed(_ subject: Subject) {
        switch subject {
        case .request(let server): forward(server)
        case .response(let server, let branch, let message): deliver(message, server, branch)
        case .acknowledgement(let acknowledgement, let id):
            // It may have brought the answer.
            if let session = sessions[id] { journal(session) }
            forward(acknowledgement)
        case .none: break
        }
    }
}
