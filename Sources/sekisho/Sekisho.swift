import ArgumentParser

/// The operator's command.
@main
struct Sekisho: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sekisho",
        abstract: "Look at a Sekisho gateway, make calls through it, see it work.",
        discussion: """
            Sekisho (関所, the barrier gate) opens a default-drop Linux gateway for exactly the media of the
            calls that its SIP proxy is shown, and closes it at BYE.
            """,
        version: "0.1.0",
        subcommands: [
            StatusCommand.self, SessionsCommand.self, TopCommand.self, WhyCommand.self, UserCommand.self,
            UserAgentCommand.self, DoctorCommand.self, DemoCommand.self,
        ])
}
