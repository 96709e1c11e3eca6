/// Text from outside on its way to a person: Call-IDs and URIs are whatever a stranger chose to send.
public enum TextSafety {
    /// Whether a terminal could take the scalar for something else than a sign to show: controls (escape sequences
    /// start with one), line and paragraph separators, and the marks that reverse the direction of text.
    static func isActive(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x1F, 0x7F...0x9F, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }

    /// The text for a terminal, always one line: what is no UTF-8 shows as U+FFFD, and what a terminal would obey shows
    /// as `\u{1b}`.
    public static func printable(_ octets: [UInt8]) -> String {
        var text = ""
        for scalar in String(decoding: octets, as: UTF8.self).unicodeScalars {
            if isActive(scalar) {
                text += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
