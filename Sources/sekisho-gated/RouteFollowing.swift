import Netfilter
import Wire

/// When the gate goes after changes of routes and interfaces: at once, but not more often than it can afford where routes
/// change all the time; and what it says of it.
struct RouteFollowing {
    /// Of its time, following may take a quarter.
    private static let rest = 3
    /// After a failure.
    private static let pause: Duration = .seconds(1)
    /// Paths of which the log tells one by one.
    private static let mostLines = 16

    /// Of the kernel's changes, that which was followed last.
    private var generation: UInt64?
    /// Before which nothing is done.
    private var earliest: MonotonicTime?
    /// The interface that is not there.
    var missing: String?
    /// Whether the table could not be made.
    var isTableLost = false

    func isDue(at now: MonotonicTime) -> Bool { earliest.map { $0 <= now } ?? true }

    /// When to look again whatever is told; nil when there is nothing to wait for.
    var nextTime: MonotonicTime? { earliest }

    /// Whether there is anything to do, and that it is being done.
    mutating func hasChanged(_ generation: UInt64) -> Bool {
        earliest = nil
        guard self.generation != generation else { return false }
        self.generation = generation
        return true
    }

    mutating func end(isDone: Bool, from start: MonotonicTime, at now: MonotonicTime) {
        if !isDone { generation = nil }
        earliest = isDone ? now + (now - start) * Self.rest : now + Self.pause
    }

    /// What the log says.
    static func lines(_ followed: Followed) -> [String] {
        var lines = followed.suspended.prefix(mostLines).map { detour in
            "closed a path of \(detour.session) until it leads somewhere: \(detour.refusal)"
        }
        if followed.suspended.count > mostLines { lines.append("closed \(followed.suspended.count) such paths in all") }
        if followed.moved > 0 { lines.append("routes changed: \(followed.moved) sessions go by other neighbours") }
        if followed.resumed > 0 { lines.append("routes changed: \(followed.resumed) paths lead somewhere again") }
        return lines
    }
}
