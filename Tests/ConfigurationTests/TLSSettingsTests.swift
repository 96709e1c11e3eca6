import Configuration
import Testing
import Wire

@Suite struct TLSSettingsTests {
    static let good = """
        name: gw.example.net
        listen:
          - { transport: tls, address: 10.1.0.1 }
          - { transport: tls, address: 10.2.0.1, port: 5071 }
        inside: [10.1.0.0/24]
        routes:
          - { domain: b.example.net, to: 10.2.0.2, transport: tls }
        tls:
          certificate: /etc/sekisho/tls.pem
          key: /etc/sekisho/tls.key
          trust: /etc/sekisho/trust.pem
          crl: /etc/sekisho/trust.crl
          verify_clients: optional
          min_version: 1.3

        """

    @Test func `every key of the section arrives, and the port of TLS is 5061`() throws {
        let settings = try ProxySettings(yaml: Array(Self.good.utf8), file: "sekishod.yaml")
        var tls = ProxySettings.TLS(certificate: "/etc/sekisho/tls.pem", key: "/etc/sekisho/tls.key")
        tls.trust = "/etc/sekisho/trust.pem"
        tls.crl = "/etc/sekisho/trust.crl"
        tls.verifiesClients = .optional
        tls.minimumVersion = .tls13
        #expect(settings.tls == tls)
        #expect(settings.listeners.map(\.endpoint.port) == [5061, 5071])
        #expect(settings.routes.first?.transport == .tls && settings.routes.first?.endpoint.port == 5061)
    }

    @Test func `what the section leaves out stands at its default`() throws {
        let text = """
            name: gw.example.net
            listen: [{ transport: tls, address: 10.1.0.1 }]
            inside: [10.1.0.0/24]
            tls: { certificate: /c, key: /k }
            """
        let tls = try #require(try ProxySettings(yaml: Array(text.utf8), file: "sekishod.yaml").tls)
        #expect(tls == ProxySettings.TLS(certificate: "/c", key: "/k"))
        #expect(tls.trust == nil && tls.crl == nil && tls.verifiesClients == .none && tls.minimumVersion == .tls12)
    }

    @Test(arguments: [
        Broken("  certificate: /etc/sekisho/tls.pem\n", "", "9:3: tls.certificate: missing"),
        Broken("  key: /etc/sekisho/tls.key\n", "", "9:3: tls.key: missing"),
        Broken("/etc/sekisho/tls.key", "tls.key", "10:8: tls.key: not an absolute path; allowed: an absolute path"),
        Broken(
            "  trust: /etc/sekisho/trust.pem\n", "",
            "11:8: tls.crl: revocation lists, and nobody is trusted; allowed: with trust"),
        Broken(
            "  trust: /etc/sekisho/trust.pem\n  crl: /etc/sekisho/trust.crl\n", "",
            "11:19: tls.verify_clients: clients are verified, and nobody is trusted; allowed: none, or with trust"),
        Broken(
            "  trust: /etc/sekisho/trust.pem\n  crl: /etc/sekisho/trust.crl\n  verify_clients: optional\n", "",
            "7:3: routes: transport tls and nobody is trusted; "
                + "allowed: tls.trust: FILE, with the next hops' authorities"),
        Broken("optional", "yes", "13:19: tls.verify_clients: unknown word; allowed: none, optional, required"),
        Broken("1.3", "1.1", "14:16: tls.min_version: unknown word; allowed: 1.2, 1.3"),
        Broken(
            "min_version: 1.3", "ciphers: ALL",
            "14:3: tls.ciphers: unknown key; allowed: certificate, key, trust, crl, verify_clients, min_version"),
    ])
    func `a bad section is refused in one line that says where and why`(_ broken: Broken) throws {
        let yaml = try broken.applied(to: Self.good)
        let error = #expect(throws: ConfigurationError.self) { try ProxySettings(yaml: yaml, file: "sekishod.yaml") }
        #expect(error?.description == "sekishod.yaml:\(broken.line)")
    }

    @Test func `a listener by TLS needs the section`() {
        let text = """
            name: gw.example.net
            listen: [{ transport: tls, address: 10.1.0.1 }]
            inside: [10.1.0.0/24]
            """
        let error = #expect(throws: ConfigurationError.self) {
            try ProxySettings(yaml: Array(text.utf8), file: "sekishod.yaml")
        }
        #expect(
            error?.description
                == "sekishod.yaml:2:9: listen: transport tls without a tls section; "
                + "allowed: tls: { certificate: FILE, key: FILE }")
    }
}
