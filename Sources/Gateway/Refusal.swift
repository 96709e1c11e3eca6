import GateProtocol
import SIPText
import SIPTransactions
import Wire

// What follows when a message may not go on as it is: the message is answered or goes on without its media, and nothing
// stays open that it asked for.
extension SessionController {
    /// The message does not go on as it is.
    ///
    /// - Parameter byGate: the session counts on what the message says already, and the gate refused it.
    mutating func reject(_ subject: Subject, _ rejection: Rejection, byGate: Bool = false) {
        noteRefusal(of: subject, rejection)
        switch subject {
        case .request(let server):
            guard let context = contexts[server] else { return }
            // BYE ends the call whatever the gate says; its holes die by their timeout.
            guard context.request.method != .bye else { return proceed(subject) }
            if let id = context.session {
                if context.isInitial {
                    close(id, .refused)
                } else if context.carriesOffer {
                    rollBack(id, context.request)
                    ensureHoles(id, for: .none)
                } else if byGate {
                    // PRACK brought the answer.
                    abandonMedia(of: id, rejection)
                }
            }
            refuse(context.request, server, rejection)
        case .response(let server, let branch, let message):
            guard let context = contexts[server], let status = message.status else { return }
            if (200..<300).contains(status), context.isInvite {
                return terminate(context, branch, message, rejection)
            }
            if let id = context.session {
                if status >= 200 {
                    if status < 300 { abandonMedia(of: id, rejection) }
                } else if let tag = message.tag(of: .to) {
                    // A preview that cannot be honoured opens nothing and goes on.
                    closeEarlyAnswer(message.copy(tag), branch, of: id, rejection, keepsPaths: byGate)
                }
            }
            deliver(message, server, branch)
        case .acknowledgement(let acknowledgement, let id):
            abandonMedia(of: id, rejection)
            forward(acknowledgement)
        case .none: break
        }
    }

    /// The offer of a request does not go on, or was not answered.
    mutating func rollBack(_ id: SessionID, _ request: Message) {
        let tags = [HeaderName.from, .to].compactMap { request.tag(of: $0).map(request.copy) }
        guard request.method == .invite || !(sessions[id]?.negotiation.rollBackEarly(tags) ?? true) else { return }
        sessions[id]?.negotiation.rollBack()
    }

    /// The answer was given and cannot be honoured: what was open before it fits neither end any more. While the gate is
    /// away it is only late.
    private mutating func abandonMedia(of id: SessionID, _ rejection: Rejection) {
        guard rejection != .gateUnavailable else { return }
        noteRefusal(of: id, rejection)
        sessions[id]?.negotiation.abandonMedia()
        if let session = sessions[id], session.isAnswered { journal(session) }
        ensureHoles(id, for: .none)
    }

    /// - Parameter keepsPaths: the answer is known, and is asked for again when a 2xx makes it final.
    private mutating func closeEarlyAnswer(
        _ tag: [UInt8], _ branch: Int, of id: SessionID, _ rejection: Rejection, keepsPaths: Bool
    ) {
        guard rejection != .gateUnavailable, let session = sessions[id], session.negotiation.openOffer != nil else {
            return
        }
        noteRefusal(of: id, rejection)
        let known = keepsPaths ? session.negotiation.early[tag]?.paths : nil
        session.negotiation.early[tag] = Negotiation.EarlyAnswer(paths: known ?? [], branch: branch, isOpen: false)
        ensureHoles(id, for: .none)
    }

    private mutating func noteRefusal(of id: SessionID, _ rejection: Rejection) {
        guard let session = sessions[id] else { return }
        counters.refused += 1
        effects.append(.log(.refused(callID: session.callID, status: rejection.status, why: rejection.why)))
    }
}
