import Wire

/// One server asked to read bodies: a value of `Proxy-Inspect-Body` (draft-ietf-sip-e2m-sec-06 section 6) or of its other
/// two names, `Proxy-Required-Body` (drafts up to -04) and `Session-Policy`.
public struct DisclosureRequest: Hashable, Sendable {
    /// What the server may do with what it reads.
    public enum Access: UInt8, Hashable, Sendable { case unspecified, read, modify }

    public let host: Slice
    /// Content-IDs without quotes and angle brackets, in the order in which they are to be read.
    public let contentIDs: [Slice]
    public let access: Access

    /// Every request of a message, in order. Values that are malformed are left out: a server that is not named has
    /// nothing to refuse.
    public static func all(in message: Message) -> [DisclosureRequest] {
        var requests: [DisclosureRequest] = []
        for field in message.fields {
            switch field.name {
            case .proxyInspectBody, .proxyRequiredBody, .sessionPolicy:
                var position = Int(field.value.start)
                while let request = read(message.bytes.span, &position, to: Int(field.value.end)) { requests.append(request) }
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

    /// Reads `host *(";" name ["=" value])`; after a comma a following `cid=` goes on with this value, anything else
    /// begins a new one.
    private static func read(_ bytes: Span<UInt8>, _ position: inout Int, to end: Int) -> DisclosureRequest? {
        var cursor = Cursor(bytes.extracting(0..<end), at: position)
        while let octet = cursor.next, ASCII.isBlank(octet) || octet == ASCII.comma { cursor.offset += 1 }
        let host = cursor.take { $0 != ASCII.semicolon && $0 != ASCII.comma && !ASCII.isBlank($0) }
        guard !host.isEmpty else { return nil }
        var contentIDs: [Slice] = []
        var access = Access.unspecified
        while true {
            cursor.skipBlanks()
            let separator = cursor.offset
            let isComma = cursor.next == ASCII.comma
            guard isComma || cursor.next == ASCII.semicolon else { break }
            cursor.offset += 1
            cursor.skipBlanks()
            let name = cursor.take { Token.contains($0) }
            cursor.skipBlanks()
            let isContentID = ASCII.equalIgnoringCase(bytes.extracting(name), "cid") && cursor.next == ASCII.equals
            guard isContentID || !isComma else {
                cursor.offset = separator
                break
            }
            guard cursor.skip(ASCII.equals) else { continue }
            cursor.skipBlanks()
            let value: Range<Int>
            if cursor.skip(ASCII.quote) {
                value = cursor.take { $0 != ASCII.quote }
                _ = cursor.skip(ASCII.quote)
            } else {
                value = cursor.take { $0 != ASCII.semicolon && $0 != ASCII.comma && !ASCII.isBlank($0) }
            }
            if isContentID {
                contentIDs.append(Entity.stripBrackets(bytes, Slice(value)))
            } else if ASCII.equalIgnoringCase(bytes.extracting(name), "access") {
                access =
                    if ASCII.equalIgnoringCase(bytes.extracting(value), "modify") {
                        .modify
                    } else if ASCII.equalIgnoringCase(bytes.extracting(value), "read") {
                        .read
                    } else {
                        .unspecified
                    }
            }
        }
        // What stands after the last parameter that could be read is skipped up to the next value.
        _ = cursor.take { $0 != ASCII.comma }
        position = cursor.offset
        return DisclosureRequest(host: Slice(host), contentIDs: contentIDs, access: access)
    }
}
