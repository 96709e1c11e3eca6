import Configuration
import Testing
import Wire

@Suite struct GateSettingsTests {
    static let good = """
        socket: /run/sekisho/other.sock
        allow_user: 991
        inside:  { interface: lan0, prefixes: [10.1.0.0/24, "fd00:1::/64"] }
        outside: { interface: wan0 }
        media_ports: 16384-32767
        half_open: false
        half_open_rate: 100
        hole_timeout: 30
        forbidden: [10.9.0.0/24]
        limits: { sessions: 500, holes_per_session: 8 }
        table_flags: none
        keep_on_exit: false
        log_changes: false
        nat: { addresses: [198.51.100.1, 198.51.100.2], ports: 20000-20999, quarantine_s: 30 }
        half_open_s: 20
        media_path: routed
        mark: 0x80

        """

    @Test func `Every key of a good file arrives`() throws {
        var expected = GateSettings(
            insideInterface: "lan0",
            insidePrefixes: [try #require(Prefix("10.1.0.0/24")), try #require(Prefix("fd00:1::/64"))],
            outsideInterface: "wan0")
        expected.socket = "/run/sekisho/other.sock"
        expected.allowedUser = .number(991)
        expected.mediaPorts = 16384...32767
        expected.allowsHalfOpen = false
        expected.halfOpenRate = 100
        expected.halfOpenLimit = .seconds(20)
        expected.holeTimeout = .seconds(30)
        expected.forbidden = [try #require(Prefix("10.9.0.0/24"))]
        expected.limits.sessions = 500
        expected.limits.holesPerSession = 8
        var translation = GateSettings.Translation(
            addresses: [try #require(IPAddress("198.51.100.1")), try #require(IPAddress("198.51.100.2"))])
        translation.ports = 20_000...20_999
        translation.quarantine = .seconds(30)
        expected.translation = translation
        expected.mediaPath = .routed
        expected.mark = 0x80
        expected.tableFlags = .none
        expected.keepsOnExit = false
        expected.logsChanges = false
        #expect(try GateSettings(yaml: Array(Self.good.utf8), file: "gated.yaml") == expected)
    }

    @Test func `What a file leaves out stands at its default`() throws {
        let least = "{ inside: { interface: lan0, prefixes: [10.1.0.0/24] }, outside: { interface: wan0 } }"
        let settings = try GateSettings(yaml: Array(least.utf8), file: "gated.yaml")
        #expect(
            settings
                == GateSettings(
                    insideInterface: "lan0", insidePrefixes: [try #require(Prefix("10.1.0.0/24"))],
                    outsideInterface: "wan0"))
        #expect(settings.socket == "/run/sekisho/gate.sock")
        #expect(settings.allowedUser == .name("sekisho"))
        #expect(settings.mediaPorts == 1024...65535)
        #expect(settings.allowsHalfOpen)
        #expect(settings.halfOpenRate == 50)
        #expect(settings.holeTimeout == .seconds(60))
        #expect(settings.forbidden.isEmpty)
        #expect(settings.limits.sessions == 10_000)
        #expect(settings.limits.holesPerSession == 32)
        #expect(settings.mediaPath == .fast)
        #expect(settings.mark == 0x4000_0000)
        #expect(settings.tableFlags == .auto)
        #expect(settings.keepsOnExit)
        #expect(settings.logsChanges)
    }

    static let prefix = "ADDRESS/LENGTH with no bit set after the length, such as 10.1.0.0/24"
    static let interface = "1 to 15 letters, digits and . _ - @"
    static let bit = "one bit, 0x1 to 0x80000000"
    static let keys =
        "socket, allow_user, inside, outside, media_ports, half_open, half_open_rate, half_open_s, hole_timeout, forbidden, limits, "
        + "nat, near_misses, media_path, mark, table_flags, keep_on_exit, log_changes"

    @Test(arguments: [
        Broken("socket:", "sockets:", "1:1: sockets: unknown key; allowed: \(keys)"),
        Broken("/run/sekisho/other.sock", "gate.sock", "1:9: socket: not an absolute path; allowed: an absolute path"),
        Broken("/run/sekisho/other.sock", "", "1:8: socket: no value; allowed: an absolute path"),
        Broken(
            "/run/sekisho/other.sock", "/" + String(repeating: "a", count: 107),
            "1:9: socket: too long for a socket; allowed: at most 107 octets"),
        Broken("991", "4294967295", "2:13: allow_user: out of range; allowed: 0 to 4294967294"),
        Broken("991", "se kisho", "2:13: allow_user: not a user; allowed: a user name or a user number"),
        Broken(
            "991", String(repeating: "a", count: 33),
            "2:13: allow_user: not a user; allowed: a user name or a user number"),
        Broken("991", "[a]", "2:13: allow_user: not a single value; allowed: a user name or a user number"),
        Broken("interface: lan0, ", "", "3:10: inside.interface: missing"),
        Broken("lan0", "a/b", "3:23: inside.interface: not an interface name; allowed: \(interface)"),
        Broken("lan0", "sixteen-letters-", "3:23: inside.interface: not an interface name; allowed: \(interface)"),
        Broken("lan0", "'..'", "3:23: inside.interface: not an interface name; allowed: \(interface)"),
        Broken("[10.1.0.0/24, \"fd00:1::/64\"]", "[]", "3:39: inside.prefixes: too few items; allowed: at least 1"),
        Broken("10.1.0.0/24", "10.1.0.1/24", "3:40: inside.prefixes[0]: not an address range; allowed: \(prefix)"),
        Broken("fd00:1::/64", "fd00:1::/+64", "3:53: inside.prefixes[1]: not an address range; allowed: \(prefix)"),
        Broken("fd00:1::/64", "10.1.0.0/24", "3:53: inside.prefixes[1]: given twice"),
        Broken(
            "[10.1.0.0/24, \"fd00:1::/64\"]", "10.1.0.0/24",
            "3:39: inside.prefixes: not a list; allowed: a list of \(prefix)"),
        Broken("{ interface: wan0 }", "wan0", "4:10: outside: not a set of keys; allowed: interface"),
        Broken("wan0", "lan0", "4:23: outside.interface: the same interface as inside; allowed: another interface"),
        Broken("outside:", "#outside:", "1:1: outside: missing"),
        Broken(
            "16384-32767", "1023-65535",
            "5:14: media_ports: out of range; allowed: a port or FIRST-LAST between 1024 and 65535"),
        Broken(
            "16384-32767", "1024-65536",
            "5:14: media_ports: out of range; allowed: a port or FIRST-LAST between 1024 and 65535"),
        Broken(
            "16384-32767", "5000-4000",
            "5:14: media_ports: the last port is below the first; allowed: a port or FIRST-LAST between 1024 and 65535"
        ),
        Broken(
            "16384-32767", "1024..65535",
            "5:14: media_ports: not a port range; allowed: a port or FIRST-LAST between 1024 and 65535"),
        Broken("half_open: false", "half_open: no", "6:12: half_open: neither true nor false; allowed: true, false"),
        Broken("rate: 100", "rate: 0", "7:17: half_open_rate: out of range; allowed: 1 to 10000"),
        Broken("rate: 100", "rate: 10001", "7:17: half_open_rate: out of range; allowed: 1 to 10000"),
        Broken("rate: 100", "rate: 1e2", "7:17: half_open_rate: not a whole number; allowed: 1 to 10000"),
        Broken("rate: 100", "rate: -1", "7:17: half_open_rate: not a whole number; allowed: 1 to 10000"),
        Broken("timeout: 30", "timeout: 4", "8:15: hole_timeout: out of range; allowed: 5 to 3600"),
        Broken("timeout: 30", "timeout: 3601", "8:15: hole_timeout: out of range; allowed: 5 to 3600"),
        Broken("[10.9.0.0/24]", "[[]]", "9:13: forbidden[0]: not a single value; allowed: \(prefix)"),
        Broken(
            "sessions: 500", "sessions: 99999999999999999999",
            "10:21: limits.sessions: out of range; allowed: 1 to 100000"),
        Broken(
            "holes_per_session", "holes",
            "10:26: limits.holes: unknown key; allowed: sessions, holes_per_session"),
        Broken(
            "20000-20999", "20001-20999",
            "14:56: nat.ports: not whole pairs; allowed: FIRST-LAST with an even first and an odd last port"),
        Broken(
            "20000-20999", "20000-20998",
            "14:56: nat.ports: not whole pairs; allowed: FIRST-LAST with an even first and an odd last port"),
        Broken(
            "198.51.100.2", "10.1.0.9",
            "14:34: nat.addresses[1]: not an external IPv4 address; allowed: IPv4 addresses outside of the inside prefixes"
        ),
        Broken(
            "198.51.100.2", "'2001:db8::1'",
            "14:34: nat.addresses[1]: not an external IPv4 address; allowed: IPv4 addresses outside of the inside prefixes"
        ),
        Broken("quarantine_s: 30", "quarantine_s: 3601", "14:83: nat.quarantine_s: out of range; allowed: 0 to 3600"),
        Broken("table_flags: none", "table_flags: owner", "11:14: table_flags: unknown word; allowed: auto, none"),
        Broken("path: routed", "path: slow", "16:13: media_path: unknown word; allowed: fast, routed"),
        Broken("mark: 0x80", "mark: 128", "17:7: mark: not a number of the form 0x40000000; allowed: \(bit)"),
        Broken("mark: 0x80", "mark: 0x-80", "17:7: mark: not a number of the form 0x40000000; allowed: \(bit)"),
        Broken("mark: 0x80", "mark: 0x+80", "17:7: mark: not a number of the form 0x40000000; allowed: \(bit)"),
        Broken("mark: 0x80", "mark: 0x100000000", "17:7: mark: not a number of the form 0x40000000; allowed: \(bit)"),
        Broken("mark: 0x80", "mark: 0x0", "17:7: mark: not one bit; allowed: \(bit)"),
        Broken("mark: 0x80", "mark: 0x81", "17:7: mark: not one bit; allowed: \(bit)"),
        Broken("keep_on_exit: false", "half_open: true", "12:1: half_open: given twice, first in line 6"),
    ])
    func `A bad file is refused in one line that says where and why`(_ broken: Broken) throws {
        let yaml = try broken.applied(to: Self.good)
        let error = #expect(throws: ConfigurationError.self) { try GateSettings(yaml: yaml, file: "gated.yaml") }
        #expect(error?.description == "gated.yaml:\(broken.line)")
    }

    @Test func `near misses are looked at unless their rate is 0`() throws {
        func settings(_ line: String) throws -> GateSettings {
            let text = "inside: { interface: a, prefixes: [10.1.0.0/24] }\noutside: { interface: b }\n" + line
            return try GateSettings(yaml: Array(text.utf8), file: "gated.yaml")
        }
        #expect(try settings("").nearMisses == GateSettings.NearMisses())
        #expect(try settings("near_misses: { nflog_group: 7 }").nearMisses?.group == 7)
        #expect(try settings("near_misses: { per_second: 9 }").nearMisses?.perSecond == 9)
        #expect(try settings("near_misses: { per_second: 0 }").nearMisses == nil)
        for line in ["{ nflog_group: 65536 }", "{ per_second: 10001 }"] {
            #expect(throws: ConfigurationError.self) { try settings("near_misses: " + line) }
        }
    }

    @Test(arguments: [
        ("half_open_rate", "1", "10000"), ("half_open_s", "1", "3600"), ("hole_timeout", "5", "3600"),
        ("allow_user", "0", "4294967294"),
        ("media_ports", "1024", "1024-65535"), ("limits", "{ sessions: 1 }", "{ sessions: 100000 }"),
        ("limits", "{ holes_per_session: 2 }", "{ holes_per_session: 256 }"),
        ("near_misses", "{ nflog_group: 0, per_second: 0 }", "{ nflog_group: 65535, per_second: 10000 }"),
        ("socket", "/", "/" + String(repeating: "a", count: 106)),
        ("mark", "0x1", "0x80000000"), ("allow_user", "a", String(repeating: "a", count: 32)),
    ])
    func `A value at either end of its range is taken`(_ key: String, _ least: String, _ greatest: String) throws {
        for value in [least, greatest] {
            let text = """
                inside: { interface: fifteen-letters, prefixes: [10.1.0.0/24] }
                outside: { interface: w }
                \(key): \(value)
                """
            #expect(throws: Never.self) { try GateSettings(yaml: Array(text.utf8), file: "gated.yaml") }
        }
    }
}
