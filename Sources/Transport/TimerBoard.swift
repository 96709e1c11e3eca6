public import NIOCore
import Wire

/// Timers by name on one event loop: starting one again moves it, a cancelled one never fires.
///
/// Confined to its event loop; every entry point says so by a precondition.
public final class TimerBoard<Key: Hashable> {
    private let eventLoop: any EventLoop
    private let fired: (Key) -> Void
    private var entries: [Key: Entry] = [:]

    /// - Parameter fired: called on the event loop.
    public init(eventLoop: any EventLoop, fired: @escaping (Key) -> Void) {
        self.eventLoop = eventLoop
        self.fired = fired
    }

    deinit { for entry in entries.values { entry.cancel() } }

    /// Timers that have not fired.
    public var count: Int { entries.count }

    /// Starts a timer, or starts it anew.
    ///
    /// - Throws: nothing in practice; an event loop that is shutting down schedules nothing.
    public func start(_ key: Key, after duration: Duration) {
        eventLoop.preconditionInEventLoop()
        entries[key]?.cancel()
        let entry = Entry(key: key, board: self)
        entry.callback = try? eventLoop.scheduleCallback(
            in: .nanoseconds(max(0, duration.wholeNanoseconds)), handler: entry)
        entries[key] = entry
    }

    /// Stops a timer; one that is not running is left alone.
    public func cancel(_ key: Key) {
        eventLoop.preconditionInEventLoop()
        entries.removeValue(forKey: key)?.cancel()
    }

    fileprivate func run(_ entry: Entry) {
        guard entries[entry.key] === entry else { return }
        entries[entry.key] = nil
        fired(entry.key)
    }

    /// One running timer: an object instead of a closure and a promise.
    ///
    /// `@unchecked Sendable`: NIO asks for it, and calls the handler on the event loop that the board lives on only.
    fileprivate final class Entry: NIOScheduledCallbackHandler, @unchecked Sendable {
        let key: Key
        unowned let board: TimerBoard
        var callback: NIOScheduledCallback?

        init(key: Key, board: TimerBoard) {
            self.key = key
            self.board = board
        }

        func cancel() { callback?.cancel() }

        func handleScheduledCallback(eventLoop: some EventLoop) { board.run(self) }
    }
}
