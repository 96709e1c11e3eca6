import Wire

/// Parameters behind a value: `;name=value;name;name="quoted"` (RFC 3261 section 25.1, `generic-param`).
public struct Parameters: Hashable, Sendable {
    /// From the first semicolon to the end.
    public let slice: Slice

    /// The parameters in a slice that begins at a semicolon or is empty.
    @inlinable
    public init(_ slice: Slice) { self.slice = slice }

    /// No parameters at all.
    public static let none = Parameters(.empty)

    /// The value of a parameter: empty when it stands without one, nil when it is absent or stands behind something that
    /// is no parameter. Quotes are taken off, escapes inside them are not resolved.
    public func value(of name: StaticString, in bytes: Span<UInt8>) -> Slice? {
        var position = Int(slice.start)
        while let parameter = Self.next(in: bytes, from: &position, to: Int(slice.end)) {
            if ASCII.equalIgnoringCase(bytes.extracting(parameter.name.range), name) { return parameter.value }
        }
        return nil
    }

    /// Whether the parameter is there, with or without a value.
    public func contains(_ name: StaticString, in bytes: Span<UInt8>) -> Bool { value(of: name, in: bytes) != nil }

    /// Refuses parameters that another reader could read otherwise: what is no parameter, and a second one of the name
    /// that decides.
    func check(in bytes: Span<UInt8>, once name: StaticString, production: StaticString) throws(ParseError) {
        var position = Int(slice.start)
        var found = false
        while position < Int(slice.end) {
            guard let parameter = Self.next(in: bytes, from: &position, to: Int(slice.end)) else {
                throw ParseError(.unexpectedOctet, in: production, at: position)
            }
            guard ASCII.equalIgnoringCase(bytes.extracting(parameter.name.range), name) else { continue }
            guard !found else { throw ParseError(.duplicate, in: production, at: Int(parameter.name.start)) }
            found = true
        }
    }

    /// Takes the next `;name[=value]`; nil, and the position as it was, at the end or where it is no parameter.
    static func next(in bytes: Span<UInt8>, from position: inout Int, to end: Int) -> (name: Slice, value: Slice)? {
        var cursor = Cursor(bytes.extracting(0..<end), at: position)
        cursor.skipWhite()
        guard cursor.skip(ASCII.semicolon) else { return nil }
        cursor.skipWhite()
        let name = cursor.take { isText($0) && $0 != ASCII.equals }
        guard !name.isEmpty else { return nil }
        cursor.skipWhite()
        var value = 0..<0
        if cursor.skip(ASCII.equals) {
            cursor.skipWhite()
            if cursor.next == ASCII.quote {
                guard let quoted = cursor.quotedString() else { return nil }
                value = quoted
            } else {
                value = cursor.take(while: isText)
            }
            cursor.skipWhite()
        }
        guard cursor.isAtEnd || cursor.next == ASCII.semicolon else { return nil }
        position = cursor.offset
        return (Slice(name), Slice(value))
    }

    /// More than `token` and `host` allow, so that the parameters of a URI and those that phones write badly can be
    /// read; nothing that separates or encloses values.
    @inline(__always)
    private static func isText(_ octet: UInt8) -> Bool {
        switch octet {
        case 0...ASCII.space, 0x7F, ASCII.semicolon, ASCII.comma, ASCII.quote, ASCII.less, ASCII.greater: false
        default: true
        }
    }
}
