import Crypto
import Foundation
import Glibc
import Lab
import Testing
import Wire

/// A gateway with both daemons, a caller inside, a callee outside and a stranger, each in its namespace; the user agents
/// are children, their accounts are read from their report files, and what was delivered is counted by the kernels of
/// the hosts.
final class CallBed {
    static let callerPort: UInt16 = 4000
    static let calleePort: UInt16 = 5000
    /// Whence a stranger sends with the callee's address.
    static let forgedPort: UInt16 = 5007
    /// What one direction of G.711 has in a second.
    static let packetsPerSecond = 50

    let testbed: GatewayTestbed
    let gateway: GatewayProcesses
    let atCaller: Meter
    let atCallee: Meter
    let directory: String
    let options: GatewayProcesses.Options

    /// The folder of the products, beside the test bundle.
    static let binaries = String(Child.product("").dropLast())

    init(
        _ name: String, _ options: GatewayProcesses.Options = GatewayProcesses.Options(),
        foreignRules: String = GatewayTestbed.foreignRules
    ) throws {
        self.options = options
        directory = "/tmp/sekisho-test-\(getpid())-\(name)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        testbed = try GatewayTestbed(name, foreignRules: foreignRules)
        gateway = try GatewayProcesses(
            testbed: testbed, binaries: Self.binaries, directory: directory, options: options)
        atCaller = try Meter(
            on: testbed.inside,
            from: [
                Meter.Source("callee", ["10.2.0.2", "fd00:2::2"]), Meter.Source("stranger", ["10.2.0.3", "fd00:2::3"]),
                Meter.Source("forger", ["10.2.0.2", "fd00:2::2"], port: Self.forgedPort),
            ], ports: "\(Self.callerPort)-\(Self.callerPort + 1)")
        atCallee = try Meter(
            on: testbed.outside,
            from: [
                Meter.Source("caller", ["10.1.0.2", "fd00:1::2"]), Meter.Source("external", ["10.2.0.1"]),
            ],
            ports: "\(Self.calleePort)-\(Self.calleePort + 1)")
    }

    deinit {
        gateway.stop()
        try? FileManager.default.removeItem(atPath: directory)
    }

    var caller: String { options.usesIPv6 ? "fd00:1::2" : "10.1.0.2" }
    var near: String { options.usesIPv6 ? "fd00:1::1" : "10.1.0.1" }
    var callee: String { options.usesIPv6 ? "fd00:2::2" : "10.2.0.2" }
    var stranger: String { options.usesIPv6 ? "fd00:2::3" : "10.2.0.3" }

    private func bracketed(_ address: String) -> String { address.contains(":") ? "[\(address)]" : address }

    /// `sekisho ua answer` at the callee; it is ready when this returns.
    func answer(_ more: [String] = [], domain: String = "b.example.net") throws -> Child {
        let child = try Child(
            "callee",
            [
                "\(Self.binaries)/sekisho", "ua", "answer", "--bind", bracketed(callee) + ":\(options.port)",
                "--media-port",
                "\(Self.calleePort)", "--calls", "1", "--write-certificate", "\(directory)/callee.pem", "--report",
                "\(directory)/callee.jsonl", "--show-messages", "--transport", options.transport,
            ] + secure("bob", domain) + more, in: testbed.outside, directory: directory)
        try child.expect("ready")
        return child
    }

    /// `sekisho ua call` at the caller.
    func call(_ more: [String] = [], encryptedToPeer: Bool = true, disclosed: Bool = true) throws -> Child {
        var line = [
            "\(Self.binaries)/sekisho", "ua", "call", "sip:bob@b.example.net", "--from", "sip:alice@a.example.net",
            "--bind", bracketed(caller) + ":\(options.port)", "--proxy", bracketed(near) + ":\(options.port)",
            "--media-port",
            "\(Self.callerPort)", "--report", "\(directory)/caller.jsonl", "--show-messages", "--transport",
            options.transport,
        ]
        line += try secure("alice", "a.example.net")
        if options.transport == "tls" { line += ["--tls-name", GatewayProcesses.name] }
        if encryptedToPeer { line += ["--peer-certificate", "\(directory)/callee.pem"] } else { line += ["--plain"] }
        if encryptedToPeer, disclosed { line += ["--disclose", gateway.certificatePath] }
        return try Child("caller", line + more, in: testbed.inside, directory: directory)
    }

