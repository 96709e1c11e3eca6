import SIPText
import SIPTransactions
import Wire

/// The user part of the Path that a phone outside is registered with at a registrar inside: the way to the phone, which its
/// registrar sends back as a Route (RFC 3327 section 5.3). What RFC 5626 section 5.2 calls a flow token.
struct FlowToken: Equatable {
    /// As the phone's REGISTER came.
    var way: PhoneWay

    static let prefix: StaticString = "sf1."

    /// The token as a user part.
    func text(key: (UInt64, UInt64)) -> [UInt8] { OwnToken.text(Self.prefix, way.octets, key: key) }

    init(way: PhoneWay) { self.way = way }

    /// The token in a request's topmost Route, or in its Request-URI after a strict router; nil when there is none of this
    /// gateway's.
    init?(carriedBy request: Message, settings: ControllerSettings) {
        guard let user = OwnToken.inRoute(of: request, settings: settings),
            var content = OwnToken.content(request.octets(user), Self.prefix, key: settings.contactKey)?[...],
            let way = PhoneWay(taking: &content), content.isEmpty
        else { return nil }
        self.way = way
    }
}

// A phone outside that is registered inside, at a PBX: calls for it must take the way that its REGISTER took.
extension SessionController {
    /// Puts the gateway into the Path of a REGISTER that comes from outside, when its phone knows what that is.
    func addPath(_ request: inout Message, from flow: Flow, toward destination: Destination) {
        guard request.method == .register, settings.side(of: flow.remote.address) == .outside,
            settings.side(of: destination.remote.address) == .inside, request.lists("path", in: .supported),
            let listener = settings.listener(facing: destination)
        else { return }
        let token = FlowToken(way: PhoneWay(flow.transport, flow.remote, connection: flow.connection))
        request.prepend(
            .path, Routing.recordRoute(listener, user: token.text(key: settings.contactKey), isSecure: false, settings))
    }

    /// The phone outside that a request from inside has for its Route.
    func edgeTarget(of request: Message, from flow: Flow) -> Target? {
        guard settings.side(of: flow.remote.address) == .inside,
            let token = FlowToken(carriedBy: request, settings: settings),
            settings.side(of: token.way.source.address) == .outside
        else { return nil }
        return Target(destinations: [token.way.destination])
    }
}
