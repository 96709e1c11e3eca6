import Glibc

/// What is written for people: 80 columns, colour where there is a terminal.
enum Terminal {
    /// Whether standard output is a terminal that wants colour (https://no-color.org).
    static let hasColour = isatty(1) == 1 && getenv("NO_COLOR") == nil

    /// A look of text, by its SGR parameters.
    enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case cyan = "36"
    }

    static func styled(_ text: String, _ style: Style) -> String {
        hasColour ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Text with spaces behind it, up to a width.
    static func pad(_ text: String, to width: Int) -> String {
        text.count >= width ? text + " " : text + String(repeating: " ", count: width - text.count)
    }

    /// Text with spaces before it, up to a width.
    static func right(_ text: String, to width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// `1 h 02 min`, `3 min 04 s`, `5 s`.
    static func duration(_ seconds: UInt64) -> String {
        if seconds >= 3_600 { return "\(seconds / 3_600) h \(seconds % 3_600 / 60) min" }
        if seconds >= 60 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds) s"
    }

    /// A line on standard error, which is no part of what was asked for.
    static func warn(_ text: String) {
        fflush(nil)
        let line = Array("sekisho: \(text)\n".utf8)
        _ = Glibc.write(2, line, line.count)
    }

    /// Octets as they are.
    static func write(_ octets: [UInt8]) {
        fflush(nil)
        var start = 0
        while start < octets.count {
            let count = octets[start...].withUnsafeBytes { Glibc.write(1, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            start += count
        }
    }
}
