import SDPText
import Testing
import Wire

/// Each limit at n, where the description is read, and at n + 1, where it is refused.
@Suite struct LimitTests {
    private typealias Limits = SessionDescription.Limits
    private let head = "v=0\no=- 1 1 IN IP4 1.2.3.4\ns=-\nc=IN IP4 1.2.3.4\nt=0 0\n"

    private func parse(_ text: String) throws(ParseError) -> SessionDescription {
        try SessionDescription(parsing: Array(text.utf8))
    }

    private func code(_ text: String) -> ParseError.Code? {
        do {
            _ = try parse(text)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func octets() {
        let line = "a=" + String(repeating: "x", count: 1_021) + "\n"
        let body = head + String(repeating: line, count: (Limits.octets - head.utf8.count) / line.utf8.count)
        let rest = Limits.octets - body.utf8.count
        let full = body + "a=" + String(repeating: "x", count: rest - 2)
        #expect(full.utf8.count == Limits.octets)
        #expect(code(full) == nil)
        #expect(code(full + "x") == .tooLong)
    }

    @Test(arguments: ["", "\n", "\r\n"])
    func `octets in a line`(lineEnd: String) {
        let line = "a=" + String(repeating: "x", count: Limits.lineOctets - 2)
        #expect(code(head + line + lineEnd) == nil)
        #expect(code(head + line + "x" + lineEnd) == .tooLong)
    }

    @Test func lines() {
        let full = head + String(repeating: "a=x\n", count: Limits.lines - 5)
        #expect(code(full) == nil)
        #expect(code(full + "a=x\n") == .tooMany)
    }

    @Test func `m-lines`() throws {
        let full = head + String(repeating: "m=audio 1 RTP/AVP 0\n", count: Limits.media)
        #expect(try parse(full).media.count == Limits.media)
        #expect(code(full + "m=audio 1 RTP/AVP 0\n") == .tooMany)
    }

    @Test func formats() throws {
        let full = head + "m=audio 1 RTP/AVP" + String(repeating: " 0", count: Limits.formats)
        #expect(try parse(full).media.first?.formats.count == Limits.formats)
        #expect(code(full + " 0") == .tooMany)
    }

    @Test func `octets in a host name`() {
        let label = String(repeating: "a", count: 63) + "."
        let name = String(repeating: label, count: 3) + String(repeating: "b", count: 63)
        #expect(name.utf8.count == 255)
        #expect(code(head + "m=audio 1 RTP/AVP 0\nc=IN IP4 \(name)\n") == nil)
        #expect(code(head + "m=audio 1 RTP/AVP 0\nc=IN IP4 \(name)b\n") == .badAddress)
    }

    @Test func `the port is 16 bits`() throws {
        #expect(try parse(head + "m=audio 65535 RTP/AVP 0\n").media.first?.port == 65_535)
        #expect(code(head + "m=audio 65536 RTP/AVP 0\n") == .badNumber)
    }
}
