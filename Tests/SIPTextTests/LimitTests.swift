import Corpus
import SIPText
import Testing
import Wire

/// Each limit of `MessageLimits` at n and at n + 1.
@Suite struct LimitTests {
    private static func filler(_ count: Int, _ octet: Character = "a") -> String {
        String(repeating: octet, count: count)
    }

    /// A request whose head is exactly so long.
    private static func headOf(_ count: Int) -> [UInt8] {
        let bare = request("X: ", "Content-Length: 0").count
        return request("X: \(filler(count - bare))", "Content-Length: 0")
    }

    /// The same outcome from a datagram and from a stream.
    private static func expect(
        _ octets: [UInt8], _ code: ParseError.Code?, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let datagram: ParseError.Code? =
            switch MessageParser.parse(octets, requiresLength: true) {
            case .message: nil
            case .malformed(let error, _): error.code
            }
        #expect(datagram == code, sourceLocation: sourceLocation)
    }

    @Test func `octets in the head`() {
        let limit = MessageLimits.headOctets
        #expect(Self.headOf(limit).count == limit)
        Self.expect(Self.headOf(limit), nil)
        Self.expect(Self.headOf(limit + 1), .tooLong)
        #expect(Framing.stream(Self.headOf(limit), in: [limit]).frames.count == 1)
        for size in [1, limit - 1, limit, limit + 1] {
            #expect(Framing.stream(Self.headOf(limit + 1), in: [size]).error?.code == .tooLong)
        }
    }

    @Test func `octets in the start line`() {
        func withLine(_ count: Int) -> [UInt8] {
            let bare = "OPTIONS sip: SIP/2.0".utf8.count
            return request("Content-Length: 0", uri: "sip:" + Self.filler(count - bare))
        }
        let limit = MessageLimits.startLineOctets
        Self.expect(withLine(limit), nil)
        Self.expect(withLine(limit + 1), .tooLong)
        for size in [1, limit, 9_999] {
            #expect(Framing.stream(withLine(limit), in: [size]).frames.count == 1)
            #expect(Framing.stream(withLine(limit + 1), in: [size]).error?.code == .tooLong)
        }
    }

    @Test func `header fields`() {
        func withFields(_ count: Int) -> [UInt8] {
            Fixture.head(
                String(decoding: request("Content-Length: 0").dropLast(4), as: UTF8.self).replacing("\r\n", with: "\n")
                    + String(repeating: "\nX: 1", count: count - 6))
        }
        Self.expect(withFields(MessageLimits.headerFields), nil)
        Self.expect(withFields(MessageLimits.headerFields + 1), .tooMany)
    }

