import Glibc
import Netfilter

/// The program from its arguments to its exit code.
enum Program {
    static let version = "0.1.0"

    static let usage = """
        usage: sekisho-gated --inside DEVICE --inside-prefix PREFIX... --outside DEVICE --socket PATH --allow-uid N...
                             [--forbid PREFIX]... [--half-open yes|no] [--half-open-rate N] [--hole-timeout SECONDS]
                             [--keep-on-exit]
               sekisho-gated ... --check     reads the settings, says what is wrong with them, and ends
               sekisho-gated --help | --version
        The privileged half of Sekisho: opens and closes media holes in table netdev sekisho, as sekishod asks.

        """

    /// - Returns: 0 after a clean stop, 1 when the gate cannot start, 2 when the settings are wrong.
    static func run(_ arguments: [String]) -> Int32 {
        if arguments.contains("--help") {
            write(1, usage, usage.utf8.count)
            return 0
        }
        if arguments.contains("--version") {
            Log.output("sekisho-gated \(version)")
            return 0
        }
        var log = Log()
        let settings: GateSettings
        do throws(SettingsError) {
            settings = try GateSettings(arguments: Array(arguments.dropFirst().filter { $0 != "--check" }))
        } catch {
            log.line("cannot start: \(error.description)")
            return 2
        }
        if arguments.contains("--check") { return 0 }
        do throws(StartError) {
            var daemon = try Daemon(settings)
            daemon.run()
            return 0
        } catch {
            log.line("cannot start: \(error.description)")
            return 1
        }
    }
}
