import SIPTransactions
import ServerLocation
import Testing
import Wire

/// RFC 3263 section 4.2: port and addresses; RFC 2782; RFC 7984.
@Suite struct ServerSelectionTests {
    @Test(arguments: [
        (LookupTarget(.sip, "example.com"), "udp 192.0.2.1:5060"),
        (LookupTarget(.sip, "example.com", supported: .tcp), "tcp 192.0.2.1:5060"),
        (LookupTarget(.sip, "example.com", .known(.tcp)), "tcp 192.0.2.1:5060"),
        (LookupTarget(.sip, "example.com", .known(.tls)), "tls 192.0.2.1:5061"),
        (LookupTarget(.sips, "example.com"), "tls 192.0.2.1:5061"),
        (LookupTarget(.sip, "example.com", port: 5080), "udp 192.0.2.1:5080"),
        (LookupTarget(.sip, "example.com", port: 5080, .known(.tcp)), "tcp 192.0.2.1:5080"),
        (LookupTarget(.sips, "example.com", port: 5080), "tls 192.0.2.1:5080"),
    ])
    func `Without SRV the name itself is the host`(target: LookupTarget, found: String) throws {
        var zone = Zone()
        try zone.host("example.com", "192.0.2.1")
        #expect(try zone.run(target).found == [found])
    }

    @Test func `Without SRV the name is reached over the transport that NAPTR prefers`() throws {
        var zone = Zone()
        try zone.naptr("example.com", [AuthorityPointer(1, 1, "SIPS+D2T", "_sips._tcp.example.com")])
        try zone.host("example.com", "192.0.2.1")
        #expect(try zone.run(LookupTarget(.sip, "example.com")).found == ["tls 192.0.2.1:5061"])
    }

