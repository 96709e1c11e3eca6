import Glibc
import Lab
import SIPText
import Testing
import Wire

/// Calls by hand from one phone inside to one outside, each with ports and therefore holes of its own. They tell how long
/// a BYE waits for its answer.
final class LiveCalls {
    /// Whole messages on a socket of either kind.
    private struct Line {
        let socket: PlainSocket
        /// Whereto datagrams go; nil on a connection.
        var peer: Endpoint?
        private var framer = StreamFramer()

        init(_ socket: PlainSocket, _ peer: Endpoint? = nil) { (self.socket, self.peer) = (socket, peer) }

        func send(_ text: String) {
            if let peer { socket.send(text, to: peer) } else { socket.send(text) }
        }

        /// What has come.
        mutating func messages() throws -> [Message] {
            var found: [[UInt8]] = []
            while let text = socket.receive(milliseconds: 0), !text.isEmpty {
                guard peer == nil else {
                    found.append(Array(text.utf8))
                    continue
                }
                framer.append(Array(text.utf8))
                while let frame = try framer.next() { if case .message(let octets) = frame { found.append(octets) } }
            }
            return found.compactMap {
                if case .message(let message) = MessageParser.parse($0) { message } else { nil }
            }
        }
    }

    private struct Call {
        /// The requests inside the call begin with these rows.
        var request: (target: String, rows: [String])?
        var bye: (text: String, first: ContinuousClock.Instant, copies: Int)?
        var answer: (status: UInt16, after: Duration)?
    }

    private let transport: String
    private let contacts: (caller: String, callee: String)
    private let ports: UInt16
    private var lines: (caller: Line, callee: Line)
    private var calls: [Call]

