import Wire

/// `a=<name>` or `a=<name>:<value>` (RFC 8866 section 5.13), as ranges of the description's octets. Blanks at the end
/// are not part of either.
public struct Attribute: Hashable, Sendable {
    /// May be empty: `a=` is sent and means nothing.
    public let name: Range<Int>
    /// What follows the first colon; nil without a colon.
    public let value: Range<Int>?
    /// The whole line with its end, for rewriting.
    let line: Range<Int>
}

extension Attribute {
    init(_ line: Line, in bytes: Span<UInt8>) {
        var end = line.value.upperBound
        while end > line.value.lowerBound, ASCII.isBlank(bytes[end - 1]) { end -= 1 }
        let colon = bytes.firstIndex(of: ASCII.colon, in: line.value.lowerBound..<end)
        name = line.value.lowerBound..<(colon ?? end)
        value = colon.map { $0 + 1..<end }
        self.line = line.start..<line.end
    }
}

/// Which way media flows, from the point of view of who says it (RFC 8866 section 6.7).
public enum Direction: Hashable, Sendable {
    /// `sendrecv`, and what holds when nothing is said.
    case sendReceive
    /// `sendonly`: media goes out only; the way to put a call on hold.
    case sendOnly
    /// `recvonly`: media comes in only.
    case receiveOnly
    /// `inactive`: no media either way, RTCP still.
    case inactive

    /// The same seen from the other end (RFC 3264 section 6.1).
    public var reversed: Direction {
        switch self {
        case .sendReceive: .sendReceive
        case .sendOnly: .receiveOnly
        case .receiveOnly: .sendOnly
        case .inactive: .inactive
        }
    }

    /// The attribute's name: `sendrecv`, `sendonly`, `recvonly`, `inactive`.
    public var token: StaticString {
        switch self {
        case .sendReceive: "sendrecv"
        case .sendOnly: "sendonly"
        case .receiveOnly: "recvonly"
        case .inactive: "inactive"
        }
    }

    static let all: [Direction] = [.sendReceive, .sendOnly, .receiveOnly, .inactive]

    /// The direction that an attribute's name stands for; nil for every other attribute.
    init?(_ attribute: Attribute, in bytes: Span<UInt8>) {
        for direction in Self.all where bytes.equal(attribute.name, direction.token) {
            self = direction
            return
        }
        return nil
    }
}

/// Where RTCP is received when it is not at the port after RTP's:
/// `a=rtcp:<port> [<nettype> <addrtype> <connection-address>]` (RFC 3605 section 2.1).
public struct RTCPAttribute: Hashable, Sendable {
    /// 0 when no RTCP is received.
    public let port: UInt16
    /// Nil when it is the address of the media.
    public let connection: Connection?
    /// The whole line with its end, for rewriting.
    let line: Range<Int>
}

extension RTCPAttribute {
    init(_ attribute: Attribute, in bytes: Span<UInt8>) throws(ParseError) {
        guard let value = attribute.value else {
            throw ParseError(.missing, in: "a=rtcp", at: attribute.name.upperBound)
        }
        var fields = Fields(value, of: "a=rtcp")
        let number = try bytes.decimal(fields.require(in: bytes), upTo: UInt64(UInt16.max), in: "a=rtcp")
        port = UInt16(number)
        line = attribute.line
        var lookahead = fields
        guard try lookahead.next(in: bytes) != nil else {
            connection = nil
            return
        }
        let isIPv6 = try AddressType.read(&fields, in: bytes, of: "a=rtcp")
        connection = try Connection(fields.require(in: bytes), isIPv6: isIPv6, in: bytes, of: "a=rtcp")
        try fields.finish(in: bytes)
    }
}
