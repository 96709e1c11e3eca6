import Foundation
import Glibc
import Lab
import Testing

/// A firewall of the site in a testbed's gateway, real and alone there, and what the doctor says of it.
final class SiteFirewall {
    let bed: CallBed
    private var children: [Child] = []
    /// Put before each command: where firewalld's bus is.
    private var environment = ""

    init(_ bed: CallBed) throws {
        self.bed = bed
        // Not the testbed's own: every packet is judged by the site's rules under test, and by no others.
        try bed.testbed.gateway.command("nft", "delete", "table", "inet", "admin")
    }

    deinit {
        for child in children.reversed() { child.stop() }
    }

    /// Runs a line as an operator would type it, on the gateway.
    func type(_ line: String) throws {
        try bed.testbed.gateway.command("sh", "-ec", environment + line)
    }

    /// A table by hand that accepts what was begun before and nothing else.
    func loadHandWritten(_ name: String, priority: Int) throws {
        var rules = "table inet \(name) {\n"
        for hook in ["input", "forward"] {
            rules += "  chain \(hook) {\n    type filter hook \(hook) priority \(priority); policy drop;\n"
            rules += "    ct state established,related accept\n"
            // Neighbours are looked for by ICMPv6: no ruleset works without.
            rules += "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n  }\n"
        }
        try type("nft -f - <<'END'\n\(rules)}\nEND\n")
    }

    func loadIptables() throws {
        try type(
            """
            iptables-restore <<'END'
            *filter
            :INPUT DROP [0:0]
            :FORWARD DROP [0:0]
            :OUTPUT ACCEPT [0:0]
            :site - [0:0]
            -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
            -A INPUT -i lo -m comment --comment "the machine's own" -j ACCEPT
            -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
            -A FORWARD -j site
            -A site -p tcp -m multiport --dports 80,443 -j ACCEPT
            -A site -j REJECT --reject-with icmp-admin-prohibited
            COMMIT
            END
            """)
    }

    /// Debian's firewalld with a bus and settings of its own; lan0 is internal, wan0 public.
    func startFirewalld() throws {
        let directory = bed.directory
        let settings = "\(directory)/firewalld"
        try Command.output(["cp", "-r", "/etc/firewalld", settings])
        let bus = """
            <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
             "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
              <type>system</type>
              <listen>unix:path=\(directory)/bus</listen>
              <auth>EXTERNAL</auth>
              <policy context="default">
                <allow user="*"/><allow own="*"/>
                <allow send_type="method_call"/><allow send_type="method_return"/>
                <allow send_type="error"/><allow send_type="signal"/>
                <allow receive_type="method_call"/><allow receive_type="method_return"/>
                <allow receive_type="error"/><allow receive_type="signal"/>
              </policy>
            </busconfig>

            """
        try bus.write(toFile: "\(directory)/bus.conf", atomically: true, encoding: .utf8)
        let gateway = bed.testbed.gateway
        children.append(
            try Child(
                "bus", ["dbus-daemon", "--config-file=\(directory)/bus.conf", "--nofork", "--nopidfile"], in: gateway,
                directory: directory))
        #expect(try bed.eventually { access("\(directory)/bus", F_OK) == 0 })
        environment = "export DBUS_SYSTEM_BUS_ADDRESS=unix:path=\(directory)/bus\n"
        let address = "DBUS_SYSTEM_BUS_ADDRESS=unix:path=\(directory)/bus"
        let daemon = try Child(
            "firewalld",
            [
                "env", address, "firewalld", "--nofork", "--nopid", "--system-config", settings, "--log-file",
                "\(directory)/firewalld.log",
            ], in: gateway, directory: directory)
        children.append(daemon)
        var isRunning = false
        for _ in 0..<30 where !isRunning && daemon.isRunning {
            isRunning = (try? type("timeout 5 firewall-cmd -q --state")) != nil
            if !isRunning { usleep(200_000) }
        }
        try #require(isRunning && daemon.isRunning, "\(daemon.text)")
        try type(
            """
            firewall-cmd -q --permanent --zone=internal --add-interface=lan0
            firewall-cmd -q --permanent --zone=public --add-interface=wan0
            firewall-cmd -q --reload
            """)
    }

    // MARK: The doctor

    /// What the doctor prints about this gateway, and its exit status.
    func examine(_ more: String...) throws -> (status: Int32, report: Report) {
        let result = try Command.run(
            [
                "ip", "netns", "exec", bed.testbed.gateway.name, "\(CallBed.binaries)/sekisho", "doctor", "--json",
                "--config-gated", "\(bed.directory)/gated.yaml", "--config", "\(bed.directory)/sekishod.yaml",
            ] + more, withErrors: false)
        return (result.status, try JSONDecoder().decode(Report.self, from: Data(result.output.utf8)))
    }

    struct Report: Decodable {
        let firewalls: [Firewall]
        let findings: [Finding]
        let test: [Line]

        struct Firewall: Decodable {
            let name: String
            let tables: [String]
        }

        struct Finding: Decodable {
            let severity: String
            let place: String
            let what: String
            let sip: String?
            let media: String?
            let commands: [String]
        }

        struct Line: Decodable {
            let what: String
            let result: String
            let good: Bool?
        }

        var problems: [Finding] { findings.filter { $0.severity == "problem" } }
    }

    /// The ruleset as an operator sees it, without what counts.
    func ruleset() throws -> String { try bed.testbed.gateway.command("nft", "-s", "list", "ruleset") }
}
