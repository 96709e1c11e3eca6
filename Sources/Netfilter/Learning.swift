public import GateProtocol
public import Wire

// Where a peer sends from whose description names another endpoint: learned from the first packet that comes from the address
// of its signalling, and from no later one. The packet itself was dropped; the next one finds the path.

/// A path that a packet has told.
public struct Learned: Hashable, Sendable {
    /// Whose it is.
    public let session: SessionID
    /// What it was asked for as.
    public let asked: LearningPath
    /// What is open now.
    public let path: MediaPath
}

extension Gatekeeper {
    /// Takes a packet into account that no hole let through, and opens the path that it tells, where one is to be learned.
    ///
    /// - Returns: the path that was opened for it.
    @discardableResult
    public mutating func noteMiss(
        from source: Endpoint, to destination: Endpoint, at now: MonotonicTime
    ) -> Learned? {
        if let learned = learn(from: source, to: destination, at: now) { return learned }
        nearMisses.note(from: source, to: destination, at: now)
        return nil
    }

    private mutating func learn(
        from source: Endpoint, to destination: Endpoint, at now: MonotonicTime
    ) -> Learned? {
        guard table.isLearning, let inside = bindings.inside(of: destination),
            let (session, asked) = table.waiting(at: inside, from: source.address).first,
            let left = table.remaining(of: session, at: now),
            let open = table.holes(of: session).first(where: { $0.hole == .learning(asked) })
        else { return nil }
        let path = MediaPath(inside: inside, outside: source)
        // The address was judged when it was asked for, the port is judged now.
        guard !open.isSuspended, policy.refusal(Holes(paths: [path])) == nil,
            table.conflict([.path(path)], for: session) == nil,
            !table.holes(of: session).contains(where: { $0.hole == .path(path) || $0.wasLearned(as: asked) }),
            let learned = try? opened(path, for: asked, in: open)
        else { return nil }
        // It is held for as long as the rest of the session: a packet renews nothing.
        let lifetime = max(left - Self.expiryMargin, .milliseconds(1))
        let elements = OpenHole.elements(of: [learned], in: session).map { $0.lasting(lifetime) }
        let transaction = Transaction(old: [], wanted: elements, timeout: holeTimeout)
        // When the kernel refuses, the next packet tells the same.
        guard (try? apply(transaction, at: now)) != nil else { return nil }
        table.learn(session, asked, as: learned)
        return Learned(session: session, asked: asked, path: path)
    }

    /// The hole of a path that was learned, with the external endpoint that its inside end has already.
    private mutating func opened(
        _ path: MediaPath, for asked: LearningPath, in open: OpenHole
    ) throws(GateFailure) -> OpenHole {
        // Routes are as of now after this.
        _ = try asking { () throws(NetfilterError) in try kernel.ownAddresses() }
        var last: Hop?
        let hop = try hop(to: path.outside, on: kernel.outsideInterface, last: &last)
        var learned = OpenHole(
            .path(path), insideHop: open.insideHop, outsideHop: hop, external: open.external,
            forwarding: kernel.forwarding)
        learned.learnedFor = asked
        return learned
    }

    /// One entry of a request, and what it was learned for.
    struct Entry {
        let hole: Hole
        var learnedFor: LearningPath?
    }

    /// The entries of a request. What the session has learned for one of them stays, and is not learned again.
    func entries(of holes: Holes, for session: SessionID) -> [Entry] {
        guard !holes.learning.isEmpty else { return holes.entries.map { Entry(hole: $0) } }
        var entries: [Entry] = []
        for hole in holes.entries {
            guard case .learning(let asked) = hole, let path = learned(asked, by: session, beside: holes) else {
                entries.append(Entry(hole: hole))
                continue
            }
            if let index = entries.firstIndex(where: { $0.hole == .path(path) }) {
                entries[index].learnedFor = asked
            } else {
                entries.append(Entry(hole: .path(path), learnedFor: asked))
            }
        }
        return entries
    }

    /// What the session has learned for this; after a restart that is a path which nothing else was asked for.
    private func learned(_ asked: LearningPath, by session: SessionID, beside holes: Holes) -> MediaPath? {
        var inherited: MediaPath?
        for open in table.holes(of: session) {
            guard case .path(let path) = open.hole else { continue }
            if open.learnedFor == asked { return path }
            guard open.isInherited, path.inside == asked.inside, path.outside.address == asked.from,
                !holes.paths.contains(path)
            else { continue }
            inherited = inherited ?? path
        }
        return inherited
    }
}

extension OpenHole {
    /// Whether it was learned from such a packet as this could be. Of two entries of one session that differ in what was said
    /// alone, as of two branches behind one address, one is open at a time.
    fileprivate func wasLearned(as asked: LearningPath) -> Bool {
        learnedFor.map { $0.inside == asked.inside && $0.from == asked.from } ?? false
    }
}

extension Hole {
    /// Whether two sessions cannot have both: they are the same, or a packet would tell the path of either.
    func excludes(_ other: Hole) -> Bool {
        guard case .learning(let one) = self, case .learning(let two) = other else { return self == other }
        return one.inside == two.inside && one.from == two.from
    }
}
