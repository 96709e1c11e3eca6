import Wire

/// The CSeq value (RFC 3261 section 20.16).
public struct CSeq: Hashable, Sendable {
    /// The sequence number.
    public let number: UInt32
    /// The method.
    public let method: Method
    /// The method's text; it tells two methods apart that are both `other`.
    public internal(set) var methodText: Slice

    init(number: UInt32, method: Method, methodText: Slice) {
        self.number = number
        self.method = method
        self.methodText = methodText
    }

    /// Reads `1*DIGIT LWS Method`.
    init(in bytes: Span<UInt8>, _ slice: Slice) throws(ParseError) {
        var cursor = Cursor(bytes.extracting(0..<Int(slice.end)), at: Int(slice.start))
        number = UInt32(truncatingIfNeeded: try cursor.decimal(upTo: MessageLimits.sequenceNumber, in: "CSeq"))
        guard let blank = cursor.next, ASCII.isBlank(blank) else {
            throw ParseError(.unexpectedOctet, in: "CSeq", at: cursor.offset)
        }
        cursor.skipBlanks()
        let text = cursor.take(while: Token.contains)
        guard !text.isEmpty, cursor.isAtEnd else { throw ParseError(.unexpectedOctet, in: "CSeq", at: cursor.offset) }
        guard text.count <= MessageLimits.methodOctets else {
            throw ParseError(.tooLong, in: "CSeq", at: text.lowerBound)
        }
        methodText = Slice(text)
        method = Method(bytes.extracting(text))
    }
}

/// The octets of `token` (RFC 3261 section 25.1).
public enum Token {
    /// Whether the octet may stand in a token.
    @inlinable @inline(__always)
    public static func contains(_ octet: UInt8) -> Bool {
        (octet < 64 ? low : high) &>> UInt64(octet) & 1 != 0 && octet < 128
    }

    // One bit for each octet of: alphanum - . ! % * _ + ` ' ~
    @inlinable static var low: UInt64 { 0x03FF_6CA2_0000_0000 }
    @inlinable static var high: UInt64 { 0x47FF_FFFF_87FF_FFFE }
}
