import Corpus
import SIPText
import Testing
import Wire

@Suite struct EditingTests {
    private static func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// The rows of one name after an edit.
    private static func rows(
        _ name: HeaderName, of rows: [String], _ edit: (inout Message) -> Void
    ) throws -> [String] {
        let text = String(decoding: request(), as: UTF8.self).dropLast()
        var message = try #require(parsed(octets(text + rows.map { $0 + "\r\n" }.joined() + "\r\n")))
        edit(&message)
        return message.fields.filter { $0.name == name }.map { message.text($0.value) }
    }

    @Test(arguments: [
        (["Route: a, b, c"], ["b, c"]), (["Route: a"], []), (["Route: a", "Route: b"], ["b"]),
        (["Route: a,", "Route: b"], ["b"]),
        (["Route: ,a,b"], ["b"]), (["Route: a,,b"], [",b"]), (["Route: <a,b>;c=\"d,e\" , f"], ["f"]),
        (["Route: \"a\\\",b\" <c>, d"], ["d"]), (["Route: ,"], []), (["Route:"], []), ([], []),
        (["Route: a,\r\n b"], ["b"]),
    ])
    func `removeFirstValue takes one value and the row that is left empty`(before: [String], after: [String]) throws {
        #expect(try Self.rows(.route, of: before) { $0.removeFirstValue(of: .route) } == after)
    }

    @Test(arguments: [
        (["Route: a, b"], ["X, b"]), (["Route: a"], ["X"]), (["Route: a", "Route: b"], ["X", "b"]),
        (["Route: <a,b>,c"], ["X,c"]), (["Route: ,"], [","]), ([], []),
    ])
    func `setFirstValue replaces one value`(before: [String], after: [String]) throws {
        #expect(try Self.rows(.route, of: before) { $0.setFirstValue(of: .route, Self.octets("X")) } == after)
    }

    @Test(arguments: [(["Route: a", "Route: b"], ["X", "a", "b"]), ([], ["X"])])
    func `prepend puts a row above those of its name`(before: [String], after: [String]) throws {
        #expect(try Self.rows(.route, of: before) { $0.prepend(.route, Self.octets("X")) } == after)
    }

    @Test func `prepend without a row of that name goes to the top`() throws {
        var message = try #require(parsed(request()))
        message.prepend(.route, Self.octets("X"))
        #expect(message.fields.first?.name == .route)
    }

    @Test func `set replaces the first row or adds one, append adds one`() throws {
        #expect(try Self.rows(.expires, of: ["Expires: 1"]) { $0.set(.expires, Self.octets("2")) } == ["2"])
        #expect(try Self.rows(.expires, of: []) { $0.set(.expires, Self.octets("2")) } == ["2"])
        #expect(try Self.rows(.allow, of: ["Allow: A"]) { $0.append(.allow, Self.octets("B")) } == ["A", "B"])
    }

    @Test func `removeAll takes all rows or those that the predicate names`() throws {
        let before = ["Route: a", "Route: b", "Route: a"]
        #expect(try Self.rows(.route, of: before) { $0.removeAll(.route) } == [])
        let kept = try Self.rows(.route, of: before) { $0.removeAll(.route, where: { ASCII.equal($0, "a") }) }
        #expect(kept == ["b"])
    }

    @Test func `a new body brings its length and its type`() throws {
        var message = try #require(parsed(request("c: a/b", "l: 3") + Self.octets("abc")))
        message.setBody(Self.octets("hello"), contentType: Self.octets("text/plain"))
        let text = String(decoding: message.serialized(), as: UTF8.self)
        #expect(text.hasSuffix("c: text/plain\r\nContent-Length: 5\r\n\r\nhello"))
        message.setBody([], contentType: nil)
        #expect(String(decoding: message.serialized(), as: UTF8.self).hasSuffix("Content-Length: 0\r\n\r\n"))
    }

    @Test func `a hundred edits leave a message that is read again`() throws {
        var message = try #require(parsed(request("Max-Forwards: 70")))
        for count in 0..<100 {
            message.set(.maxForwards, Self.octets("\(count)"))
            message.prepend(.recordRoute, Self.octets("<sip:gw\(count);lr>"))
            message.removeFirstValue(of: .recordRoute)
            message.setRequestURI(Self.octets("sip:\(count)@b"))
        }
        let again = try #require(parsed(message.serialized()))
        #expect(again == message)
        #expect(again.number(of: .maxForwards, upTo: 255) == 99)
        #expect(again.requestURI.map(again.text) == "sip:99@b")
    }
}

