import Glibc
import Lab
import Testing

/// `sekisho why`: whatever is the matter with a call is done to it, and is what the verdict says.
@Suite(.serialized) struct WhyTests {
    /// Changes what a host sends, as a NAT or a firewall on its side would; what such a firewall drops goes to a host that is not
    /// there, since the phone would be told of a drop at its own.
    private struct Meddler {
        let host: Namespace

        func set(_ rules: String...) throws {
            let lines = rules.map { "add rule ip meddler out \($0);" }.joined()
            try host.command(
                "nft",
                "add table ip meddler; delete table ip meddler; add table ip meddler;"
                    + "add chain ip meddler out { type route hook output priority 0; };" + lines)
        }
    }

    private func why(_ bed: CallBed, _ more: [String] = []) throws -> String {
        let line = ["why", "bob@b.example.net", "--socket", bed.gateway.controlSocket] + more
        return try Command.run(["\(CallBed.binaries)/sekisho"] + line).output
    }

    /// Waits until a verdict says this; each look takes a second.
    private func expectVerdict(
        _ bed: CallBed, _ text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        var last = ""
        var isThere = false
        for _ in 0..<10 where !isThere {
            last = try why(bed)
            isThere = last.contains(text)
            if !isThere { usleep(200_000) }
        }
        #expect(isThere, Comment(rawValue: "no \"\(text)\" in\n\(last)"), sourceLocation: sourceLocation)
    }

    @Test func `a call that is meddled with says by whom and how`() throws {
        let bed = try CallBed("why")
        try bed.gateway.start()
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "120"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        try expectVerdict(bed, "audio from bob goes through to alice")
        let good = try why(bed)
        for line in [
            "alice offers (disclosed) in INVITE: audio at 10.1.0.2:4000", "gate: 2 half-open",
            "bob answers (disclosed) in 200 to INVITE: audio at 10.2.0.2:5000", "gate: 2 paths",
            "audio from alice goes through to bob", "caller    alice, inside, signalling from 10.1.0.2",
        ] {
            #expect(good.contains(line), Comment(rawValue: "no \"\(line)\" in\n\(good)"))
        }
        #expect(!good.contains("fault"), "\(good)")

        let bob = Meddler(host: bed.testbed.outside)
        try bob.set("udp sport 5000 udp sport set 5998")
        try expectVerdict(bed, "no audio from bob: bob sends from 10.2.0.2:5998, the SDP said :5000")
        try bed.testbed.outside.command("ip", "address", "add", "10.2.0.77/24", "dev", "eth0")
        try bob.set("udp sport 5000 ip saddr set 10.2.0.77")
        try expectVerdict(
            bed, "bob's SDP said 10.2.0.2:5000, and packets come from 10.2.0.77:5000")
        try bob.set("udp sport 5000 udp dport set 4010")
        try expectVerdict(bed, "bob sends to 10.1.0.2:4010, alice's SDP said 10.1.0.2:4000")
        try bob.set("udp sport { 5000, 5001 } ip daddr set 10.2.0.250")
        try expectVerdict(bed, "audio from bob has stopped after")
        try bob.set()
        try expectVerdict(bed, "audio from bob goes through to alice")
        let alice = Meddler(host: bed.testbed.inside)
        try alice.set("udp sport 4000 udp sport set 4002")
        try expectVerdict(bed, "no audio from alice: alice sends from 10.1.0.2:4002, the SDP said :4000")
        try alice.set()

        bed.gateway.gate?.signal(SIGSTOP)
        try expectVerdict(bed, "the gate does not answer")
        bed.gateway.gate?.signal(SIGCONT)

        caller.signal(SIGTERM)
        try expectVerdict(bed, "over since")
        #expect(try why(bed).contains("what went through"))
        _ = callee.wait(seconds: 8)
    }

    @Test func `a phone that was never heard`() throws {
        let bed = try CallBed("whynever")
        try bed.gateway.start()
        let bob = Meddler(host: bed.testbed.outside)
        try bob.set("udp sport 5000 ip daddr set 10.2.0.250")
        let callee = try bed.answer()
        let caller = try bed.call(["--seconds", "60"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        // RTCP comes within five seconds (RFC 3550 section 6.2).
        try expectVerdict(bed, "bob's RTCP does come, so the way is good")
        #expect(try why(bed).contains("no audio from bob: nothing comes from 10.2.0.2:5000"))
        let json = try why(bed, ["--json", "--seconds", "0"])
        #expect(json.contains("\"verdicts\":[{\"weight\":\"fault\",\"text\":\"no audio from bob"), "\(json)")
        for phone in [caller, callee] { phone.signal(SIGTERM) }
    }

    @Test func `a phone that rings, and one that declines`() throws {
        let bed = try CallBed("whyring")
        try bed.gateway.start()
        let callee = try bed.answer(["--accept-after", "60000"])
        let caller = try bed.call(["--seconds", "60"])
        try expectVerdict(bed, "not answered yet")
        #expect(try why(bed).contains("bob: 180 to INVITE"))
        caller.signal(SIGTERM)
        try expectVerdict(bed, "nobody answered: CANCEL")
        callee.signal(SIGTERM)
        _ = callee.wait(seconds: 8)
        let other = try bed.answer(["--refuse", "486"])
        let second = try bed.call()
        try expectVerdict(bed, "bob answered 486 to INVITE: there never was any media")
        for phone in [second, other] { phone.signal(SIGTERM) }
        let failure = try Command.run(
            ["\(CallBed.binaries)/sekisho", "why", "nobody", "--socket", bed.gateway.controlSocket])
        #expect(failure.status != 0)
    }
}
