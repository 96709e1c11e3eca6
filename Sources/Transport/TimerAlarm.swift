public import NIOCore
import Wire

/// The deadlines of a board and the event loop's callback for the earliest.
///
/// It outlives the board by as much as the event loop holds on to it: it may have been taken from the loop's list already,
/// with others that are due, when the board goes.
///
/// `@unchecked Sendable`: NIO asks for it, and calls the handler on the event loop that the board lives on only.
@usableFromInline
final class TimerAlarm: NIOScheduledCallbackHandler, @unchecked Sendable {
    /// Is told the slot whose deadline has come, and has been removed; says whether the board is still there.
    @usableFromInline var due: (Int) -> Bool = { _ in false }
    private let eventLoop: any EventLoop
    private var deadlines = DeadlineHeap()
    private var callback: NIOScheduledCallback?
    /// When the callback comes.
    private var next = Int64.max
    private var isRinging = false

    @usableFromInline
    init(eventLoop: any EventLoop) { self.eventLoop = eventLoop }

    /// Nothing comes any more.
    func stop() {
        callback?.cancel()
        callback = nil
        deadlines = DeadlineHeap()
    }

    /// Takes a deadline.
    ///
    /// - Returns: its slot.
    @usableFromInline
    func insert(after duration: Duration) -> Int {
        eventLoop.preconditionInEventLoop()
        let deadline = TimerPrecision.deadline(at: Self.now, after: duration.wholeNanoseconds)
        let slot = deadlines.insert(deadline)
        set(for: deadline)
        return slot
    }

    /// Forgets the deadline of a slot.
    @usableFromInline
    func remove(_ slot: Int) {
        eventLoop.preconditionInEventLoop()
        deadlines.remove(slot)
    }

    private static var now: Int64 { Int64(NIODeadline.now().uptimeNanoseconds) }

    /// Sees to it that the callback comes at this time or before.
    private func set(for deadline: Int64) {
        guard deadline < next, !isRinging else { return }
        callback?.cancel()
        next = deadline
        // It throws when the event loop is shutting down: nothing fires any more then.
        callback = try? eventLoop.scheduleCallback(at: .uptimeNanoseconds(UInt64(max(0, deadline))), handler: self)
    }

    @usableFromInline
    func handleScheduledCallback(eventLoop: some EventLoop) {
        callback = nil
        next = .max
        isRinging = true
        let now = Self.now
        while let (deadline, slot) = deadlines.first, deadline <= now {
            deadlines.remove(slot)
            // Whom a timer tells may let go of the board: it is held by nobody here while the next one is looked for.
            guard due(slot) else { return }
        }
        isRinging = false
        if let first = deadlines.first { set(for: first.deadline) }
    }
}
