// sekisho-recorderd: writes mirrored packets to a file. See Options.swift for what it can do and cannot do yet.
import CLinux
import Glibc

/// One line on standard error.
func complain(_ line: String) {
    let octets = Array("sekisho-recorderd: \(line)\n".utf8)
    _ = octets.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// One line, or a text of several, on standard output.
func say(_ text: String) {
    let octets = Array(text.utf8)
    _ = octets.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
}

/// The exit status.
func record(_ options: Options) throws(RecorderError) -> Int32 {
    // What is recorded is private: no core file, no look from another process of this user.
    guard CLinux_forbid_dumps() == 0 else { throw RecorderError(operation: "prctl", subject: "dumpable", code: errno) }
    let signals = CLinux_termination_signals()
    guard signals >= 0 else { throw RecorderError(operation: "signalfd", subject: "", code: errno) }
    let socket = try PacketSocket(interface: options.interface, snapLength: options.snapLength)
    var start = timespec()
    clock_gettime(CLOCK_REALTIME, &start)
    var file = try PcapFile.create(options, start: start)
    say("ready\n")
    let summary = try Recorder.run(from: socket, to: &file, until: signals, report: complain)
    say("packets \(summary.packets), left out \(summary.leftOut), dropped \(summary.dropped): \(file.path)\n")
    return summary.leftOut == 0 && summary.dropped == 0 ? 0 : 1
}

do {
    switch try Invocation(Array(CommandLine.arguments.dropFirst())) {
    case .help:
        say(Invocation.helpText)
    case .record(let options):
        exit(try record(options))
    }
} catch let error as UsageError {
    complain("\(error.reason); --help tells more")
    // EX_USAGE of sysexits.h.
    exit(64)
} catch {
    complain("\(error)")
    exit(1)
}
