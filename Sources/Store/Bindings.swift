public import Registration
import SIPTransactions
public import Wire

/// How the two clocks stand to each other: the core knows the time since boot, the disk outlives it.
public struct WallClock: Hashable, Sendable {
    /// The wall clock's nanoseconds since 1970-01-01 UTC at the moment at which the machine booted.
    public let bootNanoseconds: Int64

    /// - Parameters:
    ///   - unixNanoseconds: CLOCK_REALTIME.
    ///   - time: CLOCK_BOOTTIME at the same moment.
    public init(unixNanoseconds: Int64, at time: MonotonicTime) {
        bootNanoseconds = unixNanoseconds - time.nanoseconds
    }

    /// The second in which the moment lies, or the next: a binding is never cut short by being stored.
    func unixSeconds(_ time: MonotonicTime) -> Int64 {
        let (nanoseconds, overflow) = bootNanoseconds.addingReportingOverflow(time.nanoseconds)
        guard !overflow else { return .max / Self.second }
        return nanoseconds / Self.second + (nanoseconds % Self.second > 0 ? 1 : 0)
    }

    /// The moment of a second; the nearest that can be told for one that is out of range.
    func time(unixSeconds: Int64) -> MonotonicTime {
        let bound = Int64.max / Self.second / 2
        let seconds = min(max(unixSeconds, -bound), bound)
        return MonotonicTime(
            nanoseconds: seconds * Self.second - min(max(bootNanoseconds, -bound), bound * Self.second))
    }

    private static let second: Int64 = 1_000_000_000
}

extension RegistrationDatabase {
    /// Every binding, by address-of-record; what has ended is among them. For `Registrar.restore`.
    public func bindings(_ clock: WallClock) throws(StoreError) -> [LocationChange] {
        let operation: StaticString = "reading the registrations"
        var changes: [LocationChange] = []
        for row in try rows(of: .bindings, while: operation) {
            guard let user = row[0].octets, let domain = row[1].octets, let binding = Binding(row, clock) else {
                throw damaged(.bindings, while: operation)
            }
            let aor = AddressOfRecord(user: user, domain: domain)
            if changes.last?.aor == aor {
                changes[changes.count - 1].bindings.append(binding)
            } else {
                changes.append(LocationChange(aor: aor, bindings: [binding]))
            }
        }
        return changes
    }

    /// Writes changes in their order, in one transaction: all of them are on the disk when this returns, or none. Several at
    /// once cost one wait for the disk.
    public func apply(_ changes: [LocationChange], _ clock: WallClock) throws(StoreError) {
        let operation: StaticString = "storing a registration"
        try connection.transaction(while: operation) { () throws(StoreError) in
            for change in changes {
                let key: [Value] = [.octets(change.aor.user), .octets(change.aor.domain)]
                let rows = change.bindings.enumerated().map { position, binding in
                    key + [.number(Int64(position))] + binding.columns(clock)
                }
                try replaceRows(of: .bindings, where: key, with: rows, while: operation)
            }
        }
    }

    /// Removes the bindings that had ended by a moment. Call it now and then.
    ///
    /// - Returns: how many there were.
    @discardableResult
    public func removeEnded(at time: MonotonicTime, _ clock: WallClock) throws(StoreError) -> Int {
        let operation: StaticString = "removing old registrations"
        return try connection.transaction(while: operation) { () throws(StoreError) in
            var removed = 0
            for change in try bindings(clock) {
                let kept = change.bindings.filter { $0.expires > time }
                guard kept.count < change.bindings.count else { continue }
                removed += change.bindings.count - kept.count
                let key: [Value] = [.octets(change.aor.user), .octets(change.aor.domain)]
                let rows = kept.enumerated().map { position, binding in
                    key + [.number(Int64(position))] + binding.columns(clock)
                }
                try replaceRows(of: .bindings, where: key, with: rows, while: operation)
            }
            return removed
        }
    }

    func removeAllBindings() throws(StoreError) {
        let operation: StaticString = "forgetting the registrations"
        try connection.transaction(while: operation) { () throws(StoreError) in
            try connection.statement("DELETE FROM bindings", while: operation).run()
            try setTotal(of: .bindings, 0, 0, while: operation)
        }
    }
}

// MARK: - A binding as a row

extension Binding {
    /// The columns from `contact` to `remote`.
    fileprivate func columns(_ clock: WallClock) -> [Value] {
        [
            .octets(contact), .number(Int64(q)), .number(clock.unixSeconds(expires)), .octets(callID),
            .number(Int64(sequence)), .octets(Array(path.joined(separator: [ASCII.lf]))), Value(instance),
            flowNumber.map { .number(Int64($0)) } ?? .null, .number(Int64(flow.transport.rawValue)),
            .octets(Self.octets(flow.local)), .octets(Self.octets(flow.remote)),
        ]
    }

    fileprivate init?(_ row: [Value], _ clock: WallClock) {
        guard let contact = row[3].octets, let q = row[4].number.flatMap(UInt16.init(exactly:)),
            let expires = row[5].number, let callID = row[6].octets,
            let sequence = row[7].number.flatMap(UInt32.init(exactly:)), let path = row[8].octets,
            let transport = row[11].number.flatMap(UInt8.init(exactly:)).flatMap(TransportKind.init(rawValue:)),
            let local = row[12].octets.flatMap(Self.endpoint), let remote = row[13].octets.flatMap(Self.endpoint)
        else { return nil }
        self.init(
            contact: contact, q: q, expires: clock.time(unixSeconds: expires), callID: callID, sequence: sequence,
            flow: Flow(transport: transport, local: local, remote: remote))
        // A value of a header field has no line end in it.
        self.path = path.split(separator: ASCII.lf).map(Array.init)
        instance = row[9].octets
        if let number = row[10].number {
            guard let flowNumber = UInt32(exactly: number) else { return nil }
            self.flowNumber = flowNumber
        }
    }

    /// The address's 4 or 16 octets and the port's two, in network order.
    private static func octets(_ endpoint: Endpoint) -> [UInt8] {
        var octets: [UInt8] = []
        endpoint.address.appendOctets(to: &octets)
        octets.append(UInt8(endpoint.port >> 8))
        octets.append(UInt8(endpoint.port & 0xFF))
        return octets
    }

    private static func endpoint(_ octets: [UInt8]) -> Endpoint? {
        guard octets.count > 2 else { return nil }
        let address = Array(octets.dropLast(2))
        guard let address = IPAddress(octets: address.span) else { return nil }
        return Endpoint(address, UInt16(octets[octets.count - 2]) << 8 | UInt16(octets[octets.count - 1]))
    }
}
