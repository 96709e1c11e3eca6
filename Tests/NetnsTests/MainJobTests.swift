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
        var isRouted = false

        var testDescription: String {
            "\(usesIPv6 ? "IPv6" : "IPv4") \(transport) \(protection.rawValue) \(isRouted ? "routed" : "fast")"
        }
    }

    static let cases = [
        Case(protection: .kek, transport: "udp", usesIPv6: false),
        Case(protection: .encryptedData, transport: "tcp", usesIPv6: false),
        Case(protection: .plain, transport: "udp", usesIPv6: false),
        Case(protection: .kek, transport: "tcp", usesIPv6: true),
        Case(protection: .plain, transport: "udp", usesIPv6: true),
        Case(protection: .plain, transport: "tls", usesIPv6: false),
        Case(protection: .kek, transport: "tls", usesIPv6: true),
        Case(protection: .plain, transport: "udp", usesIPv6: false, isRouted: true),
        Case(protection: .kek, transport: "tcp", usesIPv6: true, isRouted: true),
    ]

    @Test(arguments: cases)
    func `the hole is open for exactly the length of the call`(_ kind: Case) throws {
        var options = GatewayProcesses.Options()
        options.transport = kind.transport
        options.usesIPv6 = kind.usesIPv6
        options.eventLoops = kind.usesIPv6 ? 2 : 1
        options.acceptsUnauthenticated = kind.protection == .encryptedData
        let bed = try CallBed(
            "main", options,
            foreignRules: kind.isRouted ? GatewayTestbed.markAcceptingRules : GatewayTestbed.foreignRules)
        if kind.isRouted { try bed.configureGate("media_path: routed\n") }
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
        #expect(halfOpen > 0 && halfOpen <= CallBed.packetsPerSecond, "half-open: \(halfOpen) of 500")

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

        try bed.expectDelivery(caller, callee)
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
}
