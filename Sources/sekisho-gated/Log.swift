import Glibc

/// Lines for people and for the journal, on standard error. Who reads them must never hold up the gate: a line that
/// would have to wait is dropped, and the number of dropped lines is told when there is room again. Lines are collected
/// until `flush`.
struct Log {
    /// What a pipe with room takes whole and without waiting (POSIX, PIPE_BUF on Linux); longer lines are cut.
    private static let maximumLine = 4096

    private var dropped = 0
    /// Whole lines that are not written, and how many; together no longer than the longest line.
    private var octets: [UInt8] = []
    private var lines = 0

    /// Takes one line for the next `flush`.
    mutating func line(_ text: String) {
        let line = Self.line("sekisho-gated: " + text)
        if octets.count + line.count > Self.maximumLine { flush() }
        octets += line
        lines += 1
    }

    /// Writes the lines, or drops them.
    mutating func flush() {
        guard lines > 0 else { return }
        defer {
            octets.removeAll(keepingCapacity: true)
            lines = 0
        }
        guard Self.hasRoom else { return dropped += lines }
        if dropped > 0 {
            let notice = "sekisho-gated: \(dropped) lines are missing here: they could not be written in time"
            Self.write(2, Self.line(notice))
            dropped = 0
            guard Self.hasRoom else { return dropped += lines }
        }
        Self.write(2, octets)
    }

    /// Writes one line to standard output.
    static func output(_ text: String) { write(1, line(text)) }

    private static var hasRoom: Bool {
        var entry = pollfd(fd: 2, events: Int16(POLLOUT), revents: 0)
        return poll(&entry, 1, 0) > 0
    }

    private static func line(_ text: String) -> [UInt8] {
        // No line end from elsewhere may begin a line of the log.
        text.utf8.prefix(maximumLine - 1).map { $0 < 0x20 ? 0x20 : $0 } + [0x0A]
    }

    private static func write(_ descriptor: Int32, _ octets: [UInt8]) {
        _ = Glibc.write(descriptor, octets, octets.count)
    }
}
