public import Wire

/// Takes multipart bodies apart (RFC 2046 section 5.1), bounded in depth, parts and octets, in one linear pass each.
public enum Multipart {
    /// The entity itself when it is no multipart, otherwise its parts and theirs, depth first.
    ///
    /// - Throws: `ParseError` for a boundary that is missing, too long or never closed, and for the limits of depth and
    ///   parts.
    public static func leaves(of entity: Entity, in bytes: Span<UInt8>) throws(ParseError) -> [Entity] {
        var leaves: [Entity] = []
        try collect(entity, in: bytes, depth: 0, into: &leaves)
        return leaves
    }

    private static func collect(
        _ entity: Entity, in bytes: Span<UInt8>, depth: Int, into leaves: inout [Entity]
    ) throws(ParseError) {
        guard let mediaType = entity.mediaType, ASCII.equalIgnoringCase(bytes.octets(mediaType.type), "multipart")
        else {
            guard leaves.count < MessageLimits.mimeParts else {
                throw ParseError(.tooMany, in: "MIME parts", at: Int(entity.body.start))
            }
            leaves.append(entity)
            return
        }
        guard depth < MessageLimits.mimeDepth else {
            throw ParseError(.tooDeep, in: "multipart", at: Int(entity.body.start))
        }
        for part in try parts(of: entity, mediaType, in: bytes) {
            try collect(part, in: bytes, depth: depth + 1, into: &leaves)
        }
    }

    private static func parts(
        of entity: Entity, _ mediaType: MediaType, in bytes: Span<UInt8>
    ) throws(ParseError) -> [Entity] {
        guard let boundary = mediaType.parameters.value(of: "boundary", in: bytes), !boundary.isEmpty else {
            throw ParseError(.missing, in: "boundary", at: Int(mediaType.type.start))
        }
        guard boundary.count <= MessageLimits.boundaryOctets else {
            throw ParseError(.tooLong, in: "boundary", at: Int(boundary.start))
        }
        try mediaType.parameters.check(in: bytes, once: "boundary", production: "Content-Type")
        let marker = bytes.octets(boundary)
        var parts: [Entity] = []
        var partStart: Int?
        var position = Int(entity.body.start)
        let end = Int(entity.body.end)
        while position < end {
            let lineEnd = Entity.endOfLine(bytes, from: position, to: end)
            let next = Entity.skipLineEnd(bytes, lineEnd, to: end)
            if let isLast = delimiter(bytes, position..<lineEnd, marker) {
                if let start = partStart {
                    guard parts.count < MessageLimits.mimeParts else {
                        throw ParseError(.tooMany, in: "MIME parts", at: position)
                    }
                    // The line end before a delimiter belongs to the delimiter.
                    var stop = position
                    if stop > start, bytes[stop - 1] == ASCII.lf { stop -= 1 }
                    if stop > start, bytes[stop - 1] == ASCII.cr { stop -= 1 }
                    parts.append(try Entity(parsing: bytes, Slice(start..<stop)))
                }
                if isLast { return parts }
                partStart = next
            }
            position = next
        }
        throw ParseError(.truncated, in: "multipart", at: end)
    }

    /// Nil when the line is no delimiter; otherwise whether it is the closing one.
    private static func delimiter(_ bytes: Span<UInt8>, _ line: Range<Int>, _ marker: Span<UInt8>) -> Bool? {
        guard line.count >= marker.count + 2, bytes[line.lowerBound] == ASCII.hyphen,
            bytes[line.lowerBound + 1] == ASCII.hyphen
        else { return nil }
        let after = line.lowerBound + 2 + marker.count
        guard ASCII.equal(bytes.extracting(line.lowerBound + 2..<after), marker) else { return nil }
        var rest = bytes.trimmed(after..<line.upperBound)
        if rest.isEmpty { return false }
        guard rest.count >= 2, bytes[rest.lowerBound] == ASCII.hyphen, bytes[rest.lowerBound + 1] == ASCII.hyphen else {
            return nil
        }
        rest = bytes.trimmed(rest.lowerBound + 2..<rest.upperBound)
        return rest.isEmpty ? true : nil
    }
}
