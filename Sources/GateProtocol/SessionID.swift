/// A media session as `sekishod` numbers it; the gate only compares it.
public struct SessionID: Hashable, Comparable, Sendable {
    public let value: UInt64

    public init(_ value: UInt64) { self.value = value }

    public static func < (a: SessionID, b: SessionID) -> Bool { a.value < b.value }
}

extension SessionID: CustomStringConvertible {
    /// Sixteen hexadecimal digits, so that log lines of one session can be searched for.
    public var description: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
