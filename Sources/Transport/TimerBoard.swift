public import NIOCore
import Wire

/// Timers by name on one event loop: starting one again moves it, a cancelled one never fires, and none fires once the
/// board is gone.
///
/// A call has about a dozen timers, and most are cancelled. The event loop would look through all of them for each that
/// is; here it has one callback, for the earliest, and nothing is allocated for a timer.
///
/// Confined to its event loop; every entry point says so by a precondition.
public final class TimerBoard<Key: Hashable> {
    private let eventLoop: any EventLoop
    private let fired: (Key) -> Void
    /// The slots of the timers that run.
    private var slots: [Key: Int] = [:]
    /// The keys by slot; of a free slot, the last that had it.
    private var keys: [Key] = []
    private var deadlines = DeadlineHeap()
    private let alarm = Alarm()

    /// - Parameter fired: called on the event loop.
    public init(eventLoop: any EventLoop, fired: @escaping (Key) -> Void) {
        self.eventLoop = eventLoop
        self.fired = fired
        alarm.board = self
    }

    deinit { alarm.callback?.cancel() }

    /// Timers that have not fired.
    public var count: Int { deadlines.count }

    /// Starts a timer, or starts it anew. It never fires early, and at most `TimerPrecision.tick` late for its own sake.
    public func start(_ key: Key, after duration: Duration) {
        eventLoop.preconditionInEventLoop()
        let deadline = TimerPrecision.deadline(
            at: Int64(NIODeadline.now().uptimeNanoseconds), after: duration.wholeNanoseconds)
        let slot = deadlines.insert(deadline)
        if slot < keys.count { keys[slot] = key } else { keys.append(key) }
        if let old = slots.updateValue(slot, forKey: key) { deadlines.remove(old) }
        alarm.set(for: deadline, on: eventLoop)
    }

    /// Stops a timer; one that is not running is left alone.
    public func cancel(_ key: Key) {
        eventLoop.preconditionInEventLoop()
        if let slot = slots.removeValue(forKey: key) { deadlines.remove(slot) }
    }

    /// Fires the earliest timer when it is due.
    ///
    /// - Returns: whether it was.
    private func fireFirst(at now: Int64) -> Bool {
        guard let (deadline, slot) = deadlines.first, deadline <= now else { return false }
        let key = keys[slot]
        deadlines.remove(slot)
        slots[key] = nil
        fired(key)
        return true
    }

    /// The event loop's callback. It outlives the board by as much as the event loop holds on to it: it may have been taken
    /// from the loop's list already, with others that are due, when the board goes.
    ///
    /// `@unchecked Sendable`: NIO asks for it, and calls the handler on the event loop that the board lives on only.
    private final class Alarm: NIOScheduledCallbackHandler, @unchecked Sendable {
        weak var board: TimerBoard?
        var callback: NIOScheduledCallback?
        private var deadline = Int64.max
        private var isRinging = false

        /// Sees to it that the callback comes at this time or before.
        func set(for deadline: Int64, on eventLoop: some EventLoop) {
            guard deadline < self.deadline, !isRinging else { return }
            callback?.cancel()
            self.deadline = deadline
            // It throws when the event loop is shutting down: nothing fires any more then.
            callback = try? eventLoop.scheduleCallback(
                at: .uptimeNanoseconds(UInt64(max(0, deadline))), handler: self)
        }

        func handleScheduledCallback(eventLoop: some EventLoop) {
            callback = nil
            deadline = .max
            isRinging = true
            let now = Int64(NIODeadline.now().uptimeNanoseconds)
            // Whom a timer tells may let go of the board: it is held by nobody here while the next one is looked for.
            while board?.fireFirst(at: now) ?? false {}
            isRinging = false
            if let first = board?.deadlines.first { set(for: first.deadline, on: eventLoop) }
        }
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
