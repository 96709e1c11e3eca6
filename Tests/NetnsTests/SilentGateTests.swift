import Glibc
import Lab
import Testing

/// What an operator is shown while the gate is gone or hangs.
@Suite(.serialized) struct SilentGateTests {
    @Test(arguments: [SIGKILL, SIGSTOP])
    func `sessions of a gate that does not answer are not shown as sessions without pinholes`(_ number: Int32) throws {
        let bed = try CallBed("silent")
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "20"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        let question = ["\(CallBed.binaries)/sekisho", "sessions", "--socket", bed.gateway.controlSocket]
        let before = try Command.run(question)
        #expect(before.output.contains("10.2.0.2:5000") && !before.output.contains("not known"), "\(before)")
        bed.gateway.gate?.signal(number)
        defer { bed.gateway.gate?.signal(SIGCONT) }
        let text = try Command.run(question)
        #expect(text.output.contains("sekisho: the gate does not answer"), "\(text)")
        #expect(text.output.contains("1 session") && text.output.contains("pinholes not known"), "\(text)")
        let rows = try Command.output(["sh", "-c", "exec \(question.joined(separator: " ")) 2>/dev/null"])
        #expect(rows.contains("1 session") && !rows.contains("does not answer"), "\(rows)")
        let json = try Command.output(question + ["--json"])
        #expect(json.hasPrefix("{\"total\":1,\"gate_answered\":false,"), "\(json)")
        #expect(json.contains("\"pinholes\":null"), "\(json)")
    }
}
