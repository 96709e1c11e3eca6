import ArgumentParser
import CLinux
import Glibc
import Lab

/// `sekisho demo`: the main job, on this machine's real kernel.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Make an encrypted call through a default-drop gateway and show the hole open and close.",
        discussion: """
            Builds caller, gateway, callee and a stranger in network namespaces, starts the real daemons
            in the gateway's, and makes a call with the real user agents. At each step it shows the
            messages, who could read the SDP, the kernel's set elements with their counters, and whose
            packets were delivered. It needs root, changes nothing outside of its namespaces, and ends
            with another status than 0 when anything is not as it must be.

              sudo sekisho demo
              sudo sekisho demo --ipv6 --transport tcp
              sudo sekisho demo --transport tls             the headers are encrypted, too
              sudo sekisho demo --reuse encrypted-data      the answer's form as the patent has it
              sudo sekisho demo --plain                     ordinary phones: SDP in the clear
            """)

    @Flag(help: "Use IPv6.")
    var ipv6 = false

    @Flag(help: "Send the SDP in the clear, as ordinary phones do.")
    var plain = false

    @Option(help: "How the answer uses the caller's key again: kek (RFC 3185) or encrypted-data.")
    var reuse = Reuse.kek

    @Option(help: "SIP over udp, tcp or tls.")
    var transport = SIPTransportName.udp

    @Flag(help: "Print every SIP message of the caller in full.")
    var messages = false

    func run() throws {
        guard geteuid() == 0 else { throw ValidationError("network namespaces need root: sudo sekisho demo") }
        // A reader that goes away must not end the process before it has cleaned up.
        signal(SIGPIPE, SIG_IGN)
        let signals = CLinux_termination_signals()
        guard signals >= 0 else { throw Command.Failure(description: "signalfd: errno \(errno)") }
        let directory = try TemporaryDirectory()
        let demo: Demo
        do {
            demo = try Demo(options: self, signals: signals, directory: directory.path)
            try demo.run()
        } catch is Demo.Interrupted {
            print("\ninterrupted; everything that was made is removed")
            throw ExitCode(130)
        }
        guard demo.failures == 0 else {
            print(Terminal.styled("\n\(demo.failures) of the things above are not as they must be", .red))
            throw ExitCode(1)
        }
        print(Terminal.styled("\nThe hole was open for exactly the length of the call.", .green))
    }
}

/// A mode of the CEK's reuse, as the user agents name it.
enum Reuse: String, ExpressibleByArgument, CaseIterable {
    case kek
    case encryptedData = "encrypted-data"
}

/// A transport, as the user agents name it.
enum SIPTransportName: String, ExpressibleByArgument, CaseIterable {
    case udp, tcp, tls
}

/// A folder that is removed with its owner.
final class TemporaryDirectory {
    let path: String

    /// - Parameter purpose: part of its name.
    init(_ purpose: String = "demo") throws {
        var template = Array("/tmp/sekisho-test-\(getpid())-\(purpose)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Command.Failure(description: "mkdtemp: errno \(errno)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { _ = try? Command.run(["rm", "-rf", path]) }
}
