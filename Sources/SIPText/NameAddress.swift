import Wire

/// The value of From, To, Contact, Route and Record-Route (RFC 3261 section 25.1: `name-addr / addr-spec`, parameters).
public struct NameAddress: Hashable, Sendable {
    /// The URI without angle brackets.
    public let uri: Slice
    /// The parameters behind the address.
    public let parameters: Parameters

    /// Reads one value; nil when the brackets or quotes do not close, the URI is empty, or a display name without quotes
    /// holds what could begin another value.
    public init?(in bytes: Span<UInt8>, _ slice: Slice) {
        var cursor = Cursor(bytes.extracting(0..<Int(slice.end)), at: Int(slice.start))
        cursor.skipWhite()
        let start = cursor.offset
        if cursor.next == ASCII.quote {
            guard cursor.quotedString() != nil else { return nil }
            cursor.skipWhite()
            guard cursor.next == ASCII.less else { return nil }
        } else {
            _ = cursor.take(while: Self.isDisplayName)
        }
        if cursor.skip(ASCII.less) {
            uri = Slice(cursor.take { $0 != ASCII.greater })
            guard !uri.isEmpty, cursor.skip(ASCII.greater) else { return nil }
        } else {
            // Without brackets every parameter is the header's, none the URI's, and a comma or question mark cannot be
            // the URI's either (RFC 3261 section 20).
            cursor.offset = start
            uri = Slice(cursor.take(while: Self.isBareURI))
            guard !uri.isEmpty else { return nil }
        }
        cursor.skipWhite()
        guard cursor.isAtEnd || cursor.next == ASCII.semicolon else { return nil }
        parameters = Parameters(Slice(cursor.offset..<Int(slice.end)))
    }

    /// What may stand before `<` without quotes. Tokens and blanks by the grammar; phones write other octets too, so only
    /// those are refused that separate values or make the name look like a URI.
    @inline(__always)
    private static func isDisplayName(_ octet: UInt8) -> Bool {
        switch octet {
        case ASCII.less, ASCII.greater, ASCII.quote, ASCII.comma, ASCII.semicolon, ASCII.colon: false
        default: true
        }
    }

    @inline(__always)
    private static func isBareURI(_ octet: UInt8) -> Bool {
        switch octet {
        case ASCII.semicolon, ASCII.comma, ASCII.question, ASCII.less, ASCII.greater, ASCII.quote: false
        default: !ASCII.isWhite(octet)
        }
    }

    /// The tag of From or To; nil when there is none.
    public func tag(in bytes: Span<UInt8>) -> Slice? {
        guard let tag = parameters.value(of: "tag", in: bytes), !tag.isEmpty else { return nil }
        return tag
    }
}

extension Message {
    /// The value of From or To, or the first of Contact, Route and the like, taken apart.
    public func address(of name: HeaderName) -> NameAddress? {
        // A field of one value has no commas between values, so none in it may cut it.
        guard let value = name.isSingleton ? value(of: name) : firstValue(of: name) else { return nil }
        return NameAddress(in: bytes.span, value)
    }

    /// The tag of From or To; nil when there is none.
    public func tag(of name: HeaderName) -> Slice? { address(of: name)?.tag(in: bytes.span) }
}
