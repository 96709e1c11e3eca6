import SIPText

/// The two ends of a recorded call: what they say, as in `scenarios/short-caller.xml` and `short-callee.xml`.
enum Phones {
    private static func description(_ host: String, _ port: Int) -> String {
        """
        v=0\r
        o=alice 2890844526 2890844526 IN IP4 \(host)\r
        s=-\r
        c=IN IP4 \(host)\r
        t=0 0\r
        m=audio \(port) RTP/AVP 0 101\r
        a=rtpmap:0 PCMU/8000\r
        a=rtpmap:101 telephone-event/8000\r

        """
    }

    /// The INVITE of the call of that number.
    static func invite(_ number: Int) -> [UInt8] {
        let body = description("10.1.0.2", 20_000 + number % 20_000 * 2)
        let head = """
            INVITE sip:bob@b.example.net SIP/2.0\r
            Via: SIP/2.0/UDP 10.1.0.2:5060;branch=z9hG4bK-4711-\(number)-0\r
            Max-Forwards: 70\r
            From: Alice <sip:alice@a.example.net>;tag=\(number)a\r
            To: Bob <sip:bob@b.example.net>\r
            Call-ID: \(number)-4711@10.1.0.2\r
            CSeq: 1 INVITE\r
            Contact: <sip:alice@10.1.0.2:5060>\r
            Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r
            Supported: timer\r
            User-Agent: Phone/4.2\r
            Content-Type: application/sdp\r
            Content-Length: \(body.utf8.count)\r
            \r

            """
        return Array((head + body).utf8)
    }

    /// What the caller says to a message: ACK and BYE to the 200.
    static func caller(_ message: Message) -> [[UInt8]] {
        guard message.status == 200, message.cseq.method == .invite else { return [] }
        let callID = text(message, .callID)
        let number = callID.prefix { $0 != "-" }
        let target = message.address(of: .contact).map { message.text($0.uri) } ?? ""
        let routes = message.values(of: .recordRoute).reversed().map { "Route: \(message.text($0))\r\n" }.joined()
        return [("ACK", 1), ("BYE", 2)].map { method, sequence in
            let head = """
                \(method) \(target) SIP/2.0\r
                Via: SIP/2.0/UDP 10.1.0.2:5060;branch=z9hG4bK-4711-\(number)-\(method)\r
                \(routes)Max-Forwards: 70\r
                From: \(text(message, .from))\r
                To: \(text(message, .to))\r
                Call-ID: \(callID)\r
                CSeq: \(sequence) \(method)\r
                Content-Length: 0\r
                \r

                """
            return Array(head.utf8)
        }
    }

    /// What the callee says to a message: 180 and 200 to the INVITE, 200 to the BYE.
    static func callee(_ message: Message) -> [[UInt8]] {
        switch message.method {
        case .invite:
            var answer = Message(status: 200, reason: "OK", to: message, tag: Array("b1".utf8))
            answer.appendFields(of: .recordRoute, from: message)
            answer.append(.contact, Array("<sip:bob@10.2.0.2:5060>".utf8))
            var ringing = answer
            ringing.setStatus(180, reason: "Ringing")
            answer.setBody(Array(description("10.2.0.2", 30_000).utf8), contentType: Array("application/sdp".utf8))
            return [ringing.serialized(), answer.serialized()]
        case .bye: return [Message(status: 200, reason: "OK", to: message, tag: nil).serialized()]
        default: return []
        }
    }

    private static func text(_ message: Message, _ name: HeaderName) -> String {
        message.value(of: name).map(message.text) ?? ""
    }
}
