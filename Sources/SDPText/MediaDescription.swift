import Wire

/// What kind of media an m-line is about (RFC 8866 section 5.14).
public enum MediaKind: Hashable, Sendable {
    /// `audio`.
    case audio
    /// `video`.
    case video
    /// `image`, `text`, `application`, `message` and any other.
    case other
}

/// One m-line with the lines that belong to it:
/// `m=<media> <port>["/"<number of ports>] <proto> <fmt> ...` (RFC 8866 section 5.14).
///
/// Ranges are of the description's octets.
public struct MediaDescription: Hashable, Sendable {
    /// The kind that `<media>` stands for, compared by case.
    public let kind: MediaKind
    /// `<media>` as written.
    public let kindToken: Range<Int>
    /// 0 when the stream is refused or ended (RFC 3264 sections 6 and 8.2), or offered for bundling only.
    public let port: UInt16
    /// 1 unless the line has a number of ports.
    public let portCount: UInt16
    /// What `<proto>` stands for.
    public let transport: MediaTransport
    /// `<proto>` as written.
    public let transportToken: Range<Int>
    /// Payload type numbers for RTP. Empty only when the port is 0.
    public let formats: [Range<Int>]
    /// The c-line that holds for this stream: its own, or the session's. Nil only when the port is 0.
    public internal(set) var connection: Connection?
    /// c-lines of its own; more than one is for layered multicast.
    public internal(set) var ownConnectionCount = 0
    /// Its own, or the session's, or sendrecv. The first of several counts.
    public internal(set) var direction: Direction
    /// An explicit place for RTCP.
    public internal(set) var rtcp: RTCPAttribute?
    /// `a=rtcp-mux`: willing to receive RTP and RTCP at one port (RFC 5761 section 5.1.1).
    public internal(set) var isRTCPMux = false
    /// `a=rtcp-mux-only`: RTCP is received at RTP's port or not at all (RFC 8858 section 3).
    public internal(set) var isRTCPMuxOnly = false
    /// `a=mid`, the name of this stream in groups (RFC 5888 section 4).
    public internal(set) var mid: Range<Int>?
    /// Where ICE may find it, as far as holes can be for it.
    public internal(set) var candidates: [Candidate] = []
    /// Every attribute of this m-line, in order.
    public internal(set) var attributes: [Attribute] = []

    /// `<port>` without the number of ports, for rewriting.
    let portRange: Range<Int>
    /// From the m-line to the next one or to the end.
    var section: Range<Int>
    /// The value of its own first c-line.
    var ownConnectionRange: Range<Int>?
    /// Where a c-line may be put: after m= and i=.
    var connectionPlace: Int
    var hasOwnDirection = false
}

extension MediaDescription {
    init(
        _ line: Line, in bytes: Span<UInt8>, connection: Connection?, direction: Direction
    ) throws(ParseError) {
        var fields = try Fields(line, in: bytes, of: "m=")
        kindToken = try fields.require(in: bytes)
        kind = bytes.equal(kindToken, "audio") ? .audio : bytes.equal(kindToken, "video") ? .video : .other

        let ports = try fields.require(in: bytes)
        let slash = bytes.firstIndex(of: ASCII.slash, in: ports)
        portRange = ports.lowerBound..<(slash ?? ports.upperBound)
        port = UInt16(try bytes.decimal(portRange, upTo: UInt64(UInt16.max), in: "m= port"))
        if let slash {
            let range = slash + 1..<ports.upperBound
            portCount = UInt16(try bytes.decimal(range, upTo: UInt64(UInt16.max), in: "m= number of ports"))
            guard portCount > 0 else { throw ParseError(.badNumber, in: "m= number of ports", at: range.lowerBound) }
        } else {
            portCount = 1
        }

        transportToken = try fields.require(in: bytes)
        transport = MediaTransport(bytes.extracting(transportToken))

        var formats: [Range<Int>] = []
        while let format = try fields.next(in: bytes) {
            guard formats.count < SessionDescription.Limits.formats else {
                throw ParseError(.tooMany, in: "m= fmt", at: format.lowerBound)
            }
            formats.append(format)
        }
        // A refused stream without formats is against RFC 3264 section 6, but sent, and harmless.
        guard !formats.isEmpty || port == 0 else {
            throw ParseError(.missing, in: "m= fmt", at: line.value.upperBound)
        }
        self.formats = formats
        self.connection = connection
        self.direction = direction
        section = line.start..<line.end
        connectionPlace = line.end
    }

    /// Takes in one line after the m-line.
    mutating func read(_ line: Line, in bytes: Span<UInt8>) throws(ParseError) {
        section = section.lowerBound..<line.end
        switch line.type {
        case LineType.connection:
            let own = try Connection(line, in: bytes)
            if ownConnectionCount == 0 {
                connection = own
                ownConnectionRange = line.value
            }
            ownConnectionCount += 1
        case LineType.information:
            if ownConnectionCount == 0, attributes.isEmpty { connectionPlace = line.end }
        case LineType.attribute:
            try read(Attribute(line, in: bytes), in: bytes)
        case LineType.version, LineType.origin, LineType.sessionName, LineType.time:
            throw ParseError(.unexpectedOctet, in: "session line after m=", at: line.start)
        default:
            break  // b=, k= and letters that RFC 8866 does not know: kept, not read.
        }
    }

    private mutating func read(_ attribute: Attribute, in bytes: Span<UInt8>) throws(ParseError) {
        attributes.append(attribute)
        if let own = Direction(attribute, in: bytes) {
            if !hasOwnDirection { direction = own }
            hasOwnDirection = true
        } else if bytes.equal(attribute.name, "rtcp") {
            guard rtcp == nil else { throw ParseError(.duplicate, in: "a=rtcp", at: attribute.name.lowerBound) }
            rtcp = try RTCPAttribute(attribute, in: bytes)
        } else if bytes.equal(attribute.name, "candidate") {
            guard candidates.count < SessionDescription.Limits.candidates, let value = attribute.value,
                let candidate = Candidate(value, in: bytes)
            else { return }
            candidates.append(candidate)
        } else if bytes.equal(attribute.name, "rtcp-mux") {
            isRTCPMux = true
        } else if bytes.equal(attribute.name, "rtcp-mux-only") {
            isRTCPMuxOnly = true
        } else if bytes.equal(attribute.name, "mid") {
            guard let value = attribute.value, !value.isEmpty else {
                throw ParseError(.missing, in: "a=mid", at: attribute.name.upperBound)
            }
            guard mid == nil else { throw ParseError(.duplicate, in: "a=mid", at: attribute.name.lowerBound) }
            mid = value
        }
    }
}
