import ControlProtocol
import Testing
import Wire

@Suite struct ControlRequestTests {
    private func read(_ text: String) throws(ParseError) -> ControlRequest? {
        let octets = Array(text.utf8)
        return try ControlRequest(octets.span)
    }

    @Test(arguments: ControlRequest.allCases)
    func `A request is read when its line is complete and not before`(_ request: ControlRequest) throws {
        let line = request.line
        for count in 0..<line.count { #expect(try ControlRequest(line.span.extracting(first: count)) == nil) }
        #expect(try ControlRequest(line.span) == request)
    }

    @Test(arguments: [
        ("\n", ParseError.Code.unsupported, 0), ("Status\n", .unsupported, 0), ("status \n", .unsupported, 0),
        ("status\r\n", .unsupported, 0), ("statu\n", .unsupported, 0), ("status\0\n", .unsupported, 0),
        ("status\n\n", .unexpectedOctet, 7), ("status\nsessions\n", .unexpectedOctet, 7),
        ("GET / HTTP/1.1\r\n", .unsupported, 0),
    ])
    func `Anything else is refused`(_ text: String, _ code: ParseError.Code, _ offset: Int) {
        #expect(throws: ParseError(code, in: "", at: offset)) { try read(text) }
    }

    @Test func `A line may have 64 octets with its end and not one more`() throws {
        let longest = String(repeating: "x", count: 63)
        #expect(try read(longest) == nil)
        #expect(throws: ParseError(.unsupported, in: "", at: 0)) { try read(longest + "\n") }
        #expect(throws: ParseError(.tooLong, in: "", at: 64)) { try read(longest + "x") }
        #expect(throws: ParseError(.tooLong, in: "", at: 64)) { try read(longest + "x\n") }
    }
}
