import GateProtocol
import Wire

/// What one request comes to when the kernel agrees.
struct Change {
    let session: SessionID
    let wanted: [OpenHole]
    /// Whether the session has no holes yet.
    let isNew: Bool
    /// Inside endpoints that got an external one for this, and have it for nothing else yet.
    let bound: [Endpoint]
    /// Inside endpoints of what the session has so far.
    let before: [Endpoint]
    let transaction: Transaction

    var elements: Int { transaction.old.count + transaction.wanted.count }
}

/// Changes that one transaction can make: no two of them have a session or a hole in common, so that any of them could be
/// done without the others.
struct ChangeGroup {
    /// Elements of a transaction of more than one change. A request may have half as many by itself.
    private static let maximumElements = 256

    private(set) var changes: [Change] = []
    /// Sessions that have no holes yet.
    private(set) var newSessions = 0
    private var elements = 0

    var isEmpty: Bool { changes.isEmpty }

    /// Whether more than one of them has anything to tell the kernel.
    var hasSeveral: Bool { changes.count { !$0.transaction.isEmpty } > 1 }

    /// Whether a hole of the group was judged.
    var isResolved: Bool { changes.contains { !$0.wanted.isEmpty } }

    /// Whether the change has nothing in common with those of the group. A hole that it closes is its session's alone, but the
    /// external endpoint that goes with it may be what another one is to open with.
    func takes(_ change: Change) -> Bool {
        guard elements + change.elements <= Self.maximumElements else { return false }
        return changes.allSatisfy { other in
            other.session != change.session
                && other.wanted.allSatisfy { hole in change.wanted.allSatisfy { !$0.hole.excludes(hole.hole) } }
                // A binding that fails with one of them must not be the other's.
                && !other.bound.contains { bound in change.wanted.contains { $0.hole.inside == bound } }
                && !other.before.contains { old in change.wanted.contains { $0.hole.inside == old } }
                && !change.before.contains { old in other.wanted.contains { $0.hole.inside == old } }
        }
    }

    mutating func append(_ change: Change) {
        changes.append(change)
        if change.isNew { newSessions += 1 }
        elements += change.elements
    }

    /// All of it as one.
    func transaction(timeout: Duration) -> Transaction {
        var transaction = Transaction(old: [], wanted: [], timeout: timeout)
        for change in changes {
            transaction.old += change.transaction.old
            transaction.wanted += change.transaction.wanted
        }
        return transaction
    }
}

extension GateRequest {
    /// The session and what its holes become; nil for a request that changes no one's alone.
    var change: (session: SessionID, holes: Holes)? {
        switch self {
        case .openFromAny(let session, let inside): (session, Holes(halfOpen: inside))
        case .narrow(let session, let holes): (session, holes)
        case .close(let session): (session, Holes())
        case .hello, .renew, .list: nil
        }
    }
}
