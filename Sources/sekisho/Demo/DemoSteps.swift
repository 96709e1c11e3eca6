import ControlProtocol
import Lab
import Wire

// What is shown, in the order of the call.
extension Demo {
    /// Packets that a prober sends at a time.
    private static let probes: UInt32 = 100
    /// What of a burst of probes a half-open hole lets through at most: its limit is 50 packets a second.
    private static let mostThroughHalfOpen = 60

    func introduce() {
        say(Terminal.styled("Sekisho: a call through a default-drop gateway", .bold))
        say("")
        say("   caller (alice)        gateway                    callee (bob)")
        say("   \(Terminal.pad(callerAddress, to: 12)) --- lan0 | wan0 ---+------ \(calleeAddress)")
        say("                   sekishod           |")
        say("                   sekisho-gated      +------ stranger \(strangerAddress)")
        say("                   forward: drop")
        say("")
        say("   \(options.ipv6 ? "IPv6" : "IPv4"), SIP over \(options.transport.rawValue.uppercased())")
        say(
            options.plain
                ? "   SDP in the clear"
                : "   SDP for callee and gateway only, the answer under \(options.reuse.rawValue)")
    }

    func beforeTheCall() throws {
        title(1, "Before the call: nothing passes")
        try probe(from: calleeAddress, in: testbed.outside)
        try probe(from: strangerAddress, in: testbed.stranger)
        try pause(seconds: 0.2)
        let (callee, stranger) = (try atCaller.packets(from: "callee"), try atCaller.packets(from: "stranger"))
        say(
            "   sent to \(callerAddress):\(Self.callerPort): \(Self.probes) packets by the callee, \(Self.probes) by the stranger"
        )
        try check("delivered: \(callee) and \(stranger)", callee == 0 && stranger == 0)
        try check("no element in any map", try elements().isEmpty)
    }

    func halfOpen(_ caller: Child, _ callee: Child) throws {
        title(2, "INVITE: the callee's side may send to the caller's port, at a limited rate")
        let isHalfOpen = try wait(seconds: 5) { try sessions().first?.state == .halfOpen }
        if !isHalfOpen {
            say(caller.text)
            say(gateway.proxy?.text ?? "")
        }
        show(caller.text, "INVITE ")
        try check("the gate has opened any -> caller while the callee rings", isHalfOpen)
        let session = try sessions().first
        if !options.plain {
            try check(
                "the gateway read the SDP: it is \(session?.description.rawValue ?? "unknown")",
                session?.description == .disclosed)
        }
        try showElements()
        let before = try atCaller.packets(from: "stranger")
        try probe(from: strangerAddress, in: testbed.stranger)
        try pause(seconds: 0.2)
        let passed = try atCaller.packets(from: "stranger") - before
        try check(
            "of a burst of \(Self.probes) packets by the stranger \(passed) passed: at most 50 a second",
            passed <= Self.mostThroughHalfOpen)
    }

    func open(_ caller: Child) throws {
        title(3, "200 OK: exactly the path between the two phones, both ways")
        let isOpen = try wait(seconds: 5) { try sessions().first?.state == .open }
        show(caller.text, "SIP/2.0 200")
        try check(
            "the session is open and the half-open hole is gone",
            try isOpen && !elements().contains { $0.contains("any") })
        let stranger = try atCaller.packets(from: "stranger")
        let (toCaller, toCallee) = (try atCaller.packets(from: "callee"), try atCallee.packets(from: "caller"))
        try probe(from: strangerAddress, in: testbed.stranger)
        try pause(seconds: 1.2)
        try showElements()
        let (heard, spoke) = (
            try atCaller.packets(from: "callee") - toCaller, try atCallee.packets(from: "caller") - toCallee
        )
        try check("in 1.2 s the caller received \(heard) packets, the callee \(spoke)", heard > 20 && spoke > 20)
        let intruded = try atCaller.packets(from: "stranger") - stranger
        try check("of \(Self.probes) packets by the stranger \(intruded) passed", intruded == 0)
        let pinholes = try sessions().first?.pinholes ?? []
        let counted = pinholes.contains { $0.outward.packets > 20 && $0.inward.packets > 20 }
        try check("sekisho sessions counts them, each way", counted)
    }

    func closed(_ caller: Child, _ callee: Child) throws {
        title(4, "BYE: nothing passes, although both go on sending")
        let isOver = try wait(seconds: 8) { try sessions().isEmpty }
        show(caller.text, "BYE ")
        try check("the session is over and no element is left", try isOver && elements().isEmpty)
        let (toCaller, toCallee) = (try atCaller.packets(from: "callee"), try atCallee.packets(from: "caller"))
        try probe(from: calleeAddress, in: testbed.outside, port: Self.calleePort + 100)
        try pause(seconds: 1.2)
        let (heard, spoke) = (
            try atCaller.packets(from: "callee") - toCaller, try atCallee.packets(from: "caller") - toCallee
        )
        try check("delivered to the caller \(heard), to the callee \(spoke)", heard == 0 && spoke == 0)
        let statuses = (caller.wait(seconds: 8), callee.wait(seconds: 8))
        try pause(seconds: 0)
        say(Terminal.styled(summary(of: "alice", caller.text), .dim))
        say(Terminal.styled(summary(of: "bob", callee.text), .dim))
        try check("both user agents are content: media flowed both ways", statuses.0 == 0 && statuses.1 == 0)
        let (alice, bob) = (audio(in: caller.text), audio(in: callee.text))
        // Half a second of what was on its way when the first of the two hung up, on a busy machine.
        let isWhole = alice.received + 25 >= bob.sent && bob.received + 25 >= alice.sent && alice.sent > 100
        try check(
            "alice heard \(alice.received) of \(bob.sent) packets, bob \(bob.received) of \(alice.sent), up to the BYE",
            isWhole)
    }

