import Glibc
import Lab
import Testing

/// Phones that go away without a word: the gateway notices, closes, and tells whoever is still there.
@Suite(.serialized) struct VanishingTests {
    @Test func `two phones that send nothing any more have no call any more`() throws {
        var options = GatewayProcesses.Options()
        options.holeTimeout = 5
        let bed = try CallBed("unheard", options)
        try bed.configure("timers: { media_s: 2 }\n")
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "60"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        // Holes are renewed every two seconds, and media flows: nothing is ended.
        usleep(5_000_000)
        #expect(try bed.isOpen(), bed.story(caller, callee))
        for phone in [caller, callee] { phone.signal(SIGKILL) }
        #expect(try bed.eventually { try bed.elements().isEmpty }, bed.story(caller, callee))
        try bed.gateway.proxy?.expect("no media for too long")
    }

    @Test(arguments: ["tcp", "tls"])
    func `a phone whose host is gone is noticed on its connection, and the other phone gets BYE`(_ transport: String)
        throws
    {
        var options = GatewayProcesses.Options()
        options.transport = transport
        let bed = try CallBed("vanished-\(transport)", options)
        try bed.configure("limits: { tcp_user_timeout_s: 2 }\n")
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "60"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        // A phone that is there answers the kernel's questions, however long it says nothing.
        usleep(6_000_000)
        #expect(try bed.isOpen(), bed.story(caller, callee))
        _ = try bed.testbed.inside.command("ip", "link", "set", "eth0", "down")
        #expect(try bed.eventually(seconds: 15) { try bed.elements().isEmpty }, bed.story(caller, callee))
        try callee.expect("Reason: SIP;cause=408;text=\"the connection of its phone was lost\"")
        #expect(callee.wait(seconds: 8) != nil, bed.story(caller, callee))
        caller.signal(SIGKILL)
    }

    @Test func `a next hop whose host is gone loses its connection too`() throws {
        var options = GatewayProcesses.Options()
        options.transport = "tcp"
        let bed = try CallBed("vanished-next", options)
        try bed.configure("limits: { tcp_user_timeout_s: 2 }\n")
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "60"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        func isConnected() throws -> Bool {
            try bed.testbed.gateway.command("ss", "-Htn", "state", "established", "dst", bed.callee).contains(":5060")
        }
        #expect(try isConnected())
        _ = try bed.testbed.outside.command("ip", "link", "set", "eth0", "down")
        #expect(try bed.eventually(seconds: 15) { try !isConnected() }, bed.story(caller, callee))
        for phone in [caller, callee] { phone.signal(SIGKILL) }
    }
}
