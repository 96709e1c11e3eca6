import Corpus
import SIPText
import Testing
import Wire

/// Messages that one reader reads in one way and another in another.
@Suite struct SmugglingTests {
    @Test(arguments: [
        "Content-Length: 4294967328", "Content-Length: -1", "Content-Length: +32", "Content-Length: 32, 32",
        "Content-Length: 0\nContent-Length: 0", "Content-Length: 0\nl: 0", "Content-Length: 0\nCONTENT-LENGTH : 0",
        "Content-Length: 00000000000000000032", "Content-Length: 18446744073709551616", "Content-Length: 0x0",
        "Content-Length: 0 0", "Content-Length: 0;a", "Content-Length: \"0\"", "Content-Length:",
        "Content-Length: 1\n 0",
        "Content-Length: ٣", "Content-Length: 1e1", "Content-Length: 0.0",
    ])
    func `a length that is not one plain number is refused and can be answered`(rows: String) {
        for requiresLength in [false, true] {
            guard case .malformed(_, .some) = MessageParser.parse(request(rows), requiresLength: requiresLength) else {
                Issue.record("accepted or not answerable")
                return
            }
        }
    }

    @Test(arguments: [
        "Call-ID: 2", "i: 2", "CSeq: 2 OPTIONS", "From: <sip:a@b>", "f: <sip:a@b>", "To: <sip:a@b>", "t : <sip:a@b>",
        "Max-Forwards: 70\nMax-Forwards: 70", "Content-Type: a/b\nc: a/b", "Content-ID: <1>\nContent-ID: <2>",
        "Content-Transfer-Encoding: binary\nContent-Transfer-Encoding: base64",
    ])
    func `a field that may stand once stands once`(rows: String) {
        #expect(outcome(of: request(rows)) == .malformed(.duplicate, answerable: true))
    }

    @Test(arguments: [
        "X\u{0}: 1", "X: \u{0}", "X: a\u{B}b", "X: a\u{1B}b", "X: \\\u{0}", "X: \"\" \\\u{0}", "X: \"\u{0}\"",
        "X: \"\\\\\u{0}\"",
    ])
    func `control octets are refused outside of quoted pairs`(row: String) {
        #expect(outcome(of: request(row)) == .malformed(.unexpectedOctet, answerable: true))
    }

    @Test func `control octets in quoted pairs are text`() {
        #expect(outcome(of: request("X: \"\\\u{0}\\\u{7}\\\\\"")) == .message)
        // Line ends never are (RFC 3261 section 25.1, quoted-pair).
        for end in ["\r", "\n"] {
            let octets = String(decoding: request("X: \"\\@\""), as: UTF8.self).replacing("@", with: end + "x")
            #expect(outcome(of: Array(octets.utf8)) != .message)
        }
    }

    /// Line ends are looked for eight octets at a time: wherever the octet stands and whatever its neighbours are.
    @Test func `a control octet is found at every place and no other octet is taken for one`() throws {
        let start = try #require(request("X: ").firstRange(of: Array("X: \r\n".utf8))).lowerBound + 3
        let telling = (UInt8(0)...0x21).filter { $0 != ASCII.cr && $0 != ASCII.lf } + [0x7F, 0x80, 0x9F, 0xA0, 0xFF]
        for place in 0..<16 {
            for octet in telling {
                for neighbour in [UInt8(ascii: "a"), 0x80, 0xFF] {
                    var octets = request("X: " + String(repeating: "a", count: 24))
                    for index in 0..<24 { octets[start + index] = index == place ? octet : neighbour }
                    let isText = octet >= ASCII.space || octet == ASCII.tab
                    switch MessageParser.parse(octets) {
                    case .message: #expect(isText)
                    case .malformed(let error, _):
                        #expect(!isText && error == ParseError(.unexpectedOctet, in: "header", at: start + place))
                    }
                }
            }
        }
    }

    @Test(arguments: ["\r", "\n", "\n\r", "\r\r\n", "\u{85}", "\u{2028}"])
    func `only CRLF ends a row`(end: String) {
        let octets = Array(
            String(decoding: request("X: 1@Y: 2"), as: UTF8.self).replacing("1@Y", with: "1\(end)Y").utf8)
        switch MessageParser.parse(octets) {
        case .message(let message): #expect(message.fields.count == 6, "the row is one")
        case .malformed(let error, _): #expect(error.code == .unexpectedOctet)
        }
    }

