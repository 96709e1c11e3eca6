import Glibc
import Lab
import SIPText
import Wire

/// One call by hand between two phones over UDP: INVITE, re-INVITE with another port, BYE, each begun when the one before it
/// is done. It goes as far as the gateway lets it, and says how far that was.
final class Victim {
    /// How far the caller knows the call to be.
    enum Progress: Int, Comparable {
        case inviting, up, moving, moved, ending, over, refused

        static func < (a: Progress, b: Progress) -> Bool { a.rawValue < b.rawValue }
    }

    /// The sockets of the two phones; calls are told apart by their Call-ID.
    final class Phones {
        let caller: PlainSocket
        let callee: PlainSocket
        static let callerEnd = Endpoint(Host.caller, 5_090)
        static let calleeEnd = Endpoint(Host.callee, 5_080)
        static let domain = "victims.example.net"

        init(_ bed: CallBed) throws {
            caller = try PlainSocket(.udp, Self.callerEnd, in: bed.testbed.inside)
            callee = try PlainSocket(.udp, Self.calleeEnd, in: bed.testbed.outside)
        }
    }

    private(set) var progress = Progress.inviting
    private let phones: Phones
    private let callID: String
    private let port: UInt16
    private var sequence = 0
    /// What stands in every request inside the call.
    private var dialog: (target: String, rows: [String])?
    /// The request that waits for its final response: it is repeated (RFC 3261 section 17.1).
    private var request = ""
    private var copies = 0
    private var sent = ContinuousClock.now
    /// The callee's 200 to the INVITE that waits for its ACK, which it repeats.
    private var answer: (text: String, sequence: UInt32, sent: ContinuousClock.Instant)?
    /// Whether it goes on to the next step by itself.
    var isPaused = false

    /// Begins the call.
    init(_ number: Int, _ phones: Phones) {
        self.phones = phones
        callID = "victim-\(number)"
        port = UInt16(20_000 + number % 2_000 * 8)
        invite(port)
    }

    /// The keys of the elements of the exact paths as the call was set up, and as the re-INVITE moved them.
    var paths: Set<String> { Self.paths(port) }
    var movedPaths: Set<String> { Self.paths(port + 4) }

    private static func paths(_ inside: UInt16) -> Set<String> {
        Set(
            [inside, inside + 1].flatMap { port in
                [
                    "\(Host.caller) . \(port) . \(Host.callee) . \(port)",
                    "\(Host.callee) . \(port) . \(Host.caller) . \(port)",
                ]
            })
    }

    // MARK: Playing

