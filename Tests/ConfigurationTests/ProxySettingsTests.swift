import Configuration
import Testing
import Wire

@Suite struct ProxySettingsTests {
    static let good = """
        gate: /run/sekisho/g.sock
        control: /run/sekisho/c.sock
        name: GW.example.net
        names: [sip.example.net, 10.1.0.1, "FD00:1::0:1"]
        listen:
          - { transport: udp, address: 10.1.0.1, port: 5060 }
          - { transport: tcp, address: "fd00:1::1", port: 5070 }
        inside: [10.1.0.0/24]
        routes:
          - { domain: B.example.net, to: "fd00:2::2", port: 5080, transport: tcp }
          - { domain: alice.a.example.net, to: 10.1.0.2 }
        disclosure:
          identities: [ { certificate: /etc/sekisho/gw.pem, key: /etc/sekisho/gw.key } ]
          asked_by: header
          require_sdp: false
          unauthenticated_cbc: accept
        half_open: false
        forbidden: [10.9.0.0/24]
        forbidden_ports: [5060-5061, 1900]
        limits: { message_bytes: 10000, connections: 10, connections_per_source: 5, idle_s: 600, sessions: 20, transactions: 30 }
        timers: { t1_ms: 250, invite_c_s: 200 }
        log_level: debug
        journal: /run/sekisho/calls.db
        keep_on_exit: false
        far_end_nat: learn

        """

