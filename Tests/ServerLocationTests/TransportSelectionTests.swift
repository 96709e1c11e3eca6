import SIPTransactions
import ServerLocation
import Testing
import Wire

/// RFC 3263 section 4.1: the transport.
@Suite struct TransportSelectionTests {
    // MARK: Addresses

    @Test(arguments: [
        (LookupTarget(.sip, "192.0.2.1"), "udp 192.0.2.1:5060"),
        (LookupTarget(.sip, "192.0.2.1", port: 5070), "udp 192.0.2.1:5070"),
        (LookupTarget(.sip, "192.0.2.1", .known(.tcp)), "tcp 192.0.2.1:5060"),
        (LookupTarget(.sip, "192.0.2.1", .known(.tls)), "tls 192.0.2.1:5061"),
        (LookupTarget(.sips, "192.0.2.1"), "tls 192.0.2.1:5061"),
        (LookupTarget(.sips, "192.0.2.1", .known(.tcp)), "tls 192.0.2.1:5061"),
        (LookupTarget(.sips, "192.0.2.1", port: 443), "tls 192.0.2.1:443"),
        (LookupTarget(.sip, "2001:db8::1"), "udp [2001:db8::1]:5060"),
        (LookupTarget(.sip, "::ffff:192.0.2.1"), "udp 192.0.2.1:5060"),
        (LookupTarget(.sip, "127.0.0.1"), "udp 127.0.0.1:5060"),
    ])
    func `An address needs no question`(target: LookupTarget, found: String) throws {
        #expect(try Zone().run(target) == Zone.Run(found: [found]))
    }