    /// Plays until the call is over or refused, or the body says so, or the time is up.
    func play(seconds: Double, until isEnough: () -> Bool = { false }) throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while progress < .over, ContinuousClock.now < end, !isEnough() {
            var entries = [phones.caller, phones.callee].map {
                pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0)
            }
            poll(&entries, 2, 10)
            for message in messages(phones.callee) {
                if message.isRequest { respond(message) }
            }
            for message in messages(phones.caller) where !message.isRequest { take(message) }
            // After 0.5, 1, 2 and 4 seconds; an INVITE that got a 100 is not repeated.
            if !request.isEmpty, ContinuousClock.now - sent > .milliseconds(500 << min(copies, 3)) {
                copies += 1
                sent = .now
                phones.caller.send(request, to: Host.near)
            }
            if let answer, ContinuousClock.now - answer.sent > .milliseconds(500) {
                self.answer?.sent = .now
                phones.callee.send(answer.text, to: Host.far)
            }
        }
    }

    /// What has come for this call.
    private func messages(_ socket: PlainSocket) -> [Message] {
        var found: [Message] = []
        while let text = socket.receive(milliseconds: 0) {
            guard case .message(let message) = MessageParser.parse(Array(text.utf8)),
                message.value(of: .callID).map(message.text) == callID
            else { continue }
            found.append(message)
        }
        return found
    }

    /// BYE, whatever was under way.
    func hangUp() {
        guard dialog != nil, progress < .ending else { return }
        progress = .ending
        sequence += 1
        start("BYE")
    }

    // MARK: The caller

    private func invite(_ port: UInt16) {
        sequence += 1
        start("INVITE", body: Self.description(Host.caller, port))
    }

    private func start(_ method: String, body: String = "") {
        request = text(method, body)
        copies = 0
        sent = .now
        phones.caller.send(request, to: Host.near)
    }

    private func text(_ method: String, _ body: String) -> String {
        let target = dialog?.target ?? "sip:bob@\(Phones.domain)"
        var rows = [
            "\(method) \(target) SIP/2.0",
            "Via: SIP/2.0/UDP \(Phones.callerEnd);branch=z9hG4bK-\(callID)-\(sequence)-\(method);rport",
            "Max-Forwards: 70",
            "Contact: <sip:alice@\(Phones.callerEnd)>", "CSeq: \(sequence) \(method)",
        ]
        rows +=
            dialog?.rows ?? [
                "From: <sip:alice@a.example.net>;tag=\(callID)", "To: <sip:bob@\(Phones.domain)>", "Call-ID: \(callID)",
            ]
        if !body.isEmpty { rows.append("Content-Type: application/sdp") }
        rows.append("Content-Length: \(body.utf8.count)")
        return rows.joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    private func take(_ message: Message) {
        guard let status = message.status, Int(message.cseq.number) == sequence else { return }
        guard status >= 200 else {
            // A 100 or 180: whoever sends it has the INVITE.
            if message.cseq.method == .invite { request = "" }
            return
        }
        if message.cseq.method == .invite, status < 300 {
            let isFirst = dialog == nil
            if let contact = message.address(of: .contact), isFirst {
                let routes = message.values(of: .recordRoute).reversed().map { "Route: \(message.text($0))" }
                dialog = (message.text(contact.uri), routes + Self.rows(of: message, [.from, .to, .callID]))
            }
            phones.caller.send(text("ACK", ""), to: Host.near)
            guard progress == .inviting || progress == .moving else { return }
            request = ""
            progress = progress == .inviting ? .up : .moved
            guard !isPaused else { return }
            if progress == .up {
                progress = .moving
                invite(port + 4)
            } else {
                hangUp()
            }
        } else if message.cseq.method == .bye {
            request = ""
            progress = .over
        } else {
            phones.caller.send(text("ACK", ""), to: Host.near)
            request = ""
            if progress == .inviting { progress = .refused } else { hangUp() }
        }
    }

    // MARK: The callee

    private func respond(_ request: Message) {
        guard request.method != .ack else {
            if request.cseq.number == answer?.sequence { answer = nil }
            return
        }
        var rows = ["SIP/2.0 200 OK"] + Self.rows(of: request, [.via, .from, .callID, .cseq])
        let to = Self.rows(of: request, [.to])
        rows += request.tag(of: .to) == nil ? to.map { $0 + ";tag=callee" } : to
        var body = ""
        if request.method == .invite {
            rows += Self.rows(of: request, [.recordRoute])
            rows += ["Contact: <sip:bob@\(Phones.calleeEnd)>", "Content-Type: application/sdp"]
            // Its own port goes with the caller's.
            let port = request.tag(of: .to) == nil ? port : port + 4
            body = Self.description(Host.callee, port)
        }
        rows.append("Content-Length: \(body.utf8.count)")
        let text = rows.joined(separator: "\r\n") + "\r\n\r\n" + body
        if request.method == .invite { answer = (text, request.cseq.number, .now) } else { answer = nil }
        phones.callee.send(text, to: Host.far)
    }

    private static func description(_ address: IPAddress, _ port: UInt16) -> String {
        "v=0\r\no=- 1 1 IN IP4 \(address)\r\ns=-\r\nc=IN IP4 \(address)\r\nt=0 0\r\nm=audio \(port) RTP/AVP 0\r\n"
    }

    private static func rows(of message: Message, _ names: Set<HeaderName>) -> [String] {
        message.fields.filter { names.contains($0.name) }
            .map { "\(message.text($0.text)): \(message.text($0.value))" }
    }
}
