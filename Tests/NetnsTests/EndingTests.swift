import Glibc
import Lab
import Testing
import Wire

/// Every way in which a call can end badly closes its hole; daemons that die leave nothing open.
@Suite(.serialized) struct EndingTests {
    @Test func `CANCEL closes the half-open hole`() throws {
        let bed = try CallBed("cancel")
        try bed.gateway.start()
        let callee = try bed.answer(["--accept-after", "20000"])
        let caller = try bed.call()
        #expect(try bed.eventually { try !bed.elements().isEmpty }, bed.story(caller, callee))
        caller.signal(SIGINT)
        #expect(try bed.eventually { try bed.elements().isEmpty }, bed.story(caller, callee))
        #expect(caller.wait(seconds: 8).map { $0 != 0 } ?? false, bed.story(caller, callee))
    }

    @Test func `a callee that cannot be reached leaves nothing open`() throws {
        var options = GatewayProcesses.Options()
        options.transport = "tcp"
        let bed = try CallBed("refused", options)
        try bed.gateway.start()
        let caller = try bed.call(encryptedToPeer: false)
        #expect(caller.wait(seconds: 8).map { $0 != 0 } ?? false, bed.story(caller))
        #expect(caller.text.contains("SIP/2.0 500"), bed.story(caller))
        #expect(try bed.elements().isEmpty)
    }

    @Test func `a next hop whose certificate is for another domain gets nothing`() throws {
        var options = GatewayProcesses.Options()
        options.transport = "tls"
        let bed = try CallBed("impostor", options)
        try bed.gateway.start()
        let callee = try bed.answer(domain: "c.example.net")
        let caller = try bed.call(encryptedToPeer: false)
        #expect(caller.wait(seconds: 8).map { $0 != 0 } ?? false, bed.story(caller, callee))
        #expect(caller.text.contains("SIP/2.0 500"), bed.story(caller, callee))
        #expect(!callee.text.contains("INVITE"), bed.story(caller, callee))
        try bed.gateway.proxy?.expect("none of its SIP domains is b.example.net")
        #expect(try bed.elements().isEmpty)
    }

    @Test(arguments: ["udp", "tls"])
    func `BYE from the callee closes, too`(_ transport: String) throws {
        var options = GatewayProcesses.Options()
        options.transport = transport
        let bed = try CallBed("hangup", options)
        try bed.gateway.start()
        let callee = try bed.answer(["--seconds", "1", "--keep-sending", "1"])
        let caller = try bed.call(["--seconds", "10", "--hang-up", "callee", "--keep-sending", "1"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        #expect(try bed.eventually { try bed.elements().isEmpty }, bed.story(caller, callee))
        let delivered = try [bed.atCaller.packets(from: "callee"), bed.atCallee.packets(from: "caller")]
        #expect(caller.wait(seconds: 8) == 0, bed.story(caller, callee))
        #expect(callee.wait(seconds: 8) == 0, bed.story(caller, callee))
        #expect(try [bed.atCaller.packets(from: "callee"), bed.atCallee.packets(from: "caller")] == delivered)
    }

    @Test func `an SDP that the gateway cannot read is asked for with its certificate, then the call goes through`()
        throws
    {
        let bed = try CallBed("demand")
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "1", "--trust", bed.gateway.certificatePath], disclosed: false)
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        #expect(caller.wait(seconds: 8) == 0, bed.story(caller, callee))
        #expect(caller.text.contains("SIP/2.0 496 Proxy Undecipherable"), bed.story(caller, callee))
        #expect(caller.text.contains("Required to View Content-Type 'application/sdp'"), bed.story(caller, callee))
    }

    @Test func `without a gate calls are refused with 503, and live ones keep their media`() throws {
        var options = GatewayProcesses.Options()
        options.holeTimeout = 30
        let bed = try CallBed("nogate", options)
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "6"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        bed.gateway.gate?.signal(SIGKILL)
        _ = bed.gateway.gate?.wait(seconds: 2)
        #expect(try bed.eventually { bed.gateway.proxy?.text.contains("the gate is gone") ?? false })
        let heard = try bed.atCaller.packets(from: "callee")
        usleep(500_000)
        #expect(try bed.atCaller.packets(from: "callee") - heard > 15, "media of the live call stopped")
        let answer = try request(invite(callID: "nogate"), in: bed)
        #expect(answer.contains("SIP/2.0 503") && answer.contains("Retry-After: "), Comment(rawValue: answer))
        // The gate comes back to its table: the live call goes on in it, and still ends by its BYE.
        try bed.gateway.startGate()
        #expect(try bed.isOpen(), bed.story(caller, callee))
        try bed.gateway.gate?.expect("taken over with 1 sessions")
        let again = try bed.atCaller.packets(from: "callee")
        usleep(500_000)
        #expect(try bed.atCaller.packets(from: "callee") - again > 15, bed.story(caller, callee))
        #expect(caller.wait(seconds: 15) == 0, bed.story(caller, callee))
        #expect(try bed.eventually { try bed.elements().isEmpty }, bed.story(caller, callee))
    }

    @Test func `when sekishod is killed its holes die by themselves, and nothing is left after the restart`() throws {
        var options = GatewayProcesses.Options()
        options.holeTimeout = 5
        let bed = try CallBed("killed", options)
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "20"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        // Refreshing keeps it open for longer than the timeout.
        usleep(6_500_000)
        #expect(try bed.isOpen(), bed.story(caller, callee))
        bed.gateway.proxy?.signal(SIGKILL)
        _ = bed.gateway.proxy?.wait(seconds: 2)
        #expect(try bed.eventually(seconds: 8) { try bed.elements().isEmpty }, bed.story(caller, callee))
        let heard = try bed.atCaller.packets(from: "callee")
        usleep(300_000)
        #expect(try bed.atCaller.packets(from: "callee") == heard)
        try bed.gateway.startProxy()
        #expect(try bed.elements().isEmpty)
    }

    @Test func `a gate that is killed loses no packet of a call, and calls that ended meanwhile are gone with it back`()
        throws
    {
        var options = GatewayProcesses.Options()
        options.holeTimeout = 30
        let bed = try CallBed("gatekill", options)
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "4"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        // Twice: the gate is back while the call goes on, and after it.
        for _ in 0..<2 {
            bed.gateway.gate?.signal(SIGKILL)
            _ = bed.gateway.gate?.wait(seconds: 2)
            try bed.gateway.startGate()
            try bed.gateway.gate?.expect("taken over with 1 sessions; 0 elements of none removed")
            #expect(try bed.isOpen(), bed.story(caller, callee))
            usleep(300_000)
        }
        bed.gateway.gate?.signal(SIGKILL)
        _ = bed.gateway.gate?.wait(seconds: 2)
        #expect(caller.wait(seconds: 15) == 0, bed.story(caller, callee))
        #expect(callee.wait(seconds: 15) == 0, bed.story(caller, callee))
        for name in ["caller", "callee"] {
            #expect(try bed.report(name).lost() == 0, bed.story(caller, callee))
            #expect(try bed.report(name).rtp("received", "call").count > 150, bed.story(caller, callee))
        }
        // It was over while there was no gate.
        #expect(try bed.isOpen(), bed.story(caller, callee))
        try bed.gateway.startGate()
        #expect(try bed.eventually(seconds: 1) { try bed.elements().isEmpty }, bed.story(caller, callee))
    }
}
