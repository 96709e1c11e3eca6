import Foundation
import Glibc
import Lab
import Testing

/// A gateway with both daemons between programs that others wrote. What went through is read from the kernel's elements
/// by `sekisho sessions --json`, what is open by `nft`.
final class PeerBed {
    let testbed: GatewayTestbed
    let gateway: GatewayProcesses
    let directory: String
    let line: Line
    /// The gateway's name on both sides; with TLS its neighbours find it by that.
    private var nameServers: [Dnsmasq] = []

    /// The folder of the products, beside the test bundle.
    static let binaries = String(Child.product("").dropLast())

    /// - Parameters:
    ///   - name: a few letters that tell this one from others of the process.
    ///   - users: of the registrar, all with `password`.
    ///   - records: what the gateway's own name server knows, as `Dnsmasq` takes it; without any it has none.
    ///   - change: what differs from the usual options.
    init(
        _ name: String, _ line: Line, users: [String] = [], records: [String] = [],
        _ change: (inout GatewayProcesses.Options) -> Void = { _ in }
    ) throws {
        self.line = line
        var options = GatewayProcesses.Options()
        options.transport = line.transport
        options.usesIPv6 = line.usesIPv6
        // The same calls with one event loop and with two.
        options.eventLoops = line.usesIPv6 ? 2 : 1
        change(&options)
        directory = "/tmp/sekisho-test-\(getpid())-\(name)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        testbed = try GatewayTestbed(name)
        gateway = try GatewayProcesses(
            testbed: testbed, binaries: Self.binaries, directory: directory, options: options)
        for user in users { try gateway.addUser(user, password: Self.password) }
        if line.transport == "tls" { try serveNames() }
        if !records.isEmpty {
            try testbed.gateway.useNameServer("127.0.0.1")
            nameServers.append(
                try Dnsmasq(
                    "dnsmasq", records: records, at: "127.0.0.1", in: testbed.gateway, directory: directory))
        }
        try gateway.start()
    }

    /// What the name servers were asked.
    var queries: [String] {
        nameServers.flatMap { $0.child.text.split(separator: "\n").map(String.init) }.filter { $0.contains("query[") }
    }

    private func serveNames() throws {
        for (name, address, server) in [("inside", near, Self.nearServer), ("outside", far, Self.farServer)] {
            nameServers.append(
                try Dnsmasq(
                    "dnsmasq-\(name)", records: ["host-record=\(GatewayProcesses.name),\(address)"], at: server,
                    in: testbed.gateway, directory: directory))
        }
        for namespace in [testbed.outside, testbed.stranger] { try namespace.useNameServer(Self.farServer) }
        try testbed.inside.useNameServer(Self.nearServer)
    }

    /// The password of the registrar's users.
    static let password = "open-sesame"
    private static let nearServer = "10.1.0.1"
    private static let farServer = "10.2.0.1"

    deinit {
        gateway.stop()
        // The messages of a run that failed are wanted: KEEP_PEERS=1 leaves them.
        if getenv("KEEP_PEERS") == nil { try? FileManager.default.removeItem(atPath: directory) }
    }

    /// The phone inside.
    var inside: String { line.usesIPv6 ? "fd00:1::2" : "10.1.0.2" }
    /// The gateway, as the phone inside reaches it.
    var near: String { line.usesIPv6 ? "fd00:1::1" : "10.1.0.1" }
    /// The gateway, as those outside reach it.
    var far: String { line.usesIPv6 ? "fd00:2::1" : "10.2.0.1" }
    /// The first host outside: where the gateway sends what is for `b.example.net`.
    var outside: String { line.usesIPv6 ? "fd00:2::2" : "10.2.0.2" }
    /// The second host outside.
    var beyond: String { line.usesIPv6 ? "fd00:2::3" : "10.2.0.3" }

    /// An address with the port of SIP over a transport, the line's own by default.
    func host(_ address: String, over transport: String? = nil) -> String {
        (address.contains(":") ? "[\(address)]" : address)
            + (transport ?? line.transport == "tls" ? ":5061" : ":5060")
    }

