import ControlProtocol
import Testing
import Wire

@Suite struct ControlRequestTests {
    private func read(_ text: String) throws(ParseError) -> ControlRequest? {
        let octets = Array(text.utf8)
        return try ControlRequest(octets.span)
    }

    static let requests: [ControlRequest] = [
        .status, .sessions, .call(Array("a84b4c76e66710@pc33".utf8)), .call([0x20]), .call([0xFF, 0x00, 0x0D]),
    ]

    @Test(arguments: requests)
    func `A request is read when its line is complete and not before`(_ request: ControlRequest) throws {
        let line = request.line
        for count in 0..<line.count { #expect(try ControlRequest(line.span.extracting(first: count)) == nil) }
        #expect(try ControlRequest(line.span) == request)
    }

    @Test(arguments: [
        ("\n", ParseError.Code.unsupported, 0), ("Status\n", .unsupported, 0), ("status \n", .unsupported, 0),
        ("status\r\n", .unsupported, 0), ("statu\n", .unsupported, 0), ("status\0\n", .unsupported, 0),
        ("status\n\n", .unexpectedOctet, 7), ("status\nsessions\n", .unexpectedOctet, 7),
        ("GET / HTTP/1.1\r\n", .unsupported, 0), ("call\n", .unsupported, 0), ("call \n", .missing, 5),
        ("call a\ncall b\n", .unexpectedOctet, 7),
    ])
    func `Anything else is refused`(_ text: String, _ code: ParseError.Code, _ offset: Int) {
        #expect(throws: ParseError(code, in: "", at: offset)) { try read(text) }
    }

    @Test func `A name of a call may have 256 octets and not one more`() throws {
        let longest = String(repeating: "x", count: 256)
        #expect(try read("call " + longest) == nil)
        #expect(try read("call " + longest + "\n") == .call(Array(longest.utf8)))
        #expect(throws: ParseError(.tooLong, in: "", at: 262)) { try read("call " + longest + "x") }
        #expect(throws: ParseError(.tooLong, in: "", at: 262)) { try read("call " + longest + "x\n") }
    }
}
