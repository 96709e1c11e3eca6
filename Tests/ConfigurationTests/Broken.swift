import Testing

/// One edit of a good file that makes it a bad one, and the line that an operator then reads.
struct Broken: CustomTestStringConvertible, Sendable {
    let original: String
    let replacement: String
    let line: String

    init(_ original: String, _ replacement: String, _ line: String) {
        self.original = original
        self.replacement = replacement
        self.line = line
    }

    var testDescription: String { replacement.count < 60 ? replacement : "\(replacement.prefix(60))..." }

    /// The good file with the edit made; the text to edit has to be there exactly once.
    func applied(to good: String) throws -> [UInt8] {
        let parts = good.split(separator: original, omittingEmptySubsequences: false)
        try #require(parts.count == 2, "\(original) is not exactly once in the good file")
        return Array(parts.joined(separator: replacement).utf8)
    }
}
