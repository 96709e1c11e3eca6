/// A media session as `sekishod` numbers it; the gate only compares it.
public struct SessionID: Hashable, Comparable, Sendable {
    /// The number itself.
    public let value: UInt64

    /// The session of this number.
    public init(_ value: UInt64) { self.value = value }

    /// Whether the first has the lower number.
    public static func < (a: SessionID, b: SessionID) -> Bool { a.value < b.value }
}

extension SessionID: CustomStringConvertible {
    /// Sixteen hexadecimal digits, so that log lines of one session can be searched for.
    public var description: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
