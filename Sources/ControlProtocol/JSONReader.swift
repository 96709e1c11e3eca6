package import Wire

/// Reads one JSON document (RFC 8259) with bounds on everything that could grow.
package struct JSONReader: ~Escapable {
    /// How large a document may be.
    package struct Limits: Sendable {
        /// Octets.
        package var length: Int
        /// Arrays and objects inside one another.
        package var depth: Int
        /// Members of one object.
        package var members: Int

        /// All limits at once.
        package init(length: Int, depth: Int, members: Int) {
            self.length = length
            self.depth = depth
            self.members = members
        }

        /// Those of the control protocol: all sessions that an answer lists, each with every text and as many holes as there
        /// may be, comes to 114 million octets; the deepest answer has six levels; the counters are the longest object.
        static let control = Limits(length: 128 << 20, depth: 8, members: 256)
    }

    private var cursor: Cursor
    private let limits: Limits

    static func read(_ document: Span<UInt8>) throws(ParseError) -> JSONValue { try read(document, within: .control) }

    /// Reads a document.
    ///
    /// - Throws: what is wrong with it or larger than it may be, and at which octet.
    package static func read(_ document: Span<UInt8>, within limits: Limits) throws(ParseError) -> JSONValue {
        guard document.count <= limits.length else { throw ParseError(.tooLong, in: "JSON", at: limits.length) }
        var reader = JSONReader(document, limits)
        let value = try reader.value(depth: 0)
        reader.skipSpace()
        guard reader.cursor.isAtEnd else { throw reader.error(.unexpectedOctet, "JSON") }
        return value
    }

    @_lifetime(copy document)
    private init(_ document: Span<UInt8>, _ limits: Limits) {
        cursor = Cursor(document)
        self.limits = limits
    }

    private func error(_ code: ParseError.Code, _ production: StaticString) -> ParseError {
        ParseError(cursor.isAtEnd && code == .unexpectedOctet ? .truncated : code, in: production, at: cursor.offset)
    }

    @_lifetime(self: copy self)
    private mutating func skipSpace() {
        _ = cursor.take { $0 == ASCII.space || $0 == ASCII.lf || $0 == ASCII.cr || $0 == ASCII.tab }
    }

    @_lifetime(self: copy self)
    private mutating func value(depth: Int) throws(ParseError) -> JSONValue {
        skipSpace()
        let start = cursor.offset
        guard depth <= limits.depth else { throw error(.tooDeep, "JSON") }
        let content: JSONValue.Content
        if cursor.skip(literal: "null") {
            content = .null
        } else if cursor.skip(literal: "true") {
            content = .flag(true)
        } else if cursor.skip(literal: "false") {
            content = .flag(false)
        } else if cursor.next == ASCII.quote {
            content = .text(try text())
        } else if cursor.skip(ASCII.leftBracket) {
            content = .array(try items(depth: depth + 1))
        } else if cursor.skip(Self.leftBrace) {
            content = .object(try members(depth: depth + 1))
        } else if cursor.skip(ASCII.hyphen) {
            content = .negative(try number())
        } else {
            content = .number(try number())
        }
        return JSONValue(content: content, offset: start)
    }

    @_lifetime(self: copy self)
    private mutating func items(depth: Int) throws(ParseError) -> [JSONValue] {
        var items: [JSONValue] = []
        skipSpace()
        if cursor.skip(ASCII.rightBracket) { return items }
        repeat {
            items.append(try value(depth: depth))
            skipSpace()
        } while cursor.skip(ASCII.comma)
        try cursor.expect(ASCII.rightBracket, in: "JSON array")
        return items
    }

    @_lifetime(self: copy self)
    private mutating func members(depth: Int) throws(ParseError) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        skipSpace()
        if cursor.skip(Self.rightBrace) { return members }
        repeat {
            skipSpace()
            guard members.count < limits.members else { throw error(.tooMany, "JSON object") }
            let start = cursor.offset
            let name = try text()
            guard !members.contains(where: { $0.name == name }) else {
                throw ParseError(.duplicate, in: "JSON object", at: start)
            }
            skipSpace()
            try cursor.expect(ASCII.colon, in: "JSON object")
            members.append(JSONValue.Member(name: name, value: try value(depth: depth)))
            skipSpace()
        } while cursor.skip(ASCII.comma)
        try cursor.expect(Self.rightBrace, in: "JSON object")
        return members
    }

    @_lifetime(self: copy self)
    private mutating func number() throws(ParseError) -> UInt64 {
        guard let first = cursor.next, ASCII.isDigit(first) else { throw error(.unexpectedOctet, "JSON") }
        let number = first == ASCII.zero ? 0 : try cursor.decimal(upTo: .max, in: "JSON number")
        if first == ASCII.zero { cursor.offset += 1 }
        // What a number could go on with, and a zero in front.
        guard let next = cursor.next, [ASCII.dot, 0x65, 0x45].contains(next) || ASCII.isDigit(next) else {
            return number
        }
        throw error(.unsupported, "JSON number")
    }

    @_lifetime(self: copy self)
    private mutating func text() throws(ParseError) -> String {
        let start = cursor.offset
        try cursor.expect(ASCII.quote, in: "JSON string")
        var octets: [UInt8] = []
        while let octet = cursor.next {
            switch octet {
            case ASCII.quote:
                cursor.offset += 1
                guard let text = String(validating: octets, as: UTF8.self) else {
                    throw ParseError(.unexpectedOctet, in: "JSON string", at: start)
                }
                return text
            case ASCII.backslash:
                cursor.offset += 1
                try escape(into: &octets)
            case 0x00...0x1F:
                throw error(.unexpectedOctet, "JSON string")
            case _:
                octets.append(octet)
                cursor.offset += 1
            }
        }
        throw error(.truncated, "JSON string")
    }

    /// What follows a backslash.
    @_lifetime(self: copy self)
    private mutating func escape(into octets: inout [UInt8]) throws(ParseError) {
        guard let octet = cursor.next else { throw error(.truncated, "JSON string") }
        switch octet {
        case ASCII.quote, ASCII.backslash, ASCII.slash: octets.append(octet)
        case UInt8(ascii: "b"): octets.append(0x08)
        case UInt8(ascii: "f"): octets.append(0x0C)
        case UInt8(ascii: "n"): octets.append(ASCII.lf)
        case UInt8(ascii: "r"): octets.append(ASCII.cr)
        case UInt8(ascii: "t"): octets.append(ASCII.tab)
        case UInt8(ascii: "u"):
            cursor.offset += 1
            octets.append(contentsOf: UTF8.encode(try scalar()) ?? UTF8.encodedReplacementCharacter)
            return
        case _: throw error(.unexpectedOctet, "JSON string")
        }
        cursor.offset += 1
    }

    /// Four hexadecimal digits, or twice four with `\u` between them when the first four are half of a surrogate pair.
    @_lifetime(self: copy self)
    private mutating func scalar() throws(ParseError) -> Unicode.Scalar {
        let start = cursor.offset
        let first = try unit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        if first < 0xDC00, cursor.skip(literal: "\\u") {
            let second = try unit()
            if (0xDC00...0xDFFF).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            {
                return scalar
            }
        }
        throw ParseError(.unexpectedOctet, in: "JSON string", at: start)
    }

    @_lifetime(self: copy self)
    private mutating func unit() throws(ParseError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let octet = cursor.next, let digit = ASCII.hexValue(octet) else {
                throw error(.unexpectedOctet, "JSON string")
            }
            unit = unit << 4 | UInt32(digit)
            cursor.offset += 1
        }
        return unit
    }

    private static var leftBrace: UInt8 { 0x7B }
    private static var rightBrace: UInt8 { 0x7D }
}
