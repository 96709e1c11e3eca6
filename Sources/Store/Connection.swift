import CSQLite

/// One connection to SQLite and the statements that were prepared on it. Not thread-safe.
final class Connection {
    let path: String
    private let handle: OpaquePointer
    private var statements: [String: Statement] = [:]

    /// Opens an existing database for reading and writing.
    ///
    /// - Parameter busyMilliseconds: how long another process may hold it.
    init(_ path: String, busyMilliseconds: Int32 = Connection.busyMilliseconds) throws(StoreError) {
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let result = sqlite3_open_v2(path, &handle, flags, nil)
        guard result == SQLITE_OK, let handle else {
            sqlite3_close_v2(handle)
            throw .sqlite(result, path, while: "opening the database")
        }
        self.path = path
        self.handle = handle
        sqlite3_busy_timeout(handle, busyMilliseconds)
    }

    /// How long another process may hold the database: `user add` takes some hundredths of a second.
    private static let busyMilliseconds: Int32 = 5_000

    deinit {
        statements.removeAll()
        sqlite3_close_v2(handle)
    }

    /// Runs statements that take and give nothing.
    func run(_ sql: String, while operation: StaticString) throws(StoreError) {
        let result = sqlite3_exec(handle, sql, nil, nil, nil)
        guard result == SQLITE_OK else { throw .sqlite(result, path, while: operation) }
    }

    /// A statement, prepared at its first use.
    func statement(_ sql: String, while operation: StaticString) throws(StoreError) -> Statement {
        if let statement = statements[sql] {
            statement.reset()
            return statement
        }
        var prepared: OpaquePointer?
        let result = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard result == SQLITE_OK, let prepared else { throw .sqlite(result, path, while: operation) }
        let statement = Statement(prepared, path, operation)
        statements[sql] = statement
        return statement
    }

    /// The first column of a statement's first row as a number.
    func number(_ sql: String, while operation: StaticString) throws(StoreError) -> Int64 {
        let statement = try statement(sql, while: operation)
        defer { statement.reset() }
        guard try statement.step() else {
            throw StoreError(.damaged, path, while: operation, "no row where one must be")
        }
        return statement.number(0)
    }

    /// Runs the body in one transaction: all of it is on the disk afterwards, or nothing.
    func transaction<Result>(
        while operation: StaticString, _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try run("BEGIN IMMEDIATE", while: operation)
        do throws(StoreError) {
            let result = try body()
            try run("COMMIT", while: operation)
            return result
        } catch {
            for statement in statements.values { statement.reset() }
            // After some errors SQLite has rolled back by itself; then there is nothing to roll back.
            sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
            throw error
        }
    }
}

/// A prepared statement. Its values are bound by copying, and overwritten when it is reset.
final class Statement {
    private let handle: OpaquePointer
    private let path: String
    private let operation: StaticString

    fileprivate init(_ handle: OpaquePointer, _ path: String, _ operation: StaticString) {
        self.handle = handle
        self.path = path
        self.operation = operation
    }

    deinit { sqlite3_finalize(handle) }

    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    /// Binds values to the parameters from the first on.
    @discardableResult
    func bind(_ values: [Value]) throws(StoreError) -> Statement {
        for (index, value) in values.enumerated() {
            let position = Int32(index + 1)
            let result =
                switch value {
                case .number(let number): sqlite3_bind_int64(handle, position, number)
                case .octets(let octets): CSQLite_bind_blob_copy(handle, position, octets, Int32(octets.count))
                case .null: sqlite3_bind_null(handle, position)
                }
            guard result == SQLITE_OK else { throw .sqlite(result, path, while: operation) }
        }
        return self
    }

    /// - Returns: whether there is a row.
    func step() throws(StoreError) -> Bool {
        let result = sqlite3_step(handle)
        switch result {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case _:
            sqlite3_reset(handle)
            throw .sqlite(result, path, while: operation)
        }
    }

    /// Runs a statement that gives no rows.
    func run(_ values: [Value] = []) throws(StoreError) {
        try bind(values)
        defer { reset() }
        while try step() {}
    }

    func number(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func value(_ column: Int32) -> Value {
        switch sqlite3_column_type(handle, column) {
        case SQLITE_INTEGER: return .number(number(column))
        case SQLITE_NULL: return .null
        case _:
            let count = Int(sqlite3_column_bytes(handle, column))
            guard count > 0, let start = sqlite3_column_blob(handle, column) else { return .octets([]) }
            return .octets(Array(UnsafeRawBufferPointer(start: start, count: count)))
        }
    }

    /// The first columns of the row.
    func values(_ count: Int) -> [Value] { (0..<Int32(count)).map(value) }
}

/// A column's value.
enum Value: Equatable {
    case number(Int64)
    case octets([UInt8])
    case null

    var number: Int64? {
        if case .number(let number) = self { number } else { nil }
    }

    var octets: [UInt8]? {
        if case .octets(let octets) = self { octets } else { nil }
    }

    init(_ octets: [UInt8]?) { self = octets.map(Value.octets) ?? .null }
}

/// The sum over a row's columns, which stands in the row: a disk that alters a row does not alter its sum to match.
enum RowSum {
    /// FNV-1a over kind, length and octets of each value (64 bits).
    static func of(_ values: [Value]) -> Int64 {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ octet: UInt8) { state = (state ^ UInt64(octet)) &* 0x0000_0100_0000_01B3 }
        func add(_ number: UInt64) {
            for shift in stride(from: 56, through: 0, by: -8) {
                add(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
            }
        }
        for value in values {
            switch value {
            case .number(let number):
                add(UInt8(1))
                add(UInt64(bitPattern: number))
            case .octets(let octets):
                add(UInt8(2))
                add(UInt64(octets.count))
                for octet in octets { add(octet) }
            case .null: add(UInt8(0))
            }
        }
        return Int64(bitPattern: state)
    }
}
