import ArgumentParser
import Glibc
import Media
import NIOCore
import NIOPosix
import SIPText
import SIPTransactions
import UserAgent
import Wire

/// Runs one device on an event loop of its own, with its outputs and signals.
enum UserAgentRun {
    /// Starts a device, lets the body have it and a future that a signal fulfils, and closes it.
    ///
    /// SIGINT and SIGTERM end every call; a second one ends the program.
    static func run(
        _ settings: DeviceSettings, _ options: UserAgentOptions,
        _ body: (Device, EventLoopFuture<Void>) throws -> [CallSummary]
    ) throws {
        let signals = SignalWait()
        let reports = try ReportFile(options.report)
        let showsMessages = options.showMessages
        var settings = settings
        settings.onReport = { report, milliseconds in
            reports?.write(report.line(at: milliseconds))
            if showsMessages { TerminalOutput.line("-- \(report.line(at: milliseconds))") }
        }
        if showsMessages {
            settings.onMessage = { way, message, transport, remote in
                let arrow = way == .sent ? "-> " : "<- "
                TerminalOutput.line("\(arrow)\(transport) \(remote)\n\(MessageTrace.text(of: message))")
            }
        }
        settings.onSecureFailure = { error, remote in TerminalOutput.line("TLS with \(remote): \(error)") }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let device: Device
        do {
            device = try Device.start(settings, on: group.next()).wait()
        } catch {
            throw UserAgentError(description: "SIP at \(settings.address) port \(settings.port): \(error)")
        }
        let signal = device.eventLoop.makePromise(of: Void.self)
        signals.start {
            device.hangUp()
            signal.succeed()
        }
        let summaries = try body(device, signal.futureResult)
        // For those who wait for a signal that has not come.
        signal.fail(ChannelError.eof)
        try device.close().wait()
        var isGood = !summaries.isEmpty
        for summary in summaries {
            TerminalOutput.line(SummaryText.text(of: summary))
            isGood = isGood && summary.isGood
            if let record = options.record { try WAVFile(samples: summary.recording).save(path: record) }
        }
        if !isGood { throw ExitCode.failure }
    }
}

/// What is wrong with this machine or its network, and not with the arguments.
struct UserAgentError: Error, CustomStringConvertible {
    let description: String
}

/// Lines for people.
enum TerminalOutput {
    static func line(_ text: String) {
        // Nobody may read the other end any more; what happens is in the exit status too.
        try? OutputFile.append(Array((text + "\n").utf8), to: STDOUT_FILENO, "standard output")
    }
}

/// The file of --report. Lines are written at once, so that a test can follow.
final class ReportFile: Sendable {
    private let file: Int32

    /// - Returns: nil without a path.
    init?(_ path: String?) throws {
        guard let path else { return nil }
        if path == "-" {
            file = STDOUT_FILENO
        } else {
            file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o644)
            guard file >= 0 else { throw FileError(path, "open", errno) }
        }
    }

    deinit { if file != STDOUT_FILENO { close(file) } }

    func write(_ line: String) { try? OutputFile.append(Array((line + "\n").utf8), to: file, "report") }
}

/// Waits for SIGINT and SIGTERM on a thread of its own.
final class SignalWait: Sendable {
    /// Blocks both signals in this thread and in those it makes: only the waiting thread gets them.
    init() {
        var set = Self.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
        // A reader of the output that goes away must not leave a call behind.
        signal(SIGPIPE, SIG_IGN)
    }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        return set
    }

    /// Calls the closure at the first signal; a second one ends the program, whatever it is doing.
    func start(_ signalled: @escaping @Sendable () -> Void) {
        let thread = NIOThreadPool(numberOfThreads: 1)
        thread.start()
        thread.submit { _ in
            var set = Self.set
            var signal: Int32 = 0
            guard sigwait(&set, &signal) == 0 else { return }
            signalled()
            guard sigwait(&set, &signal) == 0 else { return }
            _exit(128 + signal)
        }
    }
}
