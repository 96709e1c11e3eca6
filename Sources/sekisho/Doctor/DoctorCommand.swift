import ArgumentParser
import CLinux
import Coexistence
import Glibc
import Lab

/// `sekisho doctor`: whose firewall this machine has, and what it does to calls.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract:
            "Find what in this machine's firewall and kernel stands in the way of calls, and the line that mends it.",
        discussion: """
            Looks at every table of nftables and iptables, whoever keeps it (firewalld, ufw, Docker, OpenWrt's fw4, a
            ruleset by hand), at the kernel's SIP helpers and switches, the interfaces, and the two daemons. It changes
            nothing. For what it finds it says what becomes of SIP and of media, and the command that mends it.

            With --test it copies the ruleset into a network namespace of its own and sends SIP and media through the
            copy. Where they are dropped it adds the lines that it proposes, there and not on this machine, and sends
            again.

              sudo sekisho doctor
              sudo sekisho doctor --test
              sudo sekisho doctor --media-path routed       as if media went through the forward chain
              sudo sekisho doctor --json | jq '.findings[] | select(.severity == "problem")'

            Exit status: 0 when no problem was found, 1 when one was, 64 for arguments that cannot be used.
            """)

    @Option(help: "The settings of sekisho-gated.")
    var configGated = "/etc/sekisho/gated.yaml"

    @Option(help: "The settings of sekishod.")
    var config = "/etc/sekisho/sekishod.yaml"

    @Option(help: "The path of media to judge: fast or routed; that of the gate's settings when absent.")
    var mediaPath: MediaPathName?

    @Flag(help: "Send packets through a copy of the ruleset.")
    var test = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        guard geteuid() == 0 else {
            throw ValidationError("rulesets and namespaces need root: sudo sekisho doctor")
        }
        // A reader that goes away must not end the process before it has cleaned up.
        signal(SIGPIPE, SIG_IGN)
        let signals = CLinux_termination_signals()
        guard signals >= 0 else { throw Command.Failure(description: "signalfd: errno \(errno)") }
        let isGood: Bool
        do {
            isGood = try examine { try Self.pause(signals) }
        } catch is Interrupted {
            Terminal.warn("interrupted; everything that was made is removed")
            throw ExitCode(130)
        }
        if !isGood { throw ExitCode(1) }
    }

    /// Ctrl-C or SIGTERM.
    private struct Interrupted: Error {}

    /// A hundredth of a second, or the end.
    private static func pause(_ signals: Int32) throws {
        var entry = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
        if poll(&entry, 1, 10) > 0 { throw Interrupted() }
    }

    /// - Returns: whether there is no problem.
    private func examine(_ pause: @escaping () throws -> Void) throws -> Bool {
        let directory = try TemporaryDirectory("doctor")
        var facts = FactsReader(gateFile: configGated, proxyFile: config, mediaPath: mediaPath?.kind).facts
        try pause()
        do {
            facts.features = try KernelProbe(directory: directory.path).features()
        } catch {
            facts.gaps.append(("what the kernel can do", "\(error)"))
        }
        try pause()
        let findings = Examination.findings(facts)
        var report = DoctorReport(facts: facts, findings: findings, isJSON: json)
        report.showFindings()
        var isGood = !findings.contains { $0.severity == .problem }
        if test { isGood = try send(facts, directory.path, &report, pause) && isGood }
        report.end()
        return isGood
    }

    private func send(
        _ facts: Facts, _ directory: String, _ report: inout DoctorReport, _ pause: @escaping () throws -> Void
    ) throws -> Bool {
        guard let ruleset = facts.ruleset, let gate = facts.gate else {
            report.show(
                PacketTest.Line(
                    what: "the test", result: "not made: it needs the ruleset and gated.yaml", isGood: false))
            return false
        }
        do {
            let test = try PacketTest(facts, gate, ruleset, directory: directory, pause: pause)
            return try test.run { report.show($0) }
        } catch let failure as Command.Failure {
            report.show(PacketTest.Line(what: "the test", result: "not made: \(failure)", isGood: false))
            return false
        }
    }
}

/// A path of media, by its name in gated.yaml.
enum MediaPathName: String, ExpressibleByArgument, CaseIterable {
    case fast, routed

    var kind: PathKind { self == .fast ? .fast : .routed }
}
