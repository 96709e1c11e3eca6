/// Hexadecimal digits in lower case.
public enum Hexadecimal {
    private static let digits: StaticString = "0123456789abcdef"

    /// Appends two digits.
    public static func append(_ octet: UInt8, to output: inout [UInt8]) {
        output.append(digits.utf8Start[Int(octet >> 4)])
        output.append(digits.utf8Start[Int(octet & 0xF)])
    }

    /// Appends two digits for each octet.
    public static func append(_ octets: Span<UInt8>, to output: inout [UInt8]) {
        for index in 0..<octets.count { append(octets[index], to: &output) }
    }

    /// Appends 16 digits.
    public static func append(_ word: UInt64, to output: inout [UInt8]) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: word >> shift), to: &output)
        }
    }
}
