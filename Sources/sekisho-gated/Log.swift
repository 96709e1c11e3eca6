import Glibc

/// Lines for people and for the journal.
enum Log {
    /// Writes one line to standard error.
    static func line(_ text: String) { write(2, "sekisho-gated: " + text) }

    /// Writes one line to standard output.
    static func output(_ text: String) { write(1, text) }

    private static func write(_ descriptor: Int32, _ text: String) {
        // No line end from elsewhere may begin a line of the log.
        let octets = text.utf8.map { $0 < 0x20 ? 0x20 : $0 } + [0x0A]
        _ = Glibc.write(descriptor, octets, octets.count)
    }
}
