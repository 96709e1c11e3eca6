extension [UInt8] {
    /// Appends 2 octets in network byte order.
    mutating func append(network value: UInt16) {
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    /// Appends 4 octets in network byte order.
    mutating func append(network value: UInt32) {
        append(network: UInt16(truncatingIfNeeded: value >> 16))
        append(network: UInt16(truncatingIfNeeded: value))
    }

    /// Appends 8 octets in network byte order.
    mutating func append(network value: UInt64) {
        append(network: UInt32(truncatingIfNeeded: value >> 32))
        append(network: UInt32(truncatingIfNeeded: value))
    }
}

extension Span where Element == UInt8 {
    /// Two octets in network byte order; the caller has checked that they are there.
    func network16(at offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }

    /// Four octets in network byte order; the caller has checked that they are there.
    func network32(at offset: Int) -> UInt32 {
        UInt32(network16(at: offset)) << 16 | UInt32(network16(at: offset + 2))
    }

    /// Eight octets in network byte order; the caller has checked that they are there.
    func network64(at offset: Int) -> UInt64 {
        UInt64(network32(at: offset)) << 32 | UInt64(network32(at: offset + 4))
    }
}
