public import NIOCore
import Wire

/// Timers by name on one event loop: starting one again moves it, a cancelled one never fires, and none fires once the
/// board is gone.
///
/// A call has about a dozen timers, and most are cancelled. The event loop would look through all of them for each that
/// is; here it has one callback, for the earliest, and nothing is allocated for a timer. What touches a key is inlinable,
/// so that it is compiled for the key's type where the board is used.
///
/// Confined to its event loop; every entry point says so by a precondition.
public final class TimerBoard<Key: Hashable> {
    @usableFromInline let fired: (Key) -> Void
    /// The slots of the timers that run.
    @usableFromInline var slots: [Key: Int] = [:]
    /// The keys by slot; of a free slot, the last that had it.
    @usableFromInline var keys: [Key] = []
    @usableFromInline let alarm: TimerAlarm

    /// - Parameter fired: called on the event loop.
    @inlinable
    public init(eventLoop: any EventLoop, fired: @escaping (Key) -> Void) {
        self.fired = fired
        alarm = TimerAlarm(eventLoop: eventLoop)
        alarm.due = { [weak self] slot in
            guard let self else { return false }
            fire(slot)
            return true
        }
    }

    deinit { alarm.stop() }

    /// Timers that have not fired.
    public var count: Int { slots.count }

    /// Starts a timer, or starts it anew. It never fires early, and at most a hundredth of a second late for its own sake.
    @inlinable
    public func start(_ key: Key, after duration: Duration) {
        let slot = alarm.insert(after: duration)
        if slot < keys.count { keys[slot] = key } else { keys.append(key) }
        if let old = slots.updateValue(slot, forKey: key) { alarm.remove(old) }
    }

    /// Stops a timer; one that is not running is left alone.
    @inlinable
    public func cancel(_ key: Key) {
        if let slot = slots.removeValue(forKey: key) { alarm.remove(slot) }
    }

    @inlinable
    func fire(_ slot: Int) {
        let key = keys[slot]
        slots.removeValue(forKey: key)
        fired(key)
    }
}

/// How exactly timers fire.
enum TimerPrecision {
    /// What timers of a fifth of a second and longer may be late, so that many fire at once: the event loop wakes up at
    /// most a hundred times a second for them.
    static let tick: Int64 = 10_000_000
    private static let shortestRounded: Int64 = 200_000_000

    /// The deadline of a timer that is started, in nanoseconds as `now` is.
    static func deadline(at now: Int64, after nanoseconds: Int64) -> Int64 {
        let (exact, overflow) = now.addingReportingOverflow(max(0, nanoseconds))
        // Two centuries away.
        guard !overflow, exact <= .max - tick else { return .max - 1 }
        guard nanoseconds >= shortestRounded else { return exact }
        return (exact + tick - 1) / tick * tick
    }
}