@Suite struct BuildingTests {
    @Test func `a request has its CSeq and nothing else`() throws {
        var ping = Message(request: .options, uri: Array("sip:b".utf8), sequence: 7)
        #expect(
            String(decoding: ping.serialized(), as: UTF8.self)
                == "OPTIONS sip:b SIP/2.0\r\nCSeq: 7 OPTIONS\r\nContent-Length: 0\r\n\r\n")
        ping.append(.via, Array("SIP/2.0/UDP a;branch=z9hG4bK1".utf8))
        ping.append(.from, Array("<sip:a>;tag=1".utf8))
        ping.append(.to, Array("<sip:b>".utf8))
        ping.append(.callID, Array("1".utf8))
        #expect(try #require(parsed(ping.serialized())).cseq.number == 7)
    }

    @Test(arguments: [
        ("<sip:b>", UInt16(200), "<sip:b>;tag=x"), ("<sip:b>", 100, "<sip:b>"), ("<sip:b>;tag=y", 200, "<sip:b>;tag=y"),
        ("sip:b;tag=y", 486, "sip:b;tag=y"), ("sip:b", 486, "sip:b;tag=x"),
        ("<sip:b;tag=u>", 486, "<sip:b;tag=u>;tag=x"),
        ("\"B <sip:b>", 400, "\"B <sip:b>"),
    ])
    func `a response has a tag in To where it needs one`(to: String, status: UInt16, result: String) throws {
        let octets = String(decoding: request(), as: UTF8.self).replacing(
            "To: <sip:bob@b.example.net>", with: "To: \(to)")
        let asked: Message
        switch MessageParser.parse(Array(octets.utf8)) {
        case .message(let message): asked = message
        case .malformed(_, let answerable): asked = try #require(answerable)
        }
        let answer = Message(status: status, reason: "R", to: asked, tag: Array("x".utf8))
        #expect(answer.value(of: .to).map(answer.text) == result)
        #expect(answer.text(answer.cseq.methodText) == "OPTIONS")
    }

    @Test func `a response has every Via in its order`() throws {
        let asked = try #require(parsed(request("Via: SIP/2.0/TCP b, SIP/2.0/TLS c", "v: SIP/2.0/UDP d")))
        let answer = Message(status: 200, reason: "OK", to: asked, tag: nil)
        #expect(answer.values(of: .via).map(answer.text) == asked.values(of: .via).map(asked.text))
        #expect(answer.tag(of: .from).map(answer.text) == "1")
    }
}

@Suite struct ValuesTests {
    @Test(arguments: [
        ("a", ["a"]), ("a,b", ["a", "b"]), (" a , b ", ["a", "b"]), ("a,,b,", ["a", "b"]), (",", []), ("", []),
        ("<a,b>,c", ["<a,b>", "c"]), ("\"a,b\",c", ["\"a,b\"", "c"]), ("\"a\\\",b\",c", ["\"a\\\",b\"", "c"]),
        ("\"<\",b", ["\"<\"", "b"]), ("<\"a,b", ["<\"a,b"]), ("\"a,b", ["\"a,b"]), ("a\\,b", ["a\\", "b"]),
        ("\"a\\", ["\"a\\"]),
    ])
    func `a row comes apart at its commas`(row: String, values: [String]) throws {
        let message = try #require(parsed(request("Supported: \(row)")))
        #expect(message.values(of: .supported).map(message.text) == values)
        #expect(message.firstValue(of: .supported).map(message.text) == values.first)
    }

    @Test(arguments: [
        ("70", UInt64(70)), ("0", 0), ("0070", 70), ("100", 100), ("101", nil), ("", nil), ("7 0", nil), ("-1", nil),
        ("7x", nil),
        ("99999999999999999999999", nil),
    ])
    func `a number is whole or absent`(text: String, number: UInt64?) throws {
        let message = try #require(parsed(request("Expires: \(text)")))
        #expect(message.number(of: .expires, upTo: 100) == number)
    }
}
