public import GateProtocol
public import Wire

/// Which session has which holes. A pure value: it says what the kernel shall be told, and learns what the kernel did.
///
/// A hole belongs to one session. A transaction that failed is not reported here, so the table then still says what the
/// kernel holds.
public struct HoleTable: Sendable {
    private struct Session {
        var holes: [OpenHole]
        var deadline: MonotonicTime
    }

    private struct Expiry {
        var deadline: MonotonicTime
        var session: SessionID
    }

    private var sessions: [SessionID: Session] = [:]
    private var owners: [Hole: SessionID] = [:]
    /// What is still to be learned, by its inside endpoint.
    private var learning: [Endpoint: [LearningPath]] = [:]
    /// Deadlines in the order they were set, which is the order they pass in: the timeout is the same for all. An entry
    /// whose session was renewed since is skipped when its time comes.
    private var expiries: [Expiry] = []
    private var firstExpiry = 0

    /// A table without sessions.
    public init() {}

    /// Sessions that have holes.
    public var count: Int { sessions.count }

    /// Whether the session has holes.
    public func contains(_ session: SessionID) -> Bool { sessions[session] != nil }

    /// The holes of a session; empty when it has none.
    public func holes(of session: SessionID) -> [OpenHole] { sessions[session]?.holes ?? [] }

    /// The first of the holes that another session has.
    public func conflict(_ holes: [Hole], for session: SessionID) -> Hole? {
        holes.first { hole in
            if let owner = owners[hole] { return owner != session }
            guard case .learning(let path) = hole else { return false }
            // A packet that could be either's tells nothing.
            return waiting(at: path.inside, from: path.from).contains { $0.session != session }
        }
    }

    /// What is to be learned from a packet that came from an address to an inside endpoint.
    func waiting(at inside: Endpoint, from address: IPAddress) -> [(session: SessionID, path: LearningPath)] {
        (learning[inside] ?? []).compactMap { path in
            guard path.from == address, let owner = owners[.learning(path)] else { return nil }
            return (owner, path)
        }
    }

    /// Whether anything is still to be learned.
    var isLearning: Bool { !learning.isEmpty }

    /// Learns that the kernel holds a path in the place of one that was to be learned, until the session's own time.
    mutating func learn(_ session: SessionID, _ path: LearningPath, as hole: OpenHole) {
        guard let index = sessions[session]?.holes.firstIndex(where: { $0.hole == .learning(path) }) else { return }
        release(.learning(path))
        sessions[session]?.holes[index] = hole
        own(hole.hole, session)
    }

    private mutating func own(_ hole: Hole, _ session: SessionID) {
        owners[hole] = session
        if case .learning(let path) = hole { learning[path.inside, default: []].append(path) }
    }

    private mutating func release(_ hole: Hole) {
        owners[hole] = nil
        guard case .learning(let path) = hole else { return }
        learning[path.inside]?.removeAll { $0 == path }
        if learning[path.inside]?.isEmpty ?? false { learning[path.inside] = nil }
    }

    /// What the kernel must be told so that the holes of the session become exactly these.
    ///
    /// - Parameter halfOpenLifetime: how long the kernel holds what is open to any source; nil is as long as the rest.
    public func transaction(
        _ session: SessionID, to wanted: [OpenHole], timeout: Duration, halfOpenLifetime: Duration? = nil
    ) -> Transaction {
        Transaction(
            old: OpenHole.elements(of: holes(of: session), in: session),
            wanted: OpenHole.elements(of: wanted, in: session, halfOpenLifetime: halfOpenLifetime), timeout: timeout)
    }

    /// Everything that the kernel shall hold at this moment, each element for as long as its session was promised; sessions
    /// whose time has passed are left out.
    ///
    /// - Parameters:
    ///   - margin: how much later than the kernel's time a session's deadline is.
    ///   - halfOpenLeft: how long a session's holes to any source may stay at most.
    public func elements(
        at now: MonotonicTime, margin: Duration, halfOpenLeft: (SessionID) -> Duration = { _ in .seconds(86_400) }
    ) -> [HeldElement] {
        var elements: [HeldElement] = []
        for (id, session) in sessions {
            let remaining = session.deadline - now - margin
            guard remaining > .zero else { continue }
            for element in OpenHole.elements(of: session.holes, in: id) {
                let left = element.key.map.isHalfOpen ? min(remaining, halfOpenLeft(id)) : remaining
                if left > .zero { elements.append(HeldElement(element, remaining: left)) }
            }
        }
        return elements
    }

