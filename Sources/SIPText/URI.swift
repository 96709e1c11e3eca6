public import Wire

/// A URI as a proxy reads it (RFC 3261 section 19.1): taken apart when it is `sip` or `sips`, otherwise only its scheme.
public struct URI: Hashable, Sendable {
    /// The scheme, as far as a proxy tells schemes apart.
    public enum Scheme: UInt8, Hashable, Sendable { case sip, sips, other }

    /// The scheme, in whatever letter case it was written.
    public let scheme: Scheme
    /// The whole URI.
    public let text: Slice
    /// User information before `@` without the password; empty when there is none.
    public let user: Slice
    /// Host name or address, without brackets; empty for another scheme.
    public let host: Slice
    /// The port; nil when none is written.
    public let port: UInt16?
    /// From the first semicolon behind the host to the headers.
    public let parameters: Parameters

    /// Reads the URI that fills the slice.
    ///
    /// - Throws: `ParseError` with an offset in the buffer when the scheme is missing or a `sip` URI is malformed.
    public init(in bytes: Span<UInt8>, _ slice: Slice) throws(ParseError) {
        text = slice
        var cursor = Cursor(bytes.extracting(0..<Int(slice.end)), at: Int(slice.start))
        let name = cursor.take {
            ASCII.isAlpha($0) || ASCII.isDigit($0) || $0 == 0x2B || $0 == ASCII.hyphen || $0 == ASCII.dot
        }
        guard !name.isEmpty, ASCII.isAlpha(bytes[name.lowerBound]) else {
            throw ParseError(.unexpectedOctet, in: "URI scheme", at: name.lowerBound)
        }
        try cursor.expect(ASCII.colon, in: "URI scheme")
        if ASCII.equalIgnoringCase(bytes.extracting(name), "sip") {
            scheme = .sip
        } else if ASCII.equalIgnoringCase(bytes.extracting(name), "sips") {
            scheme = .sips
        } else {
            guard !cursor.isAtEnd else { throw ParseError(.truncated, in: "URI", at: cursor.offset) }
            scheme = .other
            user = .empty
            host = .empty
            port = nil
            parameters = .none
            return
        }
        let start = cursor.offset
        var at: Int?
        for position in start..<Int(slice.end) {
            let octet = bytes[position]
            guard octet > ASCII.space, octet < 0x7F, octet != ASCII.less, octet != ASCII.greater, octet != ASCII.quote
            else {
                throw ParseError(.unexpectedOctet, in: "URI", at: position)
            }
            if octet == ASCII.at, at == nil { at = position }
        }
        if let at {
            var end = start
            while end < at, bytes[end] != ASCII.colon { end += 1 }
            guard end > start else { throw ParseError(.missing, in: "URI user", at: start) }
            user = Slice(start..<end)
            cursor.offset = at + 1
        } else {
            user = .empty
        }
        (host, port) = try HostPort.read(&cursor, in: "URI host")
        guard cursor.isAtEnd || cursor.next == ASCII.semicolon || cursor.next == ASCII.question else {
            throw ParseError(.unexpectedOctet, in: "URI host", at: cursor.offset)
        }
        parameters = Parameters(Slice(cursor.take { $0 != ASCII.question }))
    }

    /// From `?` to the end; empty when there are none and for another scheme.
    public var headers: Slice { scheme == .other ? .empty : Slice(Int(parameters.slice.end)..<Int(text.end)) }

    /// Where a request for this URI is sent instead of to the host: `maddr` (section 19.1.1), without brackets; empty when
    /// there is none, or none that is a host.
    public func maddr(in bytes: Span<UInt8>) -> Slice {
        guard let value = parameters.value(of: "maddr", in: bytes), !value.isEmpty else { return .empty }
        var cursor = Cursor(bytes.extracting(0..<Int(value.end)), at: Int(value.start))
        guard let (host, port) = try? HostPort.read(&cursor, in: "maddr"), port == nil, cursor.isAtEnd else {
            return .empty
        }
        return host
    }

    /// The host that a request for this URI is sent to (RFC 3263 section 4): `maddr`, else the host.
    public func target(in bytes: Span<UInt8>) -> Slice {
        let maddr = maddr(in: bytes)
        return maddr.isEmpty ? host : maddr
    }

    /// The host that a request is sent to as an address, or nil when it is a name.
    public func targetAddress(in bytes: Span<UInt8>) -> IPAddress? {
        HostPort.address(in: bytes, target(in: bytes).range)
    }

    /// The host as an address, or nil when it is a name.
    public func address(in bytes: Span<UInt8>) -> IPAddress? { HostPort.address(in: bytes, host.range) }
}
