/// Reads a span from left to right and always knows at which octet it stands.
///
/// The cursor borrows its octets: it cannot outlive them, copies nothing and allocates nothing. Slices of what was
/// read are kept as offsets.
public struct Cursor: ~Escapable {
    /// The octets that are read.
    public let bytes: Span<UInt8>
    /// Octets read so far; the offset of the next one.
    public var offset: Int

    /// A cursor over these octets that stands at the offset.
    @inlinable @inline(__always)
    @_lifetime(copy bytes)
    public init(_ bytes: Span<UInt8>, at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    /// Whether every octet has been read.
    @inlinable @inline(__always)
    public var isAtEnd: Bool { offset >= bytes.count }

    /// The next octet, not consumed, or nil at the end.
    @inlinable @inline(__always)
    public var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    /// Consumes the next octet when it is the one given.
    @inlinable @inline(__always)
    @_lifetime(self: copy self)
    public mutating func skip(_ octet: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == octet else { return false }
        offset &+= 1
        return true
    }

    /// Consumes octets for as long as the predicate holds and gives the range that was consumed.
    @inlinable @inline(__always)
    @_lifetime(self: copy self)
    public mutating func take(while predicate: (UInt8) -> Bool) -> Range<Int> {
        let start = offset
        while offset < bytes.count, predicate(bytes[offset]) { offset &+= 1 }
        return start..<offset
    }

    /// Consumes spaces and tabs.
    @inlinable @inline(__always)
    @_lifetime(self: copy self)
    public mutating func skipBlanks() {
        while offset < bytes.count, ASCII.isBlank(bytes[offset]) { offset &+= 1 }
    }

    /// Consumes the octet given, or throws with the place where it should stand.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func expect(_ octet: UInt8, in production: StaticString) throws(ParseError) {
        guard offset < bytes.count else { throw ParseError(.truncated, in: production, at: offset) }
        guard bytes[offset] == octet else { throw ParseError(.unexpectedOctet, in: production, at: offset) }
        offset &+= 1
    }

    /// Consumes a literal, compared octet by octet, or consumes nothing.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func skip(literal: StaticString) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard bytes.count - offset >= count else { return false }
        let start = literal.utf8Start
        for index in 0..<count where bytes[offset + index] != start[index] { return false }
        offset += count
        return true
    }

    /// Consumes one or more digits.
    ///
    /// - Parameter limit: the largest value allowed.
    /// - Throws: `badNumber` at the first digit when there is none or the value is over the limit.
    @inlinable
    @_lifetime(self: copy self)
    public mutating func decimal(upTo limit: UInt64, in production: StaticString) throws(ParseError) -> UInt64 {
        let start = offset
        var value: UInt64 = 0
        while offset < bytes.count, ASCII.isDigit(bytes[offset]) {
            let (product, productOverflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflow) = product.addingReportingOverflow(UInt64(bytes[offset] &- ASCII.zero))
            guard !productOverflow, !sumOverflow, sum <= limit else {
                throw ParseError(.badNumber, in: production, at: start)
            }
            value = sum
            offset &+= 1
        }
        guard offset > start else { throw ParseError(.badNumber, in: production, at: start) }
        return value
    }
}
