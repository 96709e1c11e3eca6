import Wire

/// One line of a description as offsets: `<type>=<value>` and its end (RFC 8866 section 5).
struct Line {
    /// The letter before `=`.
    let type: UInt8
    /// Offset of the letter.
    let start: Int
    /// What follows `=`, without the line's end.
    let value: Range<Int>
    /// Offset after CRLF or LF; the count of octets for a last line without either.
    let end: Int
}

extension Line {
    /// Splits a description into lines.
    ///
    /// Lines end in CRLF or LF, the last one may lack either. Empty lines are let pass at the very end only: in the
    /// middle some readers stop there and some read on. A CR elsewhere and NUL are refused for the same reason; the
    /// grammar has neither (`byte-string`, RFC 8866 section 9).
    static func split(_ bytes: Span<UInt8>) throws(ParseError) -> [Line] {
        guard bytes.count <= SessionDescription.Limits.octets else {
            throw ParseError(.tooLong, in: "session description", at: SessionDescription.Limits.octets)
        }
        var lines: [Line] = []
        lines.reserveCapacity(32)
        var position = 0
        var emptyLine: Int?
        while position < bytes.count {
            let (content, next) = try end(of: position, in: bytes)
            if content == position {
                emptyLine = emptyLine ?? position
            } else {
                if let emptyLine { throw ParseError(.unexpectedOctet, in: "empty line", at: emptyLine) }
                lines.append(try line(from: position, to: content, end: next, in: bytes))
                guard lines.count <= SessionDescription.Limits.lines else {
                    throw ParseError(.tooMany, in: "lines", at: position)
                }
            }
            position = next
        }
        return lines
    }

    /// Where the line's content ends and where the next line starts.
    private static func end(of start: Int, in bytes: Span<UInt8>) throws(ParseError) -> (content: Int, next: Int) {
        var position = start
        while position < bytes.count {
            guard position - start <= SessionDescription.Limits.lineOctets else {
                throw ParseError(.tooLong, in: "line", at: start)
            }
            switch bytes[position] {
            case ASCII.lf:
                return (position, position + 1)
            case ASCII.cr:
                guard position + 1 < bytes.count, bytes[position + 1] == ASCII.lf else {
                    throw ParseError(.unexpectedOctet, in: "CR without LF", at: position)
                }
                return (position, position + 2)
            case ASCII.nul:
                throw ParseError(.unexpectedOctet, in: "NUL", at: position)
            default:
                position += 1
            }
        }
        guard position - start <= SessionDescription.Limits.lineOctets else {
            throw ParseError(.tooLong, in: "line", at: start)
        }
        return (position, position)
    }

    private static func line(
        from start: Int, to content: Int, end: Int, in bytes: Span<UInt8>
    ) throws(ParseError) -> Line {
        // Letters of the other case are refused, not kept as unknown: a lax reader would take `M=` for `m=`.
        guard bytes[start] &- 0x61 < 26 else { throw ParseError(.unexpectedOctet, in: "type letter", at: start) }
        guard start + 1 < content else { throw ParseError(.truncated, in: "line", at: start + 1) }
        guard bytes[start + 1] == ASCII.equals else {
            throw ParseError(.unexpectedOctet, in: "equals sign", at: start + 1)
        }
        return Line(type: bytes[start], start: start, value: start + 2..<content, end: end)
    }
}

/// The letters of RFC 8866 section 5 that this module reads.
enum LineType {
    static let version = UInt8(ascii: "v")
    static let origin = UInt8(ascii: "o")
    static let sessionName = UInt8(ascii: "s")
    static let time = UInt8(ascii: "t")
    static let information = UInt8(ascii: "i")
    static let connection = UInt8(ascii: "c")
    static let attribute = UInt8(ascii: "a")
    static let media = UInt8(ascii: "m")
}
