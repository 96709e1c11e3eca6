import GateProtocol
import SIPText
import SIPTransactions
import Wire

/// What a BYE to one end of a call needs: learnt from the INVITE and its 2xx, and from what refreshes the target.
struct DialogEnd {
    /// The value of From or To that stands for this end, tag included.
    let address: [UInt8]
    /// Its Contact URI.
    var target: [UInt8]
    /// The Route values between here and there, the nearest first (RFC 3261 section 12.1).
    let routes: [[UInt8]]
    /// Where the INVITE came from, or went.
    let way: Destination
}

extension Session {
    /// Notes the number of a request: a BYE in its sender's name must have a higher one.
    func noteSequence(of request: Message) {
        let sender = sender(of: request)
        sequences[sender] = max(sequences[sender], request.cseq.number)
    }
}

// A call that is over for everyone but its phones, which were not told: the gateway says BYE to both, each as if the other
// had (RFC 4028 section 10 has user agents do it; a proxy that takes the media away owes it).
extension SessionController {
    /// Ends a call from here: BYE with the reason (RFC 3326) to both ends, and nothing stays open.
    mutating func hangUp(_ id: SessionID, _ reason: CloseReason) {
        if let session = sessions[id], let ends = session.ends {
            for party in [Party.caller, .callee] { sayBye(to: party, ends, session, reason) }
        }
        close(id, reason)
    }

    private mutating func sayBye(to party: Party, _ ends: Both<DialogEnd>, _ session: Session, _ reason: CloseReason) {
        let (end, other) = (ends[party], ends[party.other])
        var bye = Message(request: .bye, uri: end.target, sequence: session.sequences[party.other] &+ 1)
        for value in end.routes { bye.append(.route, value) }
        bye.append(.from, other.address)
        bye.append(.to, end.address)
        bye.append(.callID, session.callID)
        var value: [UInt8] = []
        value.append(literal: "SIP;cause=408;text=\"")
        value += Array(reason.rawValue.utf8)
        value.append(ASCII.quote)
        bye.append(.reason, value)
        var destination = nextHop(of: bye, to: party, end, in: session)
        guard let listener = settings.listener(facing: destination) else { return }
        destination.local = listener.endpoint
        bye.prepare(
            from: Flow(transport: listener.transport, local: listener.endpoint, remote: destination.remote),
            by: listener,
            branch: LoopCheck.branch(hash: LoopCheck.hash(bye, tokens), &tokens), recordRouteUser: nil,
            settings: settings)
        guard let (client, actions) = layer.request(bye, to: destination) else { return }
        clients[client] = .own
        run(actions)
    }

    /// Where a request of the gateway's own in a dialog goes: as one of the other end would, to where that party may be. No
    /// name is looked up for it; then it takes the way of the INVITE.
    private func nextHop(of request: Message, to party: Party, _ end: DialogEnd, in session: Session) -> Destination {
        let flow = Flow(transport: end.way.transport, local: end.way.remote, remote: end.way.remote)
        guard
            case .target(let target) = Routing.decision(
                for: request, from: flow, isInDialog: true, settings: settings),
            let hop = target.destinations.first, isPlace(hop.remote, of: party, in: session),
            // What came by a connection, or by TLS, has no other way back.
            hop.remote.address != end.way.remote.address || !end.way.transport.isReliable
        else { return end.way }
        return hop
    }

    /// Learns the dialog from the 2xx to its INVITE, and the target from each later one (RFC 3261 section 12.2).
    func learnDialog(_ session: Session, _ context: ProxyContext, _ response: Message, _ branch: Int) {
        let request = context.request
        guard context.isInitial else {
            guard session.ends != nil, request.method == .invite || request.method == .update else { return }
            let sender = session.sender(of: request)
            if let target = request.address(of: .contact) { session.ends?[sender].target = request.copy(target.uri) }
            if let target = response.address(of: .contact) {
                session.ends?[sender.other].target = response.copy(target.uri)
            }
            return
        }
        guard session.ends == nil, let callerTarget = request.address(of: .contact),
            let calleeTarget = response.address(of: .contact), let from = request.value(of: .from),
            let to = response.value(of: .to)
        else { return }
        let flow = context.flow
        session.ends = Both(
            caller: DialogEnd(
                address: request.copy(from), target: request.copy(callerTarget.uri),
                routes: request.values(of: .recordRoute).map(request.copy),
                way: Destination(flow.transport, flow.remote, connection: flow.connection)),
            callee: DialogEnd(
                address: response.copy(to), target: response.copy(calleeTarget.uri),
                routes: response.recordRoutes(beyond: settings), way: context.branches[branch].destination))
    }

    /// A connection that a phone had made is gone, and not because the phone closed it: whoever was in a call by it is.
    mutating func connectionTimedOut(_ connection: UInt64) {
        let lost = sessions.values.filter { session in
            guard let ends = session.ends else { return false }
            return ends.caller.way.connection == connection || ends.callee.way.connection == connection
        }
        for id in lost.map(\.id).sorted() { hangUp(id, .connectionLost) }
    }

    /// Some of the sessions had no packet since they were renewed before.
    mutating func noteSilence(_ renewed: [SessionID], silent: [SessionID]) {
        guard let limit = settings.mediaTimeout else { return }
        let silent = Set(silent)
        for id in renewed {
            guard let session = sessions[id] else { continue }
            // While a phone rings there is nothing to hear; of what is on hold RTCP still comes.
            guard silent.contains(id), session.phase == .established else {
                session.silentSince = nil
                continue
            }
            guard let since = session.silentSince else {
                session.silentSince = now
                continue
            }
            if now - since >= limit { hangUp(id, .silent) }
        }
    }
}

extension Message {
    /// The Record-Route values of a response that the callee's side added: the route from the gateway to the callee, nearest
    /// first.
    func recordRoutes(beyond settings: ControllerSettings) -> [[UInt8]] {
        var beyond: [[UInt8]] = []
        for value in values(of: .recordRoute) {
            guard let address = NameAddress(in: bytes.span, value), let uri = try? URI(in: bytes.span, address.uri)
            else { continue }
            if settings.isOwn(uri, in: bytes.span) { break }
            beyond.append(copy(value))
        }
        return beyond.reversed()
    }
}
