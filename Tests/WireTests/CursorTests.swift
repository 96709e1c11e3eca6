import Testing
import Wire

@Suite struct CursorTests {
    private static func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

    // A cursor cannot go into an `#expect`, only what it said.
    @Test func `a cursor stops at the end and knows where it stands`() {
        let text = Self.octets("ab  \tc")
        var cursor = Cursor(text.span)
        let first = cursor.next
        let letters = cursor.take(while: ASCII.isAlpha)
        cursor.skipBlanks()
        let afterBlanks = cursor.offset
        let skipsOther = cursor.skip(UInt8(ascii: "x"))
        let skipsNext = cursor.skip(UInt8(ascii: "c"))
        #expect(first == UInt8(ascii: "a"))
        #expect(letters == 0..<2)
        #expect(afterBlanks == 5)
        #expect(!skipsOther && skipsNext)

        let isAtEnd = cursor.isAtEnd
        let next = cursor.next
        let skipsAtEnd = cursor.skip(UInt8(ascii: "c"))
        let rest = cursor.take { _ in true }
        cursor.skipBlanks()
        let end = cursor.offset
        #expect(isAtEnd && next == nil && !skipsAtEnd && rest.isEmpty)
        #expect(end == 6)
    }

    @Test func `expect says what is wrong and where`() {
        let text = Self.octets("a")
        #expect(throws: ParseError(.unexpectedOctet, in: "x", at: 0)) {
            var cursor = Cursor(text.span)
            try cursor.expect(ASCII.colon, in: "x")
        }
        #expect(throws: ParseError(.truncated, in: "x", at: 1)) {
            var cursor = Cursor(text.span, at: 1)
            try cursor.expect(ASCII.colon, in: "x")
        }
    }

    @Test(
        arguments: [
            ("SIP/", 4), ("SIP/2.0", 7), ("", 0), ("SIP/3", nil), ("SIP/2.0 ", nil), ("sip", nil),
        ] as [(StaticString, Int?)])
    func `a literal is consumed whole or not at all`(literal: StaticString, end: Int?) {
        let text = Self.octets("SIP/2.0")
        var cursor = Cursor(text.span)
        let isConsumed = cursor.skip(literal: literal)
        let offset = cursor.offset
        #expect(isConsumed == (end != nil))
        #expect(offset == end ?? 0)
    }

    @Test(arguments: [
        ("0", UInt64.max, UInt64(0)), ("007", 7, 7), ("8", 7, nil), ("18446744073709551615", .max, .max),
        ("18446744073709551616", .max, nil), ("99999999999999999999999", .max, nil), ("", .max, nil), ("x", .max, nil),
        ("-1", .max, nil), ("12x", .max, 12),
    ])
    func `a number is read up to its limit`(text: String, limit: UInt64, value: UInt64?) {
        let octets = Self.octets(text)
        var cursor = Cursor(octets.span)
        do throws(ParseError) {
            let number = try cursor.decimal(upTo: limit, in: "n")
            #expect(number == value)
        } catch {
            #expect(value == nil)
            #expect(error == ParseError(.badNumber, in: "n", at: 0))
        }
    }
}

@Suite struct ASCIITests {
    @Test func `classes hold the octets they are named after and no other`() {
        for octet in UInt8.min ... .max {
            let scalar = Unicode.Scalar(octet)
            #expect(ASCII.isDigit(octet) == ("0"..."9").contains(scalar))
            #expect(ASCII.isAlpha(octet) == (("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)))
            #expect(ASCII.isBlank(octet) == (octet == 32 || octet == 9))
            #expect(ASCII.lowercase(octet) == (("A"..."Z").contains(scalar) ? octet + 32 : octet))
            #expect(ASCII.hexValue(octet) == (octet < 128 ? Character(scalar).hexDigitValue.map { UInt8($0) } : nil))
        }
    }

    @Test(arguments: [
        ("Via", "VIA", true, false), ("Via", "Via", true, true), ("Via", "Vi", false, false), ("", "", true, true),
        // The octets beside the letters differ in the same bit.
        ("@", "`", false, false), ("[", "{", false, false), ("\u{C0}", "\u{E0}", false, false),
    ])
    func `comparison`(a: String, b: String, isEqualIgnoringCase: Bool, isEqual: Bool) {
        let (first, second) = (Array(a.utf8), Array(b.utf8))
        #expect(ASCII.equalIgnoringCase(first.span, second.span) == isEqualIgnoringCase)
        #expect(ASCII.equal(first.span, second.span) == isEqual)
    }

    @Test func `comparison with a literal`() {
        let text = Array("Call-ID".utf8)
        #expect(ASCII.equalIgnoringCase(text.span, "call-id") && !ASCII.equal(text.span, "call-id"))
        #expect(ASCII.equal(text.span, "Call-ID") && !ASCII.equal(text.span, "Call-IDs"))
        #expect(ASCII.equalIgnoringCase(text.span, "call-i") == false)
    }

    @Test(arguments: [UInt64(0), 9, 10, 65_535, .max])
    func `decimal text`(value: UInt64) {
        var output: [UInt8] = []
        ASCII.append(decimal: value, to: &output)
        #expect(String(decoding: output, as: UTF8.self) == "\(value)")
    }
}

@Suite struct MonotonicTimeTests {
    @Test func `durations are added and come back`() {
        let start = MonotonicTime(nanoseconds: 5)
        #expect(start + .milliseconds(32_000) == MonotonicTime(nanoseconds: 32_000_000_005))
        #expect(start + .seconds(-1) < start)
        #expect((start + .seconds(3)) - start == .seconds(3))
        #expect(
            Duration(secondsComponent: -1, attosecondsComponent: -500_000_000_000_000_000).wholeNanoseconds
                == -1_500_000_000)
    }
}

@Suite struct ParseErrorTests {
    @Test func `code and offset make an error, the production is for people`() {
        #expect(ParseError(.missing, in: "a", at: 1) == ParseError(.missing, in: "b", at: 1))
        #expect(ParseError(.missing, in: "a", at: 1) != ParseError(.missing, in: "a", at: 2))
        #expect(ParseError(.missing, in: "a", at: 1) != ParseError(.truncated, in: "a", at: 1))
        #expect("\(ParseError(.tooLong, in: "Via", at: 7))" == "Via: too long at octet 7")
    }
}
