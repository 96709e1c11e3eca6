import Wire

/// Writes the fields of a record.
struct RecordWriter {
    private(set) var octets: [UInt8] = []

    init() { octets.reserveCapacity(1_024) }

    /// Goes on behind these octets.
    init(after octets: consuming [UInt8]) { self.octets = octets }

    /// All octets, given away: whoever takes them may change them without a copy.
    consuming func finish() -> [UInt8] { octets }

    mutating func add(_ flag: Bool) { octets.append(flag ? 1 : 0) }

    mutating func add<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) {
        withUnsafeBytes(of: value.bigEndian) { octets.append(contentsOf: $0) }
    }

    /// Octets that came from outside: their length is told in 32 bits, so that none is too long to be written.
    mutating func add(_ string: [UInt8]) {
        add(UInt32(string.count))
        octets += string
    }

    mutating func add(_ address: IPAddress) {
        octets.append(address.isIPv6 ? 16 : 4)
        address.appendOctets(to: &octets)
    }

    mutating func add(_ endpoint: Endpoint) {
        add(endpoint.address)
        add(endpoint.port)
    }

    mutating func add<Item>(_ items: [Item], _ write: (inout RecordWriter, Item) -> Void) {
        add(UInt32(items.count))
        for item in items { write(&self, item) }
    }
}

/// Reads the fields of a record. After a fault every field is empty, and `isGood` is false.
struct RecordReader {
    private let octets: [UInt8]
    var offset = 0
    var isGood = true

    init(_ octets: [UInt8]) { self.octets = octets }

    var isAtEnd: Bool { offset == octets.count }

    mutating func byte() -> UInt8 { integer(UInt8.self) }

    mutating func flag() -> Bool {
        let value = byte()
        if value > 1 { isGood = false }
        return value == 1
    }

    mutating func integer<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type) -> Value {
        guard let range = take(Value.bitWidth / 8) else { return 0 }
        return Value(truncatingIfNeeded: octets[range].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }

    mutating func string() -> [UInt8] {
        guard let range = take(Int(integer(UInt32.self))) else { return [] }
        return Array(octets[range])
    }

    mutating func address() -> IPAddress {
        guard let range = take(Int(byte())), let address = IPAddress(octets: octets.span.extracting(range)) else {
            isGood = false
            return .v4(0)
        }
        return address
    }

    mutating func endpoint() -> Endpoint {
        let address = address()
        return Endpoint(address, integer(UInt16.self))
    }

    mutating func list<Item>(_ read: (inout RecordReader) -> Item) -> [Item] {
        // Every item has an octet at least: a count that the rest cannot have is none.
        let count = Int(integer(UInt32.self))
        guard isGood, count <= octets.count - offset else {
            isGood = false
            return []
        }
        var items: [Item] = []
        for _ in 0..<count where isGood { items.append(read(&self)) }
        return items
    }

    private mutating func take(_ count: Int) -> Range<Int>? {
        guard isGood, count <= octets.count - offset else {
            isGood = false
            return nil
        }
        defer { offset += count }
        return offset..<offset + count
    }
}
