import SIPText
import SIPTransactions
import Testing
import Wire

@Suite struct MessageBuildingTests {
    static let invite = Sample.request(
        "INVITE", uri: "sip:bob@10.0.0.9;lr", sequence: 42,
        more: "Route: <sip:p1.example.net;lr>\r\nRequire: 100rel\r\nRoute: <sip:p2.example.net;lr>\r\n")

    @Test func `the ACK for a failure is the INVITE's but for To and method`() {
        let busy = Sample.response(486, to: Self.invite)
        #expect(
            Sample.lines(.acknowledgement(of: busy, to: Self.invite)) == [
                "ACK sip:bob@10.0.0.9;lr SIP/2.0",
                "CSeq: 42 ACK",
                "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKone",
                "Max-Forwards: 70",
                "Route: <sip:p1.example.net;lr>",
                "Route: <sip:p2.example.net;lr>",
                "From: <sip:alice@example.net>;tag=a1",
                "Call-ID: call-1",
                "To: <sip:bob@example.net>;tag=b1",
                "Content-Length: 0",
            ])
    }

    @Test func `the CANCEL is the INVITE's but for the method, and requires nothing`() {
        #expect(
            Sample.lines(.cancel(for: Self.invite)) == [
                "CANCEL sip:bob@10.0.0.9;lr SIP/2.0",
                "CSeq: 42 CANCEL",
                "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKone",
                "Max-Forwards: 70",
                "Route: <sip:p1.example.net;lr>",
                "Route: <sip:p2.example.net;lr>",
                "From: <sip:alice@example.net>;tag=a1",
                "Call-ID: call-1",
                "To: <sip:bob@example.net>",
                "Content-Length: 0",
            ])
    }

    @Test func `one Via is taken off a row of several`() {
        var invite = Self.invite
        invite.set(.via, Array("SIP/2.0/TCP a:1;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2".utf8))
        let vias = Sample.lines(.cancel(for: invite)).filter { $0.hasPrefix("Via") }
        #expect(vias == ["Via: SIP/2.0/TCP a:1;branch=z9hG4bK1"])
    }
}
