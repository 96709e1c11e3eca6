import SDPText
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import UserAgent

@Suite("The caller's side of a call")
struct CallerTests {
    @Test
    func `makes a call in the clear and ends it`() throws {
        var script = try CallerScript { $0.timing.hangUpAfter = .seconds(3) }
        #expect(firstLine(script.invite) == "INVITE sip:bob@b.example.net SIP/2.0")
        #expect(value(script.invite, .contact) == "<sip:alice@192.0.2.10:5060>")
        #expect(value(script.invite, .maxForwards) == "70")
        #expect(value(script.invite, .contentType) == "application/sdp")
        #expect(bodyText(script.invite).contains("m=audio 4000 RTP/AVP 0 8"))

        try script.receive(100)
        try script.receive(180)
        #expect(script.bench.takeSent().isEmpty)
        let ack = try script.establish()
        #expect(firstLine(ack) == "ACK sip:bob@192.0.2.20:5062 SIP/2.0")
        #expect(value(ack, .cseq) == "1 ACK")
        #expect(value(ack, .to) == "<sip:bob@b.example.net>;tag=b1")
        #expect(script.bench.isEstablished)
        #expect(
            script.bench.media == [
                .run(
                    MediaTarget(
                        rtp: try #require(Endpoint("192.0.2.20:5000")), rtcp: Endpoint("192.0.2.20:5001"),
                        format: .pcmu,
                        sends: true, receives: true)), .enter(.call),
            ])

