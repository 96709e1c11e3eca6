import Corpus
import SIPText
import Testing
import Wire

@Suite struct StartLineTests {
    private static func parse(_ line: String) -> MessageParser.Outcome {
        let rest = String(decoding: request(), as: UTF8.self).drop { $0 != "\r\n" }
        return MessageParser.parse(Array((line + rest).utf8))
    }

    @Test(arguments: [
        ("SIP/2.0 200 OK", UInt16(200), "OK"), ("SIP/2.0 100 ", 100, ""), ("SIP/2.0 699", 699, ""),
        ("sip/2.0 486 Busy  Here ", 486, "Busy  Here "), ("SIP/2.0 180 \t", 180, "\t"),
    ])
    func `a Status-Line comes apart`(line: String, status: UInt16, reason: String) throws {
        guard case .message(let message) = Self.parse(line), case .response(_, let slice) = message.startLine else {
            Issue.record("not a response")
            return
        }
        #expect(message.status == status)
        #expect(message.method == nil && message.requestURI == nil && !message.isRequest)
        #expect(message.text(slice) == reason)
    }

    @Test(arguments: [
        "SIP/2.0 99 A", "SIP/2.0 700 A", "SIP/2.0 0200 A", "SIP/2.0 20 A", "SIP/2.0 2000 A", "SIP/2.0  200 A",
        "SIP/2.0\t200 A",
        "SIP/2.0200 A", "SIP/2.0 200A", "SIP/2.0 -20 A", "SIP/2.0 ", "SIP/2.0", "SIP/2.1 200 OK", " SIP/2.0 200 OK",
        "SIP /2.0 200 OK",
        "SIP/2.0 20\u{b2} A",
    ])
    func `what is no Status-Line has no answer`(line: String) {
        guard case .malformed(_, nil) = Self.parse(line) else {
            Issue.record("accepted")
            return
        }
    }

    @Test(arguments: [
        ("OPTIONS sip:a SIP/2.1", ParseError.Code.unsupported, true), ("OPTIONS sip:a SIP/22.0", .unsupported, true),
        ("OPTIONS sip:a SIP/2.0 ", .unexpectedOctet, true), ("OPTIONS sip:a  SIP/2.0", .unexpectedOctet, true),
        ("OPTIONS  SIP/2.0", .missing, true), ("OPTIONS sip:a b SIP/2.0", .unexpectedOctet, true),
        ("OPTIONS sip:a SIP/2.", .unexpectedOctet, false), ("OPTIONS sip:a SIP/", .unexpectedOctet, false),
        ("OPTIONS sip:a HTTP/1.1", .unexpectedOctet, false), ("OPTIONS sip:a", .truncated, false),
        ("OPTIONS", .truncated, false),
        ("OPTIONS sip:a/SIP/2.0", .truncated, false), ("", .unexpectedOctet, false),
        (" OPTIONS sip:a SIP/2.0", .unexpectedOctet, false),
        ("OPT(ONS sip:a SIP/2.0", .unexpectedOctet, false), ("OPTIONS\tsip:a SIP/2.0", .unexpectedOctet, false),
    ])
    func `a faulty Request-Line is answered when it ends with a version`(
        line: String, code: ParseError.Code, isAnswerable: Bool
    ) {
        guard case .malformed(let error, let answerable) = Self.parse(line) else {
            Issue.record("accepted")
            return
        }
        #expect(error.code == code)
        #expect((answerable != nil) == isAnswerable)
    }

    @Test func `the version is read in any letter case and written in one`() throws {
        guard case .message(let message) = Self.parse("OPTIONS sip:a sIp/2.0") else {
            Issue.record("refused")
            return
        }
        #expect(message.serialized().starts(with: Array("OPTIONS sip:a SIP/2.0\r\n".utf8)))
    }

    @Test func `an ACK is never answered`() {
        let ack = String(decoding: request(method: "ACK"), as: UTF8.self).replacing(
            "Call-ID: 1@10.1.0.2", with: "Call-ID: 1 2")
        #expect(outcome(of: Array(ack.utf8)) == .malformed(.unexpectedOctet, answerable: false))
    }

    @Test func `every method is recognised by its own name only`() {
        for method in Method.allCases where method != .other {
            let text = method.name.withUTF8Buffer { Array($0) }
            #expect(Method(text.span) == method)
            let lower = text.map(ASCII.lowercase)
            #expect(Method(lower.span) == .other)
            let longer = text + [UInt8(ascii: "S")]
            #expect(Method(longer.span) == .other)
        }
        let empty: [UInt8] = []
        #expect(Method(empty.span) == .other)
    }

    @Test func `every field name is recognised in any letter case, and by nothing else`() {
        for name in HeaderName.allCases where name != .other {
            let text = name.text.withUTF8Buffer { Array($0) }
            for spelling in [
                text, text.map(ASCII.lowercase), Array(String(decoding: text, as: UTF8.self).uppercased().utf8),
            ] {
                #expect(HeaderName(spelling.span) == name)
            }
            for wrong in [text + [UInt8(ascii: "s")], Array(text.dropLast()), text.dropLast() + [UInt8(ascii: "_")]] {
                #expect(HeaderName(wrong.span) == .other || wrong.count == 1)
            }
        }
        // The parser marks the names it has seen in one word.
        #expect(HeaderName.allCases.count <= 64)
    }

    @Test(arguments: [
        ("v", HeaderName.via), ("F", .from), ("t", .to), ("I", .callID), ("m", .contact), ("l", .contentLength),
        ("c", .contentType), ("e", .contentEncoding), ("k", .supported), ("s", .subject), ("o", .event),
        ("x", .sessionExpires),
        ("z", .other), ("-", .other),
    ])
    func `a compact name is the name`(letter: String, name: HeaderName) {
        let octets = Array(letter.utf8)
        #expect(HeaderName(octets.span) == name)
    }

    @Test func `the octets of a token are those of the grammar`() {
        let grammar = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~".utf8)
        for octet in UInt8.min ... .max { #expect(Token.contains(octet) == grammar.contains(octet), "\(octet)") }
    }
}