    @Test func `Every key of a good file arrives`() throws {
        let settings = try ProxySettings(yaml: Array(Self.good.utf8), file: "sekishod.yaml")
        var expected = ProxySettings(
            name: "gw.example.net",
            listeners: [
                .init(transport: .udp, endpoint: try #require(Endpoint("10.1.0.1:5060"))),
                .init(transport: .tcp, endpoint: try #require(Endpoint("[fd00:1::1]:5070"))),
            ],
            inside: [try #require(Prefix("10.1.0.0/24"))])
        expected.gate = "/run/sekisho/g.sock"
        expected.control = "/run/sekisho/c.sock"
        expected.journal = "/run/sekisho/calls.db"
        expected.keepsOnExit = false
        expected.otherNames = ["sip.example.net", "10.1.0.1", "fd00:1::1"]
        expected.routes = [
            .init(domain: "b.example.net", endpoint: try #require(Endpoint("[fd00:2::2]:5080")), transport: .tcp),
            .init(domain: "alice.a.example.net", endpoint: try #require(Endpoint("10.1.0.2:5060")), transport: .udp),
        ]
        expected.disclosure.identities = [.init(certificate: "/etc/sekisho/gw.pem", key: "/etc/sekisho/gw.key")]
        expected.disclosure.askedBy = .header
        expected.disclosure.requiresSDP = false
        expected.disclosure.unauthenticatedCBC = .accept
        expected.opensHalfOpen = false
        expected.farEndNAT = .learn
        expected.forbidden = [try #require(Prefix("10.9.0.0/24"))]
        expected.forbiddenPorts = [5060...5061, 1900...1900]
        expected.limits.messageOctets = 10_000
        expected.limits.connections = 10
        expected.limits.sessions = 20
        expected.limits.transactions = 30
        expected.limits.connectionsPerSource = 5
        expected.limits.idleSeconds = 600
        expected.timers.t1 = .milliseconds(250)
        expected.timers.inviteC = .seconds(200)
        expected.logLevel = .debug
        #expect(settings == expected)
    }

    @Test func `What a file leaves out stands at its default`() throws {
        let least = """
            name: gw.example.net
            listen: [{ transport: udp, address: 10.1.0.1 }]
            inside: [10.1.0.0/24]
            """
        let settings = try ProxySettings(yaml: Array(least.utf8), file: "sekishod.yaml")
        let expected = ProxySettings(
            name: "gw.example.net",
            listeners: [.init(transport: .udp, endpoint: try #require(Endpoint("10.1.0.1:5060")))],
            inside: [try #require(Prefix("10.1.0.0/24"))])
        #expect(settings == expected)
        #expect(settings.gate == "/run/sekisho/gate.sock")
        #expect(settings.control == "/run/sekisho/control.sock")
        #expect(settings.journal == "/run/sekisho/journal.db" && settings.keepsOnExit)
        #expect(settings.disclosure.askedBy == .either)
        #expect(settings.disclosure.requiresSDP)
        #expect(settings.disclosure.unauthenticatedCBC == .refuse)
        #expect(settings.opensHalfOpen)
        #expect(settings.limits.messageOctets == 81_920)
        #expect(settings.limits.connections == 1024)
        #expect(settings.limits.sessions == 10_000)
        #expect(settings.limits.transactions == 20_000)
        #expect(settings.limits.connectionsPerSource == 64)
        #expect(settings.limits.idleSeconds == 7_200)
        #expect(settings.timers.t1 == .milliseconds(500))
        #expect(settings.timers.inviteC == .seconds(185))
        #expect(settings.logLevel == .info)
    }

    /// A host name of so many characters, in labels of 49 and less.
    static func longName(_ count: Int) -> String {
        String(String(repeating: String(repeating: "a", count: 49) + ".", count: 6).prefix(count - 1)) + "b"
    }

    static let address = "an IPv4 or IPv6 address of one host, such as 192.0.2.1 or 2001:db8::1"
    static let host = "letters, digits, hyphens and dots, such as gw.example.net"

    @Test(arguments: [
        Broken("c.sock", "g.sock", "2:10: control: the same socket as gate; allowed: another path"),
        Broken("GW.example.net", "-gw.example.net", "3:7: name: not a host name; allowed: \(host)"),
        Broken("GW.example.net", "gw..example.net", "3:7: name: not a host name; allowed: \(host)"),
        Broken("GW.example.net", "10.1.0.1", "3:7: name: not a host name; allowed: \(host)"),
        Broken("GW.example.net", "gw.example.net:5060", "3:7: name: not a host name; allowed: \(host)"),
        Broken(
            "GW.example.net", "\(String(repeating: "a", count: 64)).net", "3:7: name: not a host name; allowed: \(host)"
        ),
        Broken(
            "sip.example.net", longName(254), "4:9: names[0]: not a host name; allowed: \(host)"),
        Broken("sip.example.net", "sip example", "4:9: names[0]: not a host name; allowed: \(host)"),
        Broken("sip.example.net", "fd00:1::1", "4:30: names[2]: given twice"),
        Broken("transport: udp, ", "", "6:5: listen[0].transport: missing"),
        Broken("transport: udp", "transport: ws", "6:18: listen[0].transport: unknown word; allowed: udp, tcp, tls"),
        Broken(
            "address: 10.1.0.1", "address: 0.0.0.0",
            "6:32: listen[0].address: not the address of one host; allowed: \(address)"),
        Broken(
            "address: 10.1.0.1", "address: lan0", "6:32: listen[0].address: not an address; allowed: \(address)"),
        Broken("port: 5060", "port: 0", "6:48: listen[0].port: out of range; allowed: 1 to 65535"),
        Broken("port: 5060", "port: 65536", "6:48: listen[0].port: out of range; allowed: 1 to 65535"),
        Broken(
            "tcp, address: \"fd00:1::1\", port: 5070", "udp, address: 10.1.0.1, port: 5060",
            "7:5: listen[1]: given twice"),
        Broken("inside: [10.1.0.0/24]", "inside: []", "8:9: inside: too few items; allowed: at least 1"),
        Broken(
            "to: \"fd00:2::2\"", "to: b.example.net", "10:34: routes[0].to: not an address; allowed: \(address)"),
        Broken(
            "to: \"fd00:2::2\"", "to: 224.0.0.1",
            "10:34: routes[0].to: not the address of one host; allowed: \(address)"),
        Broken(
            "to: \"fd00:2::2\"", "to: 10.2.0.2",
            "10:5: routes[0]: no listener for tcp over IPv4; "
                + "allowed: tcp over IPv6, udp over IPv4, or one more under listen"),
        Broken(
            "to: 10.1.0.2", "to: 10.1.0.2, transport: tcp",
            "11:5: routes[1]: no listener for tcp over IPv4; "
                + "allowed: tcp over IPv6, udp over IPv4, or one more under listen"),
        Broken("alice.a.example.net", "b.EXAMPLE.net", "11:5: routes[1]: a second route for its domain"),
        Broken(", to: 10.1.0.2", "", "11:5: routes[1].to: missing"),
        Broken(
            ", key: /etc/sekisho/gw.key", "", "13:17: disclosure.identities[0].key: missing"),
        Broken(
            "key: /etc/sekisho/gw.key", "key: '-----BEGIN PRIVATE KEY-----'",
            "13:58: disclosure.identities[0].key: not an absolute path; allowed: an absolute path"),
        Broken(
            "key: /etc/sekisho/gw.key", "key: /\(String(repeating: "k", count: 4095))",
            "13:58: disclosure.identities[0].key: too long for a path; allowed: at most 4095 octets"),
        Broken(
            "header", "both", "14:13: disclosure.asked_by: unknown word; allowed: header, recipient, either"),
        Broken(
            "require_sdp: false", "require_sdp: 'no'",
            "15:16: disclosure.require_sdp: neither true nor false; allowed: true, false"),
        Broken(
            "accept", "warn", "16:24: disclosure.unauthenticated_cbc: unknown word; allowed: refuse, accept"),
        Broken(
            "1900", "0", "19:30: forbidden_ports[1]: out of range; allowed: a port or FIRST-LAST between 1 and 65535"),
        Broken("10000", "8191", "20:26: limits.message_bytes: out of range; allowed: 8192 to 81920"),
        Broken("10000", "81921", "20:26: limits.message_bytes: out of range; allowed: 8192 to 81920"),
        Broken("message_bytes: 10000", "message_s: 3", "20:22: limits.message_s: out of range; allowed: 4 to 32"),
        Broken("message_bytes: 10000", "message_s: 33", "20:22: limits.message_s: out of range; allowed: 4 to 32"),
        Broken(
            "message_bytes: 10000", "pending_bytes: 81919",
            "20:26: limits.pending_bytes: out of range; allowed: 81920 to 16777216"),
        Broken("message_bytes: 10000", "sources: 15", "20:20: limits.sources: out of range; allowed: 16 to 1048576"),
        Broken("250", "99", "21:18: timers.t1_ms: out of range; allowed: 100 to 4000"),
        Broken("250", "4001", "21:18: timers.t1_ms: out of range; allowed: 100 to 4000"),
        Broken("200", "180", "21:35: timers.invite_c_s: out of range; allowed: 181 to 3600"),
        Broken(
            "debug", "verbose",
            "22:12: log_level: unknown word; allowed: trace, debug, info, notice, warning, error, critical"),
        Broken("nat: learn", "nat: always", "25:14: far_end_nat: unknown word; allowed: never, learn"),
    ])
    func `A bad file is refused in one line that says where and why`(_ broken: Broken) throws {
        let yaml = try broken.applied(to: Self.good)
        let error = #expect(throws: ConfigurationError.self) { try ProxySettings(yaml: yaml, file: "sekishod.yaml") }
        #expect(error?.description == "sekishod.yaml:\(broken.line)")
    }

    @Test(arguments: [
        "limits: { message_bytes: 8192, connections: 1, sessions: 1, transactions: 2 }",
        "limits: { connections_per_source: 1, idle_s: 120, tcp_user_timeout_s: 1 }",
        "limits: { connections_per_source: 65536, idle_s: 86400, tcp_user_timeout_s: 86400 }",
        "limits: { message_s: 4, pending_bytes: 81920, sources: 16, calls_per_user: 1 }",
        "limits: { message_s: 32, pending_bytes: 16777216, sources: 1048576 }",
        "limits: { message_bytes: 81920, connections: 65536, sessions: 100000, transactions: 1000000 }",
        "timers: { t1_ms: 100, invite_c_s: 181, media_s: 0 }", "timers: { media_s: 86400, half_open_s: 1 }",
        "timers: { half_open_s: 3600 }",
        "timers: { t1_ms: 4000, invite_c_s: 3600 }",
        "forbidden_ports: [1, 65535]", "names: [\(String(repeating: "a", count: 63)).net, \(longName(253))]",
        "disclosure: { identities: [{ certificate: /, key: /\(String(repeating: "k", count: 4094)) }] }",
    ])
    func `A value at either end of its range is taken`(_ line: String) throws {
        let text = """
            name: gw.example.net
            listen: [{ transport: udp, address: 10.1.0.1 }]
            inside: [10.1.0.0/24]
            \(line)
            """
        #expect(throws: Never.self) { try ProxySettings(yaml: Array(text.utf8), file: "sekishod.yaml") }
    }

    @Test func `A list may have 1024 items and not one more`() throws {
        func settings(routes count: Int) throws -> ProxySettings {
            let routes = (0..<count).map { "{ domain: d\($0).example.net, to: 10.2.0.2 }" }.joined(separator: ",\n  ")
            let text = """
                name: gw.example.net
                listen: [{ transport: udp, address: 10.1.0.1 }]
                inside: [10.1.0.0/24]
                routes: [\(routes)]
                """
            return try ProxySettings(yaml: Array(text.utf8), file: "sekishod.yaml")
        }
        #expect(try settings(routes: 1024).routes.count == 1024)
        let error = #expect(throws: ConfigurationError.self) { try settings(routes: 1025) }
        #expect(error?.description == "sekishod.yaml:4:9: routes: too many items; allowed: 0 to 1024")
    }
}