    @Test(arguments: ["0.0.0.0", "224.0.1.75", "255.255.255.255", "::", "ff02::1", "fe80::1", "2002:7f00:1::"])
    func `An address that nothing can be sent to is refused`(host: String) throws {
        #expect(
            try Zone().run(LookupTarget(.sip, host)).error?.hasSuffix("an address that no request can be sent to")
                == true)
    }

    @Test(arguments: [
        LookupTarget(.sip, "192.0.2.1", supported: .v6), LookupTarget(.sip, "2001:db8::1", supported: .v4),
        LookupTarget(.sip, "192.0.2.1", .known(.tcp), supported: .udp),
        LookupTarget(.sips, "192.0.2.1", supported: .udp),
        LookupTarget(.sip, "192.0.2.1", .unknown), LookupTarget(.sips, "192.0.2.1", .known(.udp)),
        LookupTarget(.sip, "example.com", .unknown), LookupTarget(.sips, "example.com", .known(.udp)),
        LookupTarget(.sip, "example.com", .known(.tls), supported: .udp),
        LookupTarget(.sip, "example.com", supported: .tls),
        LookupTarget(.sip, "example.com", port: 5060, supported: .tcp),
    ])
    func `A transport or family without a listener is refused`(target: LookupTarget) throws {
        let run = try Zone().run(target)
        #expect(run.error?.hasSuffix("no listener for the transport and address family") == true)
    }

    @Test(arguments: [
        "", ".", "..", "a..b", "-a.example", "a-.example", "ex ample.com", "example.com\r\n", "_sip.example", "127.1",
        "0x7f.1", "2130706433", "1.2.3", "example.1com", String(repeating: "a", count: 64) + ".com",
        String(repeating: "a.", count: 126) + "ab",
    ])
    func `What is no host name is refused before anything is asked`(host: String) throws {
        let run = try Zone().run(LookupTarget(.sip, host))
        #expect(run.rounds.isEmpty)
        #expect(run.error?.hasSuffix("not a host name") == true)
    }

    // MARK: What is asked first

    @Test(arguments: [
        (LookupTarget(.sip, "Example.COM."), "NAPTR example.com"),
        (LookupTarget(.sips, "example.com"), "NAPTR example.com"),
        (LookupTarget(.sip, "example.com", .known(.udp)), "SRV _sip._udp.example.com"),
        (LookupTarget(.sip, "example.com", .known(.tcp)), "SRV _sip._tcp.example.com"),
        (LookupTarget(.sip, "example.com", .known(.tls)), "SRV _sips._tcp.example.com"),
        (LookupTarget(.sips, "example.com", .known(.tcp)), "SRV _sips._tcp.example.com"),
        (LookupTarget(.sip, "example.com", port: 5060), "AAAA example.com, A example.com"),
        (LookupTarget(.sip, "example.com", port: 5060, supported: .v4), "A example.com"),
        (LookupTarget(.sip, "example.com", port: 5060, .known(.tcp), supported: .v6), "AAAA example.com"),
    ])
    func `NAPTR is asked for only without port and transport`(target: LookupTarget, asked: String) throws {
        #expect(try Zone().run(target).rounds.first?.joined(separator: ", ") == asked)
    }

    // MARK: NAPTR

    /// The records of the example in RFC 3263 section 4.1.
    private func example() throws -> [AuthorityPointer] {
        [
            try AuthorityPointer(50, 50, "SIPS+D2T", "_sips._tcp.example.com"),
            try AuthorityPointer(90, 50, "SIP+D2T", "_sip._tcp.example.com"),
            try AuthorityPointer(100, 50, "SIP+D2U", "_sip._udp.example.com"),
        ]
    }

    @Test(arguments: [
        (LookupTarget(.sip, "example.com"), "SRV _sips._tcp.example.com"),
        (LookupTarget(.sip, "example.com", supported: [.udp, .tcp]), "SRV _sip._tcp.example.com"),
        (LookupTarget(.sip, "example.com", supported: .udp), "SRV _sip._udp.example.com"),
        (LookupTarget(.sips, "example.com"), "SRV _sips._tcp.example.com"),
    ])
    func `The lowest order that the gateway supports is used`(target: LookupTarget, asked: String) throws {
        var zone = Zone()
        try zone.naptr("example.com", example())
        #expect(try zone.run(target).rounds.dropFirst().first == [asked])
    }

    @Test func `Within an order all are used, by preference, and higher orders are not`() throws {
        var zone = Zone()
        try zone.naptr(
            "example.com",
            [
                AuthorityPointer(20, 1, "SIPS+D2T", "_sips._tcp.example.com"),
                AuthorityPointer(10, 60, "SIP+D2U", "udp.example.net"),
                AuthorityPointer(10, 50, "SIP+D2T", "tcp.example.org"),
            ])
        try zone.srv("tcp.example.org", [ServiceRecord(0, 0, 5070, "a.example.org")])
        try zone.srv("udp.example.net", [ServiceRecord(0, 0, 5080, "a.example.org")])
        try zone.host("a.example.org", "192.0.2.7")
        let run = try zone.run(LookupTarget(.sip, "example.com"))
        #expect(run.rounds[1] == ["SRV tcp.example.org", "SRV udp.example.net"])
        #expect(run.found == ["tcp 192.0.2.7:5070", "udp 192.0.2.7:5080"])
    }

    @Test func `Services and flags are read in any letter case`() throws {
        var zone = Zone()
        try zone.naptr("example.com", [AuthorityPointer(1, 1, "sip+d2t", "_sip._tcp.example.com", flags: "S")])
        #expect(try zone.run(LookupTarget(.sip, "example.com")).rounds[1] == ["SRV _sip._tcp.example.com"])
    }

    @Test(arguments: [
        ("SIP+D2T", "a", "", "_sip._tcp.example.com"), ("SIP+D2T", "u", "", "_sip._tcp.example.com"),
        ("SIP+D2T", "", "", "_sip._tcp.example.com"), ("SIP+D2T", "ss", "", "_sip._tcp.example.com"),
        ("SIP+D2T", "s", "!^.*$!sip:x@y!", "_sip._tcp.example.com"), ("SIP+D2T", "s", "", "."),
        ("E2U+sip", "s", "", "_sip._tcp.example.com"), ("SIPPY+D2T", "s", "", "_sip._tcp.example.com"),
        ("", "s", "", "_sip._tcp.example.com"),
    ])
    func `A record that does not lead to SRV of SIP is as if it were not there`(
        service: String, flags: String, regexp: String, replacement: String
    ) throws {
        var zone = Zone()
        try zone.naptr("example.com", [AuthorityPointer(1, 1, service, replacement, flags: flags, regexp: regexp)])
        let run = try zone.run(LookupTarget(.sip, "example.com"))
        #expect(run.rounds[1] == ["SRV _sip._udp.example.com", "SRV _sip._tcp.example.com"])
    }

    @Test func `A domain that offers SIP over nothing that fits is not asked further`() throws {
        var zone = Zone()
        try zone.naptr(
            "example.com",
            [
                AuthorityPointer(1, 1, "SIP+D2S", "_sip._sctp.example.com"),
                AuthorityPointer(2, 1, "SIP+D2U", "_sip._udp.example.com"),
            ])
        let refused = "example.com: NAPTR example.com: service not offered over a transport with a listener"
        #expect(try zone.run(LookupTarget(.sips, "example.com")).error == refused)
        #expect(try zone.run(LookupTarget(.sip, "example.com", supported: [.tcp, .tls])).error == refused)
    }

    @Test(arguments: [(4, 4), (5, 4)])
    func `At most four services are asked for`(count: UInt16, asked: Int) throws {
        var zone = Zone()
        try zone.naptr(
            "example.com", (1...count).map { try AuthorityPointer(1, $0, "SIP+D2U", "s\($0).example.com") })
        let run = try zone.run(LookupTarget(.sip, "example.com"))
        #expect(run.rounds[1] == (1...asked).map { "SRV s\($0).example.com" })
    }

    // MARK: No NAPTR

    @Test(arguments: [
        (LookupTarget(.sip, "example.com"), ["SRV _sip._udp.example.com", "SRV _sip._tcp.example.com"]),
        (LookupTarget(.sip, "example.com", supported: .udp), ["SRV _sip._udp.example.com"]),
        (LookupTarget(.sip, "example.com", supported: [.tcp, .tls]), ["SRV _sip._tcp.example.com"]),
        (LookupTarget(.sips, "example.com"), ["SRV _sips._tcp.example.com"]),
    ])
    func `Without NAPTR each transport's SRV is asked for`(target: LookupTarget, asked: [String]) throws {
        #expect(try Zone().run(target).rounds[1] == asked)
    }

    @Test func `A failure of the NAPTR question is no permission to go on without TLS`() throws {
        for failure in [
            QuestionFailure.timedOut, .noAnswer, .overloaded, .malformed(ParseError(.truncated, in: "x", at: 1)),
        ] {
            var zone = Zone()
            try zone.fail("example.com", .naptr, failure)
            let run = try zone.run(LookupTarget(.sip, "example.com"))
            #expect(
                run == Zone.Run(rounds: [["NAPTR example.com"]], error: "example.com: NAPTR example.com: \(failure)"))
        }
    }

    @Test func `Without any name server a host that the system knows is still found`() throws {
        var zone = Zone()
        try zone.fail("pbx", .naptr, .noServer)
        try zone.fail("_sip._udp.pbx", .srv, .noServer)
        try zone.fail("_sip._tcp.pbx", .srv, .noServer)
        #expect(try zone.run(LookupTarget(.sip, "pbx")).error == "pbx: NAPTR pbx: no name server can be reached")
        try zone.host("pbx", "192.0.2.9")
        #expect(try zone.run(LookupTarget(.sip, "pbx")).found == ["udp 192.0.2.9:5060"])
    }
}
