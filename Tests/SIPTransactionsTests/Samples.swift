import SIPText
import SIPTransactions
import Testing
import Wire

/// Messages and flows that the tests are written with.
enum Sample {
    static let caller = Endpoint(.v4(0x0A00_0001), 5060)
    static let gateway = Endpoint(.v4(0x0A00_00FE), 5060)
    static let udp = Flow(transport: .udp, local: gateway, remote: caller)
    static let tcp = Flow(
        transport: .tcp, local: gateway, remote: Endpoint(.v4(0x0A00_0001), 40_000), connection: 7)
    static let overUDP = Destination(.udp, Endpoint(.v4(0x0A00_0002), 5060))
    static let overTCP = Destination(.tcp, Endpoint(.v4(0x0A00_0001), 5060), connection: 9)

    /// Reads a text; a text that is no message fails the test.
    static func message(_ text: String) -> Message {
        guard case .message(let message) = MessageParser.parse(Array(text.utf8)) else {
            Issue.record("not a message: \(text)")
            return Message(request: .options, uri: Array("sip:broken".utf8), sequence: 1)
        }
        return message
    }

    static func request(
        _ method: String, branch: String = "z9hG4bKone", sentBy: String = "10.0.0.1:5060", transport: String = "UDP",
        uri: String = "sip:bob@example.net", toTag: String? = nil, sequence: Int = 1, more: String = ""
    ) -> Message {
        message(
            """
            \(method) \(uri) SIP/2.0\r
            Via: SIP/2.0/\(transport) \(sentBy)\(branch.isEmpty ? "" : ";branch=\(branch)")\r
            Via: SIP/2.0/UDP below.example.net;branch=z9hG4bKbelow\r
            \(more)Max-Forwards: 69\r
            From: <sip:alice@example.net>;tag=a1\r
            To: <sip:bob@example.net>\(toTag.map { ";tag=\($0)" } ?? "")\r
            Call-ID: call-1\r
            CSeq: \(sequence) \(method)\r
            Content-Length: 0\r
            \r

            """)
    }

    static func response(_ status: UInt16, to request: Message, tag: String = "b1") -> Message {
        Message(status: status, reason: "Sample", to: request, tag: Array(tag.utf8))
    }

    /// The line of a header in the text that is sent.
    static func lines(_ message: Message) -> [String] {
        String(decoding: message.serialized(), as: UTF8.self).split(separator: "\r\n").map(String.init)
    }
}

extension Collection where Element == TransactionAction {
    /// The server transaction that the actions announce.
    var newTransaction: TransactionID? {
        for action in self {
            switch action {
            case .request(_, let id, _), .cancelRequest(_, let id, _, _): return id
            case .send, .start, .cancel, .acknowledge, .response, .strayResponse, .timedOut, .failed, .ended: continue
            }
        }
        return nil
    }

    /// The messages that the actions send.
    var sent: [Message] {
        compactMap {
            if case .send(let message, _) = $0 { return message }
            return nil
        }
    }

    /// The timers that the actions arm.
    var timers: [TimerName: TimerToken] {
        var tokens: [TimerName: TimerToken] = [:]
        for action in self {
            if case .start(let token, _) = action { tokens[token.name] = token }
        }
        return tokens
    }
}
