public import Wire

/// Which endpoints media may flow between, whoever asks.
///
/// `sekishod` applies it to what it read in a session description, and the gate applies its own again to what
/// `sekishod` asks, so that neither a forged description nor a taken-over `sekishod` opens what may not be open.
public struct PinholePolicy: Hashable, Sendable {
    /// SIP (RFC 3261), SSDP, memcached and RDP: ports of services that answer anyone, or that are worth attacking.
    public static let defaultForbiddenPorts: Set<UInt16> = [1900, 3389, 5060, 5061, 11211]

    /// The first port that needs no privilege to bind (RFC 6335 section 6 ends the system ports at 1023).
    public static let firstUserPort: UInt16 = 1024

    /// Where the protected hosts are.
    public var inside: [Prefix]
    /// Addresses of the gateway itself, of every interface.
    public var ownAddresses: Set<IPAddress>
    /// Where media may never go: recorder, management.
    public var forbidden: [Prefix]
    /// Ports that media may never use, beside those below 1024.
    public var forbiddenPorts: Set<UInt16>
    /// The ports that inside endpoints may use.
    public var mediaPorts: ClosedRange<UInt16>
    /// Entries that one session may have.
    public var maximumHolesPerSession: Int
    /// Sessions at one time.
    public var maximumSessions: Int

    /// A policy for these inside prefixes; what is left out is at its default.
    public init(
        inside: [Prefix], ownAddresses: Set<IPAddress> = [], forbidden: [Prefix] = [],
        forbiddenPorts: Set<UInt16> = PinholePolicy.defaultForbiddenPorts,
        mediaPorts: ClosedRange<UInt16> = PinholePolicy.firstUserPort...UInt16.max,
        maximumHolesPerSession: Int = GateLimits.holesPerSession, maximumSessions: Int = 16_384
    ) {
        self.inside = inside
        self.ownAddresses = ownAddresses
        self.forbidden = forbidden
        self.forbiddenPorts = forbiddenPorts
        self.mediaPorts = mediaPorts
        self.maximumHolesPerSession = maximumHolesPerSession
        self.maximumSessions = maximumSessions
    }

    /// Why this endpoint may not be the inside end of a hole, or nil.
    public func refusal(inside endpoint: Endpoint) -> GateRefusal? {
        if let refusal = refusal(endpoint) { return refusal }
        guard mediaPorts.contains(endpoint.port) else { return GateRefusal(.forbiddenPort, endpoint: endpoint) }
        guard isInside(endpoint.address) else { return GateRefusal(.notInside, endpoint: endpoint) }
        return nil
    }

    /// Why this endpoint may not be the outside end of a hole, or nil.
    public func refusal(outside endpoint: Endpoint) -> GateRefusal? {
        if let refusal = refusal(endpoint) { return refusal }
        guard !isInside(endpoint.address) else { return GateRefusal(.notOutside, endpoint: endpoint) }
        return nil
    }

    /// Why a session may not have these holes, or nil.
    public func refusal(_ holes: Holes) -> GateRefusal? {
        guard holes.count <= maximumHolesPerSession else { return GateRefusal(.tooManyHoles) }
        for endpoint in holes.halfOpen + holes.reserved {
            if let refusal = refusal(inside: endpoint) { return refusal }
        }
        for path in holes.paths {
            if let refusal = refusal(inside: path.inside) ?? refusal(outside: path.outside) { return refusal }
            guard path.inside.address.isIPv6 == path.outside.address.isIPv6 else {
                return GateRefusal(.mixedFamilies, endpoint: path.outside)
            }
        }
        for path in holes.learning {
            // The port will be another one; that of the description stands for it until it is known.
            let from = Endpoint(path.from, path.told.port)
            if let refusal = refusal(inside: path.inside) ?? refusal(outside: path.told) ?? refusal(outside: from) {
                return refusal
            }
            for end in [path.told, from] where end.address.isIPv6 != path.inside.address.isIPv6 {
                return GateRefusal(.mixedFamilies, endpoint: end)
            }
        }
        return nil
    }

    /// Why one more session may not begin when there are `count`, or nil.
    public func refusal(sessions count: Int) -> GateRefusal? {
        count < maximumSessions ? nil : GateRefusal(.tooManySessions)
    }

    private func isInside(_ address: IPAddress) -> Bool { inside.contains { $0.contains(address) } }

    /// What neither end may be.
    private func refusal(_ endpoint: Endpoint) -> GateRefusal? {
        switch endpoint.address.scope {
        case .unicast: break
        case .unspecified, .loopback, .linkLocal, .multicast, .reserved, .embedded:
            return GateRefusal(.forbiddenAddress, endpoint: endpoint)
        }
        if ownAddresses.contains(endpoint.address) { return GateRefusal(.ownAddress, endpoint: endpoint) }
        if forbidden.contains(where: { $0.contains(endpoint.address) }) {
            return GateRefusal(.forbiddenAddress, endpoint: endpoint)
        }
        if endpoint.port < Self.firstUserPort || forbiddenPorts.contains(endpoint.port) {
            return GateRefusal(.forbiddenPort, endpoint: endpoint)
        }
        return nil
    }
}
