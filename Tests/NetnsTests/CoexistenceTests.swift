import Glibc
import Lab
import Testing
import Wire

/// Firewalls of a site beside the gateway: media of a call needs nothing of them on the fast path, and what the doctor
/// proposes, typed as it is printed, lets through what they dropped.
@Suite(.serialized) struct CoexistenceTests {
    enum Site: Sendable, CaseIterable {
        /// Three tables by hand, each with default drop: before the gate's own priority, at it, and at that of most filters.
        case handWritten
        case iptables, firewalld

        var name: String {
            switch self {
            case .handWritten: "a ruleset by nft"
            case .iptables: "iptables"
            case .firewalld: "firewalld"
            }
        }

        /// firewalld and its commands are programs in Python, of which each takes a minute in the emulator of `make test-kernel`;
        /// of the kernel it asks what tables by hand do.
        static let here = getenv("SEKISHO_GUEST") == nil ? allCases : [.handWritten, .iptables]

        /// The chains that drop at a hook.
        func places(_ hook: String) -> [String] {
            switch self {
            case .handWritten:
                ["early: -200", "same: -100", "late: 0"].map { table in
                    let parts = table.split(separator: ":")
                    return "table inet \(parts[0]), chain \(hook) (hook \(hook), priority\(parts[1]), policy drop)"
                }
            case .iptables: ["table ip filter, chain \(hook.uppercased()) (hook \(hook), priority 0, policy drop)"]
            case .firewalld:
                ["table inet firewalld, chain filter_\(hook.uppercased()) (hook \(hook), priority 10, policy accept)"]
            }
        }

        func load(_ site: SiteFirewall) throws {
            switch self {
            case .handWritten:
                try site.loadHandWritten("early", priority: -200)
                try site.loadHandWritten("same", priority: -100)
                try site.loadHandWritten("late", priority: 0)
            case .iptables: try site.loadIptables()
            case .firewalld: try site.startFirewalld()
            }
        }
    }

    @Test(arguments: Site.here)
    func `a call passes once SIP is let in, and ends at BYE; the printed lines let through what was dropped`(
        _ kind: Site
    ) throws {
        let bed = try CallBed("site-\(kind)")
        let site = try SiteFirewall(bed)
        try kind.load(site)
        try bed.gateway.start()

        // SIP: dropped, found, mended by the printed lines.
        let before = try site.examine()
        #expect(before.status == 1)
        #expect(before.report.firewalls.map(\.name) == [kind.name])
        let sip = before.report.problems
        #expect(sip.allSatisfy { $0.sip?.hasPrefix("dropped") ?? false }, "\(sip)")
        #expect(sip.map(\.place).sorted() == kind.places("input").map { "\(kind.name): \($0)" }.sorted(), "\(sip)")
        for finding in sip {
            #expect(try !answers(bed))
            for line in finding.commands { try site.type(line) }
        }
        #expect(try answers(bed))
        #expect(try site.examine().report.problems.isEmpty)

        // A call by the open hole, and nothing after it.
        let ruleset = try foreign(site)
        try call(bed)
        #expect(try foreign(site) == ruleset)

        // The routed path: what carries the mark is dropped, until the printed lines are there.
        try site.type(Self.marking)
        let routed = try site.examine("--media-path", "routed")
        #expect(routed.status == 1)
        let places = routed.report.problems.map(\.place).sorted()
        #expect(places == kind.places("forward").map { "\(kind.name): \($0)" }.sorted(), "\(routed.report.problems)")
        for finding in routed.report.problems {
            #expect(try carried(bed) == 0)
            for line in finding.commands { try site.type(line) }
        }
        #expect(try carried(bed) == 20)
        let after = try site.examine("--media-path", "routed")
        #expect(after.report.problems.isEmpty, "\(after.report.problems)")
        // The contract lets through what is marked, and nothing else.
        try site.type("nft delete table inet marking")
        #expect(try carried(bed) == 0)
    }

    @Test(arguments: [Site.handWritten, .iptables])
    func `the test by packets finds what is dropped, mends its copy, and changes nothing here`(_ kind: Site) throws {
        let bed = try CallBed("probe-\(kind)")
        let site = try SiteFirewall(bed)
        try kind.load(site)
        try bed.gateway.startGate()
        let ruleset = try site.ruleset()
        let (status, report) = try site.examine("--test")
        #expect(status == 1)
        #expect(try site.ruleset() == ruleset)
        #expect(try !Command.output(["ip", "netns", "list"]).contains("-doctor-"))
        func results(_ words: String...) -> [String] {
            report.test.filter { line in words.allSatisfy { line.what.contains($0) } }.map(\.result)
        }
        let sip = results("SIP by udp 10.")
        #expect(sip == ["dropped", "dropped", "passed", "passed"], "\(report.test)")
        #expect(results("SIP by tcp 10.").count == 8)
        let fast = results("fast path")
        #expect(fast.count == 4 && fast.allSatisfy { $0 == "passed" }, "\(report.test)")
        let marked = results("10.1.0.2 to 10.2.0.2 with the mark") + results("10.2.0.2 to 10.1.0.2 with the mark")
        #expect(marked == ["dropped", "passed", "dropped", "passed"], "\(report.test)")
        #expect(results("10.1.0.2 to 10.2.0.2 without a mark") == ["dropped"])
        #expect(report.test.contains { $0.what.contains("in the copy") && $0.result == "added" })
        #expect(report.test.allSatisfy { !$0.result.hasPrefix("refused") }, "\(report.test)")
    }

