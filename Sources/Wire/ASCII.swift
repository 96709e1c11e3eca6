/// The octets that text protocols are written in, by name.
public enum ASCII {
    /// The null character.
    public static let nul: UInt8 = 0x00
    /// The horizontal tab.
    public static let tab: UInt8 = 0x09
    /// The line feed.
    public static let lf: UInt8 = 0x0A
    /// The carriage return.
    public static let cr: UInt8 = 0x0D
    /// The space.
    public static let space: UInt8 = 0x20
    /// The double quotation mark `"`.
    public static let quote: UInt8 = 0x22
    /// The comma `,`.
    public static let comma: UInt8 = 0x2C
    /// The hyphen-minus `-`.
    public static let hyphen: UInt8 = 0x2D
    /// The full stop `.`.
    public static let dot: UInt8 = 0x2E
    /// The slash `/`.
    public static let slash: UInt8 = 0x2F
    /// The digit `0`.
    public static let zero: UInt8 = 0x30
    /// The digit `9`.
    public static let nine: UInt8 = 0x39
    /// The colon `:`.
    public static let colon: UInt8 = 0x3A
    /// The semicolon `;`.
    public static let semicolon: UInt8 = 0x3B
    /// The less-than sign `<`.
    public static let less: UInt8 = 0x3C
    /// The equals sign `=`.
    public static let equals: UInt8 = 0x3D
    /// The greater-than sign `>`.
    public static let greater: UInt8 = 0x3E
    /// The question mark `?`.
    public static let question: UInt8 = 0x3F
    /// The commercial at `@`.
    public static let at: UInt8 = 0x40
    /// The left square bracket `[`.
    public static let leftBracket: UInt8 = 0x5B
    /// The backslash `\`.
    public static let backslash: UInt8 = 0x5C
    /// The right square bracket `]`.
    public static let rightBracket: UInt8 = 0x5D

    /// Whether the octet is `0` to `9`.
    @inlinable @inline(__always)
    public static func isDigit(_ octet: UInt8) -> Bool { octet &- 0x30 < 10 }

    /// Whether the octet is a letter of either case.
    @inlinable @inline(__always)
    public static func isAlpha(_ octet: UInt8) -> Bool { (octet | 0x20) &- 0x61 < 26 }

    /// Whether the octet is a space or a horizontal tab (`WSP` of RFC 5234).
    @inlinable @inline(__always)
    public static func isBlank(_ octet: UInt8) -> Bool { octet == space || octet == tab }

    /// The octet with `A` to `Z` made lower case; every other octet as it is.
    @inlinable @inline(__always)
    public static func lowercase(_ octet: UInt8) -> UInt8 { octet &- 0x41 < 26 ? octet | 0x20 : octet }

    /// The value of a hexadecimal digit of either case, or nil.
    @inlinable
    public static func hexValue(_ octet: UInt8) -> UInt8? {
        if isDigit(octet) { return octet &- 0x30 }
        let lower = octet | 0x20
        return lower &- 0x61 < 6 ? lower &- 0x61 &+ 10 : nil
    }

    /// Compares without regard to letter case, as host names, methods of headers and parameters are compared.
    public static func equalIgnoringCase(_ a: Span<UInt8>, _ b: StaticString) -> Bool {
        equalIgnoringCase(a, UnsafeBufferPointer(start: b.utf8Start, count: b.utf8CodeUnitCount).span)
    }

    /// Compares without regard to letter case.
    @inline(__always)
    public static func equalIgnoringCase(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        for index in 0..<a.count {
            // Most names are written in one way: the same octets are equal in any case.
            guard a[index] == b[index] || lowercase(a[index]) == lowercase(b[index]) else { return false }
        }
        return true
    }

    /// Compares octet by octet.
    public static func equal(_ a: Span<UInt8>, _ b: StaticString) -> Bool {
        equal(a, UnsafeBufferPointer(start: b.utf8Start, count: b.utf8CodeUnitCount).span)
    }

    /// Compares octet by octet.
    @inline(__always)
    public static func equal(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        for index in 0..<a.count where a[index] != b[index] { return false }
        return true
    }

    /// Appends the decimal form of a number.
    public static func append(decimal value: UInt64, to output: inout [UInt8]) {
        if value >= 10 { append(decimal: value / 10, to: &output) }
        output.append(UInt8(truncatingIfNeeded: value % 10) &+ zero)
    }
}
