import SIPText
import SIPTransactions
import ServerLocation
import Testing
import Wire

@Suite struct LookupTargetTests {
    private func target(_ text: String) throws -> LookupTarget? {
        let octets = Array(text.utf8)
        let span = octets.span
        let uri = try URI(in: span, Slice(0..<octets.count))
        return LookupTarget(uri, in: span, supported: .all)
    }

    @Test(arguments: [
        ("sip:bob@example.com", LookupTarget(.sip, "example.com")),
        ("SIPS:bob@example.com:5063", LookupTarget(.sips, "example.com", port: 5063)),
        ("sip:bob@example.com;transport=TCP", LookupTarget(.sip, "example.com", .known(.tcp))),
        ("sip:bob@example.com;lr;transport=udp", LookupTarget(.sip, "example.com", .known(.udp))),
        ("sip:example.com;transport=tls", LookupTarget(.sip, "example.com", .known(.tls))),
        ("sip:example.com;transport=sctp", LookupTarget(.sip, "example.com", .unknown)),
        ("sip:example.com;transport", LookupTarget(.sip, "example.com", .unknown)),
        ("sip:bob@[2001:db8::1]:5062", LookupTarget(.sip, "2001:db8::1", port: 5062)),
    ])
    func `The parts of a URI`(text: String, wanted: LookupTarget) throws {
        #expect(try target(text) == wanted)
    }

    @Test func `maddr is what is found, and the domain is still what TLS must prove`() throws {
        for maddr in ["192.0.2.9", "proxy.example.net"] {
            let found = try #require(try target("sip:bob@Example.com;maddr=\(maddr)"))
            #expect(found.host == Array(maddr.utf8))
            #expect(found.domain == Array("example.com".utf8))
        }
        #expect(try target("sip:example.com;maddr=[2001:db8::9]")?.host == Array("2001:db8::9".utf8))
    }

    @Test func `Another scheme has no server`() throws {
        #expect(try target("tel:+358-555-1234567") == nil)
    }
}
