import Wire

/// One server asked to read bodies: a value of `Proxy-Inspect-Body` (draft-ietf-sip-e2m-sec-06 section 6) or of its other
/// two names, `Proxy-Required-Body` (drafts up to -04) and `Session-Policy`.
public struct DisclosureRequest: Hashable, Sendable {
    /// What the server may do with what it reads.
    public enum Access: UInt8, Hashable, Sendable { case unspecified, read, modify }

    /// The server that is asked.
    public let host: Slice
    /// Content-IDs without quotes and angle brackets, in the order in which they are to be read.
    public let contentIDs: [Slice]
    /// What the server may do with the bodies.
    public let access: Access

    /// Every request of a message, in order. Values that are malformed are left out: a server that is not named has
    /// nothing to refuse.
    public static func all(in message: Message) -> [DisclosureRequest] {
        var requests: [DisclosureRequest] = []
        for field in message.fields {
            switch field.name {
            case .proxyInspectBody, .proxyRequiredBody, .sessionPolicy:
                var position = Int(field.value.start)
                skipSeparators(message.bytes.span, &position, to: Int(field.value.end))
                while position < Int(field.value.end) {
                    guard let request = read(message.bytes.span, &position, to: Int(field.value.end)) else { continue }
                    requests.append(request)
                }
            default: continue
            }
        }
        return requests
    }

    /// The value that the user agent writes.
    public static func value(host: [UInt8], contentID: [UInt8], access: Access = .unspecified) -> [UInt8] {
        var value = host
        value.append(literal: ";cid=")
        value.append(contentsOf: contentID)
        switch access {
        case .unspecified: break
        case .read: value.append(literal: ";access=read")
        case .modify: value.append(literal: ";access=modify")
        }
        return value
    }

    /// Reads `host 1*(";" name ["=" value])`; after a comma a following `cid=` goes on with this value, anything else
    /// begins a new one.
    ///
    /// - Returns: nil for a value without a host or a Content-ID or with something else in it; the position is behind it
    ///   all the same.
    private static func read(_ bytes: Span<UInt8>, _ position: inout Int, to end: Int) -> DisclosureRequest? {
        var cursor = Cursor(bytes.extracting(0..<end), at: position)
        let host = cursor.take(while: isUnquoted)
        var contentIDs: [Slice] = []
        var access = Access.unspecified
        var isMalformed = host.isEmpty
        cursor.skipBlanks()
        while let separator = cursor.next, separator == ASCII.semicolon || separator == ASCII.comma {
            let before = cursor.offset
            cursor.offset += 1
            cursor.skipBlanks()
            let name = cursor.take(while: Token.contains)
            cursor.skipBlanks()
            let isContentID = ASCII.equalIgnoringCase(bytes.extracting(name), "cid") && cursor.next == ASCII.equals
            if separator == ASCII.comma, !isContentID {
                cursor.offset = before
                break
            }
            guard cursor.skip(ASCII.equals) else { continue }
            cursor.skipBlanks()
            var value = 0..<0
            if cursor.next == ASCII.quote {
                guard let quoted = cursor.quotedString() else {
                    position = end
                    return nil
                }
                value = quoted
            } else {
                value = cursor.take(while: isUnquoted)
            }
            cursor.skipBlanks()
            if isContentID {
                contentIDs.append(Entity.stripBrackets(bytes, Slice(value)))
                isMalformed = isMalformed || value.isEmpty
            } else if ASCII.equalIgnoringCase(bytes.extracting(name), "access") {
                access = narrower(access, bytes.extracting(value))
            }
        }
        // Something else than a separator: the value is skipped up to the next comma.
        isMalformed = isMalformed || !(cursor.isAtEnd || cursor.next == ASCII.comma)
        _ = cursor.take { $0 != ASCII.comma }
        position = cursor.offset + 1
        skipSeparators(bytes, &position, to: end)
        guard !isMalformed, !contentIDs.isEmpty else { return nil }
        return DisclosureRequest(host: Slice(host), contentIDs: contentIDs, access: access)
    }

    /// Given twice or in a word that is not known, the access is the smaller one.
    private static func narrower(_ access: Access, _ text: Span<UInt8>) -> Access {
        access != .read && ASCII.equalIgnoringCase(text, "modify") ? .modify : .read
    }

    private static func skipSeparators(_ bytes: Span<UInt8>, _ position: inout Int, to end: Int) {
        while position < end, ASCII.isBlank(bytes[position]) || bytes[position] == ASCII.comma { position += 1 }
    }

    @inline(__always)
    private static func isUnquoted(_ octet: UInt8) -> Bool {
        octet != ASCII.semicolon && octet != ASCII.comma && octet != ASCII.quote && !ASCII.isBlank(octet)
    }
}
