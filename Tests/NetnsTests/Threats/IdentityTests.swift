import Glibc
import Lab
import Testing
import Wire

/// Who has proved nothing gets nothing: rows T7 and T8 of docs/threats.md, with the real daemons.
@Suite(.serialized) struct IdentityTests {
    /// The client's half of Digest, by the programs of the system.
    private struct Credentials {
        var nonce: String
        var count = 1
        var algorithm = "SHA-256"
        var password = "secret-alice"

        func row() throws -> String {
            func hash(_ text: String) throws -> String {
                let program = algorithm == "MD5" ? "md5sum" : "sha256sum"
                let output = try Command.output(["sh", "-c", "printf %s '\(text)' | \(program)"])
                return String(output.prefix { $0 != " " })
            }
            let nc = String(repeating: "0", count: 7) + String(count, radix: 16)
            let ha1 = try hash("alice:home.example.net:\(password)")
            let ha2 = try hash("REGISTER:sip:home.example.net")
            let response = try hash("\(ha1):\(nonce):\(nc):c0ffee:auth:\(ha2)")
            return "Authorization: Digest username=\"alice\", realm=\"home.example.net\", nonce=\"\(nonce)\", "
                + "uri=\"sip:home.example.net\", response=\"\(response)\", algorithm=\(algorithm), qop=auth, "
                + "nc=\(nc), cnonce=\"c0ffee\""
        }
    }

    /// A phone that registers by hand.
    private final class Phone {
        let socket: PlainSocket
        private var sequence = 0

        init(_ bed: CallBed) throws {
            socket = try PlainSocket(.udp, Endpoint(Host.caller, 5070), in: bed.testbed.inside)
        }

        func register(_ rows: [String] = []) throws -> String {
            sequence += 1
            var ask = Ask("register")
            (ask.method, ask.uri, ask.sequence, ask.rows) = ("REGISTER", "sip:home.example.net", sequence, rows)
            (ask.from, ask.to) = ("sip:alice@home.example.net", "sip:alice@home.example.net")
            socket.send(ask.text, to: Host.near)
            return try #require(socket.receive())
        }

        func nonce() throws -> String {
            let answer = try register()
            let start = try #require(answer.firstRange(of: "nonce=\""))
            return String(answer[start.upperBound...].prefix { $0 != "\"" })
        }
    }

    @Test func `T8: a replay, a lower count, MD5 and a wrong password get a 401`() throws {
        let bed = try CallBed("replay")
        try bed.addRegistrar()
        try bed.gateway.start()
        let phone = try Phone(bed)
        let challenge = try phone.register()
        #expect(challenge.hasPrefix("SIP/2.0 401") && challenge.contains("algorithm=SHA-256"), "\(challenge)")
        #expect(!challenge.contains("MD5"))
        var credentials = Credentials(nonce: try phone.nonce(), count: 5)
        let row = try credentials.row()
        #expect(try phone.register([row]).hasPrefix("SIP/2.0 200"), bed.story())
        let replayed = try phone.register([row])
        #expect(replayed.hasPrefix("SIP/2.0 401") && replayed.contains("stale=true"), "\(replayed)")
        credentials.count = 4
        let lower = try phone.register([try credentials.row()])
        #expect(lower.hasPrefix("SIP/2.0 401") && lower.contains("stale=true"), "\(lower)")
        credentials.count = 6
        #expect(try phone.register([try credentials.row()]).hasPrefix("SIP/2.0 200"))
        let weak = try phone.register([Credentials(nonce: try phone.nonce(), algorithm: "MD5").row()])
        #expect(weak.hasPrefix("SIP/2.0 401") && !weak.contains("stale=true"), "\(weak)")
        let wrong = try phone.register([Credentials(nonce: try phone.nonce(), password: "secret-mallory").row()])
        #expect(wrong.hasPrefix("SIP/2.0 401") && !wrong.contains("stale=true"), "\(wrong)")
    }