    @Test(arguments: [
        "X 1", "X", ": 1", " : 1", "X Y: 1", "X\u{A0}: 1", "\"X\": 1", "X(: 1", "X\u{7F}: 1",
    ])
    func `a row without a token and a colon is refused`(row: String) {
        // At the end, where no fold can hide it.
        #expect(outcome(of: request("A: 1", "\(row)")) != .message || row.hasPrefix(" "))
        if row.hasPrefix(" ") {
            // A blank goes on with the row above.
            #expect(parsed(request("A: 1", row))?.fields.last?.value.count == "1   : 1".utf8.count)
        }
    }

    @Test func `no row stands between start line and fields that begins with a blank`() {
        let octets = Array(
            String(decoding: request(), as: UTF8.self).replacing("\r\nVia", with: "\r\n X: 1\r\nVia").utf8)
        #expect(outcome(of: octets) == .malformed(.unexpectedOctet, answerable: true))
    }

    @Test(arguments: [
        ("From: <sip:alice@a.example.net>;tag=1", "From: <sip:alice@a.example.net>;tag=1, <sip:m@b>;tag=2"),
        ("From: <sip:alice@a.example.net>;tag=1", "From: <sip:alice@a.example.net>;tag=1;tag=2"),
        ("From: <sip:alice@a.example.net>;tag=1", "From: <sip:alice@a.example.net>;tag=1 2"),
        ("From: <sip:alice@a.example.net>;tag=1", "From: M, <sip:alice@a.example.net>;tag=1"),
        ("From: <sip:alice@a.example.net>;tag=1", "From: ;tag=1"),
        ("Via: SIP/2.0/UDP 10.1.0.2;branch=z9hG4bK1", "Via: SIP/2.0/UDP 10.1.0.2;branch=1;branch=2"),
        ("Via: SIP/2.0/UDP 10.1.0.2;branch=z9hG4bK1", "Via: SIP/2.0/UDP 10.1.0.2;;branch=1"),
        ("Via: SIP/2.0/UDP 10.1.0.2;branch=z9hG4bK1", "Via: ,\nVia: SIP/2.0/UDP 10.1.0.2"),
        ("Via: SIP/2.0/UDP 10.1.0.2;branch=z9hG4bK1", "Via:\nVia: SIP/2.0/UDP 10.1.0.2"),
        ("Call-ID: 1@10.1.0.2", "Call-ID: 1 2"),
        ("Call-ID: 1@10.1.0.2", "Call-ID:"),
        ("CSeq: 1 OPTIONS", "CSeq: 1"),
        ("CSeq: 1 OPTIONS", "CSeq: 1OPTIONS"),
        ("CSeq: 1 OPTIONS", "CSeq: OPTIONS 1"),
        ("CSeq: 1 OPTIONS", "CSeq: 1 OPTIONS 2"),
        ("CSeq: 1 OPTIONS", "CSeq: -1 OPTIONS"),
        ("CSeq: 1 OPTIONS", "CSeq: 1 options"),
        ("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"),
        ("OPTIONS sip:bob@b.example.net", "OPTIONS sip:bob@b.example.net?Subject=x"),
        ("OPTIONS sip:bob@b.example.net", "OPTIONS bob"),
        ("OPTIONS sip:bob@b.example.net", "OPTIONS sip:bob@b.example.net,sip:a"),
        ("OPTIONS sip:bob@b.example.net", "OPTIONS\tsip:bob@b.example.net"),
    ])
    func `a field with two meanings is refused`(good: String, bad: String) {
        #expect(outcome(of: request()) == .message)
        let octets = String(decoding: request(), as: UTF8.self).replacing(good, with: bad.replacing("\n", with: "\r\n"))
        #expect(outcome(of: Array(octets.utf8)) != .message)
    }

    @Test(arguments: [
        "Max-Forwards: 70", "Max-Forwards : 70", "Max-Forwards\t:70", "MAX-FORWARDS: 70", "max-forwards  :\t 70 ",
        "Max-Forwards:\n 70", "Max-Forwards :\n\t\n 70", "mAx-FoRwArDs:70\n ",
    ])
    func `removal finds a field however it is spelled`(row: String) throws {
        var edited = try #require(parsed(request(row)))
        #expect(edited.number(of: .maxForwards, upTo: 255) == 70)
        edited.removeAll(.maxForwards)
        #expect(!String(decoding: edited.serialized(), as: UTF8.self).lowercased().contains("forwards"))
    }

    @Test func `the last line may be all there is`() {
        let octets = request()
        for count in 0..<octets.count { #expect(outcome(of: Array(octets.prefix(count))) != .message) }
    }
}
