import SIPText
import SIPTransactions
import Wire

// A 2xx whose SDP cannot be read or honoured: the gateway ends the dialog that the callee believes in.
extension SessionController {
    /// Acknowledges the 2xx, says BYE to the callee and a 5xx to the caller (draft-ietf-sip-e2m-sec-06 section 5.3).
    mutating func terminate(_ context: ProxyContext, _ index: Int, _ response: Message, _ rejection: Rejection) {
        let server = context.server
        let branch = context.branches[index]
        guard let listener = branch.listener else { return }
        let acknowledgement = inDialog(.ack, context, listener, response)
        contexts[server]?.branches[index].terminatingACK = acknowledgement
        effects.append(.send(acknowledgement, branch.destination))
        if let (bye, actions) = layer.request(inDialog(.bye, context, listener, response), to: branch.destination) {
            clients[bye] = .own
            run(actions)
        }
        // Of a re-INVITE too: the callee's dialog is over, and the caller's next request is told so.
        if let id = context.session { close(id, .refused) }
        counters.refused += 1
        effects.append(.log(.refused(callID: sessionCallID(context), status: 502, why: rejection.why)))
        var answer = rejection
        if (400..<500).contains(rejection.status) {
            // The fault is the callee's, not the caller's.
            answer.status = 502
            answer.reason = "Bad Gateway"
            answer.offersCertificate = false
        }
        respond(server, answer.response(to: context.request, tag: tokens.token(), settings: settings))
        contexts[server]?.later = []
        cancelBranches(of: server, except: index)
        next(server)
    }

    private func sessionCallID(_ context: ProxyContext) -> [UInt8] {
        context.request.value(of: .callID).map(context.request.copy) ?? []
    }

    /// A request inside the dialog that the 2xx made, as the caller would send it: target is the Contact, the route set
    /// are the Record-Route values that the callee's side added, nearest first (section 12.1.2).
    private mutating func inDialog(
        _ method: Method, _ context: ProxyContext, _ listener: Listener, _ response: Message
    ) -> Message {
        let target = response.address(of: .contact).map { response.copy($0.uri) }
        let sequence = method == .ack ? context.request.cseq.number : context.request.cseq.number + 1
        var request = Message(
            request: method, uri: target ?? context.request.requestURI.map(context.request.copy) ?? [],
            sequence: sequence)
        let branch = LoopCheck.branch(hash: context.hash, &tokens)
        request.append(.via, Routing.via(listener, settings, branch: branch))
        request.appendFields(of: .from, from: context.request)
        request.appendFields(of: .to, from: response)
        request.appendFields(of: .callID, from: context.request)
        request.append(.maxForwards, Array("70".utf8))
        for value in response.recordRoutes(beyond: settings) { request.append(.route, value) }
        return request
    }
}
