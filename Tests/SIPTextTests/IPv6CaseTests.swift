import Corpus
import SIPText
import Testing
import Wire

/// What RFC 5118 says of its messages beyond whether they can be read.
@Suite struct IPv6CaseTests {
    private func message(_ name: String) throws -> Message {
        try #require(Fixture.rfc5118.first { $0.name == name }.flatMap { parsed($0.octets) })
    }

    @Test(
        arguments: [
            ("ipv6-good", "2001:db8::10", nil), ("port-ambiguous", "2001:db8::10:5070", nil),
            ("port-unambiguous", "2001:db8::10", 5070), ("ipv6-in-sdp", "2001:db8::10", nil),
            ("ipv6-correct-abnf-2-colons", "2001:db8::192.0.2.1", nil),
            ("ipv6-bug-abnf-3-colons", "2001:db8::192.0.2.1", nil),
        ] as [(String, String, UInt16?)])
    func `the Request-URI names an address and a port`(name: String, address: String, port: UInt16?) throws {
        let request = try message(name)
        let uri = try URI(in: request.bytes.span, try #require(request.requestURI))
        #expect(uri.address(in: request.bytes.span) == IPAddress(address))
        #expect(uri.port == port)
    }

    @Test(arguments: ["via-received-param-with-delim", "via-received-param-no-delim"])
    func `received is read with brackets and without`(name: String) throws {
        let request = try message(name)
        let via = try #require(request.topVia)
        #expect(via.received(in: request.bytes.span) == IPAddress("2001:db8::9:255"))
    }

    @Test func `hosts, ports and transports of mult-ip-in-header are told apart`() throws {
        let bye = try message("mult-ip-in-header")
        let vias = try bye.values(of: .via).map { try Via(in: bye.bytes.span, $0) }
        #expect(vias.map { bye.text($0.host) } == ["2001:db8::9:1", "192.0.2.1", "2001:db8::9:255"])
        #expect(vias.map(\.port) == [6050, nil, nil])
        #expect(vias.map(\.transport) == [.udp, .udp, .tcp])
        #expect(vias[2].received(in: bye.bytes.span) == IPAddress("192.0.2.200"))
    }

    @Test func `an IPv4-mapped address stays what it is until somebody asks`() throws {
        let invite = try message("ipv4-mapped-ipv6")
        let contact = try #require(invite.address(of: .contact))
        let address = try #require(try URI(in: invite.bytes.span, contact.uri).address(in: invite.bytes.span))
        #expect(address.isIPv6)
        #expect(address.unmapped == IPAddress("192.0.2.2"))
    }

    /// Three colons are read before an IPv4 address and nowhere else.
    @Test(arguments: [
        ("[2001:db8:::192.0.2.1]", true), ("[:::192.0.2.1]", true), ("[2001:db8:::10]", false), ("[:::]", false),
        ("[2001:db8::::192.0.2.1]", false), ("[2001::db8:::192.0.2.1]", false), ("[2001:db8:::192.0.2]", false),
        ("[2001:db8:::192.0.2.1:1]", false), ("[1:2:3:4:5:6:::192.0.2.1]", false), ("2001:db8:::192.0.2.1", false),
    ])
    func `three colons are read before an IPv4 address only`(host: String, isRead: Bool) {
        #expect((Reading("sip:user@\(host)").uri != nil) == isRead)
        #expect((Reading("SIP/2.0/UDP \(host);branch=z9hG4bK1").via != nil) == isRead)
    }
}
