import Wire

// Pieces of grammar that several fields share.
extension Cursor {
    /// Consumes linear white space (`LWS`, RFC 3261 section 25.1). In a message's own rows a fold is already made of
    /// spaces; in the headers of a body part it is still a line end and a blank.
    @inline(__always)
    @_lifetime(self: copy self)
    mutating func skipWhite() {
        while offset < bytes.count, ASCII.isWhite(bytes[offset]) { offset &+= 1 }
    }

    /// Consumes a quoted string and gives what stands between the quotes, escapes unresolved; nil, and the cursor no
    /// longer usable, when it is not closed.
    @_lifetime(self: copy self)
    mutating func quotedString() -> Range<Int>? {
        guard skip(ASCII.quote) else { return nil }
        let start = offset
        while offset < bytes.count, bytes[offset] != ASCII.quote {
            offset += bytes[offset] == ASCII.backslash ? 2 : 1
        }
        guard offset < bytes.count else { return nil }
        offset += 1
        return start..<offset - 1
    }
}

extension ASCII {
    /// A blank, or part of a line end.
    @inline(__always)
    static func isWhite(_ octet: UInt8) -> Bool { isBlank(octet) || octet == cr || octet == lf }
}

/// Looks for line ends eight octets at a time.
enum ControlScan {
    /// The offset of the first octet below 0x20, or `end` when there is none before it.
    static func next(in bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        let raw = bytes.bytes
        var position = start
        while end - position >= 8 {
            let word = UInt64(littleEndian: raw.unsafeLoadUnaligned(fromByteOffset: position, as: UInt64.self))
            // The borrow of "octet - 0x20" sets the top bit of each octet below 0x20; a false hit can only stand above
            // a true one, so the lowest is exact.
            let hits = (word &- 0x2020_2020_2020_2020) & ~word & 0x8080_8080_8080_8080
            if hits != 0 { return position + hits.trailingZeroBitCount >> 3 }
            position &+= 8
        }
        while position < end, bytes[position] >= ASCII.space { position &+= 1 }
        return position
    }
}
