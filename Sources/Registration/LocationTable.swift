import SIPTransactions
public import Wire

/// The location service: where each address-of-record is reached now.
public struct LocationTable: Sendable {
    /// The rows of each address-of-record, the one that was registered last first.
    private var rows: [AddressOfRecord: [Binding]] = [:]
    /// The addresses-of-record with a row that hangs on a connection, by connection.
    private var byConnection: [UInt64: Set<AddressOfRecord>] = [:]

    /// No bindings.
    public init() {}

    /// Addresses-of-record with at least one row, ended ones included until `removeEnded`.
    public var count: Int { rows.count }

    /// Where to send a request for an address-of-record: highest q first, among equals the one that was registered last.
    ///
    /// Rows of one instance are flows to one phone: a proxy uses the first and keeps the others for when it fails, it does
    /// not fork to them (RFC 5626 section 7).
    public func bindings(of aor: AddressOfRecord, at time: MonotonicTime) -> [Binding] {
        let current = (rows[aor] ?? []).filter { $0.expires > time }
        // Swift's sort promises no stability, so the place decides among equals.
        return current.enumerated().sorted { ($1.element.q, $0.offset) < ($0.element.q, $1.offset) }.map(\.element)
    }

    /// Rows that have not ended, the one that was registered last first.
    func rows(of aor: AddressOfRecord, at time: MonotonicTime) -> [Binding] {
        (rows[aor] ?? []).filter { $0.expires > time }
    }

    /// Puts these rows in the place of all of the address-of-record's.
    mutating func replace(_ aor: AddressOfRecord, with bindings: [Binding]) {
        for connection in (rows[aor] ?? []).compactMap(\.sustainingConnection) {
            byConnection[connection]?.remove(aor)
            if byConnection[connection]?.isEmpty ?? false { byConnection[connection] = nil }
        }
        rows[aor] = bindings.isEmpty ? nil : bindings
        for connection in bindings.compactMap(\.sustainingConnection) {
            byConnection[connection, default: []].insert(aor)
        }
    }

    /// Forgets rows that have ended.
    mutating func removeEnded(at time: MonotonicTime) {
        for (aor, bindings) in rows where bindings.contains(where: { $0.expires <= time }) {
            replace(aor, with: bindings.filter { $0.expires > time })
        }
    }

    /// Forgets the rows of addresses-of-record that the predicate does not want kept.
    mutating func keep(where predicate: (AddressOfRecord) -> Bool) {
        for aor in rows.keys where !predicate(aor) { replace(aor, with: []) }
    }

    /// Forgets the rows that reached their phone over that connection and nothing else.
    mutating func removeRows(on connection: UInt64) {
        for aor in byConnection[connection] ?? [] {
            replace(aor, with: (rows[aor] ?? []).filter { $0.sustainingConnection != connection })
        }
    }
}

extension Binding {
    /// The connection without which nothing reaches the phone: that of an outbound flow to the phone itself.
    var sustainingConnection: UInt64? { flowNumber != nil && path.isEmpty ? flow.connection : nil }
}
