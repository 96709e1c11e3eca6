import Wire

/// A piece of a message: offsets into the one buffer that holds it.
public struct Slice: Hashable, Sendable {
    /// The offset of the first octet.
    public let start: Int32
    /// The offset behind the last octet.
    public let end: Int32

    /// The slice of a range of offsets.
    @inlinable @inline(__always)
    public init(_ range: Range<Int>) {
        start = Int32(truncatingIfNeeded: range.lowerBound)
        end = Int32(truncatingIfNeeded: range.upperBound)
    }

    /// The slice between two offsets; empty when the end comes before the start.
    @inlinable @inline(__always)
    public init(_ start: Int, _ end: Int) { self.init(start..<max(start, end)) }

    /// No octets at all.
    public static let empty = Slice(0..<0)

    /// The offsets of its octets.
    @inlinable @inline(__always)
    public var range: Range<Int> { Int(start)..<Int(end) }

    /// Octets in the slice.
    @inlinable @inline(__always)
    public var count: Int { Int(end &- start) }

    /// Whether there is no octet in it.
    @inlinable @inline(__always)
    public var isEmpty: Bool { end == start }
}

extension Span where Element == UInt8 {
    /// The octets of a slice of this buffer.
    @inlinable @inline(__always)
    @_lifetime(copy self)
    public func octets(_ slice: Slice) -> Span<UInt8> { extracting(slice.range) }
}

extension Span where Element == UInt8 {
    /// The slice without spaces, tabs and folded line ends at either side.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, ASCII.isWhite(self[start]) { start += 1 }
        while end > start, ASCII.isWhite(self[end - 1]) { end -= 1 }
        return start..<end
    }
}
