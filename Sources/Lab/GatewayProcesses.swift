import Crypto
import Glibc

/// The two daemons of a gateway, real and running in its namespace.
public final class GatewayProcesses {
    /// What differs from one run to another.
    public struct Options: Sendable {
        /// `udp`, `tcp` or `tls`: how the gateway sends to the phones.
        public var transport = "udp"
        /// The domains that have a route: `a.example.net` to the inside host, `b.example.net` to the first one outside.
        public var routed: Set<String> = ["a.example.net", "b.example.net"]
        /// The registrar's domain; nil for none. Its users are in `registrar.db` of the directory.
        public var registrar: String?
        /// Whether both sides use IPv6 instead of IPv4.
        public var usesIPv6 = false
        /// Seconds after which a hole that nobody renews closes.
        public var holeTimeout = 60
        /// Whether an offer opens holes before the answer has come.
        public var halfOpen = true
        /// Whether content that nothing authenticates may open holes: what the patent's own form needs.
        public var acceptsUnauthenticated = false
        /// Event loops that the calls are shared out to.
        public var eventLoops = 1
        /// Whether the kernel kills the daemons when the thread that started them ends.
        public var diesWithStarter = false

        /// The port of SIP.
        public var port: UInt16 { transport == "tls" ? 5_061 : 5_060 }

        /// Every option at its default.
        public init() {}
    }

    /// The directory of the files and sockets.
    public let directory: String
    /// The path of the gate's socket.
    public let gateSocket: String
    /// The path of the control socket.
    public let controlSocket: String
    /// The gateway's certificate, PEM.
    public let certificatePath: String
    /// Whom everybody trusts in TLS.
    public let authority: TestAuthority
    /// The running `sekisho-gated`; nil before its start.
    public private(set) var gate: Child?
    /// The running `sekishod`; nil before its start.
    public private(set) var proxy: Child?
    private let binaries: String
    private let testbed: GatewayTestbed
    private let options: Options

    /// The gateway's name in certificates and headers.
    public static let name = "gw.example.net"

    /// Writes the configuration and the gateway's key; starts nothing.
    ///
    /// - Parameters:
    ///   - binaries: the folder of `sekishod` and `sekisho-gated`.
    ///   - directory: for configuration, sockets and output; made by the caller.
    public init(testbed: GatewayTestbed, binaries: String, directory: String, options: Options = Options()) throws {
        self.testbed = testbed
        self.binaries = binaries
        self.directory = directory
        self.options = options
        gateSocket = "\(directory)/gate.sock"
        controlSocket = "\(directory)/control.sock"
        certificatePath = "\(directory)/gateway.pem"
        authority = try TestAuthority(directory: directory)
        _ = try authority.issue("gateway-tls") { $0.uris = ["sip:\(Self.name)"] }
        try makeIdentity()
        try TextFile.write(gateConfiguration, to: "\(directory)/gated.yaml")
        try TextFile.write(proxyConfiguration, to: "\(directory)/sekishod.yaml")
    }

    /// Starts `sekisho-gated` and waits until it is ready.
    public func startGate() throws {
        gate = nil
        let child = try Child(
            "sekisho-gated", ["\(binaries)/sekisho-gated", "--config", "\(directory)/gated.yaml"], in: testbed.gateway,
            directory: directory, diesWithStarter: options.diesWithStarter)
        gate = child
        try child.expect("ready")
    }

    /// Starts `sekishod` and waits until it is ready and, where the gate runs, connected to it.
    public func startProxy() throws {
        proxy = nil
        let child = try Child(
            "sekishod", ["\(binaries)/sekishod", "--config", "\(directory)/sekishod.yaml"], in: testbed.gateway,
            directory: directory, diesWithStarter: options.diesWithStarter)
        proxy = child
        try child.expect("ready")
        if gate?.isRunning ?? false { try child.expect("the gate answers") }
    }

    /// Starts the gate, then the proxy.
    public func start() throws {
        try startGate()
        try startProxy()
    }

    /// Stops the proxy, and starts it without what it knew, save the calls that are up.
    public func restartProxy() throws {
        proxy?.stop()
        try startProxy()
    }

    /// Stops the proxy, then the gate.
    public func stop() {
        proxy?.stop()
        gate?.stop()
    }

    /// Adds a user to the registrar, by the operator's command.
    public func addUser(_ name: String, password: String) throws {
        let add = "\(binaries)/sekisho user add \(name) --config \(directory)/sekishod.yaml"
        let command = "printf '%s\\n' \(password) | \(add)"
        try Command.output(["sh", "-c", command])
    }

    /// The lists of every set and map of the gate's table, as nft prints them.
    public func table() throws -> String { try testbed.gateway.command("nft", "list", "table", "netdev", "sekisho") }

    private func makeIdentity() throws {
        let key = try PrivateKey.generateP256()
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var builder = CertificateBuilder(
            commonName: Self.name, notBefore: Int64(now.tv_sec) - 60, notAfter: Int64(now.tv_sec) + 86_400)
        builder.dnsNames = [Self.name]
        let certificate = try builder.selfSigned(by: key)
        try TextFile.write(String(decoding: try certificate.pem(), as: UTF8.self), to: certificatePath)
        let secret = try key.pem()
        var octets: [UInt8] = []
        for index in 0..<secret.bytes.count { octets.append(secret.bytes[index]) }
        try TextFile.write(String(decoding: octets, as: UTF8.self), to: "\(directory)/gateway.key")
    }

    private var gateConfiguration: String {
        """
        socket: \(gateSocket)
        allow_user: root
        inside: { interface: lan0, prefixes: [10.1.0.0/24, "fd00:1::/64"] }
        outside: { interface: wan0 }
        media_ports: 1024-65535
        half_open: \(options.halfOpen)
        hole_timeout: \(options.holeTimeout)
        keep_on_exit: false

        """
    }

    private var proxyConfiguration: String {
        let (inside, outside) = options.usesIPv6 ? ("fd00:1::", "fd00:2::") : ("10.1.0.", "10.2.0.")
        var text = """
            gate: \(gateSocket)
            control: \(controlSocket)
            name: \(Self.name)
            listen:

            """
        for address in [inside + "1", outside + "1"] {
            for transport in ["udp", "tcp"] {
                text += "  - { transport: \(transport), address: \"\(address)\", port: 5060 }\n"
            }
            text += "  - { transport: tls, address: \"\(address)\" }\n"
        }
        text += """
            inside: [10.1.0.0/24, "fd00:1::/64"]
            routes:\(options.routed.isEmpty ? " []" : "")

            """
        for (domain, host) in [("a.example.net", inside + "2"), ("b.example.net", outside + "2")]
        where options.routed.contains(domain) {
            text += "  - { domain: \(domain), to: \"\(host)\", port: \(options.port), "
            text += "transport: \(options.transport) }\n"
        }
        if let registrar = options.registrar {
            // The phones of the tests know nothing but MD5, and give up when they are offered something else beside it.
            text += "registrar: { domains: [\(registrar)], database: \(directory)/registrar.db, md5: only }\n"
        }
        text += """
            tls:
              certificate: \(directory)/gateway-tls.pem
              key: \(directory)/gateway-tls.key
              trust: \(authority.certificate)
              verify_clients: required
            disclosure:
              identities: [ { certificate: \(certificatePath), key: \(directory)/gateway.key } ]
              unauthenticated_cbc: \(options.acceptsUnauthenticated ? "accept" : "refuse")
            half_open: \(options.halfOpen)
            event_loops: \(options.eventLoops)

            """
        return text
    }
}
