import Glibc

/// A running baresip, controlled from outside.
public final class Baresip {
    /// What it tells of a call.
    public enum Event: String, Sendable {
        /// A call has come.
        case incoming = "CALL_INCOMING"
        /// A call is answered.
        case established = "CALL_ESTABLISHED"
        /// The first RTP packet has come.
        case media = "CALL_RTPESTAB"
        /// A session description has come: with an answer the re-INVITE is through.
        case remoteDescription = "CALL_REMOTE_SDP"
        /// A call has ended.
        case closed = "CALL_CLOSED"
    }

    /// The program; what it wrote has every SIP message.
    public let child: Child
    private let control: BaresipControl

    /// Starts it, and waits until it takes commands.
    public init(_ name: String, _ settings: BaresipSettings, in namespace: Namespace, directory: String) throws {
        let folder = "\(directory)/\(name)"
        mkdir(folder, 0o700)
        try TextFile.write(settings.configuration, to: "\(folder)/config")
        try TextFile.write(settings.account, to: "\(folder)/accounts")
        // It would offer media over IPv4 in a call over IPv6, which the gateway takes for another host's.
        let family = settings.address.contains(":") ? "-6" : "-4"
        child = try Child(name, ["baresip", family, "-s", "-f", folder], in: namespace, directory: directory)
        do {
            control = try BaresipControl(port: BaresipSettings.controlPort, in: namespace, seconds: 10)
            try child.expect("baresip is ready")
        } catch {
            throw Command.Failure(description: "\(error); it wrote:\n\(child.text)")
        }
    }

    deinit { child.stop() }

    /// Calls an address.
    public func dial(_ uri: String) throws { try control.send("dial", uri) }

    /// Puts the call on hold: it goes on sending, and asks the other side not to.
    public func hold() throws { try control.send("hold", "") }

    /// Takes the call off hold.
    public func resume() throws { try control.send("resume", "") }

    /// Ends the call.
    public func hangUp() throws { try control.send("hangup", "") }

    /// How often it has told of something.
    public func count(_ event: Event) -> Int {
        let needle = "\"type\":\"\(event.rawValue)\""
        var rest = Substring(control.text)
        var count = 0
        while let range = String(rest).range(of: needle) {
            let text = String(rest)
            rest = text[range.upperBound...]
            count += 1
        }
        return count
    }

    /// Waits until it has told of something so many times.
    public func expect(_ event: Event, times: Int = 1, seconds: Double = 10) throws {
        for _ in 0..<Int(seconds * 50) {
            if count(event) >= times { return }
            usleep(20_000)
        }
        throw Command.Failure(
            description: "\(child.name) did not tell of \(event.rawValue) \(times) times; it told:\n\(control.text)")
    }

    /// Ends it, as a user does who closes the program: it ends its calls and registrations.
    public func quit() {
        child.stop()
    }
}
