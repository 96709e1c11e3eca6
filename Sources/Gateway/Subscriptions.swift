import SIPText
import SIPTransactions
import Wire

/// The user part of the Record-Route of a request that begins a subscription (RFC 6665): the way to the phone inside that is
/// one of its ends. What is said in the subscription later carries it back as its Route, so the gateway knows the
/// subscription again and keeps nothing of it.
///
/// It holds for one Call-ID and the tag of the one who subscribed: from outside it leads to that phone in that subscription,
/// and nowhere else.
struct SubscriptionToken: Equatable {
    /// The way to the phone inside.
    var way: PhoneWay

    static let prefix: StaticString = "sn1."

    /// Methods that begin a subscription: REFER does without being asked (RFC 3515 section 2.4.4).
    static func begins(_ request: Message) -> Bool {
        (request.method == .subscribe || request.method == .refer) && request.tag(of: .to) == nil
    }

    /// The token as a user part, in the request that begins the subscription.
    func text(for request: Message, key: (UInt64, UInt64)) -> [UInt8] {
        OwnToken.text(Self.prefix, way.octets, context: Self.context(of: request, .from), key: key)
    }

    /// Between a phone inside and whoever is at the other end; nil when neither is inside.
    init?(from flow: Flow, to destination: Destination, settings: ControllerSettings) {
        if settings.side(of: flow.remote.address) == .inside {
            way = PhoneWay(flow.transport, flow.remote, connection: flow.connection)
        } else if settings.side(of: destination.remote.address) == .inside {
            way = PhoneWay(destination.transport, destination.remote, connection: destination.connection)
        } else {
            return nil
        }
    }

    /// The token of the subscription that a request belongs to, in its topmost Route, or in its Request-URI after a strict
    /// router; nil when it carries none that holds for it.
    init?(carriedBy request: Message, settings: ControllerSettings) {
        switch request.method {
        case .subscribe, .notify, .refer: break
        case .invite, .ack, .bye, .cancel, .options, .register, .prack, .update, .info, .message, .publish, .other, nil:
            return nil
        }
        guard request.tag(of: .to) != nil, let user = OwnToken.inRoute(of: request, settings: settings) else {
            return nil
        }
        // The subscriber is who sent this request, or who receives it.
        for end in [HeaderName.from, .to] {
            let content = OwnToken.content(
                request.octets(user), Self.prefix, context: Self.context(of: request, end), key: settings.contactKey)
            guard var rest = content?[...], let way = PhoneWay(taking: &rest), rest.isEmpty else { continue }
            self.way = way
            return
        }
        return nil
    }

    /// Why a request in the subscription does not go on: the phone inside must be one of its ends.
    func fault(from flow: Flow, to branches: [Branch]) -> Rejection? {
        let phone = way.source.address
        if flow.remote.address == phone || branches.allSatisfy({ $0.destination.remote.address == phone }) {
            return nil
        }
        return .forbidden("the request is not to or from the phone of its subscription")
    }

    private static func context(of request: Message, _ subscriber: HeaderName) -> [[UInt8]] {
        [
            request.value(of: .callID).map(request.copy) ?? [],
            request.tag(of: subscriber).map(request.copy) ?? [],
        ]
    }
}
