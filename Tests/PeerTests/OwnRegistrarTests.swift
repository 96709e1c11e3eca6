import Lab
import Testing

/// Phones that are registered at the gateway itself, with Digest, and call each other by their addresses there.
@Suite(.serialized) struct OwnRegistrarTests {
    private static let domain = "phones.example.net"

    private func bed(_ name: String, _ line: Line) throws -> PeerBed {
        try PeerBed("\(name)-\(line.name)", line, users: ["alice", "bob"]) {
            $0.registrar = Self.domain
            $0.routed = []
        }
    }

    @Test(arguments: Line.all.filter { $0.transport != "tls" })
    func `sipp registers with Digest, and signs off`(line: Line) throws {
        let bed = try bed("dig", line)
        func register(_ sequence: Int, _ password: String? = nil, _ contact: String? = nil, _ expires: Int? = nil)
            -> SIPpScenario.Step
        {
            .send(
                SIPpMessages.register(
                    "bob", at: Self.domain, sequence: sequence, password: password, contact: contact, expires: expires),
                retransmitted: true)
        }
        let steps: [SIPpScenario.Step] = [
            // Without credentials, with those of another password, with the right ones.
            register(1), .awaitChallenge(401), register(2, "guess"), .awaitChallenge(401),
            register(3, PeerBed.password), .awaitResponseWith(200, header: "Contact:", text: "sip:bob@"),
            // Everything off (RFC 3261 section 10.2.2); what is left is asked for.
            register(4, nil, "*", 0), .awaitChallenge(401), register(5, PeerBed.password, "*", 0),
            .awaitResponse(200, optional: false, keepsRoute: false),
        ]
        let phone = try SIPp(
            "register", plays: SIPpScenario("register", steps),
            at: SIPp.Place(
                namespace: bed.testbed.inside, address: bed.inside, transport: line.transport, mediaPort: 4000),
            directory: bed.directory, target: bed.host(bed.near), authority: Self.domain)
        let complaint = phone.complaint()
        try #require(complaint == nil, "\(complaint ?? "") \(bed.story(phone.child))")
        print(
            "proved: sipp registers at the gateway, \(line.testDescription): 401 without and with a wrong password,",
            "200 with the right one, 200 to Contact: *")
    }

    @Test(arguments: [
        Line(transport: "udp", usesIPv6: false), Line(transport: "tcp", usesIPv6: true),
        Line(transport: "tls", usesIPv6: false), Line(transport: "tls", usesIPv6: true),
    ]) func `registered phones call each other, and the first of two to answer has the call`(line: Line) throws {
        let bed = try bed("own", line)
        func phone(_ user: String, _ name: String, at address: String, _ proxy: String, answers: Bool = true) throws
            -> BaresipSettings
        {
            var settings = try bed.phone(user, domain: Self.domain, at: address, proxy: proxy, mediaPort: 4000)
            settings.registration = 600
            settings.password = PeerBed.password
            settings.answers = answers
            return settings
        }
        let alice = try Baresip(
            "alice", phone("alice", "alice", at: bed.inside, bed.near), in: bed.testbed.inside,
            directory: bed.directory)
        let desk = try Baresip(
            "desk", phone("bob", "desk", at: bed.outside, bed.far), in: bed.testbed.outside, directory: bed.directory)
        let hall = try Baresip(
            "hall", phone("bob", "hall", at: bed.beyond, bed.far, answers: false), in: bed.testbed.stranger,
            directory: bed.directory)
        for phone in [alice, desk, hall] { try phone.child.expect("binding") }

        // Both ring, the desk phone answers, the one in the hall is cancelled.
        let out = try bed.connect(alice, to: "sip:bob@\(Self.domain)", at: desk)
        try hall.expect(.incoming)
        try hall.expect(.closed)
        try #require(hall.count(.established) == 0, "\(bed.story(hall.child))")
        try bed.hangUp(desk, other: alice)
        let back = try bed.connect(desk, to: "sip:alice@\(Self.domain)", at: alice)
        try bed.hangUp(desk, other: alice)

        desk.quit()
        hall.quit()
        let closed = alice.count(.closed)
        try alice.dial("sip:bob@\(Self.domain)")
        try alice.expect(.closed, times: closed + 1)
        try #require(alice.child.text.contains("480"), "\(bed.story(alice.child))")
        try #require(try bed.eventually { try bed.elements() == 0 })
        print(
            "proved: baresip registered at the gateway, \(line.testDescription): inside to outside RTP \(out.outward) out,",
            "\(out.inward) in, of two phones one answers and the other is cancelled; outside to inside \(back.outward) out,",
            "\(back.inward) in; 480 when both have signed off; 0 elements after each")
    }
}
