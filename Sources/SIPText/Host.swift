import Wire

/// Reads `host [":" port]` (RFC 3261 section 25.1): a name, an IPv4 address or an IPv6 reference in brackets.
enum HostPort {
    /// - Returns: the host without brackets, and the port when there is one.
    static func read(_ cursor: inout Cursor, in production: StaticString) throws(ParseError) -> (
        host: Slice, port: UInt16?
    ) {
        let host: Range<Int>
        if cursor.skip(ASCII.leftBracket) {
            host = cursor.take { ASCII.hexValue($0) != nil || $0 == ASCII.colon || $0 == ASCII.dot }
            try cursor.expect(ASCII.rightBracket, in: production)
            guard let address = IPAddress(text: cursor.bytes.extracting(host)), address.isIPv6 else {
                throw ParseError(.badAddress, in: production, at: host.lowerBound)
            }
        } else {
            host = cursor.take(while: isHostOctet)
        }
        guard !host.isEmpty else { throw ParseError(.missing, in: production, at: host.lowerBound) }
        var port: UInt16?
        let afterHost = cursor.offset
        cursor.skipBlanks()
        if cursor.skip(ASCII.colon) {
            cursor.skipBlanks()
            let start = cursor.offset
            let number = UInt16(truncatingIfNeeded: try cursor.decimal(upTo: 65_535, in: production))
            // Nobody can be reached there, and a socket that is told to try may never recover.
            guard number != 0 else { throw ParseError(.badNumber, in: production, at: start) }
            port = number
        } else {
            cursor.offset = afterHost
        }
        return (Slice(host), port)
    }

    /// Letters, digits, hyphen and dot; underscore too, which names on real networks contain.
    @inline(__always)
    private static func isHostOctet(_ octet: UInt8) -> Bool {
        ASCII.isAlpha(octet) || ASCII.isDigit(octet) || octet == ASCII.dot || octet == ASCII.hyphen || octet == 0x5F
    }
}
