import Lab
import Resolver
import SIPTransactions
import ServerLocation
import Testing
import Wire

/// Look-ups at a real name server, dnsmasq.
@Suite struct ZoneTests {
    @Test(arguments: [
        // NAPTR: order 10 only, TCP before TLS; each with its SRV records and the addresses of their hosts.
        (
            LookupTarget(.sip, "full.test"),
            ["tcp [2001:db8::1]:5070", "tcp 192.0.2.1:5070", "tcp 192.0.2.2:5071", "tls 192.0.2.2:5081"]
        ),
        (LookupTarget(.sips, "full.test"), ["tls 192.0.2.2:5081"]),
        (
            LookupTarget(.sip, "full.test", .known(.tcp)),
            ["tcp [2001:db8::1]:5070", "tcp 192.0.2.1:5070", "tcp 192.0.2.2:5071"]
        ),
        // No NAPTR, SRV for UDP only; the same by an alias.
        (LookupTarget(.sip, "plain.test"), ["udp 192.0.2.2:5072"]),
        (LookupTarget(.sip, "alias.test", .known(.udp)), ["udp 192.0.2.2:5072"]),
        // Neither: the host itself.
        (LookupTarget(.sip, "bare.test"), ["udp 192.0.2.3:5060"]),
        (LookupTarget(.sips, "bare.test"), ["tls 192.0.2.3:5061"]),
        (LookupTarget(.sip, "a.test", port: 5090), ["udp [2001:db8::1]:5090", "udp 192.0.2.1:5090"]),
        (LookupTarget(.sip, "A.TEST.", port: 5090, .known(.tls)), ["tls [2001:db8::1]:5090", "tls 192.0.2.1:5090"]),
        // More records than a datagram takes: asked again over TCP.
        (LookupTarget(.sip, "many.test", .known(.udp)), (6001...6008).map { "udp 192.0.2.2:\($0)" }),
        // The system's own table, without the name server.
        (LookupTarget(.sip, "localhost", port: 5060, acceptsLoopback: true), ["udp 127.0.0.1:5060"]),
        (LookupTarget(.sip, "192.0.2.77"), ["udp 192.0.2.77:5060"]),
    ])
    func `Servers are found`(target: LookupTarget, wanted: [String]) async throws {
        let server = try NameServer.onLoopback()
        try await Bench.run([server.endpoint]) { bench in
            let outcome = try await bench.locate(target)
            #expect(outcome.error == nil)
            // Hosts tables differ in whether they name ::1.
            #expect(outcome.found.filter { $0 != "udp [::1]:5060" } == wanted)
        }
    }

    @Test(arguments: [
        (LookupTarget(.sip, "nowhere.test"), "nowhere.test: A nowhere.test: no such records"),
        (
            LookupTarget(.sip, "none.test"),
            "none.test: SRV _sip._udp.none.test: service not offered over a transport with a listener"
        ),
        (LookupTarget(.sip, "self.test", port: 5060), "self.test: A self.test: no record that may be used"),
    ])
    func `Servers are not found`(target: LookupTarget, wanted: String) async throws {
        let server = try NameServer.onLoopback()
        try await Bench.run([server.endpoint]) { bench in
            let outcome = try await bench.locate(target)
            #expect(outcome == Bench.Outcome(error: wanted))
            #expect(try await bench.counters().0.lookupsFailed == 1)
        }
    }

    @Test func `The second look-up asks nobody`() async throws {
        let server = try NameServer.onLoopback()
        // Other tests can hold this one up for longer than an answer is kept.
        let change = { (limits: inout ResolverLimits) in
            limits.patience = .seconds(600)
            limits.addressLifetime = .seconds(3_600)
        }
        try await Bench.run([server.endpoint], change) { bench in
            // A host of both families: that something is not there is remembered for a shorter time.
            let target = LookupTarget(.sip, "a.test", port: 5060)
            let first = try await bench.locate(target)
            let asked = try await bench.counters().0.asked
            server.child.stop()
            #expect(try await bench.locate(target) == first)
            let counters = try await bench.counters().0
            #expect(counters.asked == asked)
            #expect(counters.cached == asked)
        }
    }

    @Test func `Without servers of its own the resolver takes those of resolv conf`() throws {
        let configuration = try Command.output(["cat", "/etc/resolv.conf"])
        let lines = configuration.split(separator: "\n").map { $0.split(separator: " ") }
        let listed = lines.first { $0.first == "nameserver" }?.dropFirst().first.map(String.init)
        // resolv.conf(5): without any, the name server is on this machine.
        let address = try #require(IPAddress(listed ?? "127.0.0.1"))
        let namespace = try Namespace("dns")
        // The address is made the namespace's own, so that the queries end there.
        _ = try? namespace.command("ip", "address", "add", "\(address)/\(address.bitWidth)", "dev", "lo")
        let server = try NameServer(at: Endpoint(address, 53), in: namespace)
        let name = Array("_sip._udp.plain.test".utf8)
        let host = Array("b.test".utf8)
        let (service, address4) = (DomainName(name.span), DomainName(host.span))
        let questions = (Question(try #require(service), .srv), Question(try #require(address4), .a))
        let answers = try namespace.run {
            let system = SystemResolver(limits: ResolverLimits())
            return (system.answer(to: questions.0), system.answer(to: questions.1))
        }
        guard case .records(.services(let services), _) = answers.0 else {
            Issue.record("SRV: \(answers.0); \(server.child.text)")
            return
        }
        #expect(services.map(\.port) == [5072])
        #expect(answers.1 == .records(.addresses([.v4(0xC000_0202)]), lifetime: ResolverLimits().addressLifetime))
    }
}
