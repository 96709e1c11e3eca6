import Wire

/// Parameters behind a value: `;name=value;name;name="quoted"` (RFC 3261 section 25.1, `generic-param`).
public struct Parameters: Hashable, Sendable {
    /// From the first semicolon to the end.
    public let slice: Slice

    @inlinable
    public init(_ slice: Slice) { self.slice = slice }

    public static let none = Parameters(.empty)

    /// The value of a parameter: empty when it stands without one, nil when it is absent. Quotes are taken off, escapes
    /// inside them are not resolved.
    public func value(of name: StaticString, in bytes: Span<UInt8>) -> Slice? {
        var position = Int(slice.start)
        while let parameter = Self.next(in: bytes, from: &position, to: Int(slice.end)) {
            if ASCII.equalIgnoringCase(bytes.extracting(parameter.name.range), name) { return parameter.value }
        }
        return nil
    }

    /// Whether the parameter is there, with or without a value.
    public func contains(_ name: StaticString, in bytes: Span<UInt8>) -> Bool { value(of: name, in: bytes) != nil }

    /// Takes the next `;name[=value]`; nil at the end or where it is no parameter.
    static func next(in bytes: Span<UInt8>, from position: inout Int, to end: Int) -> (name: Slice, value: Slice)? {
        var cursor = Cursor(bytes.extracting(0..<end), at: position)
        cursor.skipBlanks()
        guard cursor.skip(ASCII.semicolon) else { return nil }
        cursor.skipBlanks()
        let name = cursor.take { $0 != ASCII.semicolon && $0 != ASCII.equals && !ASCII.isBlank($0) }
        cursor.skipBlanks()
        var value = 0..<0
        if cursor.skip(ASCII.equals) {
            cursor.skipBlanks()
            if cursor.skip(ASCII.quote) {
                let start = cursor.offset
                while let octet = cursor.next, octet != ASCII.quote {
                    cursor.offset += octet == ASCII.backslash && cursor.offset + 1 < end ? 2 : 1
                }
                value = start..<cursor.offset
                _ = cursor.skip(ASCII.quote)
            } else {
                value = cursor.take { $0 != ASCII.semicolon && !ASCII.isBlank($0) }
            }
            cursor.skipBlanks()
        }
        position = cursor.offset
        return (Slice(name), Slice(value))
    }
}
