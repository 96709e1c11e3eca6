import Wire

/// The value of Content-Type (RFC 3261 section 20.15).
public struct MediaType: Hashable, Sendable {
    /// The type before the slash.
    public let type: Slice
    /// The subtype behind the slash.
    public let subtype: Slice
    /// The parameters behind the subtype.
    public let parameters: Parameters

    /// Reads `type/subtype *(;parameter)`; nil when it is none.
    public init?(in bytes: Span<UInt8>, _ slice: Slice) {
        var cursor = Cursor(bytes.extracting(0..<Int(slice.end)), at: Int(slice.start))
        type = Slice(cursor.take(while: Token.contains))
        cursor.skipWhite()
        guard !type.isEmpty, cursor.skip(ASCII.slash) else { return nil }
        cursor.skipWhite()
        subtype = Slice(cursor.take(while: Token.contains))
        cursor.skipWhite()
        guard !subtype.isEmpty, cursor.isAtEnd || cursor.next == ASCII.semicolon else { return nil }
        parameters = Parameters(Slice(cursor.offset..<Int(slice.end)))
    }

    /// Whether it is that type, in any letter case.
    public func matches(_ type: StaticString, _ subtype: StaticString, in bytes: Span<UInt8>) -> Bool {
        ASCII.equalIgnoringCase(bytes.octets(self.type), type)
            && ASCII.equalIgnoringCase(bytes.octets(self.subtype), subtype)
    }
}
