import Lab
import Testing
import Wire

/// A callee outside that is behind a NAT of its own: its SDP says where it is there, and its packets come from elsewhere.
@Suite(.serialized) struct FarEndNATTests {
    private static let natted = "198.51.100.7"

    /// The callee's NAT: it is 198.51.100.7 for everybody, and 10.2.0.2 for itself.
    private static let nat = """
        table ip far {
          chain before { type nat hook prerouting priority dstnat; ip daddr \(natted) dnat to 10.2.0.2; }
          chain after { type nat hook postrouting priority srcnat; ip saddr 10.2.0.2 snat to \(natted); }
        }
        """

    @Test(arguments: [true, false])
    func `a callee behind a NAT of its own is heard and hears when that is to be learned, and else is not heard`(
        _ learns: Bool
    ) throws {
        let bed = try CallBed("farnat")
        try Command.output(
            ["sed", "-i", "s/to: \"10.2.0.2\"/to: \"\(Self.natted)\"/", "\(bed.directory)/sekishod.yaml"])
        try bed.configure("far_end_nat: \(learns ? "learn" : "never")\n")
        try bed.testbed.outside.command("ip", "addr", "add", "\(Self.natted)/32", "dev", "eth0")
        try bed.testbed.gateway.command("ip", "route", "add", "\(Self.natted)/32", "via", "10.2.0.2")
        try bed.testbed.outside.command("sh", "-c", "printf '%s' '\(Self.nat)' | nft -f -")
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "3"], encryptedToPeer: false)
        let path = "10.1.0.2 . \(CallBed.callerPort) . \(Self.natted) . \(CallBed.calleePort)"
        let isLearned = try bed.eventually(seconds: learns ? 5 : 1) {
            try bed.elements().contains { $0.contains(path) }
        }
        #expect(isLearned == learns, bed.story(caller, callee))
        if learns { try bed.gateway.gate?.expect("learned ") }
        // A phone that hears nothing says so.
        #expect((caller.wait(seconds: 10) == 0) == learns, bed.story(caller, callee))
        #expect(callee.wait(seconds: 10) == 0, bed.story(caller, callee))
        // Here the callee can be reached where its SDP says; what it sends comes from elsewhere all the same.
        for name in learns ? ["caller", "callee"] : ["caller"] {
            let phases = ["early", "call", "after-bye"]
            let count = try phases.reduce(0) { try $0 + bed.report(name).rtp("received", $1).count }
            #expect((count > CallBed.packetsPerSecond) == learns, bed.story(caller, callee))
        }
        #expect(try bed.eventually { try bed.elements().isEmpty }, bed.story(caller, callee))
    }
}
