import ArgumentParser
import ControlProtocol
import Wire

/// `sekisho status`: how the server is doing.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How the server is doing: gate, sessions, counters.")

    @OptionGroup var options: ControlOptions

    func run() throws {
        let document = try ControlClient.ask(.status, at: options.socket)
        if options.json { return Terminal.write(document) }
        let report = try ControlClient.status(in: document)
        print("sekishod \(report.version), up \(Terminal.duration(report.uptime))")
        print("gate      \(report.isGateConnected ? "connected" : "NOT CONNECTED: new calls are refused with 503")")
        print("sessions  \(report.sessions)")
        print("pinholes  \(report.pinholes)")
        print("counters")
        for counter in report.counters { print("  \(Terminal.pad(counter.name, to: 26))\(counter.value)") }
    }
}

/// `sekisho sessions`: every call and its pinholes.
struct SessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "The calls, their pinholes, and the packets through them.")

    @OptionGroup var options: ControlOptions

    func run() throws {
        let document = try ControlClient.ask(.sessions, at: options.socket)
        if options.json { return Terminal.write(document) }
        let (reports, total) = try ControlClient.sessions(in: document)
        print(total == 1 ? "1 session" : "\(total) sessions")
        for report in reports { show(report) }
    }

    private func show(_ report: SessionReport) {
        print("")
        print(
            "\(report.identifier)  \(report.state.rawValue)  \(Terminal.duration(report.age))  SDP \(report.description.rawValue)"
        )
        print("  \(TextSafety.printable(report.from)) -> \(TextSafety.printable(report.to))")
        print("  Call-ID \(TextSafety.printable(report.callID))")
        guard let pinholes = report.pinholes else { return print("  pinholes not known") }
        for pinhole in pinholes {
            let outside = pinhole.outside?.description ?? "any"
            print(
                "  \(Terminal.pad(pinhole.inside.description, to: 22))-> \(Terminal.pad(outside, to: 22))\(packets(pinhole.outward))"
            )
            let external = pinhole.external.map { "as \($0)" } ?? ""
            print("  \(Terminal.pad("", to: 22))<- \(Terminal.pad(external, to: 22))\(packets(pinhole.inward))")
        }
    }

    private func packets(_ traffic: PinholeReport.Traffic) -> String {
        "\(traffic.packets) packets, \(traffic.bytes) octets"
    }
}

/// Where to ask, and how to answer.
struct ControlOptions: ParsableArguments {
    @Option(help: "The control socket of sekishod.")
    var socket = "/run/sekisho/control.sock"

    @Flag(help: "Print the server's answer as JSON.")
    var json = false
}
