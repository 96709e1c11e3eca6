public import Wire

/// A message of our own for one case of a torture-test RFC, under the name that the RFC gives the case, and what reading
/// it must come to. Where a later layer has to judge, the message is good here and the comment says who judges.
public struct Fixture: Sendable, CustomStringConvertible {
    /// What the parser makes of the octets as a datagram.
    public enum Outcome: Sendable, Equatable {
        case message
        /// Refused for that reason; a request may be answerable nevertheless.
        case malformed(ParseError.Code, answerable: Bool)
    }

    /// What a stream of these octets gives.
    public enum Stream: Sendable, Equatable {
        /// One frame, all octets.
        case whole
        /// That many frames.
        case frames(Int)
        /// Nothing yet: more octets are announced than are there.
        case incomplete
        case error(ParseError.Code)
    }

    /// The case's name in its RFC.
    public let name: String
    /// What the parser must make of it.
    public let outcome: Outcome
    /// What the framer must make of it.
    public let stream: Stream
    /// The message.
    public let octets: [UInt8]

    init(
        _ name: String, outcome: Outcome = .message, stream: Stream = .whole, _ text: String, body: [UInt8] = []
    ) {
        self.name = name
        self.outcome = outcome
        self.stream = stream
        octets = Fixture.head(text) + body
    }

    public var description: String { name }

    /// Lines to octets: each line ends with CRLF, and the empty line follows the last.
    public static func head(_ text: String) -> [UInt8] {
        var octets: [UInt8] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            octets += Array(line.utf8) + [ASCII.cr, ASCII.lf]
        }
        return octets + [ASCII.cr, ASCII.lf]
    }

    /// The description that most of them carry: one audio stream.
    public static let sdp = Array(
        """
        v=0\r
        o=- 29739 7272939 IN IP4 192.0.2.5\r
        s=-\r
        c=IN IP4 192.0.2.5\r
        t=0 0\r
        m=audio 49217 RTP/AVP 0\r

        """.utf8)

    /// RFC 4475: 49 cases.
    public static let rfc4475 = valid + unreadable + forLaterLayers
    /// Every case of every RFC.
    public static let all = rfc4475 + rfc5118
}
