import Glibc

/// Lines for people and for the journal, on standard error. Who reads them must never hold up the gate: a line that
/// would have to wait is dropped, and the number of dropped lines is told when there is room again.
struct Log {
    /// What a pipe with room takes whole and without waiting (POSIX, PIPE_BUF on Linux); longer lines are cut.
    private static let maximumLine = 4096

    private var dropped = 0

    /// Writes one line, or drops it.
    mutating func line(_ text: String) {
        guard Self.hasRoom else {
            dropped += 1
            return
        }
        if dropped > 0 {
            Self.write(2, "sekisho-gated: \(dropped) lines are missing here: they could not be written in time")
            dropped = 0
            guard Self.hasRoom else { return dropped += 1 }
        }
        Self.write(2, "sekisho-gated: " + text)
    }

    /// Writes one line to standard output.
    static func output(_ text: String) { write(1, text) }

    private static var hasRoom: Bool {
        var entry = pollfd(fd: 2, events: Int16(POLLOUT), revents: 0)
        return poll(&entry, 1, 0) > 0
    }

    private static func write(_ descriptor: Int32, _ text: String) {
        // No line end from elsewhere may begin a line of the log.
        let octets = text.utf8.prefix(maximumLine - 1).map { $0 < 0x20 ? 0x20 : $0 } + [0x0A]
        _ = Glibc.write(descriptor, octets, octets.count)
    }
}
