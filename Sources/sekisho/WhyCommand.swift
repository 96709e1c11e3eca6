import ArgumentParser
import ControlProtocol
import Glibc
import Wire

/// `sekisho why`: one screen that explains a call.
struct WhyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Explain a call: what was said, what opened, what went through, and who is not heard.",
        discussion: """
            CALL is a session's number as "sekisho sessions" shows it, a Call-ID, or a part of the URI of From or To; the \
            newest call that it fits is told, one that is up before one that is over. The last few hundred calls are \
            remembered after their end.

              sekisho why bob@example.net
              sekisho why --seconds 0 --json a84b4c76e66710
            """)

    @Argument(help: "The call.")
    var call: String

    @OptionGroup var options: ControlOptions

    @Option(help: "Seconds that the call's packets are watched for, when it is up; 0 looks once.")
    var seconds = 1.0

    func validate() throws {
        guard (0...60).contains(seconds) else { throw ValidationError("--seconds is 0 to 60") }
        let name = Array(call.utf8)
        guard (1...ControlRequest.maximumName).contains(name.count), !name.contains(ASCII.lf) else {
            throw ValidationError("CALL is one line of 1 to \(ControlRequest.maximumName) octets")
        }
    }

    func run() throws {
        var report = try look(Array(call.utf8))
        var earlier: CallReport?
        let start = Self.now()
        if seconds > 0, report.ending == nil {
            usleep(UInt32(seconds * 1_000_000))
            earlier = report
            report = try look(Array(report.session.identifier.utf8))
        }
        let elapsed = earlier == nil ? 0 : Self.now() - start
        let diagnosis = Diagnosis(of: report, since: earlier, seconds: elapsed)
        if options.json { return Terminal.write(diagnosis.json(with: report)) }
        CallStory(report: report, earlier: earlier, seconds: elapsed, diagnosis: diagnosis).tell()
    }

    private func look(_ name: [UInt8]) throws -> CallReport {
        let request = ControlRequest.call(name)
        let document = try ControlClient.ask(request, at: options.socket)
        switch try ControlAnswer(json: document.span, to: request) {
        case .call(let report): return report
        case .refused(let why): throw ControlClient.Failure(description: why)
        case .status, .sessions: throw ControlClient.Failure(description: "the server answered another question")
        }
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