    /// Makes that many calls to `domain`, which has a route to a port outside; all are up when this returns.
    ///
    /// - Parameter ports: the first media port; each call has four.
    init(_ count: Int, over transport: String, to domain: String, port: UInt16, ports: UInt16, _ bed: CallBed) throws {
        self.transport = transport
        self.ports = ports
        calls = [Call](repeating: Call(), count: count)
        let (own, other) = (Endpoint(Host.caller, port), Endpoint(Host.callee, port))
        contacts = ("\(own);transport=\(transport.lowercased())", "\(other);transport=\(transport.lowercased())")
        let contact = contacts.caller
        let invites = (0..<count).map {
            Self.invite($0, domain, transport, from: contact, media: ports + UInt16(4 * $0))
        }
        if transport == "UDP" {
            lines = (
                Line(try PlainSocket(.udp, own, in: bed.testbed.inside), Host.near),
                Line(try PlainSocket(.udp, other, in: bed.testbed.outside), Host.far)
            )
            for invite in invites { lines.caller.send(invite) }
        } else {
            let listener = try PlainSocket(.tcp, other, in: bed.testbed.outside)
            try listener.listen()
            let caller = Line(try PlainSocket(from: own, to: Host.near, in: bed.testbed.inside))
            // No more than some wait for a connection: the first call has it made.
            caller.send(invites[0])
            lines = (caller, Line(try #require(listener.accept())))
            lines.caller.send(invites.dropFirst().joined())
        }
        let end = ContinuousClock.now + .seconds(20)
        while calls.contains(where: { $0.request == nil }), .now < end { try handleWhatComes(milliseconds: 20) }
        #expect(calls.allSatisfy { $0.request != nil }, bed.story())
    }

    /// Calls whose BYE was answered, by the answer's status.
    func answered(_ status: UInt16) -> Int { calls.count { $0.answer?.status == status } }

    /// How long the answers took, shortest first.
    var times: [Duration] { calls.compactMap { $0.answer?.after }.sorted() }

    /// Ends the next call that is up.
    func hangUp() {
        guard let number = calls.firstIndex(where: { $0.bye == nil }), let (target, rows) = calls[number].request else {
            return
        }
        let head = ["BYE \(target) SIP/2.0", via("bye-\(number)"), "Max-Forwards: 70"]
        let text = (head + rows + ["CSeq: 2 BYE", "Content-Length: 0", "", ""]).joined(separator: "\r\n")
        calls[number].bye = (text, .now, 1)
        lines.caller.send(text)
    }

    /// Answers what comes, or waits for it; and repeats what was not answered (RFC 3261 section 17.1.2.2).
    func handleWhatComes(milliseconds: Int32) throws {
        var entries = [lines.caller, lines.callee].map {
            pollfd(fd: $0.socket.descriptor, events: Int16(POLLIN), revents: 0)
        }
        if poll(&entries, 2, milliseconds) > 0 {
            for message in try lines.callee.messages() where message.isRequest { answer(message) }
            for message in try lines.caller.messages() where !message.isRequest { take(message) }
        }
        guard transport == "UDP" else { return }
        for (number, call) in calls.enumerated() {
            guard let bye = call.bye, call.answer == nil, bye.copies < 11 else { continue }
            // After 0.5, 1.5, 3.5 and then every 4 seconds.
            let wait = bye.copies < 4 ? Double(1 << bye.copies) / 2 - 0.5 : Double(bye.copies) * 4 - 8.5
            guard ContinuousClock.now - bye.first >= .seconds(wait) else { continue }
            calls[number].bye?.copies += 1
            lines.caller.send(bye.text)
        }
    }

    // MARK: The caller

    private func via(_ branch: String) -> String {
        "Via: SIP/2.0/\(transport) \(contacts.caller.prefix { $0 != ";" });branch=z9hG4bK-\(transport)-\(branch);rport"
    }

    private static func description(_ address: String, _ port: UInt16) -> String {
        "v=0\r\no=- 1 1 IN IP4 \(address)\r\ns=-\r\nc=IN IP4 \(address)\r\nt=0 0\r\nm=audio \(port) RTP/AVP 0\r\n"
    }

    private static func invite(
        _ number: Int, _ domain: String, _ transport: String, from contact: String, media port: UInt16
    ) -> String {
        var ask = Ask.call("\(transport)-\(number)", transport)
        (ask.uri, ask.to) = ("sip:bob@\(domain)", "sip:bob@\(domain)")
        ask.via = String(contact.prefix { $0 != ";" })
        ask.contact = "sip:alice@\(contact)"
        ask.body = description("10.1.0.2", port)
        return ask.text
    }

    private func take(_ message: Message) {
        guard let status = message.status, status >= 200, let number = number(of: message) else { return }
        if message.cseq.method == .bye {
            guard let bye = calls[number].bye, calls[number].answer == nil else { return }
            calls[number].answer = (status, .now - bye.first)
            return
        }
        guard status < 300, let contact = message.address(of: .contact) else { return }
        let target = message.text(contact.uri)
        let routes = message.values(of: .recordRoute).reversed().map { "Route: \(message.text($0))" }
        let rows = routes + Self.rows(of: message, [.from, .to, .callID])
        calls[number].request = (target, rows)
        let head = ["ACK \(target) SIP/2.0", via("ack-\(number)"), "Max-Forwards: 70"]
        lines.caller.send((head + rows + ["CSeq: 1 ACK", "Content-Length: 0", "", ""]).joined(separator: "\r\n"))
    }

    private func number(of message: Message) -> Int? {
        message.value(of: .callID).flatMap { Int(message.text($0).dropFirst(transport.count + 1)) }
            .flatMap { calls.indices.contains($0) ? $0 : nil }
    }

    // MARK: The callee

    private func answer(_ request: Message) {
        guard request.method != .ack, let number = number(of: request) else { return }
        var rows = Self.rows(of: request, [.via, .from, .callID, .cseq])
        let to = Self.rows(of: request, [.to])
        rows += request.tag(of: .to) == nil ? to.map { $0 + ";tag=callee-\(number)" } : to
        var body = ""
        if request.method == .invite {
            rows += Self.rows(of: request, [.recordRoute])
            rows += ["Contact: <sip:bob@\(contacts.callee)>", "Content-Type: application/sdp"]
            body = Self.description("10.2.0.2", ports + UInt16(4 * number))
        }
        let head = ["SIP/2.0 200 OK"] + rows + ["Content-Length: \(body.utf8.count)", "", body]
        lines.callee.send(head.joined(separator: "\r\n"))
    }

    private static func rows(of message: Message, _ names: Set<HeaderName>) -> [String] {
        message.fields.filter { names.contains($0.name) }
            .map { "\(message.text($0.text)): \(message.text($0.value))" }
    }
}
