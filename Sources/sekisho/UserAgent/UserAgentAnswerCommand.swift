import ArgumentParser
import NIOCore
import UserAgent
import Wire

/// `sekisho ua answer`.
struct UserAgentAnswerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "answer",
        abstract: "Answer calls.",
        discussion: """
            An encrypted offer is answered under its own key, a plain offer in the clear.

            Examples:
              Answer one call and write the certificate that callers encrypt to:
                sekisho ua answer --bind 192.0.2.20:5060 --write-certificate bob.pem
              Ring for two seconds, with early media, then talk for five:
                sekisho ua answer --bind 192.0.2.20:5060 --accept-after 2000 \\
                  --early-media --seconds 5
              Ten calls with a key of one's own, answered in EncryptedData under the caller's key:
                sekisho ua answer --bind 192.0.2.20:5060 --calls 10 \\
                  --key bob.key --certificate bob.pem --reuse encrypted-data
            """)

    @Option(
        help: ArgumentHelp(
            "Own address and SIP port: 5060 when absent (TLS: 5061), any for 0.", valueName: "addr[:port]"))
    var bind: BindArgument

    @Option(help: "Transport of SIP: udp, tcp or tls. The first two when absent.")
    var transport: TransportArgument?

    @Option(help: ArgumentHelp("How many calls to answer before the end.", valueName: "number"))
    var calls = 1

    @Option(help: ArgumentHelp("Hang up so long after the answer. Absent: the caller hangs up.", valueName: "seconds"))
    var seconds: Double?

    @Option(help: ArgumentHelp("Ring for so long before the answer.", valueName: "milliseconds"))
    var acceptAfter = 0

    @Flag(help: "Send media while it rings (183 with a session description).")
    var earlyMedia = false

    @Option(help: ArgumentHelp("Refuse calls with this status, 300 to 699.", valueName: "status"))
    var refuse: UInt16?

    @Option(help: ArgumentHelp("End when no call is over for so long.", valueName: "seconds"))
    var wait = 600.0

    @Option(help: ArgumentHelp("Own SIP URI, for the certificate that is made.", valueName: "sip-uri"))
    var user = "sip:bob@b.example.net"

    @OptionGroup var options: UserAgentOptions

    func validate() throws {
        guard transport != .tls || options.tlsCertificate != nil else {
            throw ValidationError("calls by TLS are answered with a certificate: give --tls-certificate and --tls-key")
        }
        if let seconds { try SecondsArgument.check(seconds, "--seconds") }
        try SecondsArgument.check(wait, "--wait")
        try SecondsArgument.check(Double(acceptAfter) / 1_000, "--accept-after")
        guard calls > 0 else { throw ValidationError("--calls takes 1 or more") }
        if let refuse, !(300..<700).contains(refuse) { throw ValidationError("--refuse takes 300 to 699") }
    }

    func run() throws {
        var settings = DeviceSettings(address: bind.address)
        settings.port = bind.port ?? transport?.port ?? 5_060
        settings.mediaPort = options.mediaPort
        settings.identity = try options.identity(user: user)
        settings.sound = try options.sound()
        settings.records = options.record != nil
        if let transport { settings.transports = [transport.kind] }
        if transport == .tls { settings.security = try options.security() }
        var plan = AnswerPlan()
        plan.reuse = options.reuse.mode
        plan.acceptAfter = .milliseconds(acceptAfter)
        plan.sendsEarlyMedia = earlyMedia
        plan.refusal = refuse
        plan.formats = options.formats
        plan.timing = options.timing(hangUpAfter: seconds)
        settings.answering = plan
        let wanted = calls
        let wait = wait
        try UserAgentRun.run(settings, options) { device, signal in
            // Whoever started this may call now.
            for listener in try device.eventLoop.submit({ device.listeners }).wait() {
                TerminalOutput.line("ready at \(listener.endpoint), \(listener.transport)")
            }
            var summaries: [CallSummary] = []
            while summaries.count < wanted {
                guard let summary = try Self.next(of: device, within: wait, signal) else { break }
                summaries.append(summary)
            }
            return summaries
        }
    }

    /// - Returns: nil when no call was over in time, or when the user wants an end and there is no call.
    private static func next(
        of device: Device, within seconds: Double, _ signal: EventLoopFuture<Void>
    ) throws -> CallSummary? {
        let promise = device.eventLoop.makePromise(of: CallSummary?.self)
        let timeout = device.eventLoop.scheduleTask(in: .milliseconds(Int64(seconds * 1_000))) { promise.succeed(nil) }
        signal.flatMap { device.callCount() }.whenSuccess { count in
            // Calls that are there end by the signal, and are reported.
            if count == 0 { promise.succeed(nil) }
        }
        device.nextFinishedCall().whenComplete { result in
            timeout.cancel()
            promise.completeWith(result.map { $0 })
        }
        return try promise.futureResult.wait()
    }
}
