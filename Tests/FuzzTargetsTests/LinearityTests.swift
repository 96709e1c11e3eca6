import CInstructions
import Corpus
import FuzzTargets
import GateProtocol
import Glibc
import SDPText
import SIPText
import Testing
import Wire

/// Twice the input costs about twice the instructions, whatever the input is: no shape of it makes a reader look at the
/// same octets again and again.
@Suite struct LinearityTests {
    /// An input of any size, made of a piece that is repeated, and what reads it.
    struct Shape: Sendable, CustomStringConvertible {
        let description: String
        /// The input of so many pieces.
        let input: @Sendable (Int) -> [UInt8]
        let read: @Sendable ([UInt8]) -> Void
        /// As many pieces as the larger input has.
        let pieces: Int
    }

    /// Twice, and what a buffer costs that grows by doubling.
    private static let largestRatio = 2.5

    @Test(arguments: Shape.all) func `twice the input costs about twice the work`(shape: Shape) {
        // Again where it was not so: without a counter of instructions others' work may be in it.
        let linear = (0..<4).lazy.map { _ in ratio(shape) }.first { $0 <= Self.largestRatio }
        #expect(linear != nil)
    }

    @Test func `a reader that looks at everything again for each octet is found out`() {
        let quadratic = Shape(
            description: "quadratic", input: { [UInt8](repeating: 1, count: $0) },
            read: { octets in
                var sum = 0
                for end in octets.indices { for octet in octets[..<end] { sum &+= Int(octet) } }
                #expect(sum > 0)
            }, pieces: 400)
        let isFound = (0..<4).lazy.map { _ in ratio(quadratic) }.contains { $0 > Self.largestRatio }
        #expect(isFound)
    }

    private func ratio(_ shape: Shape) -> Double {
        let counter = instructions_open()
        defer { if counter >= 0 { close(counter) } }
        let inputs = (shape.input(shape.pieces / 2), shape.input(shape.pieces))
        // The least of several: the first has tables to fill, and any may be interrupted where there is only CPU time.
        let half = (0..<5).map { _ in cost(counter, shape, inputs.0) }.min() ?? 0
        let whole = (0..<5).map { _ in cost(counter, shape, inputs.1) }.min() ?? 0
        return Double(whole) / Double(max(half, 1))
    }

    private func cost(_ counter: CInt, _ shape: Shape, _ input: [UInt8]) -> UInt64 {
        let start = instructions_read(counter)
        shape.read(input)
        return instructions_read(counter) - start
    }
}

extension LinearityTests.Shape {
    private static func text(_ before: String, _ piece: String, _ after: String = "") -> @Sendable (Int) -> [UInt8] {
        { count in Array((before + String(repeating: piece, count: count) + after).utf8) }
    }

    private static func parse(_ octets: [UInt8]) { _ = MessageParser.parse(octets) }

    private static func takeApart(_ octets: [UInt8]) {
        guard let entity = try? Entity(parsing: octets.span, Slice(0..<octets.count)) else { return }
        _ = try? Multipart.leaves(of: entity, in: octets.span)
    }

    private static func frames(_ octets: [UInt8], pieceOctets: Int) {
        var framer = StreamFramer()
        var position = 0
        while position < octets.count {
            let end = min(position + pieceOctets, octets.count)
            framer.append(octets[position..<end])
            position = end
            while (try? framer.next()) != nil {}
        }
    }

    private static let mixed = "Content-Type: multipart/mixed;boundary=b\r\n\r\n"
    private static let head =
        "OPTIONS sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
        + "To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
    private static let session = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

    static let all: [LinearityTests.Shape] = [
        .init(
            description: "delimiters, one behind the other", input: text(mixed, "--b\r\n"), read: takeApart,
            pieces: 12_000),
        .init(
            description: "what is nearly a delimiter", input: text(mixed, "--b \t-\r\n"), read: takeApart, pieces: 8_000
        ),
        .init(
            description: "delimiters of a part that never ends", input: text(mixed + "--b\r\n\r\n", "--c\r\n"),
            read: takeApart, pieces: 12_000),
        .init(
            description: "multipart that opens and never closes",
            input: text(mixed, "--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n"), read: takeApart,
            pieces: 1_300),
        .init(
            description: "folds of a part's header", input: text("X: a", "\r\n a"), read: takeApart, pieces: 1_000),
        .init(
            description: "base64 without a line end",
            input: text("Content-Transfer-Encoding: base64\r\n\r\n", "QUJD"),
            read: { octets in
                guard let entity = try? Entity(parsing: octets.span, Slice(0..<octets.count)) else { return }
                _ = try? entity.content(in: octets.span)
            }, pieces: 16_000),
        .init(
            description: "folds of a header", input: text(head + "X: a", "\r\n a", "\r\n\r\n"), read: parse,
            pieces: 4_000),
        .init(description: "rows of a header", input: text(head, "X:\r\n", "\r\n"), read: parse, pieces: 120),
        .init(
            description: "commas in Route", input: text(head + "Route: ", ",<sip:a>", "\r\n\r\n"),
            read: { octets in
                guard case .message(let message) = MessageParser.parse(octets) else { return }
                _ = message.values(of: .route)
            }, pieces: 1_900),
        .init(
            description: "parameters of Via", input: text("SIP/2.0/UDP h", ";a=\"b\""),
            read: { octets in
                guard let via = try? Via(in: octets.span, Slice(0..<octets.count)) else { return }
                _ = via.branch(in: octets.span)
            }, pieces: 2_600),
        .init(
            description: "quotes that do not close", input: text(head + "X: ", "\"a\\", "\r\n\r\n"), read: parse,
            pieces: 5_000),
        .init(
            description: "lines of a description", input: text(session, "a=\r\n"),
            read: { _ = try? SessionDescription(parsing: $0) }, pieces: 1_000),
        .init(
            description: "attributes of a stream",
            input: text(session + "m=audio 1 RTP/AVP 0\r\n", "a=rtpmap:0 P/8\r\n"),
            read: { _ = try? SessionDescription(parsing: $0) }, pieces: 1_000),
        .init(
            description: "formats of a stream", input: text(session + "m=audio 1 RTP/AVP", " 0", "\r\n"),
            read: { _ = try? SessionDescription(parsing: $0) }, pieces: 120),
        .init(
            description: "a body that comes octet by octet",
            input: { count in request("l: \(count)") + [UInt8](repeating: 0x61, count: count) },
            read: { frames($0, pieceOctets: 1) }, pieces: 60_000),
        .init(
            description: "a head that comes octet by octet", input: text(head + "X: ", "a", "\r\nl: 0\r\n\r\n"),
            read: { frames($0, pieceOctets: 1) }, pieces: 16_000),
        .init(
            description: "messages that come in one piece",
            input: { count in (0..<count).flatMap { _ in request("l: 0") } },
            read: { frames($0, pieceOctets: .max / 2) }, pieces: 200),
        .init(
            description: "frames of the gate that come in one piece",
            input: { count in
                var octets: [UInt8] = []
                for id in 0..<count {
                    try? FrameEncoder.append(.request(.list(after: nil), id: UInt32(id)), to: &octets)
                }
                return octets
            },
            read: { octets in
                var decoder = FrameDecoder()
                decoder.append(octets.span)
                while (try? decoder.next()) != nil {}
            }, pieces: 4_000),
    ]
}
