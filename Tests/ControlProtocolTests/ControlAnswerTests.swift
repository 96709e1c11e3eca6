import ControlProtocol
import Testing
import Wire

@Suite struct ControlAnswerTests {
    private let status = StatusReport(
        version: "0.1", uptime: 90, isGateConnected: true, sessions: 2, pinholes: 8,
        counters: [.init("requests", 17), .init("malformed", .max)])

    private func session(callID: [UInt8] = Array("1@a.example.net".utf8)) throws -> SessionReport {
        SessionReport(
            identifier: "00000000000000a1", callID: callID, from: Array("sip:alice@a.example.net".utf8),
            to: Array("sip:bob@b.example.net".utf8), state: .halfOpen, age: 3, description: .disclosed,
            pinholes: [
                PinholeReport(
                    inside: try #require(Endpoint("10.1.0.2:4000")), outside: nil,
                    outward: .init(packets: 1, bytes: 172), inward: .init(packets: 0, bytes: 0)),
                PinholeReport(
                    inside: try #require(Endpoint("[fd00:1::2]:4002")),
                    outside: Endpoint("[fd00:2::2]:5002"),
                    outward: .init(packets: 2, bytes: 344), inward: .init(packets: .max, bytes: .max)),
            ])
    }

    private func read(_ json: [UInt8], to request: ControlRequest) throws(ParseError) -> ControlAnswer {
        try ControlAnswer(json: json.span, to: request)
    }

