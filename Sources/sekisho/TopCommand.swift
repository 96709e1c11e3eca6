import ArgumentParser
import ControlProtocol
import Glibc

/// `sekisho top`: what goes through, again and again.
struct TopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Live calls by their packets a second, and what is refused and dropped.",
        discussion: """
            For each call: packets a second from inside to outside and back. 0.0 one way while the other flows is what \
            one-way audio looks like here: nobody sends, or what is sent comes from elsewhere than the SDP said.
            """)

    @Option(help: "The control socket of sekishod.")
    var socket = "/run/sekisho/control.sock"

    @Option(help: "Seconds between two looks.")
    var interval = 2.0

    @Option(help: "So many times, then end; without it until interrupted.")
    var count: Int?

    @Option(help: "Calls that are shown at most.")
    var lines = 20

    func validate() throws {
        guard (0.1...3_600).contains(interval) else { throw ValidationError("--interval is 0.1 to 3600 seconds") }
        guard (count ?? 1) > 0 else { throw ValidationError("--count is at least 1") }
        guard (1...10_000).contains(lines) else { throw ValidationError("--lines is 1 to 10000") }
    }

    func run() throws {
        var earlier = try look()
        var left = count
        while left.map({ $0 > 0 }) ?? true {
            usleep(UInt32(interval * 1_000_000))
            let later = try look()
            show(LoadReport(from: earlier, to: later))
            earlier = later
            left = left.map { $0 - 1 }
        }
    }

    private func look() throws -> LoadReport.Look {
        let status = try ControlClient.status(in: try ControlClient.ask(.status, at: socket))
        let sessions = try ControlClient.sessions(in: try ControlClient.ask(.sessions, at: socket)).reports
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return LoadReport.Look(
            status: status, sessions: sessions, time: Double(now.tv_sec) + Double(now.tv_nsec) / 1e9)
    }

    private func show(_ report: LoadReport) {
        // On a terminal each look replaces the one before.
        if Terminal.hasColour { print("\u{1B}[H\u{1B}[2J", terminator: "") }
        let status = report.status
        print(
            "\(status.sessions) sessions, \(status.pinholes) pinholes, gate "
                + (status.isGateConnected ? "connected" : "NOT CONNECTED"))
        let rates = report.rates.map { "\($0.name) \(Self.text($0.perSecond))/s" }
        print(rates.isEmpty ? "nothing came" : rates.joined(separator: "  "))
        print("")
        print(
            Terminal.right("out/s", to: 8) + Terminal.right("in/s", to: 8) + Terminal.right("age", to: 12)
                + "  call")
        for call in report.calls.prefix(lines) {
            let session = call.session
            print(
                Terminal.right(Self.text(call.outward), to: 8) + Terminal.right(Self.text(call.inward), to: 8)
                    + Terminal.right(Terminal.duration(session.age), to: 12)
                    + "  \(session.identifier) \(session.state.rawValue)  "
                    + "\(TextSafety.printable(session.from)) -> \(TextSafety.printable(session.to))")
        }
        if report.calls.count > lines { print("... and \(report.calls.count - lines) more; --lines shows more") }
        fflush(nil)
    }

    /// One decimal; a dash for what is not known.
    static func text(_ rate: Double?) -> String {
        guard let rate else { return "-" }
        let tenths = Int((rate * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
