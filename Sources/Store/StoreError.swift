import CSQLite

/// Why the database of users and registrations could not be opened, read or written.
public struct StoreError: Error, Sendable {
    /// The kind of fault.
    public enum Code: Sendable {
        /// There is no such file.
        case missing
        /// A file of that name is there already, or a row is.
        case exists
        /// The file is damaged.
        case damaged
        /// The file is not a database of this program, or one of a later version.
        case foreign
        /// Another process holds the database for longer than is waited.
        case busy
        /// The system refuses: disk full, no permission, an I/O error.
        case system
    }

    /// The kind of fault; errors of one kind are equal.
    public let code: Code
    /// The database.
    public let path: String
    /// What was being done, in words that follow "while".
    public let operation: StaticString
    /// What is wrong and, where that can be said, what to do. Never what a row holds.
    public let reason: String

    init(_ code: Code, _ path: String, while operation: StaticString, _ reason: String) {
        self.code = code
        self.path = path
        self.operation = operation
        self.reason = reason
    }

    /// What SQLite's result code says.
    static func sqlite(_ result: Int32, _ path: String, while operation: StaticString) -> StoreError {
        let reason = sqlite3_errstr(result).map { String(cString: $0) } ?? "SQLite error"
        let code: Code =
            switch result & 0xFF {
            case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_ERROR, SQLITE_MISMATCH, SQLITE_SCHEMA, SQLITE_FORMAT: .damaged
            case SQLITE_BUSY, SQLITE_LOCKED: .busy
            case SQLITE_CONSTRAINT: .exists
            default: .system
            }
        return StoreError(code, path, while: operation, "\(reason) (SQLite \(result))")
    }
}

extension StoreError: Equatable {
    /// By code: the words are for people.
    public static func == (a: StoreError, b: StoreError) -> Bool { a.code == b.code }
}

extension StoreError: CustomStringConvertible {
    /// All of it in one line.
    public var description: String { "\(path): while \(operation): \(reason)" }
}
