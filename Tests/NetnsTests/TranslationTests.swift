import Glibc
import Lab
import Testing
import Wire

/// A site whose phones have private addresses: calls through a gateway that translates them.
@Suite(.serialized) struct TranslationTests {
    private static let nat = "nat: { addresses: [10.2.0.1], ports: 20000-20099, quarantine_s: 2 }\n"

    @Test(arguments: [("udp", false), ("tls", false), ("udp", true)])
    func `a phone with a private address is heard and hears, and only its external endpoint is told`(
        _ transport: String, isRouted: Bool
    ) throws {
        var options = GatewayProcesses.Options()
        options.transport = transport
        let bed = try CallBed(
            "nat-\(transport)", options,
            foreignRules: isRouted ? GatewayTestbed.markAcceptingRules : GatewayTestbed.foreignRules)
        try bed.configureGate(Self.nat + (isRouted ? "media_path: routed\n" : ""))
        try bed.gateway.start()
        let wire = try Capture("wire", on: "br0", in: bed.testbed.ethernet, directory: bed.directory)
        // No packet of media comes to anyone by the phone's own address.
        let direct = try PacketPump(
            Endpoint(try #require(IPAddress("10.2.0.3")), 9_000), in: bed.testbed.stranger)
        let callee = try bed.answer(["--accept-after", "1000", "--keep-sending", "2"])
        let caller = try bed.call(["--seconds", "3", "--keep-sending", "2"], encryptedToPeer: false)
        #expect(try bed.eventually(seconds: 5) { try bed.isOpen() }, bed.story(caller, callee))
        try direct.send(0..<100, to: Endpoint(try #require(IPAddress("10.1.0.2")), CallBed.callerPort))
        for port in UInt16(20_000)...20_099 {
            try direct.send(0..<2, to: Endpoint(try #require(IPAddress("10.2.0.1")), port))
        }
        usleep(100_000)
        #expect(try bed.atCaller.packets(from: "stranger") == 0)
        #expect(try bed.eventually(seconds: 6) { try bed.elements().isEmpty }, bed.story(caller, callee))
        let (atCaller, atCallee) = (
            try bed.atCaller.packets(from: "callee"), try bed.atCallee.packets(from: "external")
        )
        #expect(caller.wait(seconds: 8) == 0 && callee.wait(seconds: 8) == 0, bed.story(caller, callee))
        #expect(atCaller > CallBed.packetsPerSecond && atCallee > CallBed.packetsPerSecond)
        #expect(try bed.atCaller.packets(from: "callee") == atCaller)
        #expect(try bed.atCallee.packets(from: "external") == atCallee)
        #expect(try bed.atCallee.packets(from: "caller") == 0)
        try bed.expectDelivery(caller, callee)
        let octets = try wire.stop()
        #expect(Capture.contains("c=IN IP4 10.2.0.1", in: octets) == (transport == "udp"))
        #expect(!Capture.contains("IN IP4 10.1.0.2", in: octets))
    }

    @Test func `an SDP that may not be changed is refused with a word about why`() throws {
        let bed = try CallBed("nat-sealed")
        try bed.configureGate(Self.nat)
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "1"])
        #expect(caller.wait(seconds: 8) != 0, bed.story(caller, callee))
        try caller.expect("SIP/2.0 488 Not Acceptable Here - this gateway translates addresses")
        #expect(try bed.elements().isEmpty)
        callee.signal(15)
    }

    @Test func `IPv6 goes on as it is beside it`() throws {
        var options = GatewayProcesses.Options()
        options.usesIPv6 = true
        let bed = try CallBed("nat-v6", options)
        try bed.configureGate(Self.nat)
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "1"], encryptedToPeer: true)
        #expect(caller.wait(seconds: 8) == 0 && callee.wait(seconds: 8) == 0, bed.story(caller, callee))
        #expect(try bed.atCallee.packets(from: "caller") > 0)
    }
}
