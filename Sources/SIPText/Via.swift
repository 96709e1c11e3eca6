public import Wire

/// One value of Via (RFC 3261 section 20.42; `rport`: RFC 3581).
public struct Via: Hashable, Sendable {
    /// How the request was sent, as the sender says.
    public enum Transport: UInt8, Hashable, Sendable { case udp, tcp, tls, sctp, other }

    /// `sent-protocol` and its blanks do not matter to a proxy beyond the transport.
    public let transport: Transport
    /// The host of `sent-by`, without brackets.
    public let host: Slice
    /// The port of `sent-by`; nil when none is written.
    public let port: UInt16?
    /// The parameters, such as `branch`, `received` and `rport`.
    public let parameters: Parameters

    /// The first octets of a branch that RFC 3261 section 8.1.1.7 makes unique.
    public static let magicCookie: StaticString = "z9hG4bK"

    /// Reads one value.
    ///
    /// - Throws: `ParseError` with an offset in the buffer.
    public init(in bytes: Span<UInt8>, _ slice: Slice) throws(ParseError) {
        var cursor = Cursor(bytes.extracting(0..<Int(slice.end)), at: Int(slice.start))
        let sip = try Self.protocolPart(&cursor)
        guard ASCII.equalIgnoringCase(bytes.extracting(sip), "SIP") else {
            throw ParseError(.unsupported, in: "Via protocol", at: sip.lowerBound)
        }
        // Any version: a request of a later one is answered by 505, and the answer goes where its Via says.
        _ = try Self.protocolPart(&cursor)
        let name = cursor.take(while: Token.contains)
        switch (name.count, name.isEmpty ? 0 : ASCII.lowercase(bytes[name.lowerBound])) {
        case (3, UInt8(ascii: "u")): transport = ASCII.equalIgnoringCase(bytes.extracting(name), "UDP") ? .udp : .other
        case (3, UInt8(ascii: "t")):
            let text = bytes.extracting(name)
            transport =
                ASCII.equalIgnoringCase(text, "TCP") ? .tcp : ASCII.equalIgnoringCase(text, "TLS") ? .tls : .other
        case (4, UInt8(ascii: "s")):
            transport = ASCII.equalIgnoringCase(bytes.extracting(name), "SCTP") ? .sctp : .other
        case (0, _): throw ParseError(.missing, in: "Via transport", at: cursor.offset)
        default: transport = .other
        }
        guard let blank = cursor.next, ASCII.isBlank(blank) else {
            throw ParseError(.unexpectedOctet, in: "Via sent-by", at: cursor.offset)
        }
        cursor.skipBlanks()
        (host, port) = try HostPort.read(&cursor, in: "Via sent-by")
        cursor.skipBlanks()
        guard cursor.isAtEnd || cursor.next == ASCII.semicolon else {
            throw ParseError(.unexpectedOctet, in: "Via parameters", at: cursor.offset)
        }
        parameters = Parameters(Slice(cursor.offset..<Int(slice.end)))
    }

    /// Reads a token of sent-protocol and the slash behind it.
    @_lifetime(cursor: copy cursor)
    private static func protocolPart(_ cursor: inout Cursor) throws(ParseError) -> Range<Int> {
        let part = cursor.take(while: Token.contains)
        guard !part.isEmpty else { throw ParseError(.missing, in: "Via protocol", at: cursor.offset) }
        cursor.skipBlanks()
        try cursor.expect(ASCII.slash, in: "Via protocol")
        cursor.skipBlanks()
        return part
    }

    /// The branch; empty when there is none, as in requests of RFC 2543.
    public func branch(in bytes: Span<UInt8>) -> Slice { parameters.value(of: "branch", in: bytes) ?? .empty }

    /// The address that `received` names (RFC 3261 section 18.2.1), brackets allowed.
    public func received(in bytes: Span<UInt8>) -> IPAddress? {
        guard let value = parameters.value(of: "received", in: bytes) else { return nil }
        var range = value.range
        if range.count > 2, bytes[range.lowerBound] == ASCII.leftBracket,
            bytes[range.upperBound - 1] == ASCII.rightBracket
        {
            range = range.lowerBound + 1..<range.upperBound - 1
        }
        return IPAddress(text: bytes.extracting(range))
    }

    /// The port that `rport` was filled with (RFC 3581 section 4); nil when it is absent, empty or no port.
    public func responsePort(in bytes: Span<UInt8>) -> UInt16? {
        guard let value = parameters.value(of: "rport", in: bytes), !value.isEmpty else { return nil }
        var cursor = Cursor(bytes.extracting(value.range))
        guard let port = try? cursor.decimal(upTo: 65_535, in: "rport"), cursor.isAtEnd else { return nil }
        return UInt16(truncatingIfNeeded: port)
    }
}

extension Message {
    /// The topmost Via value, or nil when there is none that can be read.
    public var topVia: Via? {
        guard let value = firstValue(of: .via) else { return nil }
        return try? Via(in: bytes.span, value)
    }

    /// What a server adds to the topmost Via of a request (RFC 3261 section 18.2.1, RFC 3581 section 4): `received` when
    /// sent-by is not the source address or `rport` was asked for, and the value of `rport`. What the sender claims in
    /// either is replaced: an answer goes to where the request came from.
    public mutating func stampVia(source: Endpoint) {
        guard let slice = firstValue(of: .via), let via = try? Via(in: bytes.span, slice) else { return }
        let hasPort = via.parameters.contains("rport", in: bytes.span)
        let isSource = IPAddress(text: octets(via.host)) == source.address
        guard hasPort || !isSource || via.parameters.contains("received", in: bytes.span) else { return }
        var value = copy(Slice(Int(slice.start)..<Int(via.parameters.slice.start)))
        var position = Int(via.parameters.slice.start)
        let end = Int(via.parameters.slice.end)
        while position < end {
            let start = position
            guard let parameter = Parameters.next(in: bytes.span, from: &position, to: end) else { break }
            let name = octets(parameter.name)
            if ASCII.equalIgnoringCase(name, "received") || ASCII.equalIgnoringCase(name, "rport") { continue }
            value.append(contentsOf: bytes[start..<position])
        }
        if hasPort {
            value.append(literal: ";rport=")
            ASCII.append(decimal: UInt64(source.port), to: &value)
        }
        if hasPort || !isSource {
            value.append(literal: ";received=")
            source.address.appendText(to: &value)
        }
        value.append(contentsOf: bytes[position..<end])
        setFirstValue(of: .via, value)
    }
}
