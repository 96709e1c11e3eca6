import Wire

/// Finds start line and header rows. A fault in a row is remembered, the first one, and the scan goes on, so that a
/// request can still be answered with what is wrong in it.
struct HeadScan {
    private(set) var startLine: Message.StartLine?
    private(set) var fields: [Message.Field] = []
    /// The line ends inside folded rows, two octets each, which the message replaces by spaces.
    private(set) var folds: [Int] = []
    /// Where the body begins; nil when the empty line was not found.
    private(set) var headEnd: Int?
    private(set) var fault: ParseError?

    /// Scans octets from their start to the empty line.
    init(_ bytes: Span<UInt8>) {
        guard let lineEnd = readStartLine(bytes) else { return }
        fields.reserveCapacity(24)
        readRows(bytes, from: lineEnd + 2)
    }

    /// Reads the start line only, from octets that hold its line end.
    init(startLineOf bytes: Span<UInt8>) { _ = readStartLine(bytes) }

    func value(of name: HeaderName) -> Slice? {
        for field in fields where field.name == name { return field.value }
        return nil
    }

    /// The end of the start line; nil when there is no use in reading on.
    private mutating func readStartLine(_ bytes: Span<UInt8>) -> Int? {
        guard let end = endOfLine(bytes, from: 0, last: MessageLimits.startLineOctets, in: "start line") else {
            return nil
        }
        do throws(ParseError) {
            startLine = try StartLineGrammar.read(bytes, end)
        } catch {
            fault = fault ?? error
            startLine = StartLineGrammar.salvage(bytes, end)
        }
        return startLine == nil ? nil : end
    }

    private mutating func readRows(_ bytes: Span<UInt8>, from start: Int) {
        // Two octets before the limit: the empty line belongs to the head.
        let last = MessageLimits.headOctets - 2
        var position = start
        while true {
            guard var end = endOfLine(bytes, from: position, last: last, in: "header") else { return }
            if end == position {
                headEnd = end + 2
                return
            }
            // A row goes on where the next line begins with a blank (section 7.3.1).
            while end + 2 < bytes.count, ASCII.isBlank(bytes[end + 2]) {
                folds.append(end)
                guard let next = endOfLine(bytes, from: end + 2, last: last, in: "header") else { return }
                end = next
            }
            guard fields.count < MessageLimits.headerFields else {
                fault = fault ?? ParseError(.tooMany, in: "header fields", at: position)
                return
            }
            addField(bytes, position..<end)
            position = end + 2
        }
    }

    /// The offset of the CRLF that ends the line, not behind `last`; nil after a fault that hides where the next line
    /// begins.
    private mutating func endOfLine(
        _ bytes: Span<UInt8>, from start: Int, last: Int, in production: StaticString
    ) -> Int? {
        let end = min(bytes.count, last + 1)
        var position = start
        while true {
            position = ControlScan.next(in: bytes, from: position, to: end)
            guard position < end, bytes[position] == ASCII.tab else { break }
            position &+= 1
        }
        if position < end, bytes[position] != ASCII.cr, bytes[position] != ASCII.lf {
            position = HeadScan.skipQuotedControls(bytes, from: start, to: end)
        }
        if position >= end {
            fault = fault ?? ParseError(position >= bytes.count ? .truncated : .tooLong, in: production, at: position)
            return nil
        }
        let isCR = bytes[position] == ASCII.cr
        if isCR, position + 1 < bytes.count, bytes[position + 1] == ASCII.lf { return position }
        let isCut = isCR && position + 1 == bytes.count
        fault = fault ?? ParseError(isCut ? .truncated : .unexpectedOctet, in: production, at: position)
        return nil
    }

    /// Walks a line that holds control octets: they are text only behind a backslash in a quoted string (`quoted-pair`,
    /// section 25.1).
    ///
    /// - Returns: the offset of the first control octet that is not, line ends among them, or `end`.
    private static func skipQuotedControls(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var position = start
        var isQuoted = false
        while position < end {
            let octet = bytes[position]
            if octet == ASCII.quote { isQuoted.toggle() }
            if octet < ASCII.space, octet != ASCII.tab { return position }
            position += 1
            let isEscape = octet == ASCII.backslash && isQuoted
            if isEscape, position < end, bytes[position] != ASCII.cr, bytes[position] != ASCII.lf { position += 1 }
        }
        return position
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
