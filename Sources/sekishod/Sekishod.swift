import CLinux
import Configuration
import Glibc
import NIOCore
import NIOPosix

/// The session control server: reads its command line and configuration, then runs until it is told to stop.
@main
enum Sekishod {
    static let version = "0.1.0"

    static let usage = """
        Usage: sekishod --config FILE [--check]

        The SIP proxy of a Sekisho gateway. It reads where media will flow from the SDP that it is
        shown and asks sekisho-gated to open exactly that path. It needs no privilege.

          --config FILE   configuration (YAML), usually /etc/sekisho/sekishod.yaml
          --check         read the configuration, say what is wrong with it, and exit
          --version       print the version and exit
          --help          print this and exit

        SIGTERM and SIGINT end the process. Calls that are up keep their media for the gate's
        hole_timeout, and go on when it is started again within that time, unless keep_on_exit is
        false: then every hole closes. Messages go to standard error.
        """

    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.contains("--help") { return print(usage) }
        if arguments.contains("--version") { return print("sekishod \(version)") }
        var path: String?
        var isCheck = false
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--check": isCheck = true
            case "--config": path = rest.popFirst()
            default: fail("unknown argument \(argument); see sekishod --help", code: 64)
            }
        }
        guard let path else { fail("--config FILE is missing; see sekishod --help", code: 64) }
        do {
            let settings = try ConfigurationReader.proxySettings(atPath: path)
            let identities = try ControllerBuilder.identities(from: settings)
            let security = try ControllerBuilder.security(from: settings)
            let controller = ControllerBuilder.settings(
                from: settings, identities: identities,
                contactKey: try isCheck
                    ? nil : settings.contactKey.map { try ContactKey.contents(of: $0, settings.contactKeyPlace) })
            if isCheck { return print("\(path): good") }
            try run(
                Server.Parts(settings: settings, controller: controller, identities: identities, security: security))
        } catch {
            fail("\(error)", code: 78)
        }
    }

    /// Runs the server until a signal comes.
    private static func run(_ parts: Server.Parts) throws {
        // Secrets in memory must not be shown by a core file or by another process of this user.
        _ = CLinux_forbid_dumps()
        signal(SIGPIPE, SIG_IGN)
        let signals = CLinux_termination_signals()
        guard signals >= 0 else { fail("signalfd: \(String(cString: strerror(errno)))", code: 71) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: parts.settings.eventLoops)
        let loops = Array(group.makeIterator())
        let loop = loops[0]
        let server = try loop.submit { try Server(parts, eventLoops: loops) }.wait()
        do {
            try loop.flatSubmit { server.start() }.wait()
        } catch {
            fail("\(error)", code: 69)
        }
        print("ready")
        fflush(nil)
        CLinux_notify_service("READY=1")
        CLinux_release_program_pages()
        var poll = pollfd(fd: signals, events: Int16(POLLIN), revents: 0)
        while Glibc.poll(&poll, 1, -1) < 0, errno == EINTR {}
        CLinux_notify_service("STOPPING=1")
        try? loop.flatSubmit { server.stop() }.wait()
        // What still runs on the loop refers to the server: it ends before the server does.
        try? group.syncShutdownGracefully()
        withExtendedLifetime(server) {}
    }

    /// Says what is wrong in one line and ends the process; the codes are those of <sysexits.h>.
    static func fail(_ text: String, code: Int32) -> Never {
        var line = Array("sekishod: \(text)\n".utf8)
        _ = write(2, &line, line.count)
        exit(code)
    }
}
