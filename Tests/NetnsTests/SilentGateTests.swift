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

    @Test func `a BYE while the gate is gone leaves its holes to their timeout`() throws {
        var options = GatewayProcesses.Options()
        options.holeTimeout = 8
        let bed = try CallBed("bye-gone", options)
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "1"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        bed.gateway.gate?.signal(SIGKILL)
        _ = bed.gateway.gate?.wait(seconds: 2)
        #expect(caller.wait(seconds: 8) == 0, bed.story(caller, callee))
        #expect(try bed.isOpen(), bed.story(caller, callee))
        #expect(try bed.eventually(seconds: 12) { try bed.elements().isEmpty }, bed.story(caller, callee))
    }

    @Test func `a BYE while the gate hangs closes when it goes on`() throws {
        let bed = try CallBed("bye-hang")
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "1"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        bed.gateway.gate?.signal(SIGSTOP)
        defer { bed.gateway.gate?.signal(SIGCONT) }
        #expect(caller.wait(seconds: 10) == 0, bed.story(caller, callee))
        #expect(try bed.isOpen(), bed.story(caller, callee))
        bed.gateway.gate?.signal(SIGCONT)
        #expect(try bed.eventually { try bed.elements().isEmpty }, bed.story(caller, callee))
    }
}
