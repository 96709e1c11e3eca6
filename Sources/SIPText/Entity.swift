public import Wire

/// A MIME entity (RFC 2045): a message's body, a part of a multipart body, or what stood inside an envelope.
public struct Entity: Hashable, Sendable {
    /// How the body is written (Content-Transfer-Encoding); `binary`, `8bit` and `7bit` are the octets themselves.
    public enum Encoding: UInt8, Hashable, Sendable { case identity, base64, other }

    /// The value of Content-Type; nil when there is none or it is malformed.
    public let mediaType: MediaType?
    /// Content-ID without angle brackets; empty when there is none.
    public let contentID: Slice
    /// How the body is written.
    public let encoding: Encoding
    /// The octets after the headers, still encoded.
    public let body: Slice

    /// The body of a message as an entity; nil when the message has none.
    public init?(bodyOf message: Message) {
        guard !message.body.isEmpty else { return nil }
        let bytes = message.bytes.span
        mediaType = message.value(of: .contentType).flatMap { MediaType(in: bytes, $0) }
        contentID = message.value(of: .contentID).map { Entity.stripBrackets(bytes, $0) } ?? .empty
        encoding = message.value(of: .contentTransferEncoding).map { Entity.encoding(bytes, $0) } ?? .identity
        body = message.body
    }

    /// Reads an entity that brings its own headers.
    ///
    /// - Throws: `ParseError` when a header row is malformed, a field that decides how the body is read stands twice, or
    ///   the headers are longer than `partHeaderOctets`.
    public init(parsing bytes: Span<UInt8>, _ slice: Slice) throws(ParseError) {
        var values: (type: Slice?, id: Slice?, encoding: Slice?)
        var position = Int(slice.start)
        let end = Int(slice.end)
        while position < end {
            var rowEnd = Entity.endOfLine(bytes, from: position, to: end)
            var next = Entity.skipLineEnd(bytes, rowEnd, to: end)
            if rowEnd == position {
                position = next
                break
            }
            while next < end, ASCII.isBlank(bytes[next]) {
                rowEnd = Entity.endOfLine(bytes, from: next, to: end)
                next = Entity.skipLineEnd(bytes, rowEnd, to: end)
            }
            guard next - Int(slice.start) <= MessageLimits.partHeaderOctets else {
                throw ParseError(.tooLong, in: "part headers", at: Int(slice.start) + MessageLimits.partHeaderOctets)
            }
            let (name, value) = try Entity.row(bytes, position..<rowEnd)
            let isSecond: Bool
            switch name {
            case .contentType:
                isSecond = values.type != nil
                values.type = value
            case .contentID:
                isSecond = values.id != nil
                values.id = value
            case .contentTransferEncoding:
                isSecond = values.encoding != nil
                values.encoding = value
            default: isSecond = false
            }
            guard !isSecond else { throw ParseError(.duplicate, in: name.text, at: Int(value.start)) }
            position = next
        }
        if let value = values.type {
            mediaType = MediaType(in: bytes, value)
            guard mediaType != nil else {
                throw ParseError(.unexpectedOctet, in: "Content-Type", at: Int(value.start))
            }
        } else {
            mediaType = nil
        }
        contentID = values.id.map { Entity.stripBrackets(bytes, $0) } ?? .empty
        encoding = values.encoding.map { Entity.encoding(bytes, $0) } ?? .identity
        body = Slice(position..<end)
    }

    /// One header row, folds and all.
    private static func row(
        _ bytes: Span<UInt8>, _ range: Range<Int>
    ) throws(ParseError) -> (name: HeaderName, value: Slice) {
        var cursor = Cursor(bytes.extracting(0..<range.upperBound), at: range.lowerBound)
        let name = cursor.take(while: Token.contains)
        cursor.skipBlanks()
        guard !name.isEmpty, cursor.skip(ASCII.colon) else {
            throw ParseError(.unexpectedOctet, in: "part header", at: cursor.offset)
        }
        return (HeaderName(bytes.extracting(name)), Slice(bytes.trimmed(cursor.offset..<range.upperBound)))
    }

    /// Whether the entity is of that type.
    public func matches(_ type: StaticString, _ subtype: StaticString, in bytes: Span<UInt8>) -> Bool {
        mediaType?.matches(type, subtype, in: bytes) ?? false
    }

    /// The body's octets with the transfer encoding taken off.
    ///
    /// - Throws: `unsupported` for an encoding that is neither identity nor base64, `unexpectedOctet` in bad base64.
    public func content(in bytes: Span<UInt8>) throws(ParseError) -> [UInt8] {
        switch encoding {
        case .identity:
            var copy: [UInt8] = []
            copy.reserveCapacity(body.count)
            for position in body.range { copy.append(bytes[position]) }
            return copy
        case .base64: return try Base64.decode(bytes, body)
        case .other: throw ParseError(.unsupported, in: "Content-Transfer-Encoding", at: Int(body.start))
        }
    }

    static func stripBrackets(_ bytes: Span<UInt8>, _ slice: Slice) -> Slice {
        let range = slice.range
        if range.count >= 2, bytes[range.lowerBound] == ASCII.less, bytes[range.upperBound - 1] == ASCII.greater {
            return Slice(range.lowerBound + 1..<range.upperBound - 1)
        }
        return slice
    }

    static func encoding(_ bytes: Span<UInt8>, _ slice: Slice) -> Encoding {
        let text = bytes.octets(slice)
        for name in ["binary", "8bit", "7bit"] as [StaticString] where ASCII.equalIgnoringCase(text, name) {
            return .identity
        }
        return ASCII.equalIgnoringCase(text, "base64") ? .base64 : .other
    }

    static func endOfLine(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var position = start
        while position < end, bytes[position] != ASCII.lf { position += 1 }
        return position > start && bytes[position - 1] == ASCII.cr ? position - 1 : position
    }

    static func skipLineEnd(_ bytes: Span<UInt8>, _ lineEnd: Int, to end: Int) -> Int {
        var position = lineEnd
        if position < end, bytes[position] == ASCII.cr { position += 1 }
        if position < end, bytes[position] == ASCII.lf { position += 1 }
        return position
    }
}