    @Test(arguments: ["INVITE", "OPTIONS", "MESSAGE"])
    func `T8: a challenge from beyond is passed on and never answered`(_ method: String) throws {
        let bed = try CallBed("challenge")
        try bed.addRegistrar()
        try bed.gateway.start()
        let callee = try PlainSocket(.udp, Endpoint(Host.callee, 5060), in: bed.testbed.outside)
        let caller = try PlainSocket(.udp, Endpoint(Host.caller, 5070), in: bed.testbed.inside)
        var ask = Ask.call("challenged", "UDP")
        ask.method = method
        caller.send(ask.text, to: Host.near)
        let came = try #require(callee.receiveFrom(milliseconds: 5_000))
        #expect(came.text.hasPrefix(method))
        let head = came.text.split(separator: "\r\n", omittingEmptySubsequences: false).filter { line in
            ["via:", "from:", "call-id:", "cseq:", "to:"].contains { line.lowercased().hasPrefix($0) }
        }
        let fields = [
            "WWW-Authenticate: Digest realm=\"b.example.net\", nonce=\"n\", qop=\"auth\"",
            "Proxy-Authenticate: Digest realm=\"home.example.net\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"",
        ]
        for status in ["401 Unauthorized", "407 Proxy Authentication Required"].prefix(method == "INVITE" ? 1 : 2) {
            let rows = head.map(String.init).map { $0.lowercased().hasPrefix("to:") ? $0 + ";tag=callee" : $0 }
            callee.send(
                (["SIP/2.0 \(status)"] + rows + fields + ["Content-Length: 0", "", ""]).joined(separator: "\r\n"),
                to: came.source)
        }
        var answer = caller.receive()
        while answer?.hasPrefix("SIP/2.0 100") == true { answer = caller.receive() }
        #expect(answer?.hasPrefix("SIP/2.0 401") == true, "\(answer ?? "none")")
        for field in fields { #expect(answer?.contains(field) == true, "\(answer ?? "none")") }
        // Nothing but the acknowledgement goes back.
        while let more = callee.receive(milliseconds: 700) {
            #expect(more.hasPrefix("ACK ") || more == came.text, "\(more)")
            #expect(!more.lowercased().contains("authorization:"), "\(more)")
        }
        #expect(try bed.eventually { try bed.elements().isEmpty }, bed.story())
    }

    @Test func `T7: 1000 calls by nobody to 1000 numbers reach nobody`() throws {
        let bed = try CallBed("numbers")
        try bed.addRegistrar()
        // More than a source may send: here it is not the limits that stop them.
        try bed.configure("limits: { requests_per_source: 100000 }\n")
        try bed.gateway.start()
        let (empty, before) = (try bed.gateway.table(), try bed.status())
        let callee = try PlainSocket(.udp, Endpoint(Host.callee, 5060), in: bed.testbed.outside)
        let stranger = try PlainSocket(.udp, Endpoint(Host.stranger, 5070), in: bed.testbed.stranger)
        /// What a stranger claims to be, and whom they call, and what they get.
        let ways: [(from: String, host: String, status: String)] = [
            ("sip:alice@home.example.net", "b.example.net", "407"),
            ("sip:eve@home.example.net", "b.example.net", "407"),
            ("sip:eve@elsewhere.example", "home.example.net", "480"),
            ("sip:eve@elsewhere.example", "10.2.0.1", "404"),
            ("sip:eve@elsewhere.example", "10.2.0.2", "404"),
            ("sip:eve@elsewhere.example", "elsewhere.example", "404"),
            ("sip:alice@home.example.net", "home.example.net", "407"),
        ]
        var statuses: [String: Int] = [:]
        for number in 0..<1_000 {
            let way = ways[number % ways.count]
            var ask = Ask.call("number-\(number)", "UDP")
            (ask.from, ask.via) = (way.from, "10.2.0.3:5070")
            ask.uri = "sip:+4420794600\(number)@\(way.host)"
            ask.to = ask.uri
            stranger.send(ask.text, to: Host.far)
            var answer = stranger.receive()
            // A 404 is sent again until it is acknowledged; the next call's answer stands behind it.
            while let text = answer, !text.contains("Call-ID: \(ask.id)\r\n") || text.hasPrefix("SIP/2.0 100") {
                answer = stranger.receive()
            }
            let status = String(answer?.dropFirst(8).prefix(3) ?? "none")
            if status != way.status { statuses["\(way.host): \(status)", default: 0] += 1 }
        }
        #expect(statuses.isEmpty, "\(statuses)")
        #expect(callee.receive(milliseconds: 200) == nil)
        let status = try bed.status()
        #expect(status["gate_requests"] == before["gate_requests"] && status.sessions == 0)
        #expect(try bed.gateway.table() == empty)
    }
}
