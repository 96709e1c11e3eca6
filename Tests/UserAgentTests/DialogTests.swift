import SIPText
import SIPTransactions
import Testing
import Wire

@testable import UserAgent

@Suite("Requests in and outside of dialogs")
struct DialogTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let status: UInt16
        var method = "INVITE"
        var inDialog = false
        var sequence = 5
        var fields = ["Contact: <sip:alice@192.0.2.20:5066>"]
        var body: String? = CalleeScript.sdp
        var type = "application/sdp"
        var testDescription: String { name }
    }

    static let outside: [Case] = [
        Case(name: "an unknown method", status: 501, method: "DANCE", body: nil),
        Case(name: "MESSAGE", status: 405, method: "MESSAGE", body: nil),
        Case(name: "REGISTER", status: 405, method: "REGISTER", body: nil),
        Case(name: "UPDATE", status: 405, method: "UPDATE", body: nil),
        Case(name: "OPTIONS", status: 200, method: "OPTIONS", body: nil),
        Case(name: "BYE without a call", status: 481, method: "BYE", body: nil),
        Case(name: "BYE of no call", status: 481, method: "BYE", inDialog: true, body: nil),
        Case(name: "re-INVITE of no call", status: 481, inDialog: true),
        Case(name: "CANCEL of nothing", status: 481, method: "CANCEL", body: nil),
        Case(name: "an extension", status: 420, fields: ["Contact: <sip:a@192.0.2.20>", "Require: 100rel"]),
        Case(name: "no Contact", status: 400, fields: []),
        Case(name: "text", status: 415, body: "hello", type: "text/plain"),
        Case(name: "compressed", status: 415, fields: ["Contact: <sip:a@192.0.2.20>", "Content-Encoding: gzip"]),
        Case(name: "bad SDP", status: 400, body: "v=0\nm=audio"),
        Case(name: "bad CMS", status: 400, body: "0123456789", type: "application/pkcs7-mime"),
        Case(name: "video only", status: 488, body: CalleeScript.sdp.replacing("audio", with: "video")),
        Case(name: "no codec of ours", status: 488, body: CalleeScript.sdp.replacing("8 0", with: "96")),
    ]

    @Test(arguments: outside)
    func `answers outside of a call`(_ entry: Case) throws {
        var script = try CalleeScript()
        script.tag = "unknown"
        try script.receive(
            entry.method, inDialog: entry.inDialog, fields: entry.fields, body: entry.body, type: entry.type)
        let response = try script.bench.takeOne()
        #expect(response.status == entry.status)
        switch entry.status {
        case 405, 501: #expect(value(response, .allow) == "INVITE, ACK, CANCEL, BYE, OPTIONS")
        case 415: #expect(value(response, .accept) == "application/sdp, application/pkcs7-mime")
        case 420: #expect(value(response, .unsupported) == "100rel")
        default: #expect(response.tag(of: .to) != nil)
        }
        #expect(script.bench.agent.callCount == 0)
    }

    static let inside: [Case] = [
        Case(name: "re-INVITE", status: 200),
        Case(name: "re-INVITE without a body", status: 200, body: nil),
        Case(name: "re-INVITE with video only", status: 488, body: CalleeScript.sdp.replacing("audio", with: "video")),
        Case(name: "re-INVITE with text", status: 415, body: "hello", type: "text/plain"),
        Case(name: "re-INVITE with an old CSeq", status: 500, sequence: 1),
        Case(name: "BYE", status: 200, method: "BYE", body: nil),
        Case(name: "OPTIONS", status: 200, method: "OPTIONS", body: nil),
        Case(name: "INFO", status: 405, method: "INFO", body: nil),
    ]

    @Test(arguments: inside)
    func `answers inside a call`(_ entry: Case) throws {
        var script = try CalleeScript()
        _ = try script.establish()
        try script.receive(
            entry.method, sequence: entry.sequence, branch: "x", inDialog: true, fields: entry.fields, body: entry.body,
            type: entry.type)
        #expect(try script.bench.takeOne().status == entry.status)
        #expect(script.bench.agent.callCount == (entry.method == "BYE" ? 0 : 1))
    }

    @Test
    func `answers a changed offer with the next version, and a repeated one with the same description`() throws {
        var script = try CalleeScript()
        let first = try script.establish()
        try script.receive("INVITE", sequence: 2, inDialog: true, body: CalleeScript.sdp)
        #expect(bodyText(try script.bench.takeOne()) == bodyText(first))
        try script.receive("ACK", sequence: 2, branch: "ack2", inDialog: true)

        script.bench.media = []
        try script.receive(
            "INVITE", sequence: 3, inDialog: true, fields: ["Contact: <sip:alice@192.0.2.77:5066>"],
            body: CalleeScript.sdp.replacing("6000", with: "6100") + "\na=sendonly")
        let second = try script.bench.takeOne()
        let origin = bodyText(first).split(separator: "\r\n")[1].split(separator: " ")
        let changed = bodyText(second).split(separator: "\r\n")[1].split(separator: " ")
        #expect(origin[1] == changed[1])
        #expect([origin[2], changed[2]] == ["1", "2"])
        #expect(bodyText(second).contains("a=recvonly"))
        guard case .run(let target) = script.bench.media.first else {
            Issue.record("no media")
            return
        }
        #expect(target.rtp == Endpoint("192.0.2.20:6100"))
        #expect(!target.sends)
        try script.receive("ACK", sequence: 3, branch: "ack3", inDialog: true)
        // The Contact of the re-INVITE is the target from now on.
        script.bench.handle(.hangUp)
        #expect(firstLine(try script.bench.takeOne()) == "BYE sip:alice@192.0.2.77:5066 SIP/2.0")
    }

    @Test
    func `stops sending to a peer that puts it on hold by the unspecified address`() throws {
        var script = try CalleeScript { $0.timing.reinviteAfter = .seconds(1) }
        _ = try script.establish()
        let held = CalleeScript.sdp.replacing("c=IN IP4 192.0.2.20", with: "c=IN IP4 0.0.0.0")
        script.bench.media = []
        try script.receive("INVITE", sequence: 2, inDialog: true, body: held)
        #expect(try script.bench.takeOne().status == 200)
        #expect(script.bench.media == [.stopSending])
        try script.receive("ACK", sequence: 2, branch: "ack2", inDialog: true)
        // And by its answer.
        script.bench.media = []
        try script.bench.fire(.reinvite)
        let own = try script.bench.takeOne()
        var answer = Message(status: 200, reason: "OK", to: own, tag: nil)
        answer.setBody(
            Array(held.split(separator: "\n").map { $0 + "\r\n" }.joined().utf8),
            contentType: Array("application/sdp".utf8))
        try script.bench.receive(answer)
        #expect(try script.bench.takeOne().method == .ack)
        #expect(script.bench.media == [.stopSending])
        #expect(script.bench.ending == nil)
    }

    @Test
    func `keeps a second re-INVITE waiting while the first is not acknowledged`() throws {
        var script = try CalleeScript()
        _ = try script.establish()
        try script.receive("INVITE", sequence: 2, inDialog: true, body: CalleeScript.sdp)
        _ = script.bench.takeSent()
        try script.receive("INVITE", sequence: 3, inDialog: true, body: CalleeScript.sdp)
        let response = try script.bench.takeOne()
        #expect(response.status == 500)
        #expect(response.value(of: .retryAfter) != nil)
    }

    @Test
    func `answers 491 to a re-INVITE that crosses its own, and tries its own again later`() throws {
        var script = try CalleeScript { $0.timing.reinviteAfter = .seconds(1) }
        _ = try script.establish()
        try script.bench.fire(.reinvite)
        let own = try script.bench.takeOne()
        #expect(own.method == .invite)
        #expect(own.tag(of: .to) != nil)
        try script.receive("INVITE", sequence: 2, inDialog: true, body: CalleeScript.sdp)
        #expect(try script.bench.takeOne().status == 491)
        try script.bench.receive(Message(status: 491, reason: "Request Pending", to: own, tag: nil))
        #expect(try script.bench.takeOne().method == .ack)
        let wait = try #require(script.bench.runs(.reinvite))
        // The side that did not make the Call-ID waits up to 2 s (RFC 3261 section 14.1).
        #expect(wait <= .seconds(2))
        try script.bench.fire(.reinvite)
        #expect(value(try script.bench.takeOne(), .cseq) != value(own, .cseq))
    }

    @Test(arguments: [408, 481] as [UInt16])
    func `ends a call that the peer does not know any more`(status: UInt16) throws {
        var script = try CalleeScript { $0.timing.reinviteAfter = .seconds(1) }
        _ = try script.establish()
        try script.bench.fire(.reinvite)
        let own = try script.bench.takeOne()
        try script.bench.receive(Message(status: status, reason: "Gone", to: own, tag: nil))
        #expect(script.bench.takeSent().map(\.method) == [.ack, .bye])
    }

    @Test
    func `answers 400 to a request that is no acceptable message`() throws {
        var script = try CalleeScript()
        let text = """
            INVITE sip:bob@192.0.2.10 SIP/2.0\r
            Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r
            From: <sip:alice@a.example.net>;tag=a1\r
            To: <sip:bob@b.example.net>\r
            Call-ID: c1\r
            CSeq: 1 BYE\r
            \r

            """
        guard case .malformed(let error, let answerable) = MessageParser.parse(Array(text.utf8)) else {
            Issue.record("acceptable")
            return
        }
        let flow = Flow(
            transport: .udp, local: script.bench.listener.endpoint, remote: try #require(Endpoint("192.0.2.9:5060")))
        script.bench.handle(.malformed(error, answerable: answerable, flow))
        #expect(try script.bench.takeOne().status == 400)
        script.bench.handle(.malformed(error, answerable: nil, flow))
        #expect(script.bench.takeSent().isEmpty)
    }
}
