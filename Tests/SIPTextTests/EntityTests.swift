import Corpus
import SIPText
import Testing
import Wire

@Suite struct MediaTypeTests {
    @Test(arguments: [
        ("application/sdp", "application", "sdp", ""), ("Text / Plain ;charset=x", "Text", "Plain", ";charset=x"),
        ("multipart/mixed;\r\n boundary=x", "multipart", "mixed", ";\r\n boundary=x"), ("a/b+c", "a", "b+c", ""),
    ])
    func `a media type comes apart`(text: String, type: String, subtype: String, parameters: String) throws {
        let reading = Reading(text)
        let mediaType = try #require(reading.mediaType)
        #expect(reading.text(mediaType.type) == type)
        #expect(reading.text(mediaType.subtype) == subtype)
        #expect(reading.text(mediaType.parameters.slice) == parameters)
    }

    @Test(arguments: ["", "a", "a/", "/b", "a/b c", "a/b/c", "a b/c", "a/b,c/d", "\"a\"/b"])
    func `what is no media type is refused`(text: String) { #expect(Reading(text).mediaType == nil) }

    @Test func `types are compared in any letter case`() {
        let reading = Reading("APPLICATION/Sdp")
        #expect(reading.mediaType?.matches("application", "sdp", in: reading.octets.span) == true)
        #expect(reading.mediaType?.matches("application", "sdpx", in: reading.octets.span) == false)
    }
}

@Suite struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("QQ==", "A"), ("QUI=", "AB"), ("QUJD", "ABC"), ("QUJDRA==", "ABCD"), ("QU\r\nJD\r\n", "ABC"),
        (" Q U\tI = ", "AB"),
        ("+/+/", "\u{FFFD}\u{FFFD}\u{FFFD}"),
    ])
    func `base64 is taken off`(text: String, plain: String) {
        #expect(Reading(text).base64.map { String(decoding: $0, as: UTF8.self) } == plain)
    }

    @Test(arguments: [
        "Q", "QQ", "QQ=", "Q===", "=", "====", "QQ==Q", "QQ==QQ==", "QQ=A", "QU JD!", "QU-D", "QU_D", "QUJD=",
        "Q\u{0}==", "é",
    ])
    func `what is no base64 is refused`(text: String) { #expect(Reading(text).base64 == nil) }

    @Test func `every octet survives`() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let plain = (0..<255).map { UInt8($0) }
        var text: [UInt8] = []
        for start in stride(from: 0, to: plain.count, by: 3) {
            let group = Int(plain[start]) << 16 | Int(plain[start + 1]) << 8 | Int(plain[start + 2])
            for shift in [18, 12, 6, 0] { text.append(alphabet[group >> shift & 63]) }
        }
        #expect(Reading(String(decoding: text, as: UTF8.self)).base64 == plain)
    }
}

@Suite struct EntityTests {
    @Test(
        arguments: [
            ("\r\nbody", nil, "", "body"),
            ("Content-Type: text/plain\r\n\r\nbody", "text", "", "body"),
            ("content-type : text/plain\nContent-ID: <1@a>\n\nbody", "text", "1@a", "body"),
            ("Content-ID: 1@a\r\n\r\n", nil, "1@a", ""),
            ("Content-Type:\r\n text/plain;\r\n\tcharset=x\r\n\r\n\r\nbody", "text", "", "\r\nbody"),
            ("X: 1\r\nContent-Type: text/plain\r\n", "text", "", ""),
            ("Content-Type: text/plain", "text", "", ""),
            ("", nil, "", ""),
        ] as [(String, String?, String, String)])
    func `an entity with its own headers comes apart`(text: String, type: String?, contentID: String, body: String)
        throws
    {
        let reading = Reading(text)
        let entity = try Entity(parsing: reading.octets.span, reading.slice)
        #expect(reading.text(entity.mediaType?.type) == type)
        #expect(reading.text(entity.contentID) == contentID)
        #expect(reading.text(entity.body) == body)
    }

