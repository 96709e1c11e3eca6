import GateProtocol
import SIPText
import SIPTransactions
import Wire

// Who may say something inside a call, and to whom. Tags alone prove little: both ends of a call know them, and whoever
// claims to be the other end could move its media.
extension SessionController {
    /// The way of a request inside a call: an address by TLS for which no name is known takes the connection that the rest
    /// of the call took to or from that address, if there is one.
    func following(_ target: Target, in context: ProxyContext) -> Target {
        let destination = target.destinations[0]
        if let way = context.subscription?.way, way.transport == .tls, destination.transport == .tls,
            destination.serverName.isEmpty, way.source.address == destination.remote.address
        {
            var target = target
            target.destinations = [way.destination]
            return target
        }
        return following(target, of: context.request, from: context.flow)
    }

    /// The way of a request inside a call.
    func following(_ target: Target, of request: Message, from flow: Flow) -> Target {
        let destination = target.destinations[0]
        guard destination.transport == .tls, destination.serverName.isEmpty, destination.connection == nil,
            let (session, _) = knownCall(of: request, from: flow), let tag = request.tag(of: .to),
            let way = session.secureWays[request.copy(tag)], way.remote.address == destination.remote.address
        else { return target }
        var target = target
        target.destinations = [way]
        return target
    }

    /// Why a request inside a call does not go on: it comes from the other side than its sender's, or goes elsewhere than
    /// to the other party. Inside, both are one address; outside, further proxies may stand before the phone.
    func bindingFault(of request: Message, from flow: Flow, to destination: Destination) -> Rejection? {
        guard let (session, sender) = knownCall(of: request, from: flow) else { return nil }
        guard isPlace(flow.remote, of: sender, in: session) else {
            return .forbidden("the request does not come from where its sender is")
        }
        // Where the call comes by twice, a server outside that did not record its route is left out.
        guard
            isPlace(destination.remote, of: sender.other, in: session)
                || siblings(of: session).contains(where: { isPlace(destination.remote, of: sender.other, in: $0) })
        else {
            return .forbidden("the request does not go to the other party of the call")
        }
        return nil
    }

    /// Whether a request inside a call comes from where its sender is.
    func isFromItsSender(_ request: Message, _ flow: Flow) -> Bool {
        guard let (session, sender) = knownCall(of: request, from: flow) else { return false }
        return isPlace(flow.remote, of: sender, in: session)
    }

    func isPlace(_ endpoint: Endpoint, of party: Party, in session: Session) -> Bool {
        let side = settings.side(of: endpoint.address)
        guard endpoint.port != 0 else { return false }
        return session.isPlace(of: party) { place in
            guard place.side == side else { return false }
            switch side {
            case .inside: return endpoint.address == place.address
            case .outside:
                return endpoint.address == place.address
                    || endpoint.address.scope == .unicast && !settings.policy.ownAddresses.contains(endpoint.address)
            }
        }
    }
}

extension Session {
    /// The caller, and as many callees as a call may have branches here.
    static let maximumSecureWays = 1 + ProxyContext.maximumBranches

    /// Notes the way to whoever has a tag when it is a TLS connection.
    func follow(_ way: Destination, to tag: [UInt8]) {
        guard way.transport == .tls, !tag.isEmpty, secureWays[tag] != nil || secureWays.count < Self.maximumSecureWays
        else { return }
        secureWays[tag] = way
    }
}
