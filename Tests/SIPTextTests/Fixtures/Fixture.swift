import SIPText
import Testing
import Wire

/// A message of our own for one case of RFC 4475, under the name that the RFC gives the case, and what reading it must
/// come to. Where a later layer has to judge, the message is good here and the comment says who judges.
struct Fixture: Sendable, CustomTestStringConvertible {
    enum Outcome: Sendable, Equatable {
        case message
        /// Refused for that reason; a request may be answerable nevertheless.
        case malformed(ParseError.Code, answerable: Bool)
    }

    /// What a stream of these octets gives.
    enum Stream: Sendable, Equatable {
        /// One frame, all octets.
        case whole
        /// That many frames.
        case frames(Int)
        /// Nothing yet: more octets are announced than are there.
        case incomplete
        case error(ParseError.Code)
    }

    let name: String
    let outcome: Outcome
    let stream: Stream
    let octets: [UInt8]

    init(
        _ name: String, outcome: Outcome = .message, stream: Stream = .whole, _ text: String, body: [UInt8] = []
    ) {
        self.name = name
        self.outcome = outcome
        self.stream = stream
        octets = Fixture.head(text) + body
    }

    var testDescription: String { name }

    /// Lines to octets: each line ends with CRLF, and the empty line follows the last.
    static func head(_ text: String) -> [UInt8] {
        var octets: [UInt8] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            octets += Array(line.utf8) + [ASCII.cr, ASCII.lf]
        }
        return octets + [ASCII.cr, ASCII.lf]
    }

    static let sdp = Array(
        """
        v=0\r
        o=- 29739 7272939 IN IP4 192.0.2.5\r
        s=-\r
        c=IN IP4 192.0.2.5\r
        t=0 0\r
        m=audio 49217 RTP/AVP 0\r

        """.utf8)

    static let all = valid + unreadable + forLaterLayers
}

/// Reads octets into what the tables speak of.
func outcome(of octets: [UInt8], requiresLength: Bool = false) -> Fixture.Outcome {
    switch MessageParser.parse(octets, requiresLength: requiresLength) {
    case .message: .message
    case .malformed(let error, let answerable): .malformed(error.code, answerable: answerable != nil)
    }
}

/// The message, or nil when it is refused.
func parsed(_ octets: [UInt8]) -> Message? {
    guard case .message(let message) = MessageParser.parse(octets) else { return nil }
    return message
}

/// A good request with these rows more.
func request(_ rows: String..., method: String = "OPTIONS", uri: String = "sip:bob@b.example.net") -> [UInt8] {
    Fixture.head(
        ([
            "\(method) \(uri) SIP/2.0", "Via: SIP/2.0/UDP 10.1.0.2;branch=z9hG4bK1",
            "From: <sip:alice@a.example.net>;tag=1", "To: <sip:bob@b.example.net>", "Call-ID: 1@10.1.0.2",
            "CSeq: 1 \(method)",
        ] + rows).joined(separator: "\n"))
}
