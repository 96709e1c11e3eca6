/// A running sipp that plays one scenario once.
///
/// What a scenario plays leaves from its media port. One that waits for a call sends back every RTP packet that it gets
/// there; a caller does not, or one packet would go to and fro between the two for ever and be counted each time.
public final class SIPp {
    /// How it is reached and what it is called.
    public struct Place {
        /// Where it runs.
        public var namespace: Namespace
        /// Its own address, without brackets.
        public var address: String
        /// `udp` or `tcp`.
        public var transport: String
        /// Its RTP port, an even one.
        public var mediaPort: UInt16

        /// All values at once.
        public init(namespace: Namespace, address: String, transport: String, mediaPort: UInt16) {
            self.namespace = namespace
            self.address = address
            self.transport = transport
            self.mediaPort = mediaPort
        }
    }

    /// The recorded speech that comes with sipp: 236 packets of G.711 A-law, one every 30 ms.
    public static let speech = "/usr/share/sip-tester/g711a.pcap"
    /// How many packets `speech` has: more than these cannot have been played.
    public static let speechPackets = 236
    /// Seconds after which it gives a call up.
    private static let patience = 15

    /// The program.
    public let child: Child
    private let errors: String

    /// Starts it.
    ///
    /// - Parameters:
    ///   - directory: where the scenario and what it writes go.
    ///   - authority: what follows `sip:` in the URI that credentials are made for.
    ///   - target: where it sends its first request, `address:port`; nil for one that waits for a call and echoes.
    public init(
        _ name: String, plays scenario: SIPpScenario, at place: Place, directory: String, target: String? = nil,
        authority: String? = nil
    ) throws {
        let file = "\(directory)/\(name).xml"
        errors = "\(directory)/\(name).errors"
        try TextFile.write(scenario.xml, to: file)
        var line = [
            "sipp", "-sf", file, "-i", place.address, "-p", "5060", "-mi", place.address, "-mp", "\(place.mediaPort)",
            "-t", place.transport == "tcp" ? "t1" : "u1", "-m", "1", "-nostdin", "-timeout",
            "\(Self.patience)", "-timeout_error", "-trace_err", "-error_file", errors, "-trace_msg", "-message_file",
            "\(directory)/\(name).messages", "-f", "\(Self.patience)",
        ]
        if let authority { line += ["-auth_uri", authority] }
        line.append(target ?? "-rtp_echo")
        child = try Child(name, line, in: place.namespace, directory: directory)
    }

    /// Waits for the scenario's end.
    ///
    /// - Returns: nil when every step went as written, else what sipp has against it.
    public func complaint() -> String? {
        let status = child.wait(seconds: Double(Self.patience + 5))
        guard status != 0 else { return nil }
        let reason = (try? Command.output(["tail", "-n", "40", errors])) ?? child.text
        return "\(child.name) ended with \(status.map(String.init) ?? "nothing"): \(reason)"
    }
}
