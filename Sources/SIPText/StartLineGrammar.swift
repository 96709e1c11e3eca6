import Wire

/// `Request-Line` and `Status-Line` (RFC 3261 sections 7.1 and 7.2): one space between the parts, none at the end.
enum StartLineGrammar {
    /// Reads the line that ends at `end`.
    ///
    /// - Throws: `unsupported` for another version of SIP, which is answered by 505 and not by 400.
    static func read(_ bytes: Span<UInt8>, _ end: Int) throws(ParseError) -> Message.StartLine {
        var cursor = Cursor(bytes.extracting(0..<end))
        if skipVersion(&cursor) {
            try cursor.expect(ASCII.space, in: "Status-Line")
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
        guard skipVersion(&cursor) else {
            let isOther = isVersion(bytes, version..<end)
            throw ParseError(isOther ? .unsupported : .unexpectedOctet, in: "SIP-Version", at: version)
        }
        guard cursor.isAtEnd else { throw ParseError(.unexpectedOctet, in: "Request-Line", at: cursor.offset) }
        return .request(Method(bytes.extracting(method)), text: Slice(method), uri: Slice(uri))
    }

    /// What of a faulty Request-Line is enough for an answer: the method and a SIP version at the end.
    static func salvage(_ bytes: Span<UInt8>, _ end: Int) -> Message.StartLine? {
        var cursor = Cursor(bytes.extracting(0..<end))
        let method = cursor.take(while: Token.contains)
        guard !method.isEmpty, method.count <= MessageLimits.methodOctets, cursor.skip(ASCII.space) else { return nil }
        let rest = bytes.trimmed(cursor.offset..<end)
        var version = rest.upperBound
        while version > rest.lowerBound, !ASCII.isBlank(bytes[version - 1]) { version -= 1 }
        guard isVersion(bytes, version..<rest.upperBound) else { return nil }
        return .request(
            Method(bytes.extracting(method)), text: Slice(method), uri: Slice(cursor.offset..<cursor.offset))
    }

    /// SIP-Version is compared without regard to case (section 7.1); what is written is upper case.
    @_lifetime(cursor: copy cursor)
    private static func skipVersion(_ cursor: inout Cursor) -> Bool {
        let end = cursor.offset + 7
        guard end <= cursor.bytes.count,
            ASCII.equalIgnoringCase(cursor.bytes.extracting(cursor.offset..<end), "SIP/2.0")
        else { return false }
        cursor.offset = end
        return true
    }

    /// `"SIP" "/" 1*DIGIT "." 1*DIGIT` and nothing else.
    private static func isVersion(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count > 4,
            ASCII.equalIgnoringCase(bytes.extracting(range.lowerBound..<range.lowerBound + 4), "SIP/")
        else { return false }
        var cursor = Cursor(bytes.extracting(0..<range.upperBound), at: range.lowerBound + 4)
        guard !cursor.take(while: ASCII.isDigit).isEmpty, cursor.skip(ASCII.dot) else { return false }
        return !cursor.take(while: ASCII.isDigit).isEmpty && cursor.isAtEnd
    }
}
