import Configuration
import Testing

@Suite struct RegistrarSettingsTests {
    static let good = """
        name: gw.example.net
        listen: [{ transport: udp, address: 10.1.0.1 }]
        inside: [10.1.0.0/24]
        registrar:
          domains: [Example.net, 10.1.0.1]
          database: /var/lib/x.db
          realm: the office
          md5: true
          min_expires_s: 120
          default_expires_s: 600
          max_expires_s: 900
          contacts_per_user: 3
          nonce_s: 30

        """

    private func settings(_ text: String) throws -> ProxySettings.Registrar? {
        try ProxySettings(yaml: Array(text.utf8), file: "sekishod.yaml").registrar
    }

    /// The three lines that every file has, and the section on the fourth.
    private func settings(section: String) throws -> ProxySettings.Registrar? {
        try settings(Self.good.split(separator: "\n").prefix(3).joined(separator: "\n") + "\nregistrar: \(section)\n")
    }

    @Test func `Every key of the section arrives`() throws {
        var expected = ProxySettings.Registrar(domains: ["example.net", "10.1.0.1"])
        expected.database = "/var/lib/x.db"
        expected.realm = "the office"
        expected.md5 = .second
        expected.minimumExpires = 120
        expected.defaultExpires = 600
        expected.maximumExpires = 900
        expected.contactsPerUser = 3
        expected.nonceLifetime = .seconds(30)
        #expect(try settings(Self.good) == expected)
    }

    @Test func `What the section leaves out stands at its default, and without it there is no registrar`() throws {
        let registrar = try #require(try settings(section: "{ domains: [b.net, a.net] }"))
        #expect(registrar == ProxySettings.Registrar(domains: ["b.net", "a.net"]))
        #expect(registrar.realm == "b.net")
        #expect(registrar.md5 == .never)
        #expect(registrar.database == "/var/lib/sekisho/registrar.db")
        #expect([registrar.minimumExpires, registrar.defaultExpires, registrar.maximumExpires] == [60, 3_600, 7_200])
        #expect(registrar.contactsPerUser == 10)
        #expect(registrar.nonceLifetime == .seconds(60))
        #expect(try settings(Self.good.split(separator: "\n").prefix(3).joined(separator: "\n")) == nil)
    }

    static let order = "not in order; allowed: min_expires_s <= default_expires_s <= max_expires_s"
    static let realm =
        "not a realm; allowed: 1 to 128 octets without control characters, quotes, backslashes and colons"

    @Test(arguments: [
        Broken("[Example.net, 10.1.0.1]", "[]", "5:12: registrar.domains: too few items; allowed: at least 1"),
        Broken("  domains: [Example.net, 10.1.0.1]\n", "", "5:3: registrar.domains: missing"),
        Broken("10.1.0.1]\n", "EXAMPLE.NET]\n", "5:26: registrar.domains[1]: given twice"),
        Broken("/var/lib/x.db", "x.db", "6:13: registrar.database: not an absolute path; allowed: an absolute path"),
        Broken("the office", "a:b", "7:10: registrar.realm: \(realm)"),
        Broken("the office", "'a\"b'", "7:10: registrar.realm: \(realm)"),
        Broken("the office", String(repeating: "r", count: 129), "7:10: registrar.realm: \(realm)"),
        Broken("md5: true", "md5: on", "8:8: registrar.md5: unknown word; allowed: false, true, only"),
        Broken("120", "0", "9:18: registrar.min_expires_s: out of range; allowed: 1 to 3600"),
        Broken("120", "3601", "9:18: registrar.min_expires_s: out of range; allowed: 1 to 3600"),
        Broken("120", "601", "10:22: registrar.default_expires_s: \(order)"),
        Broken("600", "901", "10:22: registrar.default_expires_s: \(order)"),
        Broken("900", "119", "11:18: registrar.max_expires_s: \(order)"),
        Broken("900", "604801", "11:18: registrar.max_expires_s: out of range; allowed: 60 to 604800"),
        Broken("user: 3", "user: 101", "12:22: registrar.contacts_per_user: out of range; allowed: 1 to 100"),
        Broken("nonce_s: 30", "nonce_s: 4", "13:12: registrar.nonce_s: out of range; allowed: 5 to 3600"),
        Broken(
            "nonce_s", "nonces",
            "13:3: registrar.nonces: unknown key; allowed: domains, database, realm, authenticate_calls, md5, "
                + "min_expires_s, default_expires_s, max_expires_s, contacts_per_user, nonce_s"),
    ])
    func `A bad section is refused in one line that says where and why`(_ broken: Broken) throws {
        let yaml = try broken.applied(to: Self.good)
        let error = #expect(throws: ConfigurationError.self) { try ProxySettings(yaml: yaml, file: "sekishod.yaml") }
        #expect(error?.description == "sekishod.yaml:\(broken.line)")
    }

    @Test(arguments: [
        "min_expires_s: 1, contacts_per_user: 1, nonce_s: 5",
        "min_expires_s: 60, default_expires_s: 60, max_expires_s: 60", "contacts_per_user: 100, nonce_s: 3600",
        "default_expires_s: 604800, max_expires_s: 604800, min_expires_s: 3600",
    ])
    func `A value at either end of its range is taken`(_ line: String) throws {
        #expect(try settings(section: "{ domains: [example.net], \(line) }") != nil)
    }
}