    @Test func `octets in the body, announced and not`() {
        let limit = MessageLimits.bodyOctets
        func withBody(_ count: Int) -> [UInt8] { request("l: \(count)") + Array(repeating: 0, count: count) }
        Self.expect(withBody(limit), nil)
        Self.expect(withBody(limit + 1), .badNumber)
        #expect(Framing.stream(withBody(limit), in: [1_460]).frames.count == 1)
        #expect(Framing.stream(withBody(limit + 1), in: [1_460]).error?.code == .badNumber)
        #expect(outcome(of: request() + Array(repeating: 0, count: limit)) == .message)
        #expect(
            outcome(of: request() + Array(repeating: 0, count: limit + 1)) == .malformed(.tooLong, answerable: true))
    }

    @Test func `octets in a message, wherever the stream is split`() {
        let limit = 8_192
        func message(_ count: Int) -> [UInt8] {
            let head = request("l: 0000").count
            let body = count - head
            return request("l: \(body)") + Array(repeating: 0, count: body)
        }
        for size in [1, 1_460, 4_096, 99_999] {
            for (count, isTaken) in [(limit, true), (limit + 1, false)] {
                var framer = StreamFramer(maximumOctets: limit)
                var frames = 0
                var error: ParseError?
                let octets = message(count)
                for start in stride(from: 0, to: octets.count, by: size) {
                    framer.append(octets[start..<min(start + size, octets.count)])
                    do throws(ParseError) {
                        while try framer.next() != nil { frames += 1 }
                    } catch let fault { error = fault }
                }
                #expect(frames == (isTaken ? 1 : 0), "pieces of \(size)")
                #expect(error == (isTaken ? nil : ParseError(.tooLong, in: "message", at: limit)), "pieces of \(size)")
                #expect(framer.faultyHead.isEmpty == isTaken)
            }
        }
    }

    @Test func `digits in Content-Length`() {
        Self.expect(request("l: \(Self.filler(MessageLimits.contentLengthDigits, "0"))"), nil)
        Self.expect(request("l: \(Self.filler(MessageLimits.contentLengthDigits + 1, "0"))"), .tooLong)
    }

    @Test func `octets in a method`() {
        let limit = MessageLimits.methodOctets
        Self.expect(request("l: 0", method: Self.filler(limit, "M")), nil)
        Self.expect(request("l: 0", method: Self.filler(limit + 1, "M")), .tooLong)
        for size in [1, limit, limit + 1, 999] {
            #expect(Framing.stream(request("l: 0", method: Self.filler(limit, "M")), in: [size]).frames.count == 1)
            let long = Framing.stream(request("l: 0", method: Self.filler(limit + 1, "M")), in: [size])
            #expect(long.error == ParseError(.tooLong, in: "method", at: limit))
        }
        let response = String(decoding: request("l: 0"), as: UTF8.self)
            .replacing("OPTIONS sip:bob@b.example.net SIP/2.0", with: "SIP/2.0 200 OK")
        Self.expect(Array(response.replacing("1 OPTIONS", with: "1 \(Self.filler(limit, "M"))").utf8), nil)
        Self.expect(Array(response.replacing("1 OPTIONS", with: "1 \(Self.filler(limit + 1, "M"))").utf8), .tooLong)
    }

    @Test func `Max-Forwards`() {
        Self.expect(request("l: 0", "Max-Forwards: \(MessageLimits.maxForwards)"), nil)
        Self.expect(request("l: 0", "Max-Forwards: \(MessageLimits.maxForwards + 1)"), .badNumber)
    }

    @Test func `CSeq`() {
        func withNumber(_ number: UInt64) -> [UInt8] {
            Array(String(decoding: request("l: 0"), as: UTF8.self).replacing("CSeq: 1 ", with: "CSeq: \(number) ").utf8)
        }
        Self.expect(withNumber(MessageLimits.sequenceNumber), nil)
        Self.expect(withNumber(MessageLimits.sequenceNumber + 1), .badNumber)
    }

    @Test func `values of Via, in rows and behind commas`() {
        let more = MessageLimits.viaValues - 1
        for separator in [", ", "\nVia: "] {
            let row = { (count: Int) in
                "Via: " + Array(repeating: "SIP/2.0/UDP h", count: count).joined(separator: separator)
            }
            Self.expect(request("l: 0", row(more)), nil)
            Self.expect(request("l: 0", row(more + 1)), .tooMany)
            // An answer would carry them all and be malformed itself.
            #expect(outcome(of: request("l: 0", row(more + 1))) == .malformed(.tooMany, answerable: false))
            #expect(outcome(of: request("l: x", row(more))) == .malformed(.badNumber, answerable: true))
        }
    }

    /// The leaves of a body, or the code of the error.
    private static func leaves(_ type: String, _ body: String) -> Result<Int, ParseError> {
        let octets = request("Content-Type: \(type)", "l: \(body.utf8.count)") + Array(body.utf8)
        guard let message = parsed(octets), let entity = Entity(bodyOf: message) else { return .success(-1) }
        return Result { () throws(ParseError) in try Multipart.leaves(of: entity, in: message.bytes.span).count }
    }

    private static func code(_ result: Result<Int, ParseError>) -> ParseError.Code? {
        guard case .failure(let error) = result else { return nil }
        return error.code
    }

    @Test func `depth of multipart bodies`() {
        func nested(_ depth: Int) -> Result<Int, ParseError> {
            var body = "text"
            for level in 1..<depth {
                body =
                    "--b\(level)\r\nContent-Type: \(level == 1 ? "text/plain" : "multipart/mixed;boundary=b\(level - 1)")"
                    + "\r\n\r\n\(body)\r\n--b\(level)--\r\n"
            }
            body =
                "--b\(depth)\r\n"
                + (depth > 1 ? "Content-Type: multipart/mixed;boundary=b\(depth - 1)\r\n" : "")
                + "\r\n\(body)\r\n--b\(depth)--\r\n"
            return Self.leaves("multipart/mixed;boundary=b\(depth)", body)
        }
        #expect(nested(MessageLimits.mimeDepth) == .success(1))
        #expect(Self.code(nested(MessageLimits.mimeDepth + 1)) == .tooDeep)
    }

    @Test func `parts of multipart bodies, in one and in all`() {
        func parts(_ count: Int, _ boundary: String) -> String {
            String(repeating: "--\(boundary)\r\n\r\n1\r\n", count: count) + "--\(boundary)--"
        }
        let limit = MessageLimits.mimeParts
        #expect(Self.leaves("multipart/mixed;boundary=b", parts(limit, "b")) == .success(limit))
        #expect(Self.code(Self.leaves("multipart/mixed;boundary=b", parts(limit + 1, "b"))) == .tooMany)
        func two(_ first: Int, _ second: Int) -> String {
            "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n\(parts(first, "c"))\r\n"
                + "--b\r\nContent-Type: multipart/mixed;boundary=d\r\n\r\n\(parts(second, "d"))\r\n--b--"
        }
        #expect(Self.leaves("multipart/mixed;boundary=b", two(limit / 2, limit - limit / 2)) == .success(limit))
        #expect(Self.code(Self.leaves("multipart/mixed;boundary=b", two(limit / 2, limit - limit / 2 + 1))) == .tooMany)
    }

    @Test func `octets in a boundary`() {
        for (count, code) in [
            (MessageLimits.boundaryOctets, nil), (MessageLimits.boundaryOctets + 1, ParseError.Code.tooLong),
        ] {
            let boundary = Self.filler(count, "b")
            let result = Self.leaves(
                "multipart/mixed;boundary=\(boundary)", "--\(boundary)\r\n\r\n1\r\n--\(boundary)--")
            #expect(Self.code(result) == code)
        }
    }

    @Test func `octets in the headers of a part`() {
        for isFolded in [false, true] {
            func part(_ count: Int) -> Result<Int, ParseError> {
                let start = isFolded ? "X: 1\r\n " : "X: "
                // The line end counts, the empty line does not.
                let row = start + Self.filler(count - start.utf8.count - 2) + "\r\n"
                return Self.leaves("multipart/mixed;boundary=b", "--b\r\n\(row)\r\n1\r\n--b--")
            }
            #expect(part(MessageLimits.partHeaderOctets) == .success(1))
            #expect(Self.code(part(MessageLimits.partHeaderOctets + 1)) == .tooLong)
        }
    }
}
