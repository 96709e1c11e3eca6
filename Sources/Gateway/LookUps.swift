import GateProtocol
import SIPText
public import SIPTransactions
import Wire

/// A server to be found (RFC 3263 section 4).
public struct ServerQuery: Hashable, Sendable {
    /// The host of the URI, lower case: a name, no address.
    public var host: [UInt8]
    /// The port of the URI, when it has one.
    public var port: UInt16?
    /// The transport parameter of the URI, when it has one.
    public var transport: TransportKind?
    /// Whether the URI is a sips URI: nothing but TLS will do.
    public var isSecure: Bool

    /// A host to be found, with what its URI says of port and transport.
    public init(host: [UInt8], port: UInt16?, transport: TransportKind?, isSecure: Bool = false) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.transport = transport
    }
}

/// Names a look-up until its answer.
public struct LookUpToken: Hashable, Sendable {
    /// The token's number.
    public let value: UInt64
    /// The token of this number.
    public init(value: UInt64) { self.value = value }
}

/// What waits for a server to be found.
enum LookUpSubject {
    case request(TransactionID)
    /// The ACK to a 2xx, own Route values taken off.
    case acknowledgement(Message, Flow)
}

/// The look-ups under way.
struct LookUps {
    /// Look-ups at one time: each holds a request, and the resolver has few threads.
    static let maximum = 1_024

    var next: UInt64 = 0
    var waiting: [LookUpToken: LookUpSubject] = [:]
}

// Names of servers become addresses: the shell asks the resolver, the request waits.
extension SessionController {
    mutating func locate(_ query: ServerQuery, for subject: LookUpSubject) {
        guard lookUps.waiting.count < LookUps.maximum else {
            if case .request(let id) = subject, let context = contexts[id] {
                decline(context.request, id, context.flow, .full)
            }
            return
        }
        lookUps.next += 1
        let token = LookUpToken(value: lookUps.next)
        lookUps.waiting[token] = subject
        effects.append(.locate(token, query))
    }

    /// A server was found, or was not: the destinations are empty then.
    ///
    /// - Parameter isTemporary: nobody knows whether there is one, since the name servers did not say.
    mutating func located(_ token: LookUpToken, _ destinations: [Destination], isTemporary: Bool) {
        guard let subject = lookUps.waiting.removeValue(forKey: token) else { return }
        let usable = destinations.filter { settings.listener(facing: $0) != nil && isAllowed($0) }
        switch subject {
        case .request(let id):
            guard let context = contexts[id] else { return }
            guard !usable.isEmpty else {
                let rejection =
                    isTemporary
                    ? Rejection(504, "Server Time-out", "the name servers do not say where the next hop is")
                    : destinations.isEmpty
                        ? Rejection(404, "Not Found", "the domain of the next hop has no SIP server that can be found")
                        : Rejection(403, "Forbidden", "the domain of the next hop leads to no address that may be used")
                return decline(context.request, id, context.flow, rejection)
            }
            let target = Target(destinations: Array(usable.prefix(Target.maximumDestinations)))
            dispatch(id, [[target]], isTrying: context.isInvite)
        case .acknowledgement(let message, let flow):
            guard let destination = usable.first else { return }
            acknowledge(message, flow, to: destination)
        }
    }

    /// Whether a name may lead there: whoever owns a domain could point it at this gateway, or at a host inside.
    private func isAllowed(_ destination: Destination) -> Bool {
        let address = destination.remote.address
        return address.scope == .unicast && settings.side(of: address) == .outside
            && !settings.policy.ownAddresses.contains(address) && destination.remote.port != 0
    }
}
