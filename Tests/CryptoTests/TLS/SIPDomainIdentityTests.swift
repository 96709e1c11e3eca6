import Crypto
import Testing

@Suite struct SIPDomainIdentityTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let uris: [String]
        let dns: [String]
        let domains: [String]

        var testDescription: String { "\(uris) \(dns)" }
    }

    @Test(arguments: [
        Case(uris: ["sip:example.com"], dns: [], domains: ["example.com"]),
        Case(uris: ["SIP:Example.COM"], dns: [], domains: ["example.com"]),
        Case(
            uris: ["sip:example.com:5061", "sip:b.net;transport=tls", "sip:c.net?x=y"], dns: [],
            domains: ["example.com", "b.net", "c.net"]),
        // RFC 5922 section 7.1: a sip URI wins over every dNSName.
        Case(uris: ["sip:example.com"], dns: ["example.net"], domains: ["example.com"]),
        Case(uris: [], dns: ["Example.NET", "b.example.net"], domains: ["example.net", "b.example.net"]),
        // A user, another scheme, nothing: no domain, and the dNSName counts.
        Case(uris: ["sip:alice@example.com"], dns: ["example.net"], domains: ["example.net"]),
        Case(uris: ["sip:@example.com"], dns: [], domains: []),
        Case(uris: ["sips:example.com", "https://example.com", "sip:", "sip", ""], dns: [], domains: []),
        Case(uris: ["sip::5061", "sip:;x", "sip:[2001:db8::1]"], dns: [], domains: []),
        // A pattern is no name, and keeps the dNSName from counting all the same.
        Case(uris: [], dns: ["*.example.com", "b.example.net"], domains: ["b.example.net"]),
        Case(uris: ["sip:*.example.com"], dns: ["example.com"], domains: []),
        Case(uris: ["sip:10.1.0.1"], dns: [], domains: ["10.1.0.1"]),
    ])
    func `a certificate's names give its domains`(_ example: Case) {
        let found = SIPDomainIdentity.domains(uris: example.uris, dnsNames: example.dns)
        #expect(found == example.domains.map { Array($0.utf8) })
    }

    @Test(arguments: [
        ("example.com", "example.com", true), ("EXAMPLE.com", "example.com", true),
        ("sip.example.com", "example.com", false), ("example.com", "sip.example.com", false),
        ("sip.example.com", "*.example.com", false), ("*.example.com", "*.example.com", false),
        ("example.com.", "example.com", false), ("", "", false), ("example.co", "example.com", false),
    ])
    func `a name is the whole domain and no pattern`(_ name: String, _ domain: String, _ isMatch: Bool) {
        #expect(SIPDomainIdentity.matches(Array(name.utf8), domains: [Array(domain.utf8)]) == isMatch)
    }

    @Test func `the key may be for SIP domains, for anything, or unrestricted`() {
        #expect(SIPDomainIdentity.permits(purposes: nil))
        #expect(SIPDomainIdentity.permits(purposes: ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.20"]))
        #expect(SIPDomainIdentity.permits(purposes: ["2.5.29.37.0"]))
        #expect(!SIPDomainIdentity.permits(purposes: ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]))
        #expect(!SIPDomainIdentity.permits(purposes: []))
    }
}
