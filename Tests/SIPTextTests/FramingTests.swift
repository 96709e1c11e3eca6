import Corpus
import SIPText
import Testing
import Wire

@Suite struct FramingTests {
    @Test(arguments: Fixture.rfc4475, Octets.available)
    func `a stream comes to what the table says`(fixture: Fixture, source: Octets) throws {
        let octets = try source.octets(of: fixture)
        let framing = Framing.stream(octets, in: [octets.count])
        guard fixture.name == "dblreq", case .folder = source else {
            #expect(framing.matches(fixture.stream, octets), "\(framing)")
            return
        }
        // The RFC's second message has five octets more than it announces, and they begin no start line.
        #expect(framing.frames.count == 2 && framing.error?.code == .unexpectedOctet)
    }

    @Test(arguments: Fixture.rfc5118)
    func `a stream of IPv6 cases comes to what the table says`(fixture: Fixture) {
        let framing = Framing.stream(fixture.octets, in: [fixture.octets.count])
        #expect(framing.matches(fixture.stream, fixture.octets), "\(framing)")
    }

    @Test(arguments: Fixture.all)
    func `every cut and every piece size give the same frames or the same error`(fixture: Fixture) {
        let octets = fixture.octets
        let whole = Framing.stream(octets, in: [octets.count])
        for cut in 1..<octets.count {
            let framing = Framing.stream(octets, in: [cut, octets.count])
            guard framing == whole else {
                Issue.record("cut at \(cut): \(framing), whole: \(whole)")
                return
            }
        }
        for size in [1, 2, 3, 7, 64] { #expect(Framing.stream(octets, in: [size]) == whole, "pieces of \(size)") }
    }

    @Test func `messages with keep-alives between them are the same in pieces of any size`() {
        let one = request("Content-Length: 0")
        let two = request("Content-Length: 3") + Array("abc".utf8)
        let crlf: [UInt8] = [ASCII.cr, ASCII.lf]
        let stream = crlf + one + crlf + crlf + two + crlf + one + crlf + crlf + crlf + one
        let expected: [StreamFramer.Frame] = [
            .message(one), .ping, .message(two), .message(one), .ping, .message(one),
        ]
        for size in 1...stream.count {
            #expect(Framing.stream(stream, in: [size]) == Framing(frames: expected), "pieces of \(size)")
        }
    }

    /// What is refused, and at which octet: before the end of the head where that can be.
    @Test(arguments: [
        ("GET / HTTP/1.1\r\n", ParseError.Code.unexpectedOctet),
        ("POST / HTTP/1.1\r\nHost: a\r\n\r\nINVITE sip:a SIP/2.0\r\n", .unexpectedOctet),
        ("\u{16}\u{3}\u{1}\u{2}", .unexpectedOctet),
        ("\rINVITE", .unexpectedOctet),
        ("\r\n\rINVITE", .unexpectedOctet),
        ("\nINVITE", .unexpectedOctet),
        (" INVITE", .unexpectedOctet),
        ("SIP/2.0 99 No\r\n", .badNumber),
        ("SIP/3.0 200 OK\r\n", .unexpectedOctet),
        ("INVITE/2.0 200 OK\r\n", .unexpectedOctet),
        ("INVITE sip:a\n", .unexpectedOctet),
        ("INVITE sip:a SIP/2.0\n", .unexpectedOctet),
        ("INVITE sip:a SIP/2.0\r\nA: b\r\n\r\n", .missing),
        ("INVITE sip:a SIP/2.0\r\nl: 1\rX\r\n\r\n", .unexpectedOctet),
        ("INVITE sip:a SIP/2.0\r\nl: 1\nX: 1\r\n\r\n", .unexpectedOctet),
        ("INVITE sip:a SIP/2.0\r\nl: 1\0\r\n\r\n", .unexpectedOctet),
        ("INVITE sip:a SIP/2.0\r\nl: 1\r\nContent-Length : 1\r\n\r\nx", .duplicate),
        ("INVITE sip:a SIP/2.0\r\nl:\r\n 1\r\n 2\r\n\r\nx", .unexpectedOctet),
        ("INVITE sip:a SIP/2.0\r\nl: 4294967328\r\n\r\n", .tooLong),
        ("INVITE sip:a SIP/2.0\r\nl: -1\r\n\r\n", .badNumber),
        ("INVITE sip:a SIP/2.0\r\nl: +32\r\n\r\n", .badNumber),
        ("INVITE sip:a SIP/2.0\r\nl: 3,2\r\n\r\n", .unexpectedOctet),
        ("INVITE sip:a SIP/2.0\r\nl: 32, 32\r\n\r\n", .tooLong),
        ("INVITE sip:a SIP/2.0\r\nl: 0x20\r\n\r\n", .unexpectedOctet),
        ("INVITE sip:a SIP/2.0\r\nl:\r\n\r\n", .badNumber),
        ("INVITE sip:a SIP/2.0\r\nl: 00000000000000000032\r\n\r\n", .tooLong),
    ])
    func `what is no SIP ends the stream for good`(text: String, code: ParseError.Code) throws {
        let octets = Array(text.utf8)
        let whole = Framing.stream(octets, in: [octets.count])
        #expect(whole.error?.code == code)
        #expect(whole.frames.isEmpty)
        for size in 1..<octets.count { #expect(Framing.stream(octets, in: [size]) == whole, "pieces of \(size)") }

        // A good message behind the fault is not read.
        var framer = StreamFramer()
        framer.append(octets)
        #expect(throws: try #require(whole.error)) { try framer.next() }
        framer.append(request("Content-Length: 0"))
        #expect(throws: try #require(whole.error)) { try framer.next() }
    }

    @Test func `padding before a good request smuggles nothing`() {
        let good = request("Content-Length: 0", method: "INVITE")
        for padding in 0...1_460 {
            let post = Array("POST / HTTP/1.1\r\nContent-Length: 9999\r\n\r\n".utf8)
            let octets = post + Array(repeating: UInt8(ascii: "a"), count: padding) + good
            let framing = Framing.stream(octets, in: [post.count + padding, good.count])
            #expect(framing.frames.isEmpty)
            #expect(framing.error != nil)
        }
    }

    @Test func `a message whose length cannot be told is there for a last answer`() throws {
        for row in ["Content-Length: 4294967328", "Content-Length: -1", "X: no length", "l: 1\nContent-Length: 1"] {
            var framer = StreamFramer()
            let octets = request(row)
            framer.append(octets + Array("INVITE".utf8))
            #expect(throws: ParseError.self) { try framer.next() }
            #expect(framer.faultyHead == octets)
            guard case .malformed(_, .some) = MessageParser.parse(framer.faultyHead, requiresLength: true) else {
                Issue.record("\(row) is not answerable")
                continue
            }
        }
        var framer = StreamFramer()
        framer.append(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        #expect(throws: ParseError.self) { try framer.next() }
        #expect(framer.faultyHead.isEmpty)
    }

    @Test func `one keep-alive line end is not held`() throws {
        var framer = StreamFramer()
        framer.append([ASCII.cr, ASCII.lf])
        #expect(try framer.next() == nil)
        #expect(framer.buffered == 0)
        framer.append([ASCII.cr, ASCII.lf])
        #expect(try framer.next() == .ping)
    }
}
