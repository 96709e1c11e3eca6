import SDPText
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import UserAgent

@Suite("The callee's side of a call")
struct CalleeTests {
    @Test
    func `answers a call in the clear`() throws {
        var script = try CalleeScript()
        try script.receive(
            "INVITE",
            fields: [
                "Contact: <sip:alice@192.0.2.20:5066>", "Record-Route: <sip:192.0.2.9;lr>",
            ], body: CalleeScript.sdp)
        let response = try script.bench.takeOne()
        #expect(firstLine(response) == "SIP/2.0 200 OK")
        #expect(value(response, .contact) == "<sip:bob@192.0.2.10:5060>")
        #expect(value(response, .recordRoute) == "<sip:192.0.2.9;lr>")
        // The offerer prefers PCMA.
        #expect(bodyText(response).contains("m=audio 4000 RTP/AVP 8\r\n"))
        #expect(!script.bench.isEstablished)
        script.tag = response.tag(of: .to).map(response.text) ?? ""
        try script.receive("ACK", branch: "ack", inDialog: true)
        #expect(script.bench.isEstablished)
        #expect(script.bench.runs(.answer) == nil)

        script.bench.handle(.hangUp)
        #expect(script.bench.sent.map(\.1.remote) == [Endpoint("192.0.2.9:5060")])
        let bye = try script.bench.takeOne()
        #expect(firstLine(bye) == "BYE sip:alice@192.0.2.20:5066 SIP/2.0")
        #expect(value(bye, .route) == "<sip:192.0.2.9;lr>")
        #expect(value(bye, .from) == value(response, .to))
    }

    @Test
    func `sends its 2xx again at T1, doubled up to T2, until the ACK`() throws {
        var script = try CalleeScript()
        try script.receive("INVITE", body: CalleeScript.sdp)
        let response = try script.bench.takeOne()
        script.tag = response.tag(of: .to).map(response.text) ?? ""
        var waits: [Duration?] = []
        for _ in 0..<5 {
            waits.append(script.bench.runs(.answer))
            try script.bench.fire(.answer)
            #expect(try script.bench.takeOne() == response)
        }
        #expect(waits == [.milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(4)])
        try script.receive("ACK", branch: "ack", inDialog: true)
        #expect(script.bench.runs(.answer) == nil)
        #expect(script.bench.runs(.acknowledgement) == nil)
    }

    @Test
    func `says BYE when no ACK comes`() throws {
        var script = try CalleeScript()
        try script.receive("INVITE", body: CalleeScript.sdp)
        _ = script.bench.takeSent()
        #expect(script.bench.runs(.acknowledgement) == .seconds(32))
        try script.bench.fire(.acknowledgement)
        let bye = try script.bench.takeOne()
        #expect(bye.method == .bye)
        try script.bench.receive(Message(status: 200, reason: "OK", to: bye, tag: nil))
        #expect(script.bench.ending?.status == 408)
    }

    @Test
    func `waits for the ACK before its own BYE`() throws {
        var script = try CalleeScript()
        try script.receive("INVITE", body: CalleeScript.sdp)
        let response = try script.bench.takeOne()
        script.tag = response.tag(of: .to).map(response.text) ?? ""
        script.bench.handle(.hangUp)
        #expect(script.bench.takeSent().isEmpty)
        try script.receive("ACK", branch: "ack", inDialog: true)
        #expect(try script.bench.takeOne().method == .bye)
    }

    @Test
    func `rings first, with early media when told`() throws {
        var script = try CalleeScript { $0.acceptAfter = .seconds(2) }
        try script.receive("INVITE", body: CalleeScript.sdp)
        #expect(try script.bench.takeOne().status == 180)
        #expect(script.bench.runs(.accept) == .seconds(2))
        try script.bench.fire(.accept)
        #expect(try script.bench.takeOne().status == 200)

        script = try CalleeScript {
            $0.acceptAfter = .seconds(2)
            $0.sendsEarlyMedia = true
        }
        try script.receive("INVITE", body: CalleeScript.sdp)
        let early = try script.bench.takeOne()
        #expect(early.status == 183)
        #expect(script.bench.media.count == 1)
        try script.bench.fire(.accept)
        let final = try script.bench.takeOne()
        #expect(bodyText(early) == bodyText(final))
        #expect(value(early, .to) == value(final, .to))
    }

