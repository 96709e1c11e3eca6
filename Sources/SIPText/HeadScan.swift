import Wire

/// Finds start line and header rows. A fault in a row is remembered, the first one, and the scan goes on, so that a
/// request can still be answered with what is wrong in it.
struct HeadScan {
    var startLine: Message.StartLine?
    var fields: [Message.Field] = []
    /// Where the body begins.
    var headEnd = 0
    var fault: ParseError?

    func value(of name: HeaderName) -> Slice? {
        for field in fields where field.name == name { return field.value }
        return nil
    }

    /// Scans the buffer from its start; the line ends of folded rows are overwritten by spaces.
    mutating func run(_ buffer: inout [UInt8]) {
        fields.reserveCapacity(24)
        guard let lineEnd = endOfLine(buffer.span, from: 0, limit: MessageLimits.startLineOctets, in: "start line") else { return }
        do throws(ParseError) {
            startLine = try StartLineGrammar.read(buffer.span, lineEnd)
        } catch {
            fault = fault ?? error
            startLine = StartLineGrammar.salvage(buffer.span, lineEnd)
            guard startLine != nil else { return }
        }
        var position = lineEnd + 2
        while true {
            guard var end = endOfLine(buffer.span, from: position, limit: MessageLimits.headOctets, in: "header") else { return }
            if end == position {
                headEnd = end + 2
                return
            }
            // A row goes on where the next line begins with a blank (section 7.3.1).
            while end + 2 < buffer.count, ASCII.isBlank(buffer[end + 2]) {
                buffer[end] = ASCII.space
                buffer[end + 1] = ASCII.space
                guard let next = endOfLine(buffer.span, from: end + 2, limit: MessageLimits.headOctets, in: "header") else { return }
                end = next
            }
            guard end <= MessageLimits.headOctets else {
                fault = fault ?? ParseError(.tooLong, in: "header", at: MessageLimits.headOctets)
                return
            }
            addField(buffer.span, position..<end)
            guard fields.count <= MessageLimits.headerFields else {
                fault = fault ?? ParseError(.tooMany, in: "header fields", at: position)
                return
            }
            position = end + 2
        }
    }

    /// The offset of the CRLF that ends the line; nil after a fault that hides where the next line begins.
    private mutating func endOfLine(
        _ bytes: Span<UInt8>, from start: Int, limit: Int, in production: StaticString
    ) -> Int? {
        var position = start
        let end = min(bytes.count, limit + 2)
        while position < end {
            let octet = bytes[position]
            // Everything from 0x20 up is text; below it a line may hold tabs only.
            if octet >= ASCII.space || octet == ASCII.tab {
                position &+= 1
            } else if octet == ASCII.cr, position + 1 < bytes.count, bytes[position + 1] == ASCII.lf {
                return position
            } else {
                let code: ParseError.Code = octet == ASCII.cr && position + 1 == bytes.count ? .truncated : .unexpectedOctet
                fault = fault ?? ParseError(code, in: production, at: position)
                return nil
            }
        }
        fault = fault ?? ParseError(position == bytes.count ? .truncated : .tooLong, in: production, at: position)
        return nil
    }

    private mutating func addField(_ bytes: Span<UInt8>, _ line: Range<Int>) {
        var cursor = Cursor(bytes.extracting(0..<line.upperBound), at: line.lowerBound)
        let name = cursor.take(while: Token.contains)
        cursor.skipBlanks()
        guard !name.isEmpty, cursor.skip(ASCII.colon) else {
            fault = fault ?? ParseError(.unexpectedOctet, in: "header name", at: cursor.offset)
            return
        }
        let value = bytes.trimmed(cursor.offset..<line.upperBound)
        fields.append(
            Message.Field(name: HeaderName(bytes.extracting(name)), text: Slice(name), value: Slice(value)))
    }
}

/// `Request-Line` and `Status-Line` (RFC 3261 sections 7.1 and 7.2): one space between the parts, none at the end.
enum StartLineGrammar {
    static func read(_ bytes: Span<UInt8>, _ end: Int) throws(ParseError) -> Message.StartLine {
        var cursor = Cursor(bytes.extracting(0..<end))
        if cursor.skip(literal: "SIP/2.0 ") {
            let status = try cursor.decimal(upTo: 699, in: "status code")
            guard status >= 100, cursor.offset == 11 else { throw ParseError(.badNumber, in: "status code", at: 8) }
            // The space before an empty reason phrase is often left out.
            if !cursor.isAtEnd { try cursor.expect(ASCII.space, in: "Status-Line") }
            return .response(status: UInt16(truncatingIfNeeded: status), reason: Slice(cursor.offset..<end))
        }
        let method = cursor.take(while: Token.contains)
        guard !method.isEmpty else { throw ParseError(.unexpectedOctet, in: "method", at: 0) }
        guard method.count <= MessageLimits.methodOctets else { throw ParseError(.tooLong, in: "method", at: 0) }
        try cursor.expect(ASCII.space, in: "Request-Line")
        let uri = cursor.take { $0 > ASCII.space && $0 != 0x7F }
        guard !uri.isEmpty else { throw ParseError(.missing, in: "Request-URI", at: uri.lowerBound) }
        try cursor.expect(ASCII.space, in: "Request-Line")
        let version = cursor.offset
        guard cursor.skip(literal: "SIP/2.0") else { throw ParseError(.unsupported, in: "SIP-Version", at: version) }
        guard cursor.isAtEnd else { throw ParseError(.unexpectedOctet, in: "Request-Line", at: cursor.offset) }
        let name = bytes.extracting(method)
        return .request(Method(scanning: name), text: Slice(method), uri: Slice(uri))
    }

    /// What of a faulty Request-Line is enough for an answer: the method and a SIP version at the end.
    static func salvage(_ bytes: Span<UInt8>, _ end: Int) -> Message.StartLine? {
        var cursor = Cursor(bytes.extracting(0..<end))
        let method = cursor.take(while: Token.contains)
        guard !method.isEmpty, method.count <= MessageLimits.methodOctets, cursor.skip(ASCII.space) else { return nil }
        var tail = end - 1
        while tail > method.upperBound, bytes[tail] != ASCII.slash { tail -= 1 }
        guard tail - 3 > method.upperBound, ASCII.equal(bytes.extracting(tail - 3..<tail), "SIP") else { return nil }
        return .request(Method(bytes.extracting(method)), text: Slice(method), uri: Slice(cursor.offset..<cursor.offset))
    }
}