        #expect(script.bench.runs(.hangUp) == .seconds(3))
        try script.bench.fire(.hangUp)
        let bye = try script.bench.takeOne()
        #expect(firstLine(bye) == "BYE sip:bob@192.0.2.20:5062 SIP/2.0")
        #expect(value(bye, .cseq) == "2 BYE")
        #expect(script.bench.finished.isEmpty)
        try script.bench.receive(Message(status: 200, reason: "OK", to: bye, tag: nil))
        #expect(script.bench.ending == Ending(by: .caller, status: 0, why: ""))
        #expect(script.bench.finished == [CallNumber(value: 1)])
        #expect(script.bench.media.suffix(3) == [.enter(.afterBye), .stopSending, .close])
        #expect(script.bench.agent.callCount == 0)
    }

    @Test
    func `acknowledges a 2xx that comes again, with the same ACK`() throws {
        var script = try CallerScript()
        let ack = try script.establish()
        try script.receive(200, sdp: CallerScript.sdp)
        #expect(try script.bench.takeOne() == ack)
    }

    @Test
    func `ends the call of a second callee that answers, and keeps the first`() throws {
        var script = try CallerScript()
        _ = try script.establish()
        try script.receive(200, tag: "b2", sdp: CallerScript.sdp)
        let sent = script.bench.takeSent()
        #expect(sent.map { value($0, .cseq) } == ["1 ACK", "2 BYE"])
        #expect(sent.allSatisfy { value($0, .to).hasSuffix("tag=b2") })
        #expect(script.bench.ending == nil)
    }

    @Test
    func `sends requests of the dialog along the recorded route`() throws {
        var script = try CallerScript()
        try script.receive(
            200, fields: [(.recordRoute, "<sip:198.51.100.2;lr>, <sip:198.51.100.1:5070;lr>")], sdp: CallerScript.sdp)
        #expect(script.bench.sent.map(\.1.remote) == [Endpoint("198.51.100.1:5070")])
        let ack = try script.bench.takeOne()
        #expect(firstLine(ack) == "ACK sip:bob@192.0.2.20:5062 SIP/2.0")
        #expect(ack.values(of: .route).map(ack.text) == ["<sip:198.51.100.1:5070;lr>", "<sip:198.51.100.2;lr>"])
    }

    @Test
    func `gives a strict router its own URI`() throws {
        var script = try CallerScript()
        try script.receive(200, fields: [(.recordRoute, "<sip:198.51.100.1>")], sdp: CallerScript.sdp)
        let ack = try script.bench.takeOne()
        #expect(firstLine(ack) == "ACK sip:198.51.100.1 SIP/2.0")
        #expect(ack.values(of: .route).map(ack.text) == ["<sip:bob@192.0.2.20:5062>"])
    }

    @Test
    func `waits with CANCEL for a provisional response`() throws {
        var script = try CallerScript()
        script.bench.handle(.hangUp)
        #expect(script.bench.takeSent().isEmpty)
        try script.receive(180)
        let cancel = try script.bench.takeOne()
        #expect(firstLine(cancel) == "CANCEL sip:bob@b.example.net SIP/2.0")
        #expect(value(cancel, .via) == value(script.invite, .via))
        #expect(script.bench.runs(.cancelled) == .seconds(32))
        try script.receive(487)
        #expect(try script.bench.takeOne().method == .ack)
        #expect(script.bench.ending?.status == 487)
        #expect(script.bench.runs(.cancelled) == nil)
        #expect(script.bench.finished.count == 1)
    }

    @Test
    func `says BYE when the answer has crossed the CANCEL`() throws {
        var script = try CallerScript()
        try script.receive(180)
        script.bench.handle(.hangUp)
        script.bench.handle(.hangUp)
        #expect(try script.bench.takeOne().method == .cancel)
        try script.receive(200, sdp: CallerScript.sdp)
        let sent = script.bench.takeSent()
        #expect(sent.map(\.method) == [.ack, .bye])
        #expect(!script.bench.isEstablished)
        try script.bench.receive(Message(status: 200, reason: "OK", to: sent[1], tag: nil))
        #expect(script.bench.ending?.status == 487)
    }

    @Test
    func `gives up when a CANCEL leads to nothing`() throws {
        var script = try CallerScript()
        try script.receive(180)
        script.bench.handle(.hangUp)
        try script.bench.fire(.cancelled)
        #expect(script.bench.ending?.status == 487)
        #expect(script.bench.finished.count == 1)
    }

    @Test
    func `cancels a call that nobody answers`() throws {
        var script = try CallerScript { $0.timing.ringing = .seconds(20) }
        #expect(script.bench.runs(.ringing) == .seconds(20))
        try script.receive(180)
        try script.bench.fire(.ringing)
        #expect(try script.bench.takeOne().method == .cancel)
    }

    @Test(arguments: [302, 403, 404, 480, 486, 488, 493, 500, 503, 600, 603] as [UInt16])
    func `fails with the status of a refusal`(status: UInt16) throws {
        var script = try CallerScript()
        try script.receive(status)
        #expect(try script.bench.takeOne().method == .ack)
        #expect(script.bench.ending == Ending(by: .callee, status: status, why: "Whatever"))
        #expect(script.bench.finished.count == 1)
    }

    @Test
    func `fails when no answer comes`() throws {
        var script = try CallerScript()
        script.bench.fire(transactionTimer: .b)
        #expect(script.bench.ending?.status == 408)
        #expect(script.bench.ending?.by == .network)
    }

    @Test
    func `fails when the INVITE cannot be sent`() throws {
        var script = try CallerScript()
        script.bench.handle(.transportFailed(Destination(.udp, try #require(Endpoint("192.0.2.9:5060")))))
        #expect(script.bench.ending?.status == 503)
    }

    @Test(arguments: [
        nil,
        "v=0\no=- 1 1 IN IP4 192.0.2.20\ns=-\nc=IN IP4 192.0.2.20\nt=0 0\nm=audio 0 RTP/AVP 0",
        "v=0\no=- 1 1 IN IP4 192.0.2.20\ns=-\nc=IN IP4 192.0.2.20\nt=0 0\nm=audio 5000 RTP/AVP 96",
        "v=0\no=- 1 1 IN IP4 192.0.2.20\ns=-\nc=IN IP4 192.0.2.20\nt=0 0\nm=video 5000 RTP/AVP 0",
        "this is no session description",
    ])
    func `ends a call whose answer it cannot use`(sdp: String?) throws {
        var script = try CallerScript()
        try script.receive(200, sdp: sdp)
        let sent = script.bench.takeSent()
        #expect(sent.map(\.method) == [.ack, .bye])
        try script.bench.receive(Message(status: 200, reason: "OK", to: sent[1], tag: nil))
        #expect(script.bench.ending?.status == 488)
        #expect(!script.bench.isEstablished)
    }

    @Test
    func `takes early media, and the preview as answer when the 2xx has none`() throws {
        var script = try CallerScript()
        try script.receive(183, sdp: CallerScript.sdp)
        #expect(script.bench.media.count == 1)
        #expect(!script.bench.isEstablished)
        try script.receive(200)
        #expect(try script.bench.takeOne().method == .ack)
        #expect(script.bench.isEstablished)
    }

    @Test
    func `takes the answer of the 2xx after that of another callee's preview`() throws {
        var script = try CallerScript()
        try script.receive(183, tag: "b0", sdp: CallerScript.sdp.replacing("5000", with: "7000"))
        try script.receive(200, tag: "b1", sdp: CallerScript.sdp)
        #expect(script.bench.isEstablished)
        guard case .run(let target) = script.bench.media.last(where: { if case .run = $0 { true } else { false } })
        else {
            Issue.record("no media")
            return
        }
        #expect(target.rtp.port == 5_000)
    }

    @Test
    func `takes BYE, answers it, and answers 481 to another`() throws {
        var script = try CallerScript { $0.timing.listenOn = .seconds(1) }
        _ = try script.establish()
        try script.bench.receive(bye(script, sequence: 7))
        #expect(try script.bench.takeOne().status == 200)
        #expect(script.bench.ending == Ending(by: .callee, status: 0, why: ""))
        #expect(script.bench.runs(.listenOn) == .seconds(1))
        try script.bench.receive(bye(script, sequence: 8))
        #expect(try script.bench.takeOne().status == 481)
        try script.bench.fire(.listenOn)
        #expect(script.bench.finished.count == 1)
        try script.bench.receive(bye(script, sequence: 9))
        #expect(try script.bench.takeOne().status == 481)
    }

    @Test
    func `ends once when two BYE cross`() throws {
        var script = try CallerScript()
        _ = try script.establish()
        script.bench.handle(.hangUp)
        let own = try script.bench.takeOne()
        try script.bench.receive(bye(script, sequence: 7))
        #expect(try script.bench.takeOne().status == 200)
        #expect(script.bench.finished.isEmpty)
        try script.bench.receive(Message(status: 481, reason: "Gone", to: own, tag: nil))
        #expect(script.bench.ending == Ending(by: .caller, status: 0, why: ""))
        #expect(script.bench.finished.count == 1)
    }

    @Test
    func `ends when BYE is not answered, and says so`() throws {
        var script = try CallerScript()
        _ = try script.establish()
        script.bench.handle(.hangUp)
        script.bench.fire(transactionTimer: .f)
        #expect(script.bench.ending?.status == 408)
        #expect(script.bench.finished.count == 1)
    }

    @Test
    func `goes on sending after BYE only when told`() throws {
        var script = try CallerScript {
            $0.timing.sendOn = .seconds(2)
            $0.timing.listenOn = .seconds(5)
        }
        _ = try script.establish()
        script.bench.handle(.hangUp)
        let bye = try script.bench.takeOne()
        #expect(!script.bench.media.contains(.stopSending))
        try script.bench.receive(Message(status: 200, reason: "OK", to: bye, tag: nil))
        try script.bench.fire(.sendOn)
        #expect(script.bench.media.last == .stopSending)
        #expect(script.bench.runs(.listenOn) == .seconds(5))
        try script.bench.fire(.listenOn)
        #expect(script.bench.media.last == .close)
    }

    @Test
    func `preloads the outbound proxy as a loose route`() throws {
        let script = try CallerScript { $0.proxy = Array("sip:192.0.2.9:5060".utf8) }
        #expect(value(script.invite, .route) == "<sip:192.0.2.9:5060;lr>")
        #expect(firstLine(script.invite) == "INVITE sip:bob@b.example.net SIP/2.0")
    }

    private func bye(_ script: CallerScript, sequence: Int) throws -> Message {
        try message(
            """
            BYE sip:alice@192.0.2.10:5060 SIP/2.0
            Via: SIP/2.0/UDP 192.0.2.20;branch=z9hG4bKbye\(sequence)
            Max-Forwards: 70
            From: <sip:bob@b.example.net>;tag=b1
            To: \(value(script.invite, .from))
            Call-ID: \(value(script.invite, .callID))
            CSeq: \(sequence) BYE
            """)
    }
}
