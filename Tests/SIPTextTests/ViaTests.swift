import Corpus
import SIPText
import Testing
import Wire

@Suite struct ViaTests {
    typealias Row = (text: String, transport: Via.Transport, host: String, port: UInt16?, branch: String)

    @Test(
        arguments: [
            ("SIP/2.0/UDP a;branch=z9hG4bK1", .udp, "a", nil, "z9hG4bK1"),
            ("sip/2.0/udp a:5060", .udp, "a", 5060, ""),
            ("SIP / 2.0 / TCP  a : 5061 ;branch = x ", .tcp, "a", 5061, "x"),
            ("SIP/2.0/TLS [2001:db8::9:1];branch=x", .tls, "2001:db8::9:1", nil, "x"),
            ("SIP/2.0/SCTP [2001:db8::9:1]:7", .sctp, "2001:db8::9:1", 7, ""),
            ("SIP/2.0/WSS a;branch=x", .other, "a", nil, "x"),
            ("SIP/2.0/TLS-SCTP a", .other, "a", nil, ""),
            ("SIP/2.0/UDX a", .other, "a", nil, ""),
            ("SIP/7.0/UDP a", .udp, "a", nil, ""),
            ("SIP/2.0/UDP\ta;branch=\"x\"", .udp, "a", nil, "x"),
        ] as [Row])
    func `a value comes apart`(row: Row) throws {
        let reading = Reading(row.text)
        let via = try #require(reading.via)
        #expect(via.transport == row.transport)
        #expect(reading.text(via.host) == row.host)
        #expect(via.port == row.port)
        #expect(reading.text(via.branch(in: reading.octets.span)) == row.branch)
    }

    @Test(arguments: [
        "", "SIP", "SIP/2.0", "SIP/2.0/", "SIP/2.0/UDP", "SIP/2.0/UDP ", "HTTP/2.0/UDP a", "SIP//UDP a", "SIP/2.0/ a",
        "SIP/2.0/UDP;branch=x", "SIP/2.0/UDP a b", "SIP/2.0/UDP a:", "SIP/2.0/UDP a:65536", "SIP/2.0/UDP 2001:db8::1",
        "SIP/2.0/UDP [2001:db8::1", "SIP/2.0/UDP [x]", "SIP/2.0/UDP a,b", "SIP/2.0/UDP <a>", "SIP/2.0/UDP[::1]",
    ])
    func `what is no Via is refused`(text: String) { #expect(Reading(text).via == nil) }

    /// RFC 5118 section 4.5: both forms are met.
    @Test(arguments: [
        (";received=192.0.2.1", "192.0.2.1"), (";received=[2001:db8::9:255]", "2001:db8::9:255"),
        (";received=2001:db8::9:255;rport=5", "2001:db8::9:255"), (";received=host", nil), (";received=", nil),
        ("", nil),
        (";received=[]", nil), (";received=[2001:db8::1", nil),
    ])
    func `received is an address or nothing`(parameters: String, address: String?) {
        let reading = Reading("SIP/2.0/UDP a\(parameters)")
        #expect(reading.via?.received(in: reading.octets.span)?.description == address)
    }

    @Test(arguments: [
        (";rport=5062", UInt16(5062)), (";rport", nil), (";rport=", nil), (";rport=65536", nil), (";rport=x", nil),
        (";rport=5x", nil), (";RPORT=0", 0), ("", nil),
    ])
    func `rport is a port or nothing`(parameters: String, port: UInt16?) {
        let reading = Reading("SIP/2.0/UDP a\(parameters)")
        #expect(reading.via?.responsePort(in: reading.octets.span) == port)
    }

    /// The source is 192.0.2.7:4000.
    @Test(arguments: [
        ("SIP/2.0/UDP 192.0.2.7;branch=x", "SIP/2.0/UDP 192.0.2.7;branch=x"),
        ("SIP/2.0/UDP 192.0.2.7:9;branch=x;rport", "SIP/2.0/UDP 192.0.2.7:9;branch=x;rport=4000;received=192.0.2.7"),
        ("SIP/2.0/UDP a;branch=x", "SIP/2.0/UDP a;branch=x;received=192.0.2.7"),
        ("SIP/2.0/UDP 10.0.0.1;rport;branch=x", "SIP/2.0/UDP 10.0.0.1;branch=x;rport=4000;received=192.0.2.7"),
        // What the sender says of itself is no fact.
        ("SIP/2.0/UDP 192.0.2.7;received=6.6.6.6;branch=x", "SIP/2.0/UDP 192.0.2.7;branch=x"),
        ("SIP/2.0/UDP a;received=6.6.6.6;rport=53", "SIP/2.0/UDP a;rport=4000;received=192.0.2.7"),
        ("SIP/2.0/UDP a;Received=6.6.6.6;received=7.7.7.7", "SIP/2.0/UDP a;received=192.0.2.7"),
        ("SIP/2.0/UDP 192.0.2.7;rport=53", "SIP/2.0/UDP 192.0.2.7;rport=4000;received=192.0.2.7"),
        // Everything else stays as it was written.
        (
            "SIP / 2.0 / UDP  a ;  e=\"\" ; q = \"x;received=y\" ;branch=x, SIP/2.0/UDP b",
            "SIP / 2.0 / UDP  a ;  e=\"\" ; q = \"x;received=y\" ;branch=x;received=192.0.2.7, SIP/2.0/UDP b"
        ),
    ])
    func `the topmost Via is stamped with the source`(before: String, after: String) throws {
        let octets = String(decoding: request(), as: UTF8.self)
            .replacing("SIP/2.0/UDP 10.1.0.2;branch=z9hG4bK1", with: before)
        var stamped = try #require(parsed(Array(octets.utf8)))
        stamped.stampVia(source: try #require(Endpoint("192.0.2.7:4000")))
        #expect(stamped.value(of: .via).map(stamped.text) == after)
    }

    @Test func `an IPv6 source is written without brackets`() throws {
        var stamped = try #require(parsed(request()))
        stamped.stampVia(source: try #require(Endpoint("[2001:db8::7]:4000")))
        #expect(stamped.topVia?.received(in: stamped.bytes.span)?.description == "2001:db8::7")
        #expect(stamped.value(of: .via).map(stamped.text)?.hasSuffix(";received=2001:db8::7") == true)
    }
}
