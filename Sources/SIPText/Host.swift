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
            guard let address = address(in: cursor.bytes, host), address.isIPv6 else {
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

    /// The host as an address, or nil when it is a name.
    ///
    /// The grammar of RFC 3261 asks for three colons where the zeros of an IPv6 address end in an IPv4 address; RFC 5954
    /// mends it and RFC 5118 section 4.10 wants both read. No other address has three, so this can mean one thing only.
    static func address(in bytes: Span<UInt8>, _ host: Range<Int>) -> IPAddress? {
        if let address = IPAddress(text: bytes.extracting(host)) { return address }
        for start in host.dropLast(3) where bytes[start] == ASCII.colon && bytes[start + 1] == ASCII.colon {
            guard bytes[start + 2] == ASCII.colon else { continue }
            let rest = start + 3..<host.upperBound
            guard let last = IPAddress(text: bytes.extracting(rest)), !last.isIPv6 else { return nil }
            var octets: [UInt8] = []
            for position in host where position != start { octets.append(bytes[position]) }
            return IPAddress(text: octets.span)
        }
        return nil
    }
}
