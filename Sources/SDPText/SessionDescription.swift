public import Wire

/// A session description (RFC 8866) over the octets it was read from.
///
/// What is read is kept as values and as ranges of `bytes`; what is not read stays in `bytes` untouched, so writing a
/// description that was not edited gives the octets that came in. Every value of this type has been parsed: an edit is
/// parsed again.
public struct SessionDescription: Sendable {
    /// The description as received or edited.
    public let bytes: [UInt8]
    /// The o-line.
    public let origin: Origin
    /// The session's c-line; it holds for each m-line that has none.
    public let connection: Connection?
    /// Attributes before the first m-line, in order.
    public let attributes: [Attribute]
    /// The m-lines in order. RFC 3264 matches offer and answer by it.
    public let media: [MediaDescription]

    /// The value of the session's c-line, for rewriting.
    let connectionRange: Range<Int>?

    /// Reads a description.
    ///
    /// Read strictly: what decides where packets go (v=, o=, c=, m=, a=rtcp), what two readers could read differently,
    /// and sizes (`Limits`). Let pass: the order of the other lines, missing s= and t=, letters nobody knows.
    ///
    /// - Throws: the first fault with its offset. The octets stay with the caller.
    public init(parsing bytes: [UInt8]) throws(ParseError) {
        let parsed = try SessionReader(reading: bytes.span)
        guard let origin = parsed.origin else { throw ParseError(.missing, in: "o=", at: bytes.count) }
        self.origin = origin
        connection = parsed.connection
        connectionRange = parsed.connectionRange
        attributes = parsed.attributes
        media = parsed.media
        self.bytes = bytes
    }

    /// The description as it goes on the wire.
    public func serialized() -> [UInt8] { bytes }

    /// The octets of a range that this description gave out; cut to what there is for any other range.
    public func octets(_ range: Range<Int>) -> ArraySlice<UInt8> { bytes[range.clamped(to: bytes.indices)] }

    /// Whether a range holds exactly these octets.
    public func equal(_ range: Range<Int>, _ literal: StaticString) -> Bool {
        bytes.span.equal(range.clamped(to: bytes.indices), literal)
    }

    /// The first attribute of that name in a list, compared as RFC 8866 section 5.13 compares: by case.
    public func first(_ name: StaticString, in attributes: [Attribute]) -> Attribute? {
        attributes.first { equal($0.name, name) }
    }
}

extension SessionDescription: Equatable {
    /// Equal octets read equal.
    public static func == (a: SessionDescription, b: SessionDescription) -> Bool { a.bytes == b.bytes }
}

/// Takes the lines of a description in order and keeps what a description is made of.
struct SessionReader {
    private(set) var origin: Origin?
    private(set) var connection: Connection?
    private(set) var connectionRange: Range<Int>?
    private(set) var attributes: [Attribute] = []
    private(set) var media: [MediaDescription] = []
    private var direction: Direction?
    private var hasName = false

    init(reading bytes: Span<UInt8>) throws(ParseError) {
        let lines = try Line.split(bytes)
        guard let first = lines.first else { throw ParseError(.missing, in: "v=", at: 0) }
        guard first.type == LineType.version else { throw ParseError(.unexpectedOctet, in: "v=", at: first.start) }
        guard bytes.equal(first.value, "0") else {
            throw ParseError(.unsupported, in: "v=", at: first.value.lowerBound)
        }
        for line in lines.dropFirst() {
            if line.type == LineType.media {
                try startMedia(line, in: bytes)
            } else if media.isEmpty {
                try readSessionLine(line, in: bytes)
            } else {
                try media[media.count - 1].read(line, in: bytes)
            }
        }
        try finishMedia()
    }

    private mutating func startMedia(_ line: Line, in bytes: Span<UInt8>) throws(ParseError) {
        guard origin != nil else { throw ParseError(.missing, in: "o=", at: line.start) }
        try finishMedia()
        guard media.count < SessionDescription.Limits.media else {
            throw ParseError(.tooMany, in: "m=", at: line.start)
        }
        media.append(
            try MediaDescription(line, in: bytes, connection: connection, direction: direction ?? .sendReceive))
    }

    /// Every stream that is not refused needs a c-line (RFC 8866 section 5.7).
    private func finishMedia() throws(ParseError) {
        guard let last = media.last, last.connection == nil, last.port != 0 else { return }
        throw ParseError(.missing, in: "c=", at: last.section.lowerBound)
    }

    private mutating func readSessionLine(_ line: Line, in bytes: Span<UInt8>) throws(ParseError) {
        switch line.type {
        case LineType.version:
            throw ParseError(.duplicate, in: "v=", at: line.start)
        case LineType.origin:
            guard origin == nil else { throw ParseError(.duplicate, in: "o=", at: line.start) }
            origin = try Origin(line, in: bytes)
        case LineType.sessionName:
            guard !hasName else { throw ParseError(.duplicate, in: "s=", at: line.start) }
            hasName = true
        case LineType.connection:
            guard connection == nil else { throw ParseError(.duplicate, in: "c=", at: line.start) }
            connection = try Connection(line, in: bytes)
            connectionRange = line.value
        case LineType.attribute:
            let attribute = Attribute(line, in: bytes)
            attributes.append(attribute)
            direction = direction ?? Direction(attribute, in: bytes)
        default:
            break  // i=, u=, e=, p=, b=, t=, r=, z=, k= and letters that RFC 8866 does not know: kept, not read.
        }
    }
}
