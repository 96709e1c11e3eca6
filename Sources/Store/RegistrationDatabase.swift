/// The users and the registrations on the disk: SQLite with a write-ahead log, each change durable when it returns.
///
/// ```
/// users     realm, name -> HA1 by SHA-256 and MD5
/// bindings  address-of-record, place in its list -> one Binding
/// totals    table -> rows, and the rows' sums combined: a row that is lost is missed
/// ```
/// Each row carries a sum over itself. What does not add up is never handed out: it is an error, and at the next `open` a
/// damaged file. Synchronous and not thread-safe: it belongs to one thread, which is not the one that carries messages.
public final class RegistrationDatabase {
    /// What `open` had to do to get a database that can be trusted.
    public struct Recovery: Hashable, Sendable {
        /// What was wrong, for the log.
        public let reason: String
        /// Where the damaged file is now.
        public let damaged: String
    }

    let connection: Connection
    /// Set when the file was damaged and the backup took its place: users are those of the backup, and nobody is
    /// registered until the phones have done so again. Something to say loudly.
    public private(set) var recovery: Recovery?
    /// SQLite's `data_version` as `changedElsewhere` saw it last.
    private var dataVersion: Int64?

    private init(_ connection: Connection) { self.connection = connection }

    /// What SQLite calls `application_id`: "SEKI".
    private static let applicationID: Int64 = 0x5345_4B49
    /// What SQLite calls `user_version`.
    private static let version: Int64 = 1

    static func backup(of path: String) -> String { path + ".backup" }
}

// MARK: - Opening

extension RegistrationDatabase {
    /// Opens a database that is there, checks all of it, and lets nobody but its owner read it.
    ///
    /// - Parameter recovers: what the daemon does and nobody else: a damaged file is moved aside, and the backup takes its
    ///   place if there is one.
    /// - Throws: `missing` when there is no file: an empty one is never made in silence. `damaged` when nothing can be
    ///   trusted; the reason says where the file is now.
    public static func open(_ path: String, recovers: Bool = false) throws(StoreError) -> RegistrationDatabase {
        try DatabaseFile.restrict(path)
        do throws(StoreError) { return try checked(path) } catch {
            guard recovers, error.code == .damaged else { throw error }
            return try recover(path, after: error)
        }
    }

    /// Makes a database without users; it appears under its name when it is complete.
    ///
    /// - Throws: `exists` when there is one.
    public static func create(_ path: String) throws(StoreError) {
        let operation: StaticString = "creating the database"
        guard !DatabaseFile.exists(path) else {
            throw StoreError(.exists, path, while: operation, "there is one already")
        }
        let draft = path + ".new"
        DatabaseFile.removeDraft(draft)
        try DatabaseFile.create(draft)
        do {
            let connection = try Connection(draft)
            try connection.run("PRAGMA journal_mode=DELETE", while: operation)
            try connection.run(
                """
                BEGIN; \(Schema.tables)
                PRAGMA application_id=\(applicationID); PRAGMA user_version=\(version); COMMIT
                """, while: operation)
        }
        try DatabaseFile.install(draft, as: path)
    }

    private static func checked(_ path: String) throws(StoreError) -> RegistrationDatabase {
        let operation: StaticString = "checking the database"
        let connection = try Connection(path)
        let identifier = try connection.number("PRAGMA application_id", while: operation)
        let version = try connection.number("PRAGMA user_version", while: operation)
        guard identifier == applicationID else {
            guard identifier != 0 || version != 0 else {
                throw StoreError(.damaged, path, while: operation, "it is empty")
            }
            throw StoreError(.foreign, path, while: operation, "it is a database of another program")
        }
        guard version == Self.version else {
            throw StoreError(
                .foreign, path, while: operation, "its version is \(version), this program knows \(Self.version)")
        }
        try connection.run(
            """
            PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA trusted_schema=OFF;
            PRAGMA cell_size_check=ON
            """, while: operation)
        let check = try connection.statement("PRAGMA quick_check(1)", while: operation)
        let isSound = try check.step() && check.value(0) == .octets(Array("ok".utf8))
        check.reset()
        guard isSound else { throw StoreError(.damaged, path, while: operation, "quick_check finds it damaged") }
        let database = RegistrationDatabase(connection)
        try database.checkRows()
        return database
    }

    private static func recover(_ path: String, after fault: StoreError) throws(StoreError) -> RegistrationDatabase {
        let backup = backup(of: path)
        guard DatabaseFile.exists(backup) else {
            throw StoreError(
                .damaged, path, while: fault.operation,
                "\(fault.reason); there is no \(backup) to go on with. The file was left as it is: move it away and make "
                    + "the users anew, or put a good one in its place")
        }
        let draft = path + ".new"
        DatabaseFile.removeDraft(draft)
        try DatabaseFile.copy(backup, to: draft)
        do {
            // Who was registered then may be gone by now; who is there registers again.
            let database = try checked(draft)
            try database.removeAllBindings()
            try database.connection.run("PRAGMA journal_mode=DELETE", while: "reading the backup")
        } catch {
            throw StoreError(
                .damaged, path, while: fault.operation,
                "\(fault.reason); its backup cannot be used either: \(error.description)")
        }
        let aside = try DatabaseFile.moveAside(path)
        try DatabaseFile.install(draft, as: path)
        let database = try checked(path)
        database.recovery = Recovery(reason: fault.reason, damaged: aside)
        return database
    }

    /// Copies the database to `PATH.backup`, whole and checked by SQLite on the way. To be done when users have changed and
    /// now and then.
    public func backUp() throws(StoreError) {
        let operation: StaticString = "making the backup"
        let backup = Self.backup(of: connection.path)
        let draft = backup + ".new"
        DatabaseFile.removeDraft(draft)
        // SQLite fills an empty file that is there; one that it makes itself could be read by others.
        try DatabaseFile.create(draft)
        try connection.statement("VACUUM INTO CAST(?1 AS TEXT)", while: operation).run([.octets(Array(draft.utf8))])
        try DatabaseFile.install(draft, as: backup)
    }

    /// Whether another process changed the database since this was asked last: time to read the users again. Costs a look
    /// at shared memory.
    public func changedElsewhere() throws(StoreError) -> Bool {
        let version = try connection.number("PRAGMA data_version", while: "looking for changes")
        defer { dataVersion = version }
        return dataVersion.map { $0 != version } ?? true
    }
}
