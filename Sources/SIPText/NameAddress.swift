import Wire

/// The value of From, To, Contact, Route and Record-Route (RFC 3261 section 25.1: `name-addr / addr-spec`, parameters).
public struct NameAddress: Hashable, Sendable {
    /// The URI without angle brackets.
    public let uri: Slice
    public let parameters: Parameters

    /// Reads one value; nil when the brackets or quotes do not close or the URI is empty.
    public init?(in bytes: Span<UInt8>, _ slice: Slice) {
        var position = Int(slice.start)
        let end = Int(slice.end)
        var open: Int?
        while position < end, open == nil {
            switch bytes[position] {
            case ASCII.quote:
                position += 1
                while position < end, bytes[position] != ASCII.quote {
                    position += bytes[position] == ASCII.backslash ? 2 : 1
                }
                guard position < end else { return nil }
            case ASCII.less: open = position
            default: break
            }
            position += 1
        }
        if let open {
            var close = open + 1
            while close < end, bytes[close] != ASCII.greater { close += 1 }
            guard close < end, close > open + 1 else { return nil }
            uri = Slice(open + 1..<close)
            let rest = bytes.trimmed(close + 1..<end)
            guard rest.isEmpty || bytes[rest.lowerBound] == ASCII.semicolon else { return nil }
            parameters = Parameters(Slice(rest))
        } else {
            // Without brackets every parameter is the header's, none the URI's (RFC 3261 section 20).
            var stop = Int(slice.start)
            while stop < end, bytes[stop] != ASCII.semicolon, !ASCII.isBlank(bytes[stop]) { stop += 1 }
            guard stop > Int(slice.start) else { return nil }
            uri = Slice(Int(slice.start)..<stop)
            let rest = bytes.trimmed(stop..<end)
            guard rest.isEmpty || bytes[rest.lowerBound] == ASCII.semicolon else { return nil }
            parameters = Parameters(Slice(rest))
        }
    }

    /// The tag of From or To; nil when there is none.
    public func tag(in bytes: Span<UInt8>) -> Slice? {
        guard let tag = parameters.value(of: "tag", in: bytes), !tag.isEmpty else { return nil }
        return tag
    }
}

extension Message {
    /// The first From, To or Contact value taken apart.
    public func address(of name: HeaderName) -> NameAddress? {
        guard let value = firstValue(of: name) else { return nil }
        return NameAddress(in: bytes.span, value)
    }

    /// The tag of From or To; nil when there is none.
    public func tag(of name: HeaderName) -> Slice? { address(of: name)?.tag(in: bytes.span) }
}
