import Lab
import Testing

/// Kamailio outside, between the gateway and a phone: the gateway's next hop for calls out, its previous hop for calls
/// in. Both record their route, so everything within a dialog passes both.
@Suite(.serialized) struct KamailioTests {
    @Test(arguments: Line.all) func `Kamailio is next hop, then previous hop`(line: Line) throws {
        let bed = try PeerBed("kam-\(line.name)", line)
        let settings = try bed.proxy(
            domain: "registered.example.net",
            routes: [
                .init(domain: "b.example.net", to: bed.target(bed.beyond)),
                .init(domain: "a.example.net", to: bed.target(bed.far)),
            ])
        let kamailio = try Kamailio("kamailio", settings, in: bed.testbed.outside, directory: bed.directory)
        defer { kamailio.stop() }
        let bob = try Baresip(
            "bob",
            bed.phone("bob", domain: "b.example.net", at: bed.beyond, proxy: bed.outside, mediaPort: 5000),
            in: bed.testbed.stranger, directory: bed.directory)
        let alice = try Baresip(
            "alice",
            bed.phone("alice", domain: "a.example.net", at: bed.inside, proxy: bed.near, mediaPort: 4000),
            in: bed.testbed.inside, directory: bed.directory)

        let out = try call(bed, kamailio, from: alice, to: "sip:bob@b.example.net", at: bob)
        print("proved: Kamailio as next hop, \(line.testDescription): \(out)")
        let back = try call(bed, kamailio, from: bob, to: "sip:alice@a.example.net", at: alice)
        print("proved: Kamailio as previous hop, \(line.testDescription): \(back)")
    }

    /// A call that the caller holds and resumes, and the callee ends: requests within the dialog go both ways.
    private func call(
        _ bed: PeerBed, _ kamailio: Kamailio, from caller: Baresip, to uri: String, at callee: Baresip
    ) throws -> String {
        let earlier = kamailio.decisions.count
        _ = try bed.connect(caller, to: uri, at: callee)
        let (_, holes, after) = try bed.holdAndResume(caller)
        try bed.hangUp(callee, other: caller)
        let decisions = kamailio.decisions.dropFirst(earlier)
        // Hold and resume, an ACK to each 200, and the BYE.
        var passed: [String] = []
        for (method, wanted) in [("INVITE", 2), ("ACK", 3), ("BYE", 1)] {
            let count = decisions.count { $0.contains("in dialog \(method) ") }
            try #require(count >= wanted, "\(method) within the dialog: \(decisions) \(bed.story(kamailio.child))")
            passed.append("\(count) \(method)")
        }
        return "RTP \(after.outward) out, \(after.inward) in; on hold \(holes) holes stay; resumed; "
            + "within the dialog through both: \(passed.joined(separator: ", ")); 0 elements after"
    }
}
