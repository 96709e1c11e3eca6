import CSQLite
public import Wire

/// What a process must know of its sessions that goes on with those of the process before it: one row for each, of octets
/// that say themselves whether they are whole.
///
/// ```
/// sessions  number -> when it was written, and its record
/// renewal   one row: when the holes of all were renewed last, and for how long
/// ```
/// The kernel's elements, which the sessions are about, die with the machine. So the journal need only outlive the process,
/// and the file belongs on a tmpfs: what a process has written to it is there when the process is killed at the next
/// instruction. Nothing waits for a disk, since a call would wait with it: `synchronous=OFF`. A write-ahead log all the same,
/// since a process that is killed between two writes must leave what was before or what is after. It is locked while it is
/// open. Synchronous and not thread-safe.
public final class SessionJournal {
    /// A session as it was written.
    public struct Row: Sendable, Equatable {
        /// The session's number.
        public var session: UInt64
        /// What was written of it.
        public var record: [UInt8]
    }

    /// What is there to be gone on with.
    public struct Contents: Sendable, Equatable {
        /// Sessions whose holes may be open yet, by their numbers.
        public var rows: [Row] = []
        /// Sessions whose holes have ended since they were renewed last; they are removed.
        public var stale = 0
    }

    private let connection: Connection
    private let keep: Statement
    private let drop: Statement
    private let renew: Statement
    /// Why a file that was there is not trusted, and what became of it; nil when all was well.
    public private(set) var recovery: String?

    /// What SQLite calls `application_id`: "SEKJ".
    private static let applicationID: Int64 = 0x5345_4B4A
    /// What SQLite calls `user_version`.
    private static let version: Int64 = 1
    /// How long another process may hold the file: one that was killed holds nothing.
    private static let busyMilliseconds: Int32 = 200
    /// After which holes close that nobody renews, where no gate has said so yet.
    private static let defaultTimeout = Duration.seconds(60)

    private static let tables = """
        CREATE TABLE sessions (number INTEGER PRIMARY KEY, written INTEGER NOT NULL, record BLOB NOT NULL) STRICT;
        CREATE TABLE renewal (one INTEGER PRIMARY KEY, at INTEGER NOT NULL, timeout INTEGER NOT NULL, boot BLOB NOT NULL)
            STRICT;
        """

    private init(_ connection: Connection) throws(StoreError) {
        let operation: StaticString = "preparing the journal"
        self.connection = connection
        keep = try connection.statement(
            "INSERT OR REPLACE INTO sessions VALUES (?1, ?2, ?3)", while: operation)
        drop = try connection.statement("DELETE FROM sessions WHERE number = ?1", while: operation)
        renew = try connection.statement(
            "INSERT OR REPLACE INTO renewal VALUES (1, ?1, ?2, ?3)", while: operation)
    }
}

// MARK: - Opening

extension SessionJournal {
    /// Opens the journal, or makes one. What is there and cannot be trusted is moved to `PATH.damaged`, where an earlier one is
    /// replaced: it is memory.
    ///
    /// - Throws: `busy` when another process has it open, which is then at work; `system` when no file can be made there.
    public static func open(_ path: String) throws(StoreError) -> SessionJournal {
        do throws(StoreError) {
            if try DatabaseFile.isOwn(path) { return try checked(path) }
        } catch {
            guard error.code == .damaged || error.code == .foreign else { throw error }
            try DatabaseFile.replaceAside(path)
            let journal = try make(path)
            journal.recovery = "\(error.description); it is \(path).damaged now"
            return journal
        }
        return try make(path)
    }

    private static func make(_ path: String) throws(StoreError) -> SessionJournal {
        DatabaseFile.removeDraft(path)
        try DatabaseFile.create(path)
        let connection = try Connection(path, busyMilliseconds: busyMilliseconds)
        // A record and no more: every write is of whole pages, and sums them.
        try connection.run("PRAGMA page_size=1024", while: "making the journal")
        try prepare(connection)
        try connection.run(
            """
            BEGIN; \(tables)
            PRAGMA application_id=\(applicationID); PRAGMA user_version=\(version); COMMIT
            """, while: "making the journal")
        return try SessionJournal(connection)
    }