    @Test
    func `ends a call that is cancelled while it rings`() throws {
        var script = try CalleeScript { $0.acceptAfter = .seconds(2) }
        try script.receive("INVITE", branch: "i", body: CalleeScript.sdp)
        _ = script.bench.takeSent()
        try script.receive("CANCEL", branch: "i")
        #expect(script.bench.takeSent().map(firstLine) == ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"])
        #expect(script.bench.ending == Ending(by: .caller, status: 487, why: "cancelled"))
        #expect(script.bench.runs(.accept) == nil)
        #expect(script.bench.finished.count == 1)
    }

    @Test
    func `takes a CANCEL that is too late without effect`() throws {
        var script = try CalleeScript()
        try script.receive("INVITE", branch: "i", body: CalleeScript.sdp)
        _ = script.bench.takeSent()
        try script.receive("CANCEL", branch: "i")
        #expect(try script.bench.takeOne().status == 200)
        #expect(script.bench.ending == nil)
    }

    @Test
    func `ends the INVITE too when BYE comes early`() throws {
        var script = try CalleeScript { $0.acceptAfter = .seconds(2) }
        try script.receive("INVITE", body: CalleeScript.sdp)
        let ringing = try script.bench.takeOne()
        script.tag = ringing.tag(of: .to).map(ringing.text) ?? ""
        try script.receive("BYE", sequence: 2, inDialog: true)
        #expect(script.bench.takeSent().map(firstLine) == ["SIP/2.0 200 OK", "SIP/2.0 487 Request Terminated"])
        #expect(script.bench.finished.count == 1)
    }

    @Test
    func `makes the offer when the INVITE has none`() throws {
        var script = try CalleeScript()
        try script.receive("INVITE")
        let response = try script.bench.takeOne()
        #expect(bodyText(response).contains("m=audio 4000 RTP/AVP 0 8"))
        script.tag = response.tag(of: .to).map(response.text) ?? ""
        #expect(!script.bench.media.contains { if case .run = $0 { true } else { false } })
        try script.receive("ACK", branch: "ack", inDialog: true, body: CalleeScript.sdp)
        #expect(script.bench.media.contains { if case .run = $0 { true } else { false } })
        #expect(script.bench.takeSent().isEmpty)
    }

    @Test
    func `ends the call when the ACK should bring the answer and does not`() throws {
        var script = try CalleeScript()
        try script.receive("INVITE")
        let response = try script.bench.takeOne()
        script.tag = response.tag(of: .to).map(response.text) ?? ""
        try script.receive("ACK", branch: "ack", inDialog: true)
        #expect(try script.bench.takeOne().method == .bye)
    }

    @Test
    func `refuses when told`() throws {
        var script = try CalleeScript { $0.refusal = 603 }
        try script.receive("INVITE", body: CalleeScript.sdp)
        #expect(try script.bench.takeOne().status == 603)
        #expect(script.bench.finished.count == 1)
    }

    @Test
    func `refuses the call when the user ends it before it is answered`() throws {
        var script = try CalleeScript { $0.acceptAfter = .seconds(2) }
        try script.receive("INVITE", body: CalleeScript.sdp)
        _ = script.bench.takeSent()
        script.bench.handle(.hangUp)
        #expect(try script.bench.takeOne().status == 480)
    }

    @Test
    func `takes one call at a time unless told otherwise`() throws {
        var script = try CalleeScript()
        _ = try script.establish()
        try script.receive("INVITE", callID: "c2", body: CalleeScript.sdp)
        #expect(try script.bench.takeOne().status == 486)

        script = try CalleeScript { $0.maximumCalls = 2 }
        _ = try script.establish()
        try script.receive("INVITE", callID: "c2", body: CalleeScript.sdp)
        #expect(try script.bench.takeOne().status == 200)
    }

    @Test
    func `takes the same INVITE by a second way for a loop`() throws {
        var script = try CalleeScript { $0.maximumCalls = 2 }
        try script.receive("INVITE", branch: "one", body: CalleeScript.sdp)
        _ = script.bench.takeSent()
        try script.receive("INVITE", branch: "two", body: CalleeScript.sdp)
        #expect(try script.bench.takeOne().status == 482)
    }
}
