import Crypto
import Glibc
import Lab
import Wire

/// The demonstration, step by step. Each step looks at the kernel, not at what a program says of itself.
final class Demo {
    /// Ctrl-C or SIGTERM.
    struct Interrupted: Error {}

    let options: DemoCommand
    let directory: String
    let binaries: String
    private let signals: Int32
    let testbed: GatewayTestbed
    let gateway: GatewayProcesses
    /// What reaches the caller and the callee, by their own kernels' counters.
    let atCaller: Meter
    let atCallee: Meter
    var failures = 0

    /// The caller's and the callee's media ports; RTCP is one above.
    static let callerPort: UInt16 = 4000
    static let calleePort: UInt16 = 5000

    init(options: DemoCommand, signals: Int32, directory: String) throws {
        self.options = options
        self.signals = signals
        self.directory = directory
        binaries = String(Child.product("").dropLast())
        var isTold = false
        testbed = try GatewayTestbed("demo") {
            if !isTold {
                print("Waiting for another demonstration or test of this machine to end; Ctrl-C ends the wait.")
                fflush(nil)
                isTold = true
            }
            try Self.pause(seconds: 0.02, signals)
        }
        var gatewayOptions = GatewayProcesses.Options()
        gatewayOptions.transport = options.transport.rawValue
        gatewayOptions.usesIPv6 = options.ipv6
        gatewayOptions.acceptsUnauthenticated = options.reuse == .encryptedData
        gatewayOptions.diesWithStarter = true
        gateway = try GatewayProcesses(
            testbed: testbed, binaries: binaries, directory: directory, options: gatewayOptions)
        atCaller = try Meter(
            on: testbed.inside,
            from: [
                Meter.Source("callee", ["10.2.0.2", "fd00:2::2"]), Meter.Source("stranger", ["10.2.0.3", "fd00:2::3"]),
            ], ports: "\(Self.callerPort)-\(Self.callerPort + 1)")
        atCallee = try Meter(
            on: testbed.outside, from: [Meter.Source("caller", ["10.1.0.2", "fd00:1::2"])],
            ports: "\(Self.calleePort)-\(Self.calleePort + 1)")
    }

    var callerAddress: String { options.ipv6 ? "fd00:1::2" : "10.1.0.2" }
    var gatewayAddress: String { options.ipv6 ? "fd00:1::1" : "10.1.0.1" }
    var calleeAddress: String { options.ipv6 ? "fd00:2::2" : "10.2.0.2" }
    var strangerAddress: String { options.ipv6 ? "fd00:2::3" : "10.2.0.3" }

    func run() throws {
        introduce()
        do {
            try gateway.start()
        } catch {
            // The daemons get the same Ctrl-C: that one of them did not start is then no fault.
            try pause(seconds: 0)
            throw error
        }
        let foreign = try testbed.listForeignRules()
        try beforeTheCall()
        let wire = try Capture(
            "wire", on: "br0", in: testbed.ethernet, directory: directory, diesWithStarter: true)
        let callee = try startCallee()
        let caller = try startCaller()
        try halfOpen(caller, callee)
        try open(caller)
        try closed(caller, callee)
        try confidential(try wire.stop())
        try check("the site's own firewall table is as it was", try testbed.listForeignRules() == foreign)
        gateway.stop()
        let tables = try testbed.gateway.command("nft", "list", "tables")
        try check("sekisho-gated left no table behind", !tables.contains("sekisho"))
    }

    // MARK: The two user agents

    private func startCallee() throws -> Child {
        var line = [
            "\(binaries)/sekisho", "ua", "answer", "--bind", bracketed(calleeAddress) + ":\(port)", "--media-port",
            "\(Self.calleePort)", "--accept-after", "1500", "--calls", "1", "--keep-sending", "2", "--reuse",
            options.reuse.rawValue, "--write-certificate", "\(directory)/callee.pem", "--report",
            "\(directory)/callee.jsonl", "--show-messages",
        ]
        if options.transport != .udp { line += ["--transport", options.transport.rawValue] }
        line += try secured("bob", domain: "b.example.net")
        let callee = try Child("callee", line, in: testbed.outside, directory: directory, diesWithStarter: true)
        try callee.expect("ready")
        return callee
    }

    private func startCaller() throws -> Child {
        var line = [
            "\(binaries)/sekisho", "ua", "call", "sip:bob@b.example.net", "--from", "sip:alice@a.example.net", "--bind",
            bracketed(callerAddress) + ":\(port)", "--proxy", bracketed(gatewayAddress) + ":\(port)", "--media-port",
            "\(Self.callerPort)", "--seconds", "3", "--keep-sending", "2", "--report", "\(directory)/caller.jsonl",
            "--show-messages", "--transport", options.transport.rawValue,
        ]
        if options.transport == .tls { line += ["--tls-name", GatewayProcesses.name] }
        line += try secured("alice", domain: "a.example.net")
        if options.plain {
            line += ["--plain"]
        } else {
            line += ["--peer-certificate", "\(directory)/callee.pem", "--disclose", gateway.certificatePath]
            if options.reuse == .encryptedData { line += ["--cipher", "aes128-cbc"] }
        }
        return try Child("caller", line, in: testbed.inside, directory: directory, diesWithStarter: true)
    }

    private var port: UInt16 { options.transport == .tls ? 5_061 : 5_060 }

    /// What a user agent needs for TLS: whom it trusts, and a certificate for its domain that the gateway asks for.
    private func secured(_ name: String, domain: String) throws -> [String] {
        guard options.transport == .tls else { return [] }
        let files = try gateway.authority.issue(name) { $0.uris = ["sip:\(domain)"] }
        return [
            "--trust", gateway.authority.certificate, "--tls-certificate", files.certificate, "--tls-key", files.key,
        ]
    }

    private func bracketed(_ address: String) -> String { address.contains(":") ? "[\(address)]" : address }

    // MARK: Saying and checking

    func say(_ text: String) { print(text) }

    func title(_ number: Int, _ text: String) {
        print("")
        print(Terminal.styled("\(number). \(text)", .bold))
    }

    /// One line: what must hold, and whether it does.
    func check(_ text: String, _ holds: Bool) throws {
        try pause(seconds: 0)
        let mark = holds ? Terminal.styled("ok  ", .green) : Terminal.styled("FAIL", .red)
        print("   \(mark) \(text)")
        if !holds { failures += 1 }
        fflush(nil)
    }

    /// Waits, unless somebody wants an end of it.
    func pause(seconds: Double) throws { try Self.pause(seconds: seconds, signals) }

    private static func pause(seconds: Double, _ signals: Int32) throws {
        var descriptor = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
        if poll(&descriptor, 1, Int32(seconds * 1_000)) > 0 { throw Interrupted() }
    }

    /// Waits until something holds; false when it never does.
    func wait(seconds: Double, until holds: () throws -> Bool) throws -> Bool {
        for _ in 0..<Int(seconds * 50) {
            if try holds() { return true }
            try pause(seconds: 0.02)
        }
        return false
    }
}
