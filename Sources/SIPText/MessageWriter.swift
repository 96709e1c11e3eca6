import Wire

extension Message {
    /// The octets to send: start line, fields from top to bottom, and the body.
    ///
    /// Content-Length is written last and always, with the body's length, whatever a field of that name said: over a
    /// stream the next message begins where this says (RFC 3261 section 18.3).
    public func serialized() -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count + 64)
        switch startLine {
        case .request(_, let text, let uri):
            output.append(contentsOf: bytes[text.range])
            output.append(ASCII.space)
            output.append(contentsOf: bytes[uri.range])
            output.append(literal: " SIP/2.0\r\n")
        case .response(let status, let reason):
            output.append(literal: "SIP/2.0 ")
            ASCII.append(decimal: UInt64(status), to: &output)
            output.append(ASCII.space)
            output.append(contentsOf: bytes[reason.range])
            output.append(literal: "\r\n")
        }
        // Rows that stand in the buffer one after another as they are written are copied at once.
        var run = 0..<0
        for field in fields where field.name != .contentLength {
            if let row = verbatimRow(field) {
                if row.lowerBound != run.upperBound {
                    output.append(contentsOf: bytes[run])
                    run = row
                }
                run = run.lowerBound..<row.upperBound
                continue
            }
            output.append(contentsOf: bytes[run])
            run = 0..<0
            output.append(contentsOf: bytes[field.text.range])
            output.append(literal: ": ")
            output.append(contentsOf: bytes[field.value.range])
            output.append(literal: "\r\n")
        }
        output.append(contentsOf: bytes[run])
        output.append(literal: "Content-Length: ")
        ASCII.append(decimal: UInt64(body.count), to: &output)
        output.append(literal: "\r\n\r\n")
        output.append(contentsOf: bytes[body.range])
        return output
    }

    /// Where the buffer holds the row exactly as it is written, line end included; nil where it does not.
    private func verbatimRow(_ field: Field) -> Range<Int>? {
        let nameEnd = Int(field.text.end)
        let valueEnd = Int(field.value.end)
        guard Int(field.value.start) == nameEnd + 2, valueEnd + 2 <= bytes.count, bytes[nameEnd] == ASCII.colon,
            bytes[nameEnd + 1] == ASCII.space, bytes[valueEnd] == ASCII.cr, bytes[valueEnd + 1] == ASCII.lf
        else { return nil }
        return Int(field.text.start)..<valueEnd + 2
    }
}

extension Message: Equatable {
    /// Two messages are equal when they are written alike.
    public static func == (a: Message, b: Message) -> Bool { a.serialized() == b.serialized() }
}

extension [UInt8] {
    /// Appends a literal without making a String of it.
    @inline(__always)
    public mutating func append(literal: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }
}
