import Testing
import Wire

@testable import ControlProtocol

@Suite struct JSONTests {
    private func written(_ octets: [UInt8]) -> String {
        var writer = JSONWriter()
        writer.text(octets)
        return String(decoding: writer.output, as: UTF8.self)
    }

    private func read(_ text: String) throws(ParseError) -> JSONValue {
        let octets = Array(text.utf8)
        return try JSONReader.read(octets.span)
    }

    private func readText(_ text: String) throws -> String {
        try read(#"{"t":\#(text)}"#).text("t")
    }

    @Test(arguments: [
        ("", #""""#), ("abc@10.1.0.2", #""abc@10.1.0.2""#), (#"a"b\c/d"#, #""a\"b\\c/d""#),
        ("a\u{0}b\tc\r\nd", #""a\u0000b\u0009c\u000d\u000ad""#), ("\u{1B}[2J\u{7F}", #""\u001b[2J\u007f""#),
        ("\u{9B}31m", #""\u009b31m""#), ("a\u{2028}b\u{2029}", #""a\u2028b\u2029""#),
        ("\u{202E}drowssap", #""\u202edrowssap""#), ("Zürich 東京 🙂", #""Zürich 東京 🙂""#),
        ("</script>", #""</script>""#), (#"\u0041"#, #""\\u0041""#),
    ])
    func `A string is escaped where it has to be, and reads back as it was`(_ text: String, _ json: String) throws {
        #expect(written(Array(text.utf8)) == json)
        #expect(try readText(json) == text)
    }

    @Test(
        arguments: [
            ([0xFF], "\u{FFFD}"), ([0x61, 0xC3], "a\u{FFFD}"), ([0xC0, 0x80], "\u{FFFD}\u{FFFD}"),
            ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
            ([0xF4, 0x90, 0x80, 0x80], String(repeating: "\u{FFFD}", count: 4)),
            ([0x22, 0xFE, 0x22], "\"\u{FFFD}\""),
        ] as [([UInt8], String)])
    func `Octets that are no UTF-8 become replacement characters`(_ octets: [UInt8], _ expected: String) throws {
        #expect(try readText(written(octets)) == expected)
    }

    @Test func `Every octet and every pair of octets gives a string that can be read`() throws {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let octets = [first, second]
                #expect(try readText(written(octets)) == String(decoding: octets, as: UTF8.self))
            }
        }
    }

    @Test func `Commas stand between values and nowhere else`() {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("none") { $0.array { _ in } }
            writer.member("some") { writer in
                writer.array { writer in
                    writer.number(0)
                    writer.number(.max)
                    writer.object { _ in }
                    writer.flag(true)
                }
            }
            writer.member("last") { $0.flag(false) }
        }
        #expect(
            String(decoding: writer.output, as: UTF8.self)
                == #"{"none":[],"some":[0,18446744073709551615,{},true],"last":false}"#)
    }

    @Test(arguments: [
        (#""\ud83d\ude42""#, "🙂"), (#""\u0041\n\/\b\f""#, "A\n/\u{8}\u{C}"), (#" "a" "#, "a"),
        (#""\u00FC\u00fc""#, "üü"),
    ])
    func `Escapes are undone`(_ json: String, _ text: String) throws {
        #expect(try readText(json) == text)
    }

    @Test(arguments: [
        ("", ParseError.Code.truncated, 0), ("{", .truncated, 1), ("{\"a\":1", .truncated, 6), ("[1,", .truncated, 3),
        ("[1,]", .unexpectedOctet, 3), ("{,}", .unexpectedOctet, 1), ("{\"a\" 1}", .unexpectedOctet, 5),
        ("{a:1}", .unexpectedOctet, 1), ("[1 2]", .unexpectedOctet, 3), ("1 1", .unexpectedOctet, 2),
        ("nul", .unexpectedOctet, 0), ("truefalse", .unexpectedOctet, 4), ("--1", .unexpectedOctet, 1),
        ("1.5", .unsupported, 1), ("1e3", .unsupported, 1), ("01", .unsupported, 1), ("0.1", .unsupported, 1),
        ("18446744073709551616", .badNumber, 0), ("\"a", .truncated, 2), ("\"a\\", .truncated, 3),
        ("\"\\x\"", .unexpectedOctet, 2), ("\"\\u12\"", .unexpectedOctet, 5), ("\"\\u12", .truncated, 5),
        ("\"\\ud800\"", .unexpectedOctet, 3), ("\"\\udc00\"", .unexpectedOctet, 3),
        ("\"\\ud800\\u0041\"", .unexpectedOctet, 3), ("\"\n\"", .unexpectedOctet, 1),
        ("{\"a\":1,\"a\":2}", .duplicate, 7), ("'a'", .unexpectedOctet, 0), ("\u{FEFF}1", .unexpectedOctet, 0),
    ])
    func `What is not the JSON of the protocol is refused`(_ text: String, _ code: ParseError.Code, _ offset: Int) {
        #expect(throws: ParseError(code, in: "", at: offset)) { try read(text) }
    }

    @Test func `A string that is no UTF-8 is refused`() {
        let octets: [UInt8] = [0x22, 0xC3, 0x28, 0x22]
        #expect(throws: ParseError(.unexpectedOctet, in: "", at: 0)) { try JSONReader.read(octets.span) }
    }

    @Test func `Values may be nested 8 deep and not deeper`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(throws: Never.self) { try read("[\(nested(7))]") }
        #expect(throws: Never.self) { try read("[[[[[[[[1]]]]]]]]") }
        #expect(throws: ParseError(.tooDeep, in: "", at: 9)) { try read("[[[[[[[[[1]]]]]]]]]") }
        #expect(throws: ParseError(.tooDeep, in: "", at: 9)) { try read(String(repeating: "[", count: 1_000_000)) }
    }

    @Test func `An object may have 256 members and not one more`() throws {
        func object(_ count: Int) -> String { "{\((0..<count).map { "\"\($0)\":0" }.joined(separator: ","))}" }
        #expect(throws: Never.self) { try read(object(256)) }
        let error = #expect(throws: ParseError.self) { try read(object(257)) }
        #expect(error?.code == .tooMany)
    }

    @Test func `A document may have 128 MiB and not one octet more`() {
        // Refused for its first octet, so that the length is all that is read of the rest.
        var octets = [UInt8](repeating: 0, count: JSONReader.Limits.control.length)
        #expect(throws: ParseError(.unexpectedOctet, in: "", at: 0)) { try JSONReader.read(octets.span) }
        octets.append(0)
        #expect(throws: ParseError(.tooLong, in: "", at: 128 << 20)) { try JSONReader.read(octets.span) }
    }

    @Test func `A terminal gets one line that it only shows`() {
        #expect(
            TextSafety.printable(Array("a\u{1B}[31mb\r\nc\u{202E}d é".utf8)) == "a\\u{1b}[31mb\\u{d}\\u{a}c\\u{202e}d é"
        )
        #expect(TextSafety.printable([0x61, 0xFF]) == "a\u{FFFD}")
    }

    @Test func `Numbers below zero are read and written as they were`() throws {
        let document = #"{"prio":-300,"zero":-0,"list":[-1,null,true,"a"]}"#
        var writer = JSONWriter()
        writer.value(try read(document))
        #expect(String(decoding: writer.output, as: UTF8.self) == document)
        // The control protocol has none.
        #expect(throws: ParseError.self) { try read(#"{"n":-1}"#).number("n") }
    }

    @Test func `A reader's own limits hold at n and not at n + 1`() throws {
        let limits = JSONReader.Limits(length: 20, depth: 2, members: 2)
        func read(_ text: String) throws { _ = try JSONReader.read(Array(text.utf8).span, within: limits) }
        for text in [#"{"a":1,"b":2}"#, "[[1]]", #""\#(String(repeating: "x", count: 18))""#] {
            #expect(throws: Never.self) { try read(text) }
        }
        for text in [#"{"a":1,"b":2,"c":3}"#, "[[[1]]]", #""\#(String(repeating: "x", count: 19))""#] {
            #expect(throws: ParseError.self) { try read(text) }
        }
    }
}
