import SDPText
import Testing
import Wire

/// A description that must be refused, and where.
struct Hostile: Sendable, CustomTestStringConvertible {
    let text: String
    let code: ParseError.Code
    let offset: Int

    var testDescription: String { text.debugDescription }
}

@Suite struct HostileTests {
    private static let head = "v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\nc=IN IP4 1.2.3.4\nt=0 0\n"

    /// After five good session lines of 55 octets.
    private static func after(_ text: String, _ code: ParseError.Code, _ offset: Int) -> Hostile {
        Hostile(text: head + text, code: code, offset: head.utf8.count + offset)
    }

    /// In place of everything after `v=0\n`.
    private static func from(_ text: String, _ code: ParseError.Code, _ offset: Int) -> Hostile {
        Hostile(text: "v=0\n" + text, code: code, offset: 4 + offset)
    }

    static let table: [Hostile] = [
        Hostile(text: "", code: .missing, offset: 0),
        Hostile(text: "\r\n", code: .missing, offset: 0),
        Hostile(text: "v", code: .truncated, offset: 1),
        Hostile(text: "v=", code: .unsupported, offset: 2),
        Hostile(text: "v=1\n", code: .unsupported, offset: 2),
        Hostile(text: "v=00\n", code: .unsupported, offset: 2),
        Hostile(text: "v=0 \n", code: .unsupported, offset: 2),
        Hostile(text: "v =0\n", code: .unexpectedOctet, offset: 1),
        Hostile(text: " v=0\n", code: .unexpectedOctet, offset: 0),
        Hostile(text: "V=0\n", code: .unexpectedOctet, offset: 0),
        Hostile(text: "o=- 1 1 IN IP4 1.2.3.4\nv=0\n", code: .unexpectedOctet, offset: 0),
        Hostile(text: "\nv=0\n", code: .unexpectedOctet, offset: 0),
        Hostile(text: "v=0", code: .missing, offset: 3),
        Hostile(text: "\u{FEFF}v=0\n", code: .unexpectedOctet, offset: 0),
        from("s=-\n", .missing, 4),
        from("m=audio 1 RTP/AVP 0\n", .missing, 0),
        from("v=0\n", .duplicate, 0),
        from("o=\n", .missing, 2),
        from("o=- 1 1 IN IP4\n", .missing, 14),
        from("o= - 1 1 IN IP4 1.2.3.4\n", .unexpectedOctet, 2),
        from("o=- x 1 IN IP4 1.2.3.4\n", .badNumber, 4),
        from("o=- 1 -1 IN IP4 1.2.3.4\n", .badNumber, 6),
        from("o=- 1 1 ATM NSAP 47.00\n", .unsupported, 8),
        from("o=- 1 1 IN IP5 1.2.3.4\n", .unsupported, 11),
        from("o=- 1 1 IN IP4 1.2.3.4 5\n", .unexpectedOctet, 23),
        from("o=- 1 1 IN IP4 1.2.3.4\no=- 1 1 IN IP4 1.2.3.4\n", .duplicate, 23),
        after("o=- 1 1 IN IP4 1.2.3.4\n", .duplicate, 0),
        after("s=-\n", .duplicate, 0),
        after("c=IN IP4 1.2.3.4\n", .duplicate, 0),
        after("\nm=audio 1 RTP/AVP 0\n", .unexpectedOctet, 0),
        after("M=audio 1 RTP/AVP 0\n", .unexpectedOctet, 0),
        after("m\n", .truncated, 1),
        after("m=\n", .missing, 2),
        after("m=audio\n", .missing, 7),
        after("m=audio 1\n", .missing, 9),
        after("m=audio 1 RTP/AVP\n", .missing, 17),
        after("m=audio 65536 RTP/AVP 0\n", .badNumber, 8),
        after("m=audio 18446744073709551616 RTP/AVP 0\n", .badNumber, 8),
        after("m=audio 99999999999999999999999999999999 RTP/AVP 0\n", .badNumber, 8),
        after("m=audio -1 RTP/AVP 0\n", .badNumber, 8),
        after("m=audio +1 RTP/AVP 0\n", .badNumber, 8),
        after("m=audio 0x10 RTP/AVP 0\n", .unexpectedOctet, 9),
        after("m=audio 1/ RTP/AVP 0\n", .badNumber, 10),
        after("m=audio 1/0 RTP/AVP 0\n", .badNumber, 10),
        after("m=audio 1/65536 RTP/AVP 0\n", .badNumber, 10),
        after("m=audio /2 RTP/AVP 0\n", .badNumber, 8),
        after("m=audio\t1\tRTP/AVP\t0\n", .unexpectedOctet, 7),
        after("m= audio 1 RTP/AVP 0\n", .unexpectedOctet, 2),
        after("m=audio 1 RTP/AVP 0\u{0}\n", .unexpectedOctet, 19),
        after("m=audio 1 RTP/AVP 0\rc=IN IP4 9.9.9.9\n", .unexpectedOctet, 19),
        after("m=audio 1 RTP/AVP 0\r\r\n", .unexpectedOctet, 19),
        after("m=audio 1 RTP/AVP 0\r", .unexpectedOctet, 19),
        after("m=audio 1 RTP/AVP 0\nv=0\n", .unexpectedOctet, 20),
        after("m=audio 1 RTP/AVP 0\no=- 1 1 IN IP4 1.2.3.4\n", .unexpectedOctet, 20),
        after("m=audio 1 RTP/AVP 0\ns=-\n", .unexpectedOctet, 20),
        after("m=audio 1 RTP/AVP 0\nt=0 0\n", .unexpectedOctet, 20),
        after("m=audio 1 RTP/AVP 0\nc\n", .truncated, 21),
        after("m=audio 1 RTP/AVP 0\nc=\n", .missing, 22),
        after("m=audio 1 RTP/AVP 0\nc=IN\n", .missing, 24),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4\n", .missing, 28),
        after("m=audio 1 RTP/AVP 0\nc=in IP4 1.2.3.4\n", .unsupported, 22),
        after("m=audio 1 RTP/AVP 0\nc=IN ip4 1.2.3.4\n", .unsupported, 25),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 010.1.2.3\n", .badAddress, 29),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 1.2.3\n", .badAddress, 29),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 16909060\n", .badAddress, 29),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 0x7f.1\n", .badAddress, 29),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 1.2.3.4.\n", .badAddress, 29),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 1.2.3.4,9.9.9.9\n", .badAddress, 29),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 1.2.3.4 9.9.9.9\n", .unexpectedOctet, 37),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 2001:db8::1\n", .inconsistent, 29),
        after("m=audio 1 RTP/AVP 0\nc=IN IP6 1.2.3.4\n", .inconsistent, 29),
        after("m=audio 1 RTP/AVP 0\nc=IN IP6 [2001:db8::1]\n", .badAddress, 29),
        after("m=audio 1 RTP/AVP 0\nc=IN IP6 fe80::1%eth0\n", .badAddress, 29),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 host..\n", .badAddress, 29),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 \u{FF11}.2.3.4\n", .badAddress, 29),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 224.1.1.1/\n", .badNumber, 39),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 224.1.1.1/256\n", .badNumber, 39),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 224.1.1.1/1/65536\n", .badNumber, 41),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 224.1.1.1/1/2/3\n", .unexpectedOctet, 42),
        after("m=audio 1 RTP/AVP 0\nc=IN IP6 ff02::1/1/2\n", .unexpectedOctet, 38),
        after("m=audio 1 RTP/AVP 0\nc=IN IP4 host.example.com/1\n", .badAddress, 45),
        after("m=audio 1 RTP/AVP 0\na\n", .truncated, 21),
        after("m=audio 1 RTP/AVP 0\na=rtcp\n", .missing, 26),
        after("m=audio 1 RTP/AVP 0\na=rtcp:\n", .missing, 27),
        after("m=audio 1 RTP/AVP 0\na=rtcp:65536\n", .badNumber, 27),
        after("m=audio 1 RTP/AVP 0\na=rtcp:1 IN\n", .missing, 31),
        after("m=audio 1 RTP/AVP 0\na=rtcp:1 IN IP4\n", .missing, 35),
        after("m=audio 1 RTP/AVP 0\na=rtcp:1 IN IP4 1.2.3.4 5\n", .unexpectedOctet, 44),
        after("m=audio 1 RTP/AVP 0\na=rtcp:1 9.9.9.9\n", .unsupported, 29),
        after("m=audio 1 RTP/AVP 0\na=rtcp:1\na=rtcp:2\n", .duplicate, 31),
        after("m=audio 1 RTP/AVP 0\na=mid\n", .missing, 25),
        after("m=audio 1 RTP/AVP 0\na=mid:a\na=mid:b\n", .duplicate, 30),
    ]

    @Test(arguments: table)
    func `what is hostile is refused where it is wrong`(hostile: Hostile) {
        let expected = ParseError(hostile.code, in: "", at: hostile.offset)
        #expect(throws: expected) { try SessionDescription(parsing: Array(hostile.text.utf8)) }
    }

    @Test func `a stream without any c-line is refused at its m-line`() {
        let text = "v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\nt=0 0\nm=audio 0 RTP/AVP 0\nm=audio 1 RTP/AVP 0\n"
        #expect(throws: ParseError(.missing, in: "c=", at: 57)) { try SessionDescription(parsing: Array(text.utf8)) }
    }

    @Test(arguments: Sample.all)
    func `no prefix of a description traps`(sample: Sample) {
        for count in sample.bytes.indices {
            let prefix = Array(sample.bytes[..<count])
            if let description = try? SessionDescription(parsing: prefix) {
                #expect(description.serialized() == prefix)
                #expect(description.targets.count == description.media.count)
            }
        }
    }
}