    @Test func `SRV names host and port, by priority`() throws {
        var zone = Zone()
        try zone.srv(
            "_sip._udp.example.com",
            [ServiceRecord(20, 0, 5062, "c.example.net"), ServiceRecord(10, 0, 5061, "b.example.com")])
        try zone.srv("_sip._tcp.example.com", [ServiceRecord(1, 0, 5063, "b.example.com")])
        try zone.host("b.example.com", "192.0.2.2")
        try zone.host("c.example.net", "192.0.2.3", "192.0.2.4")
        let run = try zone.run(LookupTarget(.sip, "example.com"))
        #expect(
            run.found == ["udp 192.0.2.2:5061", "udp 192.0.2.3:5062", "udp 192.0.2.4:5062", "tcp 192.0.2.2:5063"])
        #expect(
            run.rounds[2] == ["AAAA b.example.com", "A b.example.com", "AAAA c.example.net", "A c.example.net"])
    }

    @Test func `One transport's SRV is enough when the other's fails`() throws {
        var zone = Zone()
        try zone.fail("_sip._udp.example.com", .srv, .timedOut)
        try zone.srv("_sip._tcp.example.com", [ServiceRecord(1, 0, 5063, "b.example.com")])
        try zone.host("b.example.com", "192.0.2.2")
        #expect(try zone.run(LookupTarget(.sip, "example.com")).found == ["tcp 192.0.2.2:5063"])
    }

    @Test func `A failure of the SRV question is not taken for no records`() throws {
        var zone = Zone()
        try zone.fail("_sip._tcp.example.com", .srv, .timedOut)
        try zone.host("example.com", "192.0.2.2")
        #expect(
            try zone.run(LookupTarget(.sip, "example.com")).error
                == "example.com: SRV _sip._tcp.example.com: no answer in time")
    }

    @Test func `A lone root target means that the service is not offered`() throws {
        var zone = Zone()
        try zone.srv("_sip._udp.example.com", [ServiceRecord(0, 0, 0, ".")])
        try zone.host("example.com", "192.0.2.1")
        try zone.host("b.example.com", "192.0.2.2")
        let run = try zone.run(LookupTarget(.sip, "example.com"))
        #expect(
            run.error
                == "example.com: SRV _sip._udp.example.com: service not offered over a transport with a listener")
        #expect(run.rounds.count == 2)

        try zone.srv("_sip._tcp.example.com", [ServiceRecord(0, 0, 5060, "b.example.com")])
        #expect(try zone.run(LookupTarget(.sip, "example.com")).found == ["tcp 192.0.2.2:5060"])
    }

    @Test(arguments: [("192.0.2.1", 5060), ("127.1", 5060), ("_x.example.com", 5060), ("ok.example.com", 0)])
    func `A target that is no host, and port 0, are not used`(name: String, port: UInt16) throws {
        var zone = Zone()
        try zone.srv("_sip._udp.example.com", [ServiceRecord(0, 0, port, name)])
        try zone.host("example.com", "192.0.2.1")
        try zone.host(name, "192.0.2.2")
        #expect(
            try zone.run(LookupTarget(.sip, "example.com")).error
                == "example.com: SRV _sip._udp.example.com: no record that may be used")
    }

    // MARK: Weights

    /// How often each of the hosts, told apart by port, comes first in that many look-ups.
    private func firsts(_ records: [ServiceRecord], of lookups: UInt64 = 10_000) throws -> [UInt16: Int] {
        var zone = Zone()
        try zone.srv("_sip._udp.example.com", records)
        for record in records { try zone.host("\(record.target)", "192.0.2.1") }
        var count: [UInt16: Int] = [:]
        for seed in 0..<lookups {
            let run = try zone.run(LookupTarget(.sip, "example.com", .known(.udp)), seed: seed)
            let port = run.found.first?.split(separator: ":").last.flatMap { UInt16($0) } ?? 0
            count[port, default: 0] += 1
            #expect(run.found.count == records.count)
        }
        return count
    }

    @Test func `Weights are shares`() throws {
        let weights: [UInt16] = [10, 30, 60]
        let count = try firsts(
            weights.map { ServiceRecord(priority: 1, weight: $0, port: $0, target: try Zone.domain("a.example")) })
        // RFC 2782 draws from 0 to the sum, both included: the first record in its order has one chance more.
        let expected = [10: 11.0 / 101, 30: 30.0 / 101, 60: 60.0 / 101]
        var chiSquared = 0.0
        for weight in weights {
            let wanted = 10_000 * (expected[Int(weight)] ?? 0)
            let difference = Double(count[weight] ?? 0) - wanted
            chiSquared += difference * difference / wanted
        }
        // Two degrees of freedom, p = 0.001; the seeds are fixed, so this does not vary.
        #expect(chiSquared < 13.8, "\(count)")
    }

    @Test func `Weight 0 is chosen rarely beside others, and always when alone`() throws {
        let beside = try firsts([ServiceRecord(1, 0, 1, "a.example"), ServiceRecord(1, 99, 2, "a.example")])
        #expect((50...150).contains(beside[1] ?? 0), "one in a hundred: \(beside)")
        #expect(try firsts([ServiceRecord(1, 0, 1, "a.example")], of: 100) == [1: 100])
    }

    @Test func `A weight never overrules a priority, and the largest weights do not overflow`() throws {
        let count = try firsts(
            [ServiceRecord(1, 0, 1, "a.example")] + (2...8).map { try ServiceRecord(2, 65_535, $0, "a.example") },
            of: 500)
        #expect(count == [1: 500])
    }

    @Test func `The same seed gives the same order`() throws {
        var zone = Zone()
        try zone.srv("_sip._udp.example.com", (1...6).map { try ServiceRecord(1, 10, $0, "a.example") })
        try zone.host("a.example", "192.0.2.1")
        let target = LookupTarget(.sip, "example.com", .known(.udp))
        #expect(try zone.run(target, seed: 5) == zone.run(target, seed: 5))
        #expect(try zone.run(target, seed: 5) != zone.run(target, seed: 6))
    }

    // MARK: Addresses of both families

    @Test(arguments: [
        (
            ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"],
            ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]
        ),
        (["192.0.2.1", "2001:db8::1", "2001:db8::2"], ["2001:db8::1", "192.0.2.1", "2001:db8::2"]),
        (["192.0.2.1", "fd00::1", "2001:db8::1"], ["2001:db8::1", "192.0.2.1", "fd00::1"]),
        (["fd00::1", "192.0.2.1"], ["192.0.2.1", "fd00::1"]),
        (["127.0.0.1", "0.0.0.0", "224.0.0.1", "192.0.2.1", "::1", "fe80::1", "ff02::1"], ["192.0.2.1"]),
    ])
    func `Families take turns, and what cannot be a server is left out`(
        addresses: [String], wanted: [String]
    ) throws {
        let question = (a: try Zone.question("a.example", .a), aaaa: try Zone.question("a.example", .aaaa))
        let parsed = addresses.compactMap { IPAddress($0) }
        var lookup = ServerLookup(LookupTarget(.sip, "a.example", port: 5060), seed: 1)
        #expect(lookup.begin() == .ask([question.aaaa, question.a]))
        #expect(
            lookup.take(.records(.addresses(parsed.filter { !$0.isIPv6 }), lifetime: .zero), to: question.a) == .wait)
        let step = lookup.take(.records(.addresses(parsed.filter(\.isIPv6)), lifetime: .zero), to: question.aaaa)
        let destinations = wanted.compactMap { IPAddress($0) }.map { Destination(.udp, Endpoint($0, 5060)) }
        #expect(step == .found(destinations))
    }

    @Test func `Loopback addresses are used where the caller allows it`() throws {
        var zone = Zone()
        try zone.host("pbx", "127.0.0.1", "::1")
        var target = LookupTarget(.sip, "pbx", port: 5060)
        #expect(try zone.run(target).error == "pbx: AAAA pbx: no record that may be used")
        target.acceptsLoopback = true
        #expect(try zone.run(target).found == ["udp [::1]:5060", "udp 127.0.0.1:5060"])
    }

    @Test func `One family is enough when the other's question fails`() throws {
        var zone = Zone()
        try zone.host("a.example", "192.0.2.1")
        try zone.fail("a.example", .aaaa, .timedOut)
        #expect(try zone.run(LookupTarget(.sip, "a.example", port: 5060)).found == ["udp 192.0.2.1:5060"])
    }

    @Test func `The error names the question that failed`() throws {
        var zone = Zone()
        try zone.fail("a.example", .a, .noAnswer)
        let target = LookupTarget(.sip, "a.example", port: 5060)
        #expect(try zone.run(target).error == "a.example: A a.example: no name server gave a usable answer")
        #expect(try Zone().run(target).error == "a.example: A a.example: no such records")
    }

    // MARK: Limits

    @Test(arguments: [(8, 8), (9, 8)])
    func `At most eight hosts are asked for`(count: UInt16, asked: Int) throws {
        var zone = Zone()
        try zone.srv("_sip._udp.example.com", (1...count).map { try ServiceRecord($0, 0, 5060, "h\($0).example.com") })
        let run = try zone.run(LookupTarget(.sip, "example.com", .known(.udp), supported: .v4))
        #expect(run.rounds[1] == (1...asked).map { "A h\($0).example.com" })
    }

    @Test func `At most eight addresses of a host and sixteen destinations are kept`() throws {
        var zone = Zone()
        for host in ["a", "b", "c"] {
            let number = host == "a" ? 1 : host == "b" ? 2 : 3
            try zone.host(
                "\(host).example", "10.0.\(number).1", "10.0.\(number).2", "10.0.\(number).3", "10.0.\(number).4",
                "10.0.\(number).5", "10.0.\(number).6", "10.0.\(number).7", "10.0.\(number).8", "10.0.\(number).9")
        }
        #expect(try zone.run(LookupTarget(.sip, "a.example", port: 5060)).found.count == 8)
        try zone.srv(
            "_sip._udp.example.com",
            [
                ServiceRecord(1, 0, 1, "a.example"), ServiceRecord(2, 0, 1, "b.example"),
                ServiceRecord(3, 0, 1, "c.example"),
            ])
        let found = try zone.run(LookupTarget(.sip, "example.com", .known(.udp))).found
        #expect(found.count == 16)
        #expect(found.last == "udp 10.0.2.8:1")
    }

    @Test func `The longest name has no services, and is found with a port only`() throws {
        let name = String(repeating: "a.", count: 125) + "abc"
        #expect(name.utf8.count == LookupLimits.nameOctets)
        var zone = Zone()
        try zone.host(name, "192.0.2.1")
        #expect(try zone.run(LookupTarget(.sip, name, port: 5060)).found == ["udp 192.0.2.1:5060"])
        #expect(try zone.run(LookupTarget(.sip, name)).error?.hasSuffix("not a host name") == true)
    }

    // MARK: Answers that nobody asked for

    @Test func `An answer to another question, a second one and a late one change nothing`() throws {
        let naptr = try Zone.question("example.com", .naptr)
        let udp = try Zone.question("_sip._udp.example.com", .srv)
        let tcp = try Zone.question("_sip._tcp.example.com", .srv)
        let none = Answer.noData(lifetime: nil)
        var lookup = ServerLookup(LookupTarget(.sip, "example.com"), seed: 1)
        #expect(lookup.take(none, to: naptr) == .wait)
        #expect(lookup.begin() == .ask([naptr]))
        #expect(lookup.begin() == .wait)
        #expect(lookup.take(none, to: udp) == .wait)
        #expect(lookup.take(none, to: naptr) == .ask([udp, tcp]))
        #expect(lookup.take(none, to: naptr) == .wait)
        #expect(lookup.take(none, to: udp) == .wait)
        #expect(lookup.take(none, to: udp) == .wait)
        guard case .ask(let questions) = lookup.take(none, to: tcp) else {
            Issue.record("no third round")
            return
        }
        for question in questions.dropLast() { #expect(lookup.take(none, to: question) == .wait) }
        let last = try #require(questions.last)
        guard case .failed(let error) = lookup.take(none, to: last) else {
            Issue.record("no end")
            return
        }
        #expect(error.reason == .notFound)
        #expect(!error.isTemporary)
        #expect(lookup.take(none, to: last) == .wait)
    }

    @Test func `An answer of another type than asked for is not used`() throws {
        let naptr = try Zone.question("example.com", .naptr)
        var lookup = ServerLookup(LookupTarget(.sip, "example.com"), seed: 1)
        _ = lookup.begin()
        guard case .failed(let error) = lookup.take(.records(.addresses([.v4(1)]), lifetime: .zero), to: naptr) else {
            Issue.record("went on")
            return
        }
        #expect(error.reason == .unusable)
    }
}
