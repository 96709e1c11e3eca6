import Configuration
import Glibc

/// The program from its arguments to its exit code.
enum Program {
    static let version = "0.1.0"

    static let usage = """
        Usage: sekisho-gated --config FILE [--check]

        The privileged half of a Sekisho gateway: opens and closes media holes in table netdev sekisho,
        as sekishod asks and its own policy allows. It needs CAP_NET_ADMIN and nothing else.

          --config FILE   configuration (YAML), usually /etc/sekisho/gated.yaml
          --check         read the configuration, say what is wrong with it, and exit
          --version       print the version and exit
          --help          print this and exit

        SIGTERM and SIGINT end the process; holes live on for hole_timeout, unless keep_on_exit is false. When it
        starts again, it goes on with them.
        Messages go to standard error.

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
        defer { log.flush() }
        var path: String?
        var isCheck = false
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            switch argument {
            case "--check": isCheck = true
            case "--config": path = rest.popFirst()
            default:
                log.line("unknown argument \(argument); see sekisho-gated --help")
                return 2
            }
        }
        guard let path else {
            log.line("--config FILE is missing; see sekisho-gated --help")
            return 2
        }
        let settings: GateSettings
        let allowedUser: UInt32
        do throws(ConfigurationError) {
            settings = try ConfigurationReader.gateSettings(atPath: path)
            allowedUser = try settings.allowedUserNumber()
        } catch {
            log.line(error.description)
            return 2
        }
        if isCheck {
            Log.output("\(path): good")
            return 0
        }
        do throws(StartError) {
            var daemon = try Daemon(settings, allowedUser: allowedUser)
            daemon.run()
            return 0
        } catch {
            log.line("cannot start: \(error.description)")
            return 1
        }
    }
}
