import GateProtocol
public import Wire

/// What a gate that started found in the table of the one before it.
public struct Inheritance: Hashable, Sendable {
    /// Sessions that go on as if nothing had happened.
    public var sessions = 0
    /// Elements that were no session's, or that may not be; they are gone.
    public var removed = 0

    /// So many of both.
    public init(sessions: Int = 0, removed: Int = 0) {
        self.sessions = sessions
        self.removed = removed
    }
}

extension Gatekeeper {
    // MARK: After a start

    /// Takes over the sessions whose elements the kernel holds: they can be renewed, listed and closed at once, and end when
    /// they would have ended. What is left over, or what the policy does not allow any more, is removed.
    ///
    /// What was counted before the last renewal is not known any more.
    public mutating func inherit(at now: MonotonicTime) throws(NetfilterError) -> Inheritance {
        let held = try kernel.heldElements()
        guard !held.isEmpty else { return Inheritance() }
        policy.ownAddresses = try kernel.ownAddresses().union(bindings.externalAddresses)
        var removed: [SetElement] = []
        var sessions: [SessionID: [HeldElement]] = [:]
        for element in held {
            if let session = element.element.session {
                sessions[session, default: []].append(element)
            } else {
                removed.append(element.element)
            }
        }
        var inherited: [(session: SessionID, holes: [OpenHole], remaining: Duration)] = []
        for (session, elements) in sessions {
            let holes = OpenHole.holes(of: elements.map(\.element))
            let kept = Set(holes.flatMap { $0.keys + [$0.source].compactMap { $0 } })
            removed += elements.map(\.element).filter { !kept.contains($0.key) }
            let remaining = elements.filter { kept.contains($0.element.key) }.map(\.remaining).max()
            // None is left for longer than a new one would be, whatever the timeout was.
            if let remaining { inherited.append((session, holes, min(remaining, holeTimeout))) }
        }
        // The table wants deadlines in their order.
        inherited.sort { ($0.remaining, $0.session) < ($1.remaining, $1.session) }
        for (session, holes, remaining) in inherited {
            if isAllowed(holes), takeBindings(of: holes, at: now) {
                let holes = holes.map(\.asInherited)
                table.commit(session, to: holes, counts: [:], deadline: now + remaining + Self.expiryMargin)
                noteHalfOpen(session, holes, at: now)
            } else {
                removed += OpenHole.elements(of: holes, in: session)
            }
        }
        if !removed.isEmpty {
            _ = try kernel.apply(Transaction(old: removed, wanted: [], timeout: holeTimeout))
        }
        return Inheritance(sessions: table.count, removed: removed.count)
    }

    private func isAllowed(_ holes: [OpenHole]) -> Bool {
        let asked = Holes(holes.map(\.hole))
        guard halfOpenAllowed || asked.halfOpen.isEmpty else { return false }
        return policy.refusal(asked) == nil && policy.refusal(sessions: table.count) == nil
    }

    // MARK: After somebody else

    /// Builds the table anew with what it shall hold, each element for the time that it has left.
    ///
    /// - Returns: how many elements it holds.
    public mutating func restore(at now: MonotonicTime) throws(NetfilterError) -> Int {
        let elements = table.elements(at: now, margin: Self.expiryMargin) { session in
            halfOpenLimit - (now - (halfOpenSince[session] ?? now))
        }
        try kernel.restore(elements)
        doubt = nil
        return elements.count
    }

    /// Has a transaction done; if the table is not there, it is made anew first.
    mutating func apply(
        _ transaction: Transaction, at now: MonotonicTime
    ) throws(NetfilterError) -> [ElementKey: Traffic] {
        do throws(NetfilterError) {
            return try applySurely(transaction, at: now)
        } catch {
            try restore(after: error, at: now)
            return try applySurely(transaction, at: now)
        }
    }

    /// Builds the table anew where an error says that it is not there, and throws any other.
    mutating func restore(after error: NetfilterError, at now: MonotonicTime) throws(NetfilterError) {
        guard error.isLostTable else { throw error }
        _ = try restore(at: now)
        restorations += 1
    }
}

/// A path and what its inside endpoint is outside: its elements must say the same.
private struct Way: Hashable {
    let path: MediaPath
    let external: Endpoint?
    let forwarding: MediaForwarding
}

extension OpenHole {
    /// The same from an earlier gate.
    fileprivate var asInherited: OpenHole {
        var hole = self
        hole.isInherited = true
        return hole
    }

    /// The holes that elements of one session make, in the order of their ports. An element of a path that lacks its other
    /// direction makes none.
    static func holes(of elements: [SetElement]) -> [OpenHole] {
        // Where the source is another element's work, that one says what it is, and this one that packets are let out.
        let letOut = Set(elements.lazy.filter { $0.key.map == .routedNatOut4 }.map(\.key))
        var outsideHops: [Way: IPAddress] = [:]
        for element in elements where element.key.map.isOutgoing && element.key.map != .routedNatOut4 {
            guard let inside = element.key.source else { continue }
            let path = MediaPath(inside: inside, outside: element.key.destination)
            if element.key.map == .routedSource4 {
                let key: ElementKey = .translatedOutgoing(from: path.inside, to: path.outside, .routed)
                guard letOut.contains(key) else { continue }
            }
            let way = Way(path: path, external: element.translation, forwarding: element.key.map.forwarding)
            outsideHops[way] = element.nextHop ?? path.outside.address
        }
        var holes: [OpenHole] = []
        for element in elements where !element.key.map.isOutgoing {
            let inside = element.translation ?? element.key.destination
            let external = element.translation == nil ? nil : element.key.destination
            let forwarding = element.key.map.forwarding
            let insideHop = element.nextHop ?? inside.address
            guard let outside = element.key.source else {
                holes.append(
                    OpenHole(
                        .halfOpen(inside), insideHop: insideHop, outsideHop: nil, external: external,
                        forwarding: forwarding))
                continue
            }
            let path = MediaPath(inside: inside, outside: outside)
            guard let hop = outsideHops[Way(path: path, external: external, forwarding: forwarding)] else { continue }
            holes.append(
                OpenHole(
                    .path(path), insideHop: insideHop, outsideHop: hop, external: external, forwarding: forwarding))
        }
        return holes.sorted { ($0.hole.inside.port, $0.hole.outsidePort) < ($1.hole.inside.port, $1.hole.outsidePort) }
    }
}

extension Hole {
    /// The port of the other end; 0 where that may be any.
    fileprivate var outsidePort: UInt16 {
        switch self {
        case .halfOpen, .learning, .reserved: 0
        case .path(let path): path.outside.port
        }
    }
}

extension Holes {
    /// These holes, as a request names them.
    fileprivate init(_ holes: [Hole]) {
        self.init()
        for hole in holes {
            switch hole {
            case .halfOpen(let inside): halfOpen.append(inside)
            case .path(let path): paths.append(path)
            case .learning(let path): learning.append(path)
            case .reserved(let inside): reserved.append(inside)
            }
        }
    }
}
