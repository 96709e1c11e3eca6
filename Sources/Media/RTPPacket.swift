public import Wire

/// The header of an RTP packet (RFC 3550 section 5.1).
///
/// ```
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
/// |                           timestamp                           |
/// |                             SSRC                              |
/// |                        CSRC (CC times)                        |
/// ```
public struct RTPHeader: Hashable, Sendable {
    /// For G.711 the first packet after a silence (RFC 3551 section 4.1).
    public var marker: Bool
    /// 0 to 127; the top bit is not written.
    public var payloadType: UInt8
    /// One more with each packet; wraps.
    public var sequenceNumber: UInt16
    /// In samples: 8,000 a second for G.711.
    public var timestamp: UInt32
    /// The synchronization source.
    public var source: UInt32
    /// Contributing sources, at most 15; those after are not written.
    public var contributors: [UInt32]

    /// A header without padding and extension.
    public init(
        payloadType: UInt8, sequenceNumber: UInt16, timestamp: UInt32, source: UInt32, marker: Bool = false,
        contributors: [UInt32] = []
    ) {
        self.payloadType = payloadType
        self.sequenceNumber = sequenceNumber
        self.timestamp = timestamp
        self.source = source
        self.marker = marker
        self.contributors = contributors
    }

    /// Appends the header, without padding and extension.
    public func append(to output: inout [UInt8]) {
        let count = min(contributors.count, RTPPacket.Limits.contributors)
        output.append(0x80 | UInt8(count))
        output.append((marker ? 0x80 : 0) | payloadType & 0x7F)
        output.append(network: sequenceNumber)
        output.append(network: timestamp)
        output.append(network: source)
        for contributor in contributors.prefix(count) { output.append(network: contributor) }
    }
}

/// An RTP packet as read: its header, and where in the datagram the payload is.
public struct RTPPacket: Hashable, Sendable {
    /// Sizes, each from the format itself.
    public enum Limits {
        /// Octets in a packet: the largest UDP payload over IPv4 (RFC 768, RFC 791 section 3.1).
        public static let octets = 65_507
        /// Octets in the fixed header (RFC 3550 section 5.1).
        public static let headerOctets = 12
        /// Contributing sources: CC has four bits (RFC 3550 section 5.1).
        public static let contributors = 15
    }

    /// The fixed header and the contributors.
    public let header: RTPHeader
    /// The `profile` word of the header extension (RFC 3550 section 5.3.1); nil without one.
    public let extensionProfile: UInt16?
    /// The octets of the header extension after its first word.
    public let extensionData: Range<Int>
    /// The payload without padding. May be empty.
    public let payload: Range<Int>

    /// Reads a packet with the checks of RFC 3550 appendix A.1 that need no state.
    ///
    /// - Throws: the offset of the field that is wrong.
    public init(parsing bytes: Span<UInt8>) throws(ParseError) {
        guard bytes.count <= Limits.octets else { throw ParseError(.tooLong, in: "RTP packet", at: Limits.octets) }
        guard bytes.count >= Limits.headerOctets else {
            throw ParseError(.truncated, in: "RTP header", at: bytes.count)
        }
        guard bytes[0] >> 6 == 2 else { throw ParseError(.unsupported, in: "RTP version", at: 0) }
        let count = Int(bytes[0] & 0x0F)
        var position = Limits.headerOctets + 4 * count
        guard bytes.count >= position else { throw ParseError(.truncated, in: "CSRC", at: bytes.count) }
        var contributors: [UInt32] = []
        for index in 0..<count { contributors.append(bytes.network32(at: Limits.headerOctets + 4 * index)) }
        header = RTPHeader(
            payloadType: bytes[1] & 0x7F, sequenceNumber: bytes.network16(at: 2), timestamp: bytes.network32(at: 4),
            source: bytes.network32(at: 8), marker: bytes[1] & 0x80 != 0, contributors: contributors)

        if bytes[0] & 0x10 != 0 {
            guard bytes.count >= position + 4 else {
                throw ParseError(.truncated, in: "RTP header extension", at: bytes.count)
            }
            extensionProfile = bytes.network16(at: position)
            let end = position + 4 + 4 * Int(bytes.network16(at: position + 2))
            guard bytes.count >= end else {
                throw ParseError(.truncated, in: "RTP header extension", at: bytes.count)
            }
            extensionData = position + 4..<end
            position = end
        } else {
            extensionProfile = nil
            extensionData = position..<position
        }

        var end = bytes.count
        if bytes[0] & 0x20 != 0 {
            // The last octet counts the padding with itself in it.
            guard end > position else { throw ParseError(.truncated, in: "RTP padding", at: end) }
            let padding = Int(bytes[end - 1])
            guard padding > 0, padding <= end - position else {
                throw ParseError(.inconsistent, in: "RTP padding", at: end - 1)
            }
            end -= padding
        }
        payload = position..<end
    }

    /// Whether a datagram that came to a port shared by RTP and RTCP is RTCP (RFC 5761 section 4: packet types 192 to
    /// 223, which as RTP would be payload types 64 to 95 with the marker set).
    public static func isRTCP(_ bytes: Span<UInt8>) -> Bool {
        bytes.count >= 2 && bytes[0] >> 6 == 2 && (192...223).contains(bytes[1])
    }
}
