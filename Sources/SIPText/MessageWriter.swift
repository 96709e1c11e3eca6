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
        for field in fields where field.name != .contentLength {
            output.append(contentsOf: bytes[field.text.range])
            output.append(literal: ": ")
            output.append(contentsOf: bytes[field.value.range])
            output.append(literal: "\r\n")
        }
        output.append(literal: "Content-Length: ")
        ASCII.append(decimal: UInt64(body.count), to: &output)
        output.append(literal: "\r\n\r\n")
        output.append(contentsOf: bytes[body.range])
        return output
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
