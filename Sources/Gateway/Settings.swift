public import GateProtocol
import SIPText
public import SIPTransactions
public import Wire

/// Where the gateway listens for SIP.
public struct Listener: Hashable, Sendable {
    /// What carries the messages.
    public var transport: TransportKind
    /// The address and port that are bound.
    public var endpoint: Endpoint

    /// A listener for one transport at one address.
    public init(_ transport: TransportKind, _ endpoint: Endpoint) {
        self.transport = transport
        self.endpoint = endpoint
    }
}

/// A static route: where requests for a domain go.
public struct StaticRoute: Hashable, Sendable {
    /// The host of the Request-URI, lower case.
    public var domain: [UInt8] {
        didSet { address = IPAddress(text: domain.span) }
    }
    /// The domain as an address, when it is one: however a URI writes it, it is the same.
    var address: IPAddress?
    /// The next hop.
    public var destination: Destination

    /// A route for a domain, which may be in any letter case.
    public init(domain: [UInt8], destination: Destination) {
        let lower = domain.map(ASCII.lowercase)
        self.domain = lower
        address = IPAddress(text: lower.span)
        self.destination = destination
    }
}

/// What the gateway reads of protected bodies, and what it insists on.
public struct DisclosurePolicy: Sendable {
    /// What makes the gateway open an envelope.
    public enum Trigger: Hashable, Sendable {
        /// Only a disclosure header that names this gateway.
        case header
        /// Only a recipientInfo that is its own.
        case recipient
        /// Either of them.
        case either
    }

    /// What makes the gateway open an envelope.
    public var askedBy: Trigger
    /// Whether a call that needs a pinhole is refused with 496 when its SDP cannot be read. Without it such a call goes
    /// on and has no media.
    public var requiresSDP: Bool
    /// Whether content encrypted by AES-CBC, which anyone on the way can alter, may open pinholes.
    public var acceptsUnauthenticated: Bool
    /// The gateway's certificate, DER, for the body of a 496; empty when it has none.
    public var certificate: [UInt8]

    /// All values at once.
    public init(askedBy: Trigger, requiresSDP: Bool, acceptsUnauthenticated: Bool, certificate: [UInt8]) {
        self.askedBy = askedBy
        self.requiresSDP = requiresSDP
        self.acceptsUnauthenticated = acceptsUnauthenticated
        self.certificate = certificate
    }
}

/// Everything that the session controller knows about the box it runs on.
public struct ControllerSettings: Sendable {
    /// The gateway's own name, lower case: in Warning and the 496.
    public var name: [UInt8]
    /// Every name that stands for this gateway, `name` among them, lower case.
    public var names: [[UInt8]]
    /// Where the gateway listens.
    public var listeners: [Listener]
    /// Next hops by domain.
    public var routes: [StaticRoute]
    /// What media may name; its inside prefixes also tell which side a peer is on.
    public var policy: PinholePolicy
    /// What is read of protected bodies, and what is insisted on.
    public var disclosure: DisclosurePolicy
    /// Whether a hole from any address is open between offer and answer.
    public var halfOpen: Bool
    /// Whether a party outside that names a private address, and signals from one that is not, is learned from its packets.
    public var learnsFarEnd = false
    /// The session timer that is asked for; nil asks for none and leaves what the phones agree on alone.
    public var sessionTimer: SessionTimerPolicy?
    /// Whether inside phones reach domains without a static route by the names of their servers (RFC 3263).
    public var resolvesNames = false
    /// Octets of a request that go by UDP; a longer one goes by TCP where there is a listener for it, and by UDP only
    /// when that fails (RFC 3261 section 18.1.1).
    public var datagramOctets = 1_300
    /// Sessions at one time.
    public var maximumSessions: Int
    /// Calls of one user at one time: of who authenticated, else of the address inside that they come from; nil is no limit.
    public var callsPerUser: Int?
    /// How long an offer's endpoints may be open to any source; nil is until its answer, or timer C.
    public var halfOpenTime: Duration?
    /// Whether the gate translates inside IPv4 endpoints; it says so itself.
    var translates = false
    /// Transactions at one time.
    public var maximumTransactions: Int
    /// The timers of the transactions (RFC 3261 section 17).
    public var timers: Timers
    /// How long a call may be without any packet, RTCP included, before it is ended; nil for ever. It shows when holes are
    /// renewed.
    public var mediaTimeout: Duration?
    /// Timer C (RFC 3261 section 16.6 item 11): above three minutes.
    public var inviteTimeout: Duration
    /// Whether anyone outside may have requests passed on to routes that lead outside again. No: that is a relay.
    public var relaysForStrangers = false
    /// Whether requests that name a registered domain's user in From must authenticate, where there is a registrar.
    public var authenticatesCalls = true
    /// What sources may send outside of calls.
    public var admission = AdmissionPolicy()
    /// 128 secret bits that outlive a restart: what the Contacts of phones that are registered outside are known by. Where
    /// they are new at each start, a provider reaches the phones again when they have registered again.
    public var contactKey: (UInt64, UInt64) = (0, 0)
    /// Which of several controllers this is: the numbers of its sessions, divided by `shares`, leave this remainder.
    public internal(set) var share: UInt64 = 0
    /// How many controllers share the gate.
    public internal(set) var shares: UInt64 = 1
    /// 128 random bits from the shell: what branches, tags and session numbers are made of.
    public var tokenKey: (UInt64, UInt64)