    /// The options of a phone that speaks TLS and proves its domain.
    private func secure(_ user: String, _ domain: String) throws -> [String] {
        guard options.transport == "tls" else { return [] }
        let files = try gateway.authority.issue(user) { $0.dnsNames = [domain] }
        return [
            "--trust", gateway.authority.certificate, "--tls-certificate", files.certificate, "--tls-key", files.key,
        ]
    }

    /// The elements in the kernel's maps, one a line, as nft lists them.
    func elements() throws -> [Substring] {
        try gateway.table().split(separator: "\n").filter { $0.contains(" timeout ") && $0.contains(" expires ") }
    }

    /// Waits until something holds.
    func eventually(seconds: Double = 8, _ holds: () throws -> Bool) throws -> Bool {
        for _ in 0..<Int(seconds * 50) {
            if try holds() { return true }
            usleep(20_000)
        }
        return try holds()
    }

    /// Whether the kernel has an exact path in both directions, and nothing half-open.
    func isOpen() throws -> Bool {
        let elements = try elements()
        return elements.count >= 2
            && elements.allSatisfy { element in
                // The key has two endpoints.
                element.split(separator: " ").prefix { $0 != ":" }.count { $0 == "." } == 3
            }
    }

    /// Numbered packets from a host to the caller's media port.
    func probe(_ count: UInt32, from address: String, port: UInt16 = 9000, in namespace: Namespace) throws {
        let pump = try PacketPump(
            Endpoint(try #require(IPAddress(address)), port), in: namespace, isTransparent: true)
        try pump.send(0..<count, to: Endpoint(try #require(IPAddress(caller)), Self.callerPort))
    }

    /// What a user agent reported.
    func report(_ name: String) throws -> [Event] {
        let text = try String(contentsOfFile: "\(directory)/\(name).jsonl", encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return Event(fields: try #require(object as? [String: Any]))
        }
    }

    /// Every packet of a call that is over came to the other end, none after it.
    func expectDelivery(_ caller: Child, _ callee: Child) throws {
        let (one, other) = (try report("caller"), try report("callee"))
        let story = story(caller, callee)
        for (sender, receiver) in [(one, other), (other, one)] {
            #expect(sender.rtp("sent", "call").count > Self.packetsPerSecond, story)
            // What was sent before the other end counted its call as begun is early there, and what waited in its socket
            // when it read the BYE is late: the kernels' counts above say that nothing was delivered after the close. The
            // first packet came, and none is missing up to the last.
            let phases = ["early", "call", "after-bye"].map { receiver.rtp("received", $0) }.filter { $0.count > 0 }
            let count = phases.reduce(0) { $0 + $1.count }
            let (first, last) = (phases.first?.first ?? -1, phases.last?.last ?? -1)
            #expect(first == sender.rtp("sent", "call").first, story)
            #expect(count == last + 1 && count > Self.packetsPerSecond && receiver.lost() == 0, story)
            // Up to the BYE: at most half a second's packets were on their way when the hole closed.
            #expect(last + Self.packetsPerSecond / 2 >= sender.rtp("sent", "call").last, story)
            #expect(sender.rtp("sent", "after-bye").count > Self.packetsPerSecond, story)
        }
    }

    /// Everything that the processes wrote, for a failure's comment.
    func story(_ children: Child?...) -> Comment {
        var text = ""
        for child in children + [gateway.proxy, gateway.gate] {
            if let child { text += "--- \(child.name)\n\(child.text)\n" }
        }
        text += "--- table\n\((try? gateway.table()) ?? "none")\n"
        return Comment(rawValue: text)
    }
}

/// One line of a report file.
struct Event {
    let fields: [String: Any]

    var name: String { fields["event"] as? String ?? "" }

    func number(_ key: String) -> Int? { fields[key] as? Int }

    func text(_ key: String) -> String? { fields[key] as? String }
}

extension [Event] {
    /// RTP packets of a direction and phase: how many, the first and the last sequence number.
    func rtp(_ direction: String, _ phase: String) -> (count: Int, first: Int, last: Int) {
        let event = first {
            $0.name == "rtp" && $0.text("direction") == direction && $0.text("phase") == phase
        }
        return (event?.number("count") ?? 0, event?.number("first") ?? -1, event?.number("last") ?? -1)
    }

    func lost() -> Int? { first { $0.name == "stream" }?.number("lost") }
}