    @Test(arguments: [
        "body", "body\r\n\r\n", ": x\r\n\r\n", " x: y\r\n\r\n", "Content-Type: x\r\n\r\n", "Content-Type:\r\n\r\n",
        "Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n", "Content-ID: <1>\r\nContent-ID: <1>\r\n\r\n",
        "Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    ])
    func `an entity with malformed or doubled headers is refused`(text: String) {
        let reading = Reading(text)
        #expect(throws: ParseError.self) { try Entity(parsing: reading.octets.span, reading.slice) }
    }

    @Test(arguments: [
        ("binary", "QQ=="), ("8BIT", "QQ=="), ("7bit", "QQ=="), ("Base64", "A"), ("quoted-printable", nil), ("", nil),
        ("base64x", nil),
    ])
    func `the transfer encoding is taken off`(encoding: String, content: String?) throws {
        let reading = Reading("Content-Transfer-Encoding: \(encoding)\r\n\r\nQQ==")
        let entity = try Entity(parsing: reading.octets.span, reading.slice)
        let octets = try? entity.content(in: reading.octets.span)
        #expect(octets.map { String(decoding: $0, as: UTF8.self) } == content)
    }

    @Test func `the body of a message takes its headers from the message`() throws {
        let octets = request("Content-Type: application/pkcs7-mime;smime-type=x", "Content-ID: <7@a>", "l: 2") + [0, 1]
        let message = try #require(parsed(octets))
        let entity = try #require(Entity(bodyOf: message))
        #expect(entity.matches("application", "pkcs7-mime", in: message.bytes.span) == true)
        #expect(message.text(entity.contentID) == "7@a")
        #expect(try entity.content(in: message.bytes.span) == [0, 1])
        #expect(Entity(bodyOf: try #require(parsed(request()))) == nil)
    }
}

@Suite struct MultipartTests {
    /// The bodies of the leaves.
    private static func leaves(_ type: String, _ body: String) throws -> [String] {
        let message = try #require(
            parsed(request("Content-Type: \(type)", "l: \(body.utf8.count)") + Array(body.utf8)))
        let entity = try #require(Entity(bodyOf: message))
        return try Multipart.leaves(of: entity, in: message.bytes.span).map { message.text($0.body) }
    }

    @Test(arguments: [
        ("text/plain", "--b\r\n", ["--b\r\n"]),
        ("multipart/mixed;boundary=b", "--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n", ["one", "two"]),
        ("multipart/mixed;boundary=\"b\"", "preamble\r\n--b\r\n\r\none\r\n--b--\r\nepilogue\r\n--b\r\n", ["one"]),
        ("Multipart/Signed; micalg=x ; Boundary=b", "--b\n\none\n--b--", ["one"]),
        ("multipart/mixed;boundary=b", "--b  \r\n\r\none\r\n--b--\t\r\n", ["one"]),
        (
            "multipart/mixed;boundary=b", "--b\r\n\r\n--bc\r\n--b-\r\n--c--\r\n -- b\r\n--b--",
            ["--bc\r\n--b-\r\n--c--\r\n -- b"]
        ),
        ("multipart/mixed;boundary=b", "--b\r\n\r\n\r\n\r\n--b--", ["\r\n"]),
        ("multipart/mixed;boundary=b", "--b\r\n--b\r\n\r\n--b--", ["", ""]),
        ("multipart/mixed;boundary=b", "--b--", []),
        ("multipart/mixed;boundary=\"a b:c\"", "--a b:c\r\n\r\none\r\n--a b:c--", ["one"]),
        (
            "multipart/mixed;boundary=b",
            "--b\r\nContent-Type: multipart/alternative;\r\n boundary=bb\r\n\r\n--bb\r\n\r\none\r\n--bb--\r\n--b\r\n\r\ntwo\r\n--b--",
            ["one", "two"]
        ),
    ])
    func `a body comes apart into its leaves`(type: String, body: String, leaves: [String]) throws {
        #expect(try Self.leaves(type, body) == leaves)
    }

    @Test(arguments: [
        ("multipart/mixed", "--b--", ParseError.Code.missing),
        ("multipart/mixed;boundary=", "----", .missing),
        ("multipart/mixed;boundary=\"\"", "----", .missing),
        ("multipart/mixed;boundary=b;boundary=c", "--b--", .duplicate),
        ("multipart/mixed;boundary=b", "--b\r\n\r\none", .truncated),
        ("multipart/mixed;boundary=b", "--b\r\n\r\none\r\n--b", .truncated),
        ("multipart/mixed;boundary=b", "--b\r\n\r\none\r\n--b-", .truncated),
        ("multipart/mixed;boundary=b", "one", .truncated),
        ("multipart/mixed;boundary=b", "--B--", .truncated),
        ("multipart/mixed;boundary=b", "--b\r\nno header\r\n--b--", .unexpectedOctet),
        ("multipart/mixed;boundary=b", "--b\r\nContent-Type: multipart/mixed\r\n\r\n--c--\r\n--b--", .missing),
        // The outer delimiter ends the inner body, whatever the inner one still waits for.
        (
            "multipart/mixed;boundary=b",
            "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\n\r\none\r\n--b--",
            .truncated
        ),
    ])
    func `a body that cannot be taken apart is refused`(type: String, body: String, code: ParseError.Code) {
        #expect { try Self.leaves(type, body) } throws: { ($0 as? ParseError)?.code == code }
    }

    @Test func `the binary parts of mpart01 come out octet by octet`() throws {
        let message = try #require(
            Fixture.all.first { $0.name == "mpart01" }.flatMap { parsed($0.octets) })
        let entity = try #require(Entity(bodyOf: message))
        let leaves = try Multipart.leaves(of: entity, in: message.bytes.span)
        #expect(message.text(try #require(leaves.first).body) == "Hello")
        let binary: [UInt8] = [0x30, 0x82, 0x00, 0x0D, 0x0A, 0x0D, 0x0A, 0x2D, 0x2D, 0xFF, 0x0A, 0x00]
        #expect(try leaves.last?.content(in: message.bytes.span) == binary)
    }
}