    @Test func `A status is written as documented and reads back`() throws {
        let json = ControlAnswer.status(status).json
        #expect(
            String(decoding: json, as: UTF8.self) == """
                {"version":"0.1","uptime_seconds":90,"gate_connected":true,"sessions":2,"pinholes":8,\
                "counters":{"requests":17,"malformed":18446744073709551615}}

                """)
        #expect(try read(json, to: .status) == .status(status))
    }

    @Test func `Sessions are written as documented and read back`() throws {
        let answer = ControlAnswer.sessions([try session()], total: 1, gateAnswered: true)
        #expect(
            String(decoding: answer.json, as: UTF8.self) == """
                {"total":1,"gate_answered":true,"sessions":[{"id":"00000000000000a1","call_id":"1@a.example.net",\
                "from":"sip:alice@a.example.net","to":"sip:bob@b.example.net","state":"half-open","age_seconds":3,\
                "sdp":"disclosed","pinholes":[{"inside":"10.1.0.2:4000","outside":"any",\
                "outward":{"packets":1,"bytes":172},"inward":{"packets":0,"bytes":0}},\
                {"inside":"[fd00:1::2]:4002","outside":"[fd00:2::2]:5002","outward":{"packets":2,"bytes":344},\
                "inward":{"packets":18446744073709551615,"bytes":18446744073709551615}}]}]}

                """)
        #expect(try read(answer.json, to: .sessions) == answer)
        let none = ControlAnswer.sessions([], total: 0, gateAnswered: true)
        #expect(try read(none.json, to: .sessions) == none)
    }

    @Test func `What the gate does not say is null, and not an empty list`() throws {
        var (unknown, none) = (try session(), try session())
        unknown.pinholes = nil
        none.pinholes = []
        let answer = ControlAnswer.sessions([unknown, none], total: 2, gateAnswered: false)
        let text = String(decoding: answer.json, as: UTF8.self)
        #expect(text.hasPrefix("{\"total\":2,\"gate_answered\":false,"))
        #expect(text.contains("\"sdp\":\"disclosed\",\"pinholes\":null},"))
        #expect(text.contains("\"sdp\":\"disclosed\",\"pinholes\":[]}"))
        #expect(try read(answer.json, to: .sessions) == answer)
    }

    @Test(arguments: [
        Array("\",\"state\":\"open\",\"x\":\"".utf8), Array("\\".utf8), Array("a\u{1B}]0;x\u{07}b".utf8),
        Array("\r\n\0".utf8), Array("{}[]:,".utf8), Array("\u{202E}🙂".utf8),
    ])
    func `A hostile Call-ID stays one string`(_ callID: [UInt8]) throws {
        let answer = ControlAnswer.sessions([try session(callID: callID)], total: 1, gateAnswered: true)
        #expect(answer.json.dropLast().allSatisfy { $0 >= 0x20 && $0 != 0x7F })
        #expect(try read(answer.json, to: .sessions) == answer)
    }

    @Test(arguments: [
        (256, "", ""), (256, "a", "…"), (255, "é", "…"), (253, "🙂", "…"), (252, "🙂", "🙂"), (252, "🙂a", "🙂…"),
    ])
    func `A text may have 256 octets and is cut between characters when it has more`(
        _ letters: Int, _ rest: String, _ shown: String
    ) throws {
        let start = [UInt8](repeating: UInt8(ascii: "a"), count: letters)
        let long = try session(callID: start + Array(rest.utf8))
        let json = ControlAnswer.sessions([long], total: 1, gateAnswered: true).json
        let expected = try session(callID: start + Array(shown.utf8))
        #expect(try read(json, to: .sessions) == .sessions([expected], total: 1, gateAnswered: true))
    }

    @Test func `An answer lists 10,000 sessions and counts them all`() throws {
        var one = try session()
        one.pinholes = []
        let answer = ControlAnswer.sessions(Array(repeating: one, count: 10_001), total: 10_001, gateAnswered: true)
        guard case .sessions(let listed, let total, _) = try read(answer.json, to: .sessions) else {
            Issue.record("no sessions")
            return
        }
        #expect(listed.count == 10_000)
        #expect(total == 10_001)
    }

    @Test(arguments: ControlRequestTests.requests)
    func `A refusal answers every request`(_ request: ControlRequest) throws {
        let answer = ControlAnswer.refused("control request: not supported at octet 0")
        #expect(try read(answer.json, to: request) == answer)
    }

    @Test(arguments: [
        ("uptime_seconds\":90", "uptime\":90", ParseError.Code.missing, 0),
        ("90", "\"90\"", .unsupported, 34), ("true", "1", .unsupported, 54),
        ("{\"requests\":17,\"malformed\":18446744073709551615}", "[]", .unsupported, 96),
        ("17", "null", .unsupported, 108), ("}}", "}", .truncated, 145),
    ])
    func `A status with a fault is refused where the fault is`(
        _ original: String, _ replacement: String, _ code: ParseError.Code, _ offset: Int
    ) throws {
        let good = String(decoding: ControlAnswer.status(status).json, as: UTF8.self)
        let parts = good.split(separator: original, omittingEmptySubsequences: false)
        try #require(parts.count == 2)
        let error = #expect(throws: ParseError.self) {
            try read(Array(parts.joined(separator: replacement).utf8), to: .status)
        }
        #expect(error == ParseError(code, in: "", at: offset))
    }

    @Test(arguments: [
        ("half-open", "ajar", ParseError.Code.unsupported), ("disclosed", "guessed", .unsupported),
        ("10.1.0.2:4000", "10.1.0.2", .badAddress), ("\"any\"", "null", .unsupported), ("\"total\":1,", "", .missing),
        ("\"gate_answered\":true,", "", .missing), ("true", "1", .unsupported),
        ("\"sessions\":[", "\"sessions\":[1,", .missing),
    ])
    func `Sessions with a fault are refused`(_ original: String, _ replacement: String, _ code: ParseError.Code) throws
    {
        let good = String(
            decoding: ControlAnswer.sessions([try session()], total: 1, gateAnswered: true).json, as: UTF8.self)
        let parts = good.split(separator: original, omittingEmptySubsequences: false)
        try #require(parts.count == 2)
        let error = #expect(throws: ParseError.self) {
            try read(Array(parts.joined(separator: replacement).utf8), to: .sessions)
        }
        #expect(error?.code == code)
    }
}