    private static func prepare(_ connection: Connection) throws(StoreError) {
        try connection.run(
            """
            PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA trusted_schema=OFF;
            PRAGMA cell_size_check=ON
            """, while: "opening the journal")
    }

    private static func checked(_ path: String) throws(StoreError) -> SessionJournal {
        let operation: StaticString = "checking the journal"
        let connection = try Connection(path, busyMilliseconds: busyMilliseconds)
        try prepare(connection)
        guard try connection.number("PRAGMA application_id", while: operation) == applicationID,
            try connection.number("PRAGMA user_version", while: operation) == version
        else { throw StoreError(.foreign, path, while: operation, "it is none of this version") }
        let check = try connection.statement("PRAGMA quick_check(1)", while: operation)
        let isSound = try check.step() && check.value(0) == .octets(Array("ok".utf8))
        check.reset()
        guard isSound else { throw StoreError(.damaged, path, while: operation, "quick_check finds it damaged") }
        return try SessionJournal(connection)
    }

    /// Removes the journal's files: nobody shall go on with what they say.
    public static func remove(_ path: String) { DatabaseFile.removeDraft(path) }
}

// MARK: - Rows

extension SessionJournal {
    /// What may be gone on with; the rest is removed.
    ///
    /// - Parameters:
    ///   - now: CLOCK_BOOTTIME, by which the rows were written too.
    ///   - boot: what tells this boot of the machine from others; empty where nobody can say.
    public func contents(at now: MonotonicTime, boot: [UInt8]) throws(StoreError) -> Contents {
        let operation: StaticString = "reading the journal"
        var renewedAt = Int64.min
        var timeout = Self.defaultTimeout.wholeNanoseconds
        let renewal = try connection.statement("SELECT at, timeout, boot FROM renewal", while: operation)
        var isOfThisBoot = true
        if try renewal.step() {
            (renewedAt, timeout) = (renewal.number(0), renewal.number(1))
            isOfThisBoot = renewal.value(2) == .octets(boot)
        }
        renewal.reset()
        var contents = Contents()
        let statement = try connection.statement(
            "SELECT number, written, record FROM sessions ORDER BY number", while: operation)
        defer { statement.reset() }
        while try statement.step() {
            let last = max(renewedAt, statement.number(1))
            // A time to come is of a boot that ran for longer.
            guard isOfThisBoot, last <= now.nanoseconds, now.nanoseconds - last <= timeout,
                let record = statement.value(2).octets
            else {
                contents.stale += 1
                continue
            }
            contents.rows.append(Row(session: UInt64(bitPattern: statement.number(0)), record: record))
        }
        statement.reset()
        if contents.stale > 0 {
            let kept = Set(contents.rows.map(\.session))
            for number in try numbers() where !kept.contains(number) { try drop(number) }
        }
        return contents
    }

    private func numbers() throws(StoreError) -> [UInt64] {
        let statement = try connection.statement("SELECT number FROM sessions", while: "reading the journal")
        defer { statement.reset() }
        var numbers: [UInt64] = []
        while try statement.step() { numbers.append(UInt64(bitPattern: statement.number(0))) }
        return numbers
    }

    /// Writes a session, in place of what was written of it before.
    public func keep(_ session: UInt64, _ record: [UInt8], at now: MonotonicTime) throws(StoreError) {
        try keep.run([.number(Int64(bitPattern: session)), .number(now.nanoseconds), .octets(record)])
    }

    /// Removes a session, if it is there.
    public func drop(_ session: UInt64) throws(StoreError) { try drop.run([.number(Int64(bitPattern: session))]) }

    /// Notes that the holes of every session are open for that time from now on.
    public func renewed(at now: MonotonicTime, for timeout: Duration, boot: [UInt8]) throws(StoreError) {
        try renew.run([.number(now.nanoseconds), .number(timeout.wholeNanoseconds), .octets(boot)])
    }
}