    func confidential(_ wire: [UInt8]) throws {
        title(5, "What an eavesdropper on the outside network has seen")
        let hasDescription = Capture.contains("m=audio", in: wire) || Capture.contains("c=IN IP", in: wire)
        if options.transport == .tls {
            // It has listened, or the lines below would prove nothing.
            try check("the media of the call, in \(wire.count) octets captured", wire.count > 20_000)
            let words = ["SIP/2.0", "INVITE", "BYE", "Call-ID", "From:", "bob@b.example.net", "alice@a.example.net"]
            let read = words.filter { Capture.contains($0, in: wire) }
            try check("no SIP: not a header, not who calls whom\(read.isEmpty ? "" : ": \(read)")", read.isEmpty)
            try check("TLS records in their place", Capture.containsTLS(in: wire))
        } else {
            try check(
                "the INVITE, in \(wire.count) octets captured",
                Capture.contains("INVITE sip:bob@b.example.net", in: wire))
        }
        if options.plain, options.transport != .tls {
            try check("the SDP, too: it was sent in the clear", hasDescription)
        } else {
            try check("no SDP: not an address, not a port", !hasDescription)
        }
    }

    // MARK: Looking

    /// The sessions that the server knows, asked for as an operator would.
    private func sessions() throws -> [SessionReport] {
        let document = try ControlClient.ask(.sessions, at: gateway.controlSocket)
        let answer = try ControlAnswer(json: document.span, to: .sessions)
        guard case .sessions(let reports, _, _) = answer else { return [] }
        return reports
    }

    /// The elements in the kernel, one a line, as nft lists them: map and element.
    private func elements() throws -> [String] {
        var lines: [String] = []
        var map = ""
        for line in try gateway.table().split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.first == "map", words.count > 1 { map = String(words[1].drop { $0 == "\t" }) }
            if line.contains("\tmap ") { map = String(line.split(separator: " ")[1]) }
            guard line.contains(" : ") && line.contains(" timeout ") else { continue }
            var element = line.drop { $0 == "\t" || $0 == " " }
            if let start = element.firstIndex(of: "{") { element = element[element.index(after: start)...] }
            lines.append("\(map): " + element.drop { $0 == " " })
        }
        return lines
    }

    private func showElements() throws {
        for element in try elements() {
            say(Terminal.styled("   \(compact(element))", .cyan))
        }
    }

    /// An element without what does not matter to the eye, in 76 columns.
    private func compact(_ element: String) -> String {
        let words = element.split(separator: " ").map(String.init)
        var kept: [String] = []
        var index = 0
        while index < words.count {
            switch words[index] {
            case "timeout", "expires": index += 2
            case "limit":
                // limit rate 50/second burst 5 packets
                while index < words.count, words[index] != "counter", words[index] != ":" { index += 1 }
                if index < words.count, words[index] == ":" { continue }
            case "bytes": index += 2
            case "}", ",": index += 1
            default:
                kept.append(words[index].hasSuffix(",") ? String(words[index].dropLast()) : words[index])
                index += 1
            }
        }
        return String(kept.joined(separator: " ").prefix(76))
    }

    /// The start line and what tells how the body is protected, of the first message in a user agent's output that
    /// begins so.
    private func show(_ output: String, _ start: String) {
        var isInside = false
        for line in output.split(separator: "\n", omittingEmptySubsequences: false) {
            let text = line.drop { $0 == " " || $0 == "|" || $0 == "<" || $0 == ">" }
            if !isInside {
                guard text.hasPrefix(start) else { continue }
                isInside = true
                say("   \(text.filter { $0 != "\r" })")
                continue
            }
            if text.isEmpty || text == "\r" || text.hasPrefix("SIP/2.0 ") { return }
            for name in ["Content-Type", "Proxy-Inspect-Body", "Content-Length"] where text.hasPrefix(name) {
                say(Terminal.styled("      \(String(text.filter { $0 != "\r" }.prefix(72)))", .dim))
            }
        }
    }

    /// The last lines of a user agent's output: its own account.
    private func summary(of name: String, _ output: String) -> String {
        output.split(separator: "\n").suffix(4).map { "   \(name): \($0.prefix(68))" }.joined(separator: "\n")
    }

    /// The RTP packets of a user agent's own account, those of before and during the call.
    private func audio(in output: String) -> (sent: Int, received: Int) {
        var count = (sent: 0, received: 0)
        for line in output.split(separator: "\n") {
            let words = line.split(whereSeparator: { " ,;".contains($0) })
            guard words.count > 5, words[0] == "call:" || words[0] == "early:", words[1] == "RTP", words[3] == "sent"
            else { continue }
            count.sent += Int(words[2]) ?? 0
            count.received += Int(words[4]) ?? 0
        }
        return count
    }

    /// Sends numbered packets to the caller's media port.
    private func probe(from address: String, in namespace: Namespace, port: UInt16 = 9000) throws {
        guard let source = IPAddress(address), let target = IPAddress(callerAddress) else { return }
        let pump = try PacketPump(Endpoint(source, port), in: namespace)
        try pump.send(0..<Self.probes, to: Endpoint(target, Self.callerPort))
    }
}
