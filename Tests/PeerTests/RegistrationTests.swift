import Lab
import Testing

/// A phone behind the gateway that is registered at its provider, a Kamailio outside: calls come back through the
/// gateway, because the contact that the provider keeps leads there.
@Suite(.serialized) struct RegistrationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let line: Line
        /// How the phone speaks with the gateway; the line is how the gateway speaks with the provider.
        let inside: String

        var testDescription: String { "\(inside.uppercased()) inside, \(line.testDescription) outside" }

        static let all =
            Line.all.map { Case(line: $0, inside: $0.transport) } + [
                Case(line: Line(transport: "tls", usesIPv6: false), inside: "udp")
            ]
    }

    @Test(arguments: Case.all) func `a provider calls its phone back through the gateway`(row: Case) throws {
        let line = row.line
        // The phone is of the provider's domain, and no route of the gateway leads to it.
        let bed = try PeerBed("reg-\(line.name)-\(row.inside)", line) { $0.routed = ["b.example.net"] }
        let provider = try Kamailio(
            "kamailio", bed.proxy(domain: "b.example.net", routes: []), in: bed.testbed.outside,
            directory: bed.directory)
        defer { provider.stop() }
        var settings = try bed.phone(
            "alice", domain: "b.example.net", at: bed.inside, proxy: bed.near, mediaPort: 4000, over: row.inside)
        settings.registration = 60
        let alice = try Baresip("alice", settings, in: bed.testbed.inside, directory: bed.directory)
        let carol = try Baresip(
            "carol",
            bed.phone("carol", domain: "c.example.net", at: bed.beyond, proxy: bed.outside, mediaPort: 5000),
            in: bed.testbed.stranger, directory: bed.directory)
        // It registers while it starts, before anyone can listen to its events.
        try alice.child.expect("[1 binding]")

        let registered = try #require(provider.decisions.first { $0.hasPrefix("registers ") })
        let contact = try #require(registered.split(separator: "<").last?.split(separator: ">").first)
        // The provider must be able to reach the contact: its host is the gateway, not the phone; by TLS it is the name that
        // the gateway's certificate proves.
        let host = contact.split(separator: "@").last.map(String.init) ?? ""
        let address = bed.far.contains(":") ? "[\(bed.far)]" : bed.far
        let gateway = contact.contains("transport=tls") ? GatewayProcesses.name : address
        try #require(
            host == gateway || host.hasPrefix(gateway + ":") || host.hasPrefix(gateway + ";"),
            "the provider's contact is \(contact), not at the gateway \(gateway) \(bed.story(alice.child, provider.child))"
        )
        let rtp = try bed.connect(carol, to: "sip:alice@b.example.net", at: alice)
        try bed.hangUp(carol, other: alice)

        // The phone signs off: the provider forgets it, and a call finds nobody.
        alice.quit()
        let closed = carol.count(.closed)
        try carol.dial("sip:alice@b.example.net")
        try carol.expect(.closed, times: closed + 1)
        try #require(carol.child.text.contains("404"), "\(bed.story(carol.child))")
        try #require(try bed.eventually { try bed.elements() == 0 })
        print(
            "proved: phone registered at its provider through the gateway, \(row.testDescription): contact",
            "\(contact); call back: RTP \(rtp.outward) out, \(rtp.inward) in; 404 after it signs off;",
            "0 elements after")
    }
}
