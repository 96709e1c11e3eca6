/// The tables. Everything that came from outside is a BLOB: octets as they came, compared octet by octet.
enum Schema {
    static let tables = """
        CREATE TABLE users (
            realm BLOB NOT NULL, name BLOB NOT NULL, ha1_sha256 BLOB NOT NULL, ha1_md5 BLOB, sum INTEGER NOT NULL,
            PRIMARY KEY (realm, name)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE bindings (
            user BLOB NOT NULL, domain BLOB NOT NULL, position INTEGER NOT NULL, contact BLOB NOT NULL,
            q INTEGER NOT NULL, expires INTEGER NOT NULL, call_id BLOB NOT NULL, sequence INTEGER NOT NULL,
            path BLOB NOT NULL, instance BLOB, flow_number INTEGER, transport INTEGER NOT NULL, local BLOB NOT NULL,
            remote BLOB NOT NULL, sum INTEGER NOT NULL,
            PRIMARY KEY (user, domain, position)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE totals (
            name TEXT NOT NULL PRIMARY KEY, rows INTEGER NOT NULL, sum INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO totals VALUES ('users', 0, 0), ('bindings', 0, 0);
        """

    /// A table whose rows carry sums.
    enum Table: String, CaseIterable {
        case users
        case bindings

        /// The columns that the sum is over, in its order.
        var columns: [String] {
            switch self {
            case .users: ["realm", "name", "ha1_sha256", "ha1_md5"]
            case .bindings:
                [
                    "user", "domain", "position", "contact", "q", "expires", "call_id", "sequence", "path", "instance",
                    "flow_number", "transport", "local", "remote",
                ]
            }
        }

        var select: String { "SELECT \(columns.joined(separator: ", ")), sum FROM \(rawValue)" }

        /// The condition on so many columns from the first on, numbered from 1: a part of the primary key.
        func condition(_ count: Int) -> String {
            columns.prefix(count).enumerated().map { "\($1) = ?\($0 + 1)" }.joined(separator: " AND ")
        }

        var insert: String {
            let places = (1...columns.count + 1).map { "?\($0)" }.joined(separator: ", ")
            return "INSERT INTO \(rawValue) (\(columns.joined(separator: ", ")), sum) VALUES (\(places))"
        }
    }
}
