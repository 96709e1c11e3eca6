import Wire

/// Text from outside on its way to a person: reason phrases, Call-IDs and names are whatever a stranger chose to send.
enum PrintableText {
    /// The text in one line. What is not printable ASCII, and a terminal might obey, is shown as `?`.
    static func line(_ octets: some Sequence<UInt8>) -> String {
        String(decoding: octets.map { (ASCII.space..<0x7F).contains($0) ? $0 : ASCII.question }, as: UTF8.self)
    }
}