    @Test func `an interrupted test leaves no namespace behind, and the ruleset as it was`() throws {
        let bed = try CallBed("probe-interrupt")
        let site = try SiteFirewall(bed)
        try site.loadHandWritten("site", priority: 0)
        let ruleset = try site.ruleset()
        let doctor = try Child(
            "doctor",
            [
                "\(CallBed.binaries)/sekisho", "doctor", "--test", "--config-gated", "\(bed.directory)/gated.yaml",
                "--config", "\(bed.directory)/sekishod.yaml",
            ], in: bed.testbed.gateway, directory: bed.directory)
        try doctor.expect("Packets through a copy", seconds: 60)
        doctor.signal(SIGINT)
        #expect(doctor.wait(seconds: 20) == 130, "\(doctor.text)")
        #expect(try site.ruleset() == ruleset)
        #expect(try !Command.output(["ls", "/run/netns"]).contains("-\(doctor.process)-doctor"))
    }

    @Test func `a program that writes more than is read is ended, and what it writes to standard error is kept apart`()
        throws
    {
        #expect(try Command.run(["sh", "-c", "printf 12345"], limit: 5).output == "12345")
        #expect(throws: Command.Failure.self) { try Command.run(["sh", "-c", "printf 12345"], limit: 4) }
        #expect(throws: Command.Failure.self) { try Command.run(["cat", "/dev/zero"], limit: 1 << 20) }
        #expect(try Command.run(["sh", "-c", "echo a; echo b >&2"], withErrors: false).output == "a\n")
    }

    // MARK: What is looked at

    /// Stands for the gateway's own table of the routed path: media of the test carries the mark.
    private static let marking = """
        nft -f - <<'END'
        table inet marking {
          chain prerouting {
            type filter hook prerouting priority -310; policy accept;
            udp dport 1000-1001 meta mark set meta mark or 0x40000000 notrack
          }
        }
        END
        """

    /// Whether the gateway answers SIP on both sides.
    private func answers(_ bed: CallBed) throws -> Bool {
        let sides = [(bed.caller, bed.near, bed.testbed.inside), (bed.callee, "10.2.0.1", bed.testbed.outside)]
        return try sides.allSatisfy { address, gateway, namespace in
            let server = Endpoint(try #require(IPAddress(gateway)), 5060)
            return try OptionsRequest.isAnswered(
                from: Endpoint(try #require(IPAddress(address)), 5070), by: server, in: namespace)
        }
    }

    /// Everything that is not the gate's, without handles and counters.
    private func foreign(_ site: SiteFirewall) throws -> String {
        try ["ip", "ip6", "inet"].map { try site.bed.testbed.gateway.command("nft", "-s", "list", "ruleset", $0) }
            .joined()
    }

    private func call(_ bed: CallBed) throws {
        let callee = try bed.answer(["--keep-sending", "1"])
        let caller = try bed.call(["--seconds", "1", "--keep-sending", "1"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        #expect(try bed.eventually { try bed.elements().isEmpty }, bed.story(caller, callee))
        let (toCaller, toCallee) = (
            try bed.atCaller.packets(from: "callee"), try bed.atCallee.packets(from: "caller")
        )
        #expect(toCaller > 20 && toCallee > 20, bed.story(caller, callee))
        #expect(caller.wait(seconds: 10) == 0 && callee.wait(seconds: 10) == 0, bed.story(caller, callee))
        // Both went on sending for a second.
        #expect(try bed.atCaller.packets(from: "callee") == toCaller)
        #expect(try bed.atCallee.packets(from: "caller") == toCallee)
    }

    /// Of ten packets each way between ports that the gate has no say in (below `media_ports`), how many came through the
    /// site's chains.
    private func carried(_ bed: CallBed) throws -> Int {
        let inside = Endpoint(try #require(IPAddress("10.1.0.2")), 1_000)
        let outside = Endpoint(try #require(IPAddress("10.2.0.2")), 1_001)
        let (one, other) = (
            try PacketPump(inside, in: bed.testbed.inside), try PacketPump(outside, in: bed.testbed.outside)
        )
        try one.send(0..<10, to: outside)
        let there = other.receive(10, silence: .milliseconds(300)).count
        try other.send(0..<10, to: inside)
        return there + one.receive(10, silence: .milliseconds(300)).count
    }
}

/// An OPTIONS request by UDP, which every SIP server answers with something (RFC 3261 section 11).
private enum OptionsRequest {
    static func isAnswered(from source: Endpoint, by server: Endpoint, in namespace: Namespace) throws -> Bool {
        let descriptor = try namespace.run {
            let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            #expect(SocketAddress(source).withPointer { bind(descriptor, $0, $1) } == 0)
            return descriptor
        }
        defer { close(descriptor) }
        let request = """
            OPTIONS sip:\(server) SIP/2.0\r
            Via: SIP/2.0/UDP \(source);branch=z9hG4bK\(source.hashValue.magnitude);rport\r
            From: <sip:x@a.example.net>;tag=1\r
            To: <sip:\(server)>\r
            Call-ID: \(source.hashValue.magnitude)\r
            CSeq: 1 OPTIONS\r
            Max-Forwards: 70\r
            Content-Length: 0\r
            \r

            """
        let octets = Array(request.utf8)
        let count = SocketAddress(server).withPointer { sendto(descriptor, octets, octets.count, 0, $0, $1) }
        #expect(count == octets.count)
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        var answer = [UInt8](repeating: 0, count: 2_048)
        guard poll(&entry, 1, 400) > 0 else { return false }
        let length = recv(descriptor, &answer, answer.count, 0)
        return length > 0 && String(decoding: answer[..<length], as: UTF8.self).hasPrefix("SIP/2.0 ")
    }
}
