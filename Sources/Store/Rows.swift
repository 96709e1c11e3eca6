// Rows that carry sums, and the totals over them.
extension RegistrationDatabase {
    /// Every row of a table, its sum checked, in the order of its key.
    func rows(
        of table: Schema.Table, where key: [Value] = [], while operation: StaticString
    ) throws(StoreError) -> [[Value]] {
        let condition = key.isEmpty ? "" : " WHERE \(table.condition(key.count))"
        let statement = try connection.statement(table.select + condition, while: operation)
        try statement.bind(key)
        defer { statement.reset() }
        var rows: [[Value]] = []
        while try statement.step() {
            let values = statement.values(table.columns.count)
            guard statement.number(Int32(table.columns.count)) == RowSum.of(values) else {
                throw damaged(table, while: operation)
            }
            rows.append(values)
        }
        return rows
    }

    /// Whether every row is there and as it was written.
    func checkRows() throws(StoreError) {
        let operation: StaticString = "checking the rows"
        for table in Schema.Table.allCases {
            let rows = try rows(of: table, while: operation)
            let (count, sum) = try total(of: table, while: operation)
            guard count == rows.count, sum == rows.reduce(0, { $0 ^ RowSum.of($1) }) else {
                throw damaged(table, while: operation)
            }
        }
    }

    /// Replaces the rows under a key by others; only inside a transaction.
    func replaceRows(
        of table: Schema.Table, where key: [Value], with rows: [[Value]], while operation: StaticString
    ) throws(StoreError) {
        var (count, sum) = try total(of: table, while: operation)
        for row in try self.rows(of: table, where: key, while: operation) {
            count -= 1
            sum ^= RowSum.of(row)
        }
        try connection.statement(
            "DELETE FROM \(table.rawValue) WHERE \(table.condition(key.count))", while: operation
        ).run(key)
        let insert = try connection.statement(table.insert, while: operation)
        for row in rows {
            let rowSum = RowSum.of(row)
            try insert.run(row + [.number(rowSum)])
            count += 1
            sum ^= rowSum
        }
        try setTotal(of: table, count, sum, while: operation)
    }

    func total(of table: Schema.Table, while operation: StaticString) throws(StoreError) -> (Int64, Int64) {
        let sql = "SELECT rows, sum FROM totals WHERE name = '\(table.rawValue)'"
        let statement = try connection.statement(sql, while: operation)
        defer { statement.reset() }
        guard try statement.step() else { throw damaged(table, while: operation) }
        return (statement.number(0), statement.number(1))
    }

    func setTotal(
        of table: Schema.Table, _ count: Int64, _ sum: Int64, while operation: StaticString
    ) throws(StoreError) {
        let sql = "UPDATE totals SET rows = ?1, sum = ?2 WHERE name = '\(table.rawValue)'"
        try connection.statement(sql, while: operation).run([.number(count), .number(sum)])
    }

    func damaged(_ table: Schema.Table, while operation: StaticString) -> StoreError {
        StoreError(.damaged, connection.path, while: operation, "table \(table.rawValue) is not as it was written")
    }
}
