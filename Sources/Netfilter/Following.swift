public import GateProtocol
public import Wire

/// What following the kernel's routes came to.
public struct Followed: Hashable, Sendable {
    /// Sessions whose packets are handed to other neighbours now.
    public var moved = 0
    /// Paths that lead nowhere any more, or to the wrong side: they are closed until they lead somewhere.
    public var suspended: [Detour] = []
    /// Paths that lead somewhere again.
    public var resumed = 0

    /// A path that was closed for its way.
    public struct Detour: Hashable, Sendable {
        /// Whose it is.
        public let session: SessionID
        /// To which there is no way, and why.
        public let refusal: GateRefusal
    }

    /// Whether there is nothing to tell.
    public var isEmpty: Bool { moved == 0 && suspended.isEmpty && resumed == 0 }

    /// Nothing yet.
    public init() {}
}

extension Gatekeeper {
    /// Looks every open hole's way up again, after the kernel told of a change of routes or interfaces. What goes another way
    /// is made anew in one transaction, so that no packet is lost; what leads nowhere is closed until it leads somewhere,
    /// and keeps its place and its counts. Nothing is held longer for it.
    ///
    /// - Throws: when nothing was changed; it is to be called again.
    public mutating func follow(at now: MonotonicTime) throws(NetfilterError) -> Followed {
        _ = try kernel.ownAddresses()
        var followed = Followed()
        var transaction = Transaction(old: [], wanted: [], timeout: holeTimeout)
        var changed: [(session: SessionID, holes: [OpenHole])] = []
        for session in table.sessionIDs {
            let before = table.holes(of: session)
            var holes = before
            for index in holes.indices {
                guard let refusal = try follow(&holes[index]) else {
                    if before[index].isSuspended { followed.resumed += 1 }
                    continue
                }
                if !before[index].isSuspended {
                    followed.suspended.append(Followed.Detour(session: session, refusal: refusal))
                }
            }
            guard holes != before else { continue }
            changed.append((session, holes))
            let old = OpenHole.elements(of: before, in: session)
            let wanted = OpenHole.elements(of: holes, in: session)
            guard old != wanted, let left = table.remaining(of: session, at: now) else { continue }
            if old.count == wanted.count { followed.moved += 1 }
            transaction.old += old.filter { !wanted.contains($0) }
            // None is held for longer than before.
            let lifetime = max(left - Self.expiryMargin, .milliseconds(1))
            let halfOpenLifetime = min(lifetime, halfOpenLifetime(of: session, at: now))
            transaction.wanted += wanted.lazy.filter { !old.contains($0) }.map {
                $0.lasting($0.key.map.isHalfOpen ? halfOpenLifetime : lifetime)
            }
        }
        let counts = transaction.isEmpty ? [:] : try apply(transaction, at: now)
        for (session, holes) in changed { table.move(session, to: holes, counts: counts) }
        return followed
    }

    /// - Returns: why there is no way, or nil.
    private func follow(_ hole: inout OpenHole) throws(NetfilterError) -> GateRefusal? {
        var endpoints = [(hole.hole.inside, kernel.insideInterface)]
        if case .path(let path) = hole.hole { endpoints.append((path.outside, kernel.outsideInterface)) }
        var hops: [IPAddress] = []
        for (endpoint, interface) in endpoints {
            switch try kernel.route(to: endpoint.address) {
            case .none:
                hole.isSuspended = true
                return GateRefusal(.noRoute, endpoint: endpoint)
            case .via(let hop, let leaving):
                guard leaving == interface else {
                    hole.isSuspended = true
                    return GateRefusal(.wrongInterface, endpoint: endpoint)
                }
                hops.append(hop)
            }
        }
        hole.isSuspended = false
        hole.insideHop = hops[0]
        if hops.count > 1 { hole.outsideHop = hops[1] }
        return nil
    }
}