    /// A phone's settings; over TLS with a certificate for its domain.
    ///
    /// - Parameter transport: another than the line's own.
    func phone(
        _ user: String, domain: String, at address: String, proxy: String, mediaPort: UInt16,
        over transport: String? = nil
    ) throws -> BaresipSettings {
        let transport = transport ?? line.transport
        var settings = BaresipSettings(
            user: user, domain: domain, address: address, proxy: host(proxy, over: transport), transport: transport,
            mediaPort: mediaPort)
        if transport == "tls" {
            settings.certificate = try gateway.authority.issue(user, domains: [domain])
            settings.trusted = gateway.authority.certificate
            settings.nameServer = address == inside ? Self.nearServer : Self.farServer
        }
        return settings
    }

    /// Kamailio's settings; over TLS with a certificate for its domain and those that it has routes for on this side.
    func proxy(domain: String, routes: [KamailioSettings.Route]) throws -> KamailioSettings {
        var settings = KamailioSettings(address: outside, domain: domain, routes: routes)
        if line.transport == "tls" {
            // The gateway wants whoever it sends a call for b.example.net to to prove that name.
            let files = try gateway.authority.issue("kamailio", domains: Array(Set([domain, "b.example.net"])))
            (settings.certificate, settings.key) = (files, files)
            settings.trusted = gateway.authority.certificate
        }
        return settings
    }

    /// A host as Kamailio sends to it.
    func target(_ address: String) -> String { "sip:\(host(address));transport=\(line.transport)" }

    /// What `sekisho sessions --json` says.
    func sessions() throws -> [SessionView] {
        let text = try Command.output([
            "\(Self.binaries)/sekisho", "sessions", "--json", "--socket", gateway.controlSocket,
        ])
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        return try #require(object?["sessions"] as? [[String: Any]]).map(SessionView.init)
    }

    /// The elements in the kernel's maps.
    func elements() throws -> Int {
        try gateway.table().split(separator: "\n").count { $0.contains(" timeout ") && $0.contains(" : ") }
    }

    /// Waits until something holds.
    func eventually(seconds: Double = 8, _ holds: () throws -> Bool) throws -> Bool {
        for _ in 0..<Int(seconds * 20) {
            if try holds() { return true }
            usleep(50_000)
        }
        return try holds()
    }

    /// Waits until more packets than these have gone each way since a count, and gives what went.
    func traffic(past earlier: Traffic = Traffic(), more packets: Int = 10) throws -> Traffic? {
        var seen = Traffic()
        let came = try eventually {
            seen = try sessions().first?.traffic ?? Traffic()
            return seen.outward >= earlier.outward + packets && seen.inward >= earlier.inward + packets
        }
        return came ? seen : nil
    }

    /// Everything that the processes wrote, for a failure's comment.
    func story(_ children: Child?...) -> Comment {
        var text = ""
        for child in children + [gateway.proxy] {
            if let child { text += "--- \(child.name)\n\(child.text.split(separator: "\n").joined(separator: "\n"))\n" }
        }
        text += "--- table\n\((try? gateway.table()) ?? "none")\n"
        return Comment(rawValue: text)
    }
}

/// What carries the signalling of a test's calls, and over which family.
struct Line: Hashable, Sendable, CustomTestStringConvertible {
    let transport: String
    let usesIPv6: Bool

    /// Every line that the gateway has. One more transport is one more name here.
    static let all = ["udp", "tcp", "tls"].flatMap { transport in
        [false, true].map { Line(transport: transport, usesIPv6: $0) }
    }

    var testDescription: String { "\(transport.uppercased()) over IPv\(usesIPv6 ? 6 : 4)" }
    var name: String { "\(transport)\(usesIPv6 ? 6 : 4)" }
}

/// RTP packets through the holes of a session. RTP has the even ports (RFC 3550 section 11), RTCP the odd ones.
struct Traffic: Sendable {
    var outward = 0
    var inward = 0
}

/// A session of `sekisho sessions --json`.
struct SessionView {
    let fields: [String: Any]

    var state: String { fields["state"] as? String ?? "" }

    var holes: [[String: Any]] { fields["pinholes"] as? [[String: Any]] ?? [] }

    private static func isRTP(_ hole: [String: Any]) -> Bool {
        let port = (hole["inside"] as? String)?.split(separator: ":").last.flatMap { Int($0) }
        return port.map { $0 % 2 == 0 } ?? false
    }

    var traffic: Traffic {
        var sum = Traffic()
        for hole in holes where Self.isRTP(hole) {
            sum.outward += (hole["outward"] as? [String: Any])?["packets"] as? Int ?? 0
            sum.inward += (hole["inward"] as? [String: Any])?["packets"] as? Int ?? 0
        }
        return sum
    }
}
