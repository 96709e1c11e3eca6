import Wire

/// Who made the description and which revision it is:
/// `o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>` (RFC 8866 section 5.2).
///
/// Ranges are of the description's octets.
public struct Origin: Hashable, Sendable {
    /// `-` when there is none.
    public let username: Range<Int>
    /// Digits, as many as were sent: a 64-bit number does not hold every one in use.
    public let sessionID: Range<Int>
    /// Digits. RFC 3264 section 8: one more with every changed description of a session.
    public let version: Range<Int>
    /// The version as a number; nil when it is over 64 bits.
    public let versionNumber: UInt64?
    /// The address of the machine that made it. No media goes there, so a name is anything that is no address.
    public let address: Connection.Address
    /// `<nettype> <addrtype> <unicast-address>`, for rewriting.
    let addressRange: Range<Int>
}

extension Origin {
    /// Reads the value of an o-line.
    init(_ line: Line, in bytes: Span<UInt8>) throws(ParseError) {
        var fields = try Fields(line, in: bytes, of: "o=")
        username = try fields.require(in: bytes)
        sessionID = try Self.digits(&fields, in: bytes)
        version = try Self.digits(&fields, in: bytes)
        versionNumber = try? bytes.decimal(version, upTo: .max, in: "o=")
        var lookahead = fields
        let network = try lookahead.require(in: bytes)
        _ = try AddressType.read(&fields, in: bytes, of: "o=")
        let host = try fields.require(in: bytes)
        try fields.finish(in: bytes)
        address = IPAddress(text: bytes.extracting(host)).map { .ip($0) } ?? .name(host)
        addressRange = network.lowerBound..<host.upperBound
    }

    private static func digits(_ fields: inout Fields, in bytes: Span<UInt8>) throws(ParseError) -> Range<Int> {
        let field = try fields.require(in: bytes)
        for index in field where !ASCII.isDigit(bytes[index]) { throw ParseError(.badNumber, in: "o=", at: index) }
        return field
    }
}
