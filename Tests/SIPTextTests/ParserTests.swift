import SIPText
import Testing
import Wire

@Suite struct ParserSmokeTests {
    static let invite = Array(
        """
        INVITE sip:bob@b.example.net SIP/2.0\r
        Via: SIP/2.0/UDP 10.1.0.2:5060;branch=z9hG4bK776asdhds;rport\r
        v: SIP/2.0/TCP [2001:db8::1]:5070;branch=z9hG4bKabc, SIP/2.0/UDP host.example.net;branch=z9hG4bKdef\r
        Max-Forwards: 70\r
        From: "A, <lice" <sip:alice@a.example.net>;tag=1928301774\r
        To: Bob\r
          <sip:bob@b.example.net>\r
        Call-ID: a84b4c76e66710@10.1.0.2\r
        CSeq: 314159 INVITE\r
        Contact: <sip:alice@10.1.0.2>\r
        Proxy-Inspect-Body: gw.example.net;cid="1@a",cid=2@a;access=read, gw2.example.net;cid=3@a\r
        X-Other: 1\r
        Content-Length: 4\r
        \r
        body
        """.utf8)

    @Test func `an INVITE comes apart`() throws {
        guard case .message(var message) = MessageParser.parse(Self.invite, requiresLength: true) else {
            Issue.record("not parsed")
            return
        }
        #expect(message.method == .invite)
        #expect(message.cseq.number == 314159)
        #expect(message.tag(of: .from).map(message.text) == "1928301774")
        #expect(message.tag(of: .to) == nil)
        #expect(message.values(of: .via).count == 3)
        #expect(message.text(message.body) == "body")
        let disclosures = DisclosureRequest.all(in: message)
        #expect(disclosures.map { message.text($0.host) } == ["gw.example.net", "gw2.example.net"])
        #expect(disclosures.first?.contentIDs.map(message.text) == ["1@a", "2@a"])
        #expect(disclosures.first?.access == .read)
        message.stampVia(source: try #require(Endpoint("10.1.0.2:1234")))
        message.prepend(.via, Array("SIP/2.0/UDP gw;branch=z9hG4bKx".utf8))
        let text = String(decoding: message.serialized(), as: UTF8.self)
        #expect(
            text.contains(
                "Via: SIP/2.0/UDP gw;branch=z9hG4bKx\r\nVia: SIP/2.0/UDP 10.1.0.2:5060;branch=z9hG4bK776asdhds;rport=1234;received=10.1.0.2\r\n"
            ))
        message.removeFirstValue(of: .via)
        message.removeFirstValue(of: .via)
        #expect(message.topVia?.transport == .tcp)
        message.removeFirstValue(of: .via)
        #expect(message.topVia?.transport == .udp)
        let ok = Message(status: 200, reason: "OK", to: message, tag: Array("xyz".utf8))
        #expect(ok.tag(of: .to).map(ok.text) == "xyz")
        guard case .message = MessageParser.parse(ok.serialized()) else {
            Issue.record("own response not parsed")
            return
        }
    }

    @Test func `a stream cut anywhere gives the same frames`() throws {
        let stream = Self.invite + Array("\r\n\r\n".utf8) + Self.invite
        for cut in 0...stream.count {
            var framer = StreamFramer()
            var frames: [StreamFramer.Frame] = []
            for piece in [stream[..<cut], stream[cut...]] {
                framer.append(piece)
                while let frame = try framer.next() { frames.append(frame) }
            }
            #expect(frames == [.message(Self.invite), .ping, .message(Self.invite)])
        }
    }
}