    /// Learns that the kernel has done what `transaction` said.
    ///
    /// - Parameters:
    ///   - counts: what the deleted elements had counted.
    ///   - deadline: when the kernel will surely have dropped the elements.
    /// - Returns: the last counts of the holes that closed.
    @discardableResult
    public mutating func commit(
        _ session: SessionID, to wanted: [OpenHole], counts: [ElementKey: Traffic], deadline: MonotonicTime
    ) -> HoleReport {
        let before = self.holes(of: session)
        var holes = wanted
        for index in holes.indices {
            let hole = holes[index].hole
            guard var old = Self.first(hole, in: before, probablyAt: index) else {
                own(hole, session)
                continue
            }
            old.carry(counts)
            holes[index].outgoingBefore = old.outgoingBefore
            holes[index].incomingBefore = old.incomingBefore
        }
        var closed: [OpenHole] = []
        for (index, old) in before.enumerated() where Self.first(old.hole, in: wanted, probablyAt: index) == nil {
            release(old.hole)
            closed.append(old)
        }
        if holes.isEmpty {
            sessions[session] = nil
        } else {
            sessions[session] = Session(holes: holes, deadline: deadline)
            expiries.append(Expiry(deadline: deadline, session: session))
        }
        return HoleReport(session: session, closed, counts: counts)
    }

    /// The sessions that have holes, in no order.
    var sessionIDs: [SessionID] { Array(sessions.keys) }

    /// How long a session is open if nobody renews it; nil when it is not, or not any more.
    func remaining(of session: SessionID, at now: MonotonicTime) -> Duration? {
        guard let deadline = sessions[session]?.deadline, deadline > now else { return nil }
        return deadline - now
    }

    /// Learns that the kernel holds other elements for the same holes, until the same time.
    ///
    /// - Parameter counts: what the deleted elements had counted.
    mutating func move(_ session: SessionID, to holes: [OpenHole], counts: [ElementKey: Traffic]) {
        guard let before = sessions[session]?.holes else { return }
        var holes = holes
        for (index, var old) in before.enumerated() where index < holes.count && holes[index].hole == old.hole {
            old.carry(counts)
            holes[index].outgoingBefore = old.outgoingBefore
            holes[index].incomingBefore = old.incomingBefore
        }
        sessions[session]?.holes = holes
    }

    /// The entry of this hole. Renewal and re-INVITEs leave most of them where they were; sessions have so few that the rest
    /// is looked through.
    private static func first(_ hole: Hole, in holes: [OpenHole], probablyAt index: Int) -> OpenHole? {
        if index < holes.count, holes[index].hole == hole { return holes[index] }
        return holes.first { $0.hole == hole }
    }

    /// Drops the sessions that were not renewed in time and gives their holes; the kernel has closed these already.
    public mutating func expire(at now: MonotonicTime) -> [(session: SessionID, holes: [OpenHole])] {
        var expired: [(session: SessionID, holes: [OpenHole])] = []
        while firstExpiry < expiries.count, expiries[firstExpiry].deadline <= now {
            let id = expiries[firstExpiry].session
            firstExpiry += 1
            guard let session = sessions[id], session.deadline <= now else { continue }
            sessions[id] = nil
            for open in session.holes { release(open.hole) }
            expired.append((id, session.holes))
        }
        if firstExpiry > 1024, firstExpiry > expiries.count / 2 {
            expiries.removeSubrange(..<firstExpiry)
            firstExpiry = 0
        }
        return expired
    }

    /// When `expire` has something to look at next; nil when nothing is open.
    public var nextDeadline: MonotonicTime? {
        firstExpiry < expiries.count ? expiries[firstExpiry].deadline : nil
    }

    /// The first sessions after the one given, in the order of their ids, and whether there are more.
    public func page(after: SessionID?, limit: Int) -> (sessions: [SessionID], more: Bool) {
        let rest = sessions.keys.filter { id in after.map { $0 < id } ?? true }.sorted()
        return (Array(rest.prefix(limit)), rest.count > limit)
    }
}
