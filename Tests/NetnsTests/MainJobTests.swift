import Glibc
import Lab
import Testing
import Wire

/// The main job on the real kernel with the real programs: a default-drop gateway, a call through it, a stranger beside
/// it.
@Suite(.serialized) struct MainJobTests {
    /// How the SDP is protected.
    enum Protection: String, Sendable, CaseIterable {
        case kek, encryptedData = "encrypted-data", plain
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let protection: Protection
        let transport: String
        let usesIPv6: Bool

        var testDescription: String { "\(usesIPv6 ? "IPv6" : "IPv4") \(transport) \(protection.rawValue)" }
    }

    static let cases = [
        Case(protection: .kek, transport: "udp", usesIPv6: false),
        Case(protection: .encryptedData, transport: "tcp", usesIPv6: false),
        Case(protection: .plain, transport: "udp", usesIPv6: false),
        Case(protection: .kek, transport: "tcp", usesIPv6: true),
        Case(protection: .plain, transport: "udp", usesIPv6: true),
        Case(protection: .plain, transport: "tls", usesIPv6: false),
        Case(protection: .kek, transport: "tls", usesIPv6: true),
    ]

    /// What one direction of G.711 has in a second.
    static let packetsPerSecond = 50

    @Test(arguments: cases)
    func `the hole is open for exactly the length of the call`(_ kind: Case) throws {
        var options = GatewayProcesses.Options()
        options.transport = kind.transport
        options.usesIPv6 = kind.usesIPv6
        options.eventLoops = kind.usesIPv6 ? 2 : 1
        options.acceptsUnauthenticated = kind.protection == .encryptedData
        let bed = try CallBed("main", options)
        try bed.gateway.start()
        let foreign = try bed.testbed.listForeignRules()
        let wire = try Capture("wire", on: "br0", in: bed.testbed.ethernet, directory: bed.directory)

        // Before the INVITE: nothing.
        try bed.probe(100, from: bed.callee, port: CallBed.calleePort, in: bed.testbed.outside)
        try bed.probe(100, from: bed.stranger, in: bed.testbed.stranger)
        usleep(100_000)
        #expect(try bed.atCaller.packets(from: "callee") == 0)
        #expect(try bed.atCaller.packets(from: "stranger") == 0)
        #expect(try bed.elements().isEmpty)

        // Half-open: INVITE at the callee, no answer yet.
        var answering = ["--accept-after", "2000", "--keep-sending", "2"]
        if kind.protection != .plain { answering += ["--reuse", kind.protection.rawValue] }
        let callee = try bed.answer(answering)
        var calling = ["--seconds", "3", "--keep-sending", "2"]
        if kind.protection == .encryptedData { calling += ["--cipher", "aes128-cbc"] }
        let caller = try bed.call(calling, encryptedToPeer: kind.protection != .plain)
        #expect(try bed.eventually(seconds: 5) { try !bed.elements().isEmpty }, bed.story(caller, callee))
        #expect(try !bed.isOpen())
        try bed.probe(500, from: bed.stranger, in: bed.testbed.stranger)
        usleep(50_000)
        let halfOpen = try bed.atCaller.packets(from: "stranger")
        #expect(halfOpen > 0 && halfOpen <= Self.packetsPerSecond, "half-open: \(halfOpen) of 500")

        // Open: the exact path and nobody else.
        #expect(try bed.eventually(seconds: 5) { try bed.isOpen() }, bed.story(caller, callee))
        let before = try bed.atCaller.packets(from: "stranger")
        try bed.probe(1_000, from: bed.stranger, in: bed.testbed.stranger)
        try bed.probe(1_000, from: bed.stranger, port: CallBed.calleePort, in: bed.testbed.stranger)
        #expect(try bed.atCaller.packets(from: "stranger") == before)
        // The right address and a wrong port, forged by the stranger.
        try bed.probe(1_000, from: bed.callee, port: CallBed.forgedPort, in: bed.testbed.stranger)
        usleep(200_000)
        #expect(try bed.atCaller.packets(from: "forger") == 0)

        // BYE: nothing, although both go on sending.
        #expect(try bed.eventually(seconds: 6) { try bed.elements().isEmpty }, bed.story(caller, callee))
        let (atCaller, atCallee) = (
            try bed.atCaller.packets(from: "callee"), try bed.atCallee.packets(from: "caller")
        )
        #expect(caller.wait(seconds: 8) == 0, bed.story(caller, callee))
        #expect(callee.wait(seconds: 8) == 0, bed.story(caller, callee))
        #expect(try bed.atCaller.packets(from: "callee") == atCaller)
        #expect(try bed.atCallee.packets(from: "caller") == atCallee)

        try expectDelivery(try bed.report("caller"), try bed.report("callee"), bed.story(caller, callee))
        #expect(try bed.testbed.listForeignRules() == foreign)
        let octets = try wire.stop()
        // By TLS nothing can be read, in the clear the SIP can, and the SDP where it is plain.
        let isClear = kind.transport != "tls"
        #expect(Capture.contains("INVITE sip:bob@b.example.net", in: octets) == isClear)
        #expect(Capture.contains("m=audio", in: octets) == (isClear && kind.protection == .plain))
        #expect(Capture.contains("c=IN IP", in: octets) == (isClear && kind.protection == .plain))
        bed.gateway.stop()
        #expect(try !bed.testbed.gateway.command("nft", "list", "tables").contains("sekisho"))
    }

    /// Every packet of the call came to the other end, none after it.
    private func expectDelivery(_ caller: [Event], _ callee: [Event], _ story: Comment) throws {
        for (sender, receiver) in [(caller, callee), (callee, caller)] {
            #expect(sender.rtp("sent", "call").count > Self.packetsPerSecond, story)
            // What was sent before the other end counted its call as begun is early there, and what waited in its socket
            // when it read the BYE is late: the kernels' counts above say that nothing was delivered after the close. The
            // first packet came, and none is missing up to the last.
            let phases = ["early", "call", "after-bye"].map { receiver.rtp("received", $0) }.filter { $0.count > 0 }
            let count = phases.reduce(0) { $0 + $1.count }
            let (first, last) = (phases.first?.first ?? -1, phases.last?.last ?? -1)
            #expect(first == sender.rtp("sent", "call").first, story)
            #expect(count == last + 1 && count > Self.packetsPerSecond && receiver.lost() == 0, story)
            // Up to the BYE: at most half a second's packets were on their way when the hole closed.
            #expect(last + Self.packetsPerSecond / 2 >= sender.rtp("sent", "call").last, story)
            #expect(sender.rtp("sent", "after-bye").count > Self.packetsPerSecond, story)
        }
    }
}
