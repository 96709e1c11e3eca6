import Wire

/// A SIP message (RFC 3261 section 7): slices of one buffer.
///
/// The buffer begins with the octets as they came. An edit appends its text at the end of the buffer and points a
/// field at it, so a message that is only forwarded is copied once, when it is written.
public struct Message: Sendable {
    /// The first line.
    public enum StartLine: Hashable, Sendable {
        /// Request-Line: method, its text, Request-URI.
        case request(Method, text: Slice, uri: Slice)
        /// Status-Line: status code 100 to 699, reason phrase.
        case response(status: UInt16, reason: Slice)
    }

    /// One header field row; folded lines are already joined by spaces.
    public struct Field: Hashable, Sendable {
        /// The header field by its name.
        public var name: HeaderName
        /// The name as it was written.
        public var text: Slice
        /// The value without blanks around it.
        public var value: Slice
    }

    /// Every octet that a slice of this message can point at.
    public internal(set) var bytes: [UInt8]
    /// The first line.
    public internal(set) var startLine: StartLine
    /// The header field rows from top to bottom.
    public internal(set) var fields: [Field]
    /// The octets after the empty line; empty when there are none.
    public internal(set) var body: Slice
    /// The CSeq value; its method is that of the request a response belongs to.
    public internal(set) var cseq: CSeq

    init(bytes: [UInt8], startLine: StartLine, fields: [Field], body: Slice, cseq: CSeq) {
        self.bytes = bytes
        self.startLine = startLine
        self.fields = fields
        self.body = body
        self.cseq = cseq
    }

    /// The octets of a slice of this message.
    @inlinable
    @_lifetime(borrow self)
    public func octets(_ slice: Slice) -> Span<UInt8> { bytes.span.extracting(slice.range) }

    /// A copy of the octets of a slice of this message.
    @inlinable
    public func copy(_ slice: Slice) -> [UInt8] { Array(bytes[slice.range]) }

    /// The text of a slice, for people: octets that are no UTF-8 are replaced.
    public func text(_ slice: Slice) -> String { String(decoding: bytes[slice.range], as: UTF8.self) }
}

// MARK: - Reading

extension Message {
    /// The request's method, or nil for a response.
    @inlinable
    public var method: Method? {
        switch startLine {
        case .request(let method, _, _): method
        case .response: nil
        }
    }

    /// The response's status code, or nil for a request.
    @inlinable
    public var status: UInt16? {
        switch startLine {
        case .request: nil
        case .response(let status, _): status
        }
    }

    /// Whether it is a request.
    @inlinable
    public var isRequest: Bool { method != nil }

    /// The Request-URI, or nil for a response.
    @inlinable
    public var requestURI: Slice? {
        switch startLine {
        case .request(_, _, let uri): uri
        case .response: nil
        }
    }

    /// The row number of the first field of that name.
    @inlinable
    public func firstIndex(of name: HeaderName) -> Int? { fields.firstIndex { $0.name == name } }

    /// The value of the first field of that name.
    @inlinable
    public func value(of name: HeaderName) -> Slice? {
        for field in fields where field.name == name { return field.value }
        return nil
    }

    /// The values of every field of that name, rows with several values taken apart at their commas
    /// (RFC 3261 section 7.3.1), from top to bottom.
    public func values(of name: HeaderName) -> [Slice] {
        var values: [Slice] = []
        for field in fields where field.name == name {
            var rest = field.value
            while let value = Message.nextValue(in: bytes.span, from: &rest) { values.append(value) }
        }
        return values
    }

    /// The first value of the first field of that name.
    public func firstValue(of name: HeaderName) -> Slice? {
        guard var rest = value(of: name) else { return nil }
        return Message.nextValue(in: bytes.span, from: &rest)
    }

    /// Takes the first comma separated value off a row: commas in quotes and angle brackets do not separate.
    static func nextValue(in bytes: Span<UInt8>, from rest: inout Slice) -> Slice? {
        var position = Int(rest.start)
        let end = Int(rest.end)
        while position < end, ASCII.isBlank(bytes[position]) || bytes[position] == ASCII.comma { position += 1 }
        guard position < end else {
            rest = .empty
            return nil
        }
        let start = position
        var quoted = false
        var bracketed = false
        scan: while position < end {
            switch bytes[position] {
            case ASCII.backslash where quoted: position += 1
            case ASCII.quote: quoted.toggle()
            case ASCII.less where !quoted: bracketed = true
            case ASCII.greater where !quoted: bracketed = false
            case ASCII.comma where !quoted && !bracketed: break scan
            default: break
            }
            position += 1
        }
        let stop = min(position, end)
        rest = Slice(min(stop + 1, end), end)
        return Slice(bytes.trimmed(start..<stop))
    }

    /// The value of a singleton number field, or nil when it is absent or no number up to the limit.
    public func number(of name: HeaderName, upTo limit: UInt64) -> UInt64? {
        guard let slice = value(of: name) else { return nil }
        var cursor = Cursor(octets(slice))
        guard let number = try? cursor.decimal(upTo: limit, in: "number"), cursor.isAtEnd else { return nil }
        return number
    }

    /// Whether two slices, of this and of another message, hold the same octets.
    public func same(_ slice: Slice, as other: Message, _ otherSlice: Slice) -> Bool {
        ASCII.equal(octets(slice), other.octets(otherSlice))
    }
}
