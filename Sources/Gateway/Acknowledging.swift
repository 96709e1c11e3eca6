import GateProtocol
import SIPText
import SIPTransactions
import Wire

// The ACK to a 2xx: it has no transaction, is looked at, then sent on.
extension SessionController {
    mutating func acknowledge(_ message: Message, _ flow: Flow) {
        var request = message
        Routing.preprocess(&request, settings: settings)
        guard request.number(of: .maxForwards, upTo: MessageLimits.maxForwards) != 0,
            knownCall(of: request, from: flow) != nil
        else { return }
        switch Routing.decision(for: request, from: flow, isInDialog: true, settings: settings) {
        case .target(let target):
            acknowledge(request, flow, to: following(target, of: request, from: flow).destinations[0])
        case .lookUp(let query): locate(query, for: .acknowledgement(request, flow))
        case .own, .rejected: return
        }
    }

    /// The ACK's next hop is known.
    mutating func acknowledge(_ request: Message, _ flow: Flow, to destination: Destination) {
        guard let (known, _) = knownCall(of: request, from: flow),
            bindingFault(of: request, from: flow, to: destination) == nil,
            let listener = settings.listener(facing: destination)
        else { return }
        var destination = destination
        destination.local = listener.endpoint
        let isFollowed = session(of: request, from: flow) != nil
        if isFollowed, known.awaitsACK {
            known.awaitsACK = false
            if !known.isOver { effects.append(.cancelTimer(.end(known.id))) }
        }
        let subject = Acknowledgement(message: request, flow: flow, destination: destination, listener: listener)
        // Only the ACK that brings the answer to an open offer is looked into, and only in the dialog of the session: a
        // fork that answered after another has no media here, but its dialog must be ended properly.
        guard let offer = known.negotiation.openOffer, offer.invite == request.cseq.number, isFollowed else {
            return forward(subject)
        }
        examine(.acknowledgement(subject, known.id))
    }

    /// Sends an ACK on: by a connection when it is too large for a datagram (section 18.1.1). Where there can be none, that
    /// is remembered, and the ACK to the 2xx that comes again goes as a datagram.
    mutating func forward(_ acknowledgement: Acknowledgement) {
        let request = outgoing(acknowledgement)
        let destination = acknowledgement.destination
        if destination.transport == .udp, exceedsDatagram(request), !datagramHops.contains(destination.remote, at: now)
        {
            var stream = acknowledgement
            stream.destination = Destination(.tcp, destination.remote)
            if let listener = settings.listener(facing: stream.destination) {
                stream.listener = listener
                stream.destination.local = listener.endpoint
                datagramHops.try(destination.remote, at: now)
                return effects.append(.send(outgoing(stream), stream.destination))
            }
        }
        effects.append(.send(request, destination))
    }

    /// The ACK as the next hop gets it.
    private func outgoing(_ acknowledgement: Acknowledgement) -> Message {
        let flow = acknowledgement.flow
        var request = readdressed(
            acknowledgement.message, from: flow.remote.address, to: acknowledgement.destination.remote.address,
            knownCall(of: acknowledgement.message, from: flow)?.session.id)
        request.prepare(
            from: acknowledgement.flow, by: acknowledgement.listener,
            branch: LoopCheck.constantBranch(for: acknowledgement.message, tokens),
            recordRouteUser: nil, settings: settings)
        return request
    }

    /// Whether a request is too large to go by datagrams without congestion control.
    func exceedsDatagram(_ request: Message) -> Bool {
        // Rows that were added have no colon and no line end in the buffer, nor has the empty line.
        request.bytes.count + 4 * request.fields.count + 32 > settings.datagramOctets
            && request.serialized().count > settings.datagramOctets
    }
}