    /// All values at once; names may be in any letter case, and `names` need not hold `name`.
    public init(
        name: [UInt8], names: [[UInt8]], listeners: [Listener], routes: [StaticRoute], policy: PinholePolicy,
        disclosure: DisclosurePolicy, halfOpen: Bool, maximumSessions: Int,
        maximumTransactions: Int, timers: Timers, inviteTimeout: Duration, tokenKey: (UInt64, UInt64)
    ) {
        self.name = name.map(ASCII.lowercase)
        self.names = ([name] + names).map { $0.map(ASCII.lowercase) }
        self.listeners = listeners
        self.routes = routes
        self.policy = policy
        self.disclosure = disclosure
        self.halfOpen = halfOpen
        self.maximumSessions = maximumSessions
        self.maximumTransactions = maximumTransactions
        self.timers = timers
        self.inviteTimeout = inviteTimeout
        self.tokenKey = tokenKey
        contactKey = (tokenKey.1, ~tokenKey.0)
    }
}

extension ControllerSettings {
    /// The settings of one of several controllers that share the calls: limits are divided, numbers never the same.
    ///
    /// - Parameters:
    ///   - index: from 0 to `count` - 1.
    ///   - count: at least 1.
    public func share(_ index: Int, of count: Int) -> ControllerSettings {
        guard count > 1 else { return self }
        var settings = self
        settings.share = UInt64(index)
        settings.shares = UInt64(count)
        settings.maximumSessions = maximumSessions.part(of: count)
        settings.maximumTransactions = maximumTransactions.part(of: count)
        settings.callsPerUser = callsPerUser?.part(of: count)
        settings.admission = admission.share(of: count)
        settings.tokenKey.0 ^= UInt64(index)
        return settings
    }
}

extension Int {
    /// One of so many equal parts, rounded up: no part is nothing.
    func part(of count: Int) -> Int { (self + count - 1) / count }
}

/// Which side of the gateway a peer is on.
public enum Side: Hashable, Sendable {
    case inside, outside
}

extension ControllerSettings {
    func side(of address: IPAddress) -> Side {
        policy.inside.contains { $0.contains(address) } ? .inside : .outside
    }

    /// Whether a host of a URI stands for this gateway: one of its names, or an address it listens on.
    func isOwn(_ uri: URI, in bytes: Span<UInt8>) -> Bool {
        isOwn(bytes.extracting(uri.host.range), uri.address(in: bytes), port: uri.port)
    }

    /// Whether a host, and the address that it is when it is one, stands for this gateway.
    func isOwn(_ host: Span<UInt8>, _ address: IPAddress?, port: UInt16?) -> Bool {
        if isName(host) { return true }
        guard let address else { return false }
        return listeners.contains { $0.endpoint.address == address && $0.endpoint.port == port ?? 5_060 }
    }

    /// The static route of the host that a URI names, however an address is written.
    func route(for uri: URI, in bytes: Span<UInt8>) -> StaticRoute? {
        let host = bytes.extracting(uri.host.range)
        let address = uri.address(in: bytes)
        for route in routes
        where ASCII.equalIgnoringCase(host, route.domain.span) || address != nil && route.address == address {
            return route
        }
        return nil
    }

    /// Whether a host is one of this gateway's names, in any letter case.
    func isName(_ host: Span<UInt8>) -> Bool {
        for name in names where ASCII.equalIgnoringCase(host, name.span) { return true }
        return false
    }

    /// The listener that faces a destination: of its transport, on its side when there is one.
    func listener(facing destination: Destination) -> Listener? {
        let side = side(of: destination.remote.address)
        var fallback: Listener?
        for listener in listeners where listener.transport == destination.transport {
            guard listener.endpoint.address.isIPv6 == destination.remote.address.isIPv6 else { continue }
            if self.side(of: listener.endpoint.address) == side { return listener }
            fallback = fallback ?? listener
        }
        return fallback
    }
}
