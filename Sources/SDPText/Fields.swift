import Wire

/// Reads the fields of one line that are parted by spaces.
///
/// The grammar has exactly one space between fields and none at the end. Runs of spaces and spaces at the end are read
/// all the same: devices send them and no two readers disagree about them. A space right after `=` is refused.
struct Fields {
    private var position: Int
    private let end: Int
    private let production: StaticString

    init(_ line: Line, in bytes: Span<UInt8>, of production: StaticString) throws(ParseError) {
        position = line.value.lowerBound
        end = line.value.upperBound
        self.production = production
        if position < end, bytes[position] == ASCII.space {
            throw ParseError(.unexpectedOctet, in: production, at: position)
        }
    }

    /// Fields of a part of a line, as after `a=rtcp:`.
    init(_ range: Range<Int>, of production: StaticString) {
        position = range.lowerBound
        end = range.upperBound
        self.production = production
    }

    /// The next field, or nil at the end. Its octets are printable: 0x21 to 0x7E, and 0x80 up.
    mutating func next(in bytes: Span<UInt8>) throws(ParseError) -> Range<Int>? {
        while position < end, bytes[position] == ASCII.space { position += 1 }
        let start = position
        while position < end, bytes[position] != ASCII.space {
            guard bytes[position] > 0x20, bytes[position] != 0x7F else {
                throw ParseError(.unexpectedOctet, in: production, at: position)
            }
            position += 1
        }
        return start < position ? start..<position : nil
    }

    /// The next field, which must be there.
    mutating func require(in bytes: Span<UInt8>) throws(ParseError) -> Range<Int> {
        guard let field = try next(in: bytes) else { throw ParseError(.missing, in: production, at: position) }
        return field
    }

    /// Refuses anything that is left.
    mutating func finish(in bytes: Span<UInt8>) throws(ParseError) {
        if let surplus = try next(in: bytes) {
            throw ParseError(.unexpectedOctet, in: production, at: surplus.lowerBound)
        }
    }
}

extension Span where Element == UInt8 {
    /// A decimal number that fills the range; the error stands at its first octet, or at what follows the digits.
    func decimal(_ range: Range<Int>, upTo limit: UInt64, in production: StaticString) throws(ParseError) -> UInt64 {
        var cursor = Cursor(self, at: range.lowerBound)
        guard !range.isEmpty else { throw ParseError(.badNumber, in: production, at: range.lowerBound) }
        let value = try cursor.decimal(upTo: limit, in: production)
        guard cursor.offset == range.upperBound else {
            throw ParseError(.unexpectedOctet, in: production, at: min(cursor.offset, range.upperBound))
        }
        return value
    }

    /// Compares a part octet by octet.
    func equal(_ range: Range<Int>, _ literal: StaticString) -> Bool { ASCII.equal(extracting(range), literal) }

    /// The first place of an octet in a part.
    func firstIndex(of octet: UInt8, in range: Range<Int>) -> Int? {
        for index in range where self[index] == octet { return index }
        return nil
    }
}
