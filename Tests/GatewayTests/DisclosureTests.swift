import GateProtocol
import SIPText
import Testing
import Wire

@testable import Gateway

/// Bodies that are encrypted, for this gateway or for others. Opening is the shell's; its outcomes are given here.
@Suite struct DisclosureTests {
    static let names = ["Proxy-Inspect-Body", "Proxy-Required-Body", "Session-Policy"]

    /// What an envelope holds: the description of one end's audio.
    static func opened(
        _ endpoint: Endpoint?, isAuthenticated: Bool = true, newKey: UInt64? = nil, uses: Int? = nil,
        used: UInt64? = nil
    ) -> EnvelopeOutcome {
        .opened(
            OpenedBody(
                plaintext: Body.entity(endpoint), isAuthenticated: isAuthenticated, newKey: newKey.map(KeyHandle.init),
                newKeyUses: uses, usedKey: used.map(KeyHandle.init)))
    }

    private func ask(_ name: String, _ value: String) -> (inout Message) -> Void {
        { message in
            message.append(named: Array(name.utf8), Array(value.utf8))
            message.append(.contentID, Array("<one@inside.example>".utf8))
            // Fields made by hand are known by their text only once they are read again.
        }
    }

    private func expectNothingLeft(_ script: Script) {
        #expect(script.open.isEmpty)
        script.settle()
        #expect(script.open.isEmpty)
        #expect(script.leftovers.isEmpty)
        #expect(script.controller.sessions.isEmpty)
    }

    // MARK: Who asks

    @Test(arguments: names)
    func `each name of the disclosure header asks for the body that it names`(_ name: String) {
        for value in [
            "gw.example.net;cid=one@inside.example", "GW.Example.Net;cid=\"one@inside.example\"",
            "other.example;cid=x@y, gw.example.net;cid=<one@inside.example>;access=read",
            "198.51.0.1;cid=one@inside.example",
        ] {
            let script = Script { $0.disclosure.askedBy = .header }
            let call = script.call()
            call.caller.invite(.envelope(), change: ask(name, value))
            #expect(
                script.envelopes.map(\.request) == [
                    EnvelopeRequest(contents: [[0x30, 0x03, 0x02, 0x01, 0x07]], keys: [])
                ])
            script.open(Self.opened(call.caller.phone.media()))
            #expect(call.asked == call.half(call.caller), "\(value)")
            #expect(call.callee.requests.count == 1)
        }
    }

    @Test(arguments: [
        "gw.example.net", "gw.example.net;cid=two@inside.example", "other.example;cid=one@inside.example",
        ";cid=one@inside.example",
        "gw.example.net.evil.example;cid=one@inside.example",
    ])
    func `a header that names another server or another body does not ask`(_ value: String) {
        let script = Script { $0.disclosure.askedBy = .header }
        let call = script.call()
        call.caller.invite(.envelope(), change: ask("Proxy-Inspect-Body", value))
        #expect(script.envelopes.isEmpty)
        #expect(call.caller.lastStatus == 496)
    }

    @Test(arguments: [DisclosurePolicy.Trigger.header, .recipient, .either], [true, false])
    func `what makes the gateway look is the operator's choice`(_ trigger: DisclosurePolicy.Trigger, _ hasHeader: Bool)
    {
        let script = Script { $0.disclosure.askedBy = trigger }
        let call = script.call()
        let change = hasHeader ? ask("Proxy-Inspect-Body", "gw.example.net;cid=one@inside.example") : { _ in }
        call.caller.invite(.envelope(), change: change)
        #expect(script.envelopes.isEmpty == (trigger == .header && !hasHeader))
    }

    @Test func `a body that is not for this gateway goes through octet for octet when nothing is required`() throws {
        let script = Script { $0.disclosure.requiresSDP = false }
        let call = script.call()
        let octets = (0..<2_000).map { UInt8(truncatingIfNeeded: $0) }
        let change = ask("Proxy-Inspect-Body", "other.example;cid=one@inside.example")
        call.caller.invite(.envelope(octets), change: change)
        script.open(.undecipherable)
        let invite = try #require(call.callee.requests.first)
        #expect(invite.copy(invite.body) == octets)
        let text = String(decoding: invite.serialized()[..<(invite.serialized().count - octets.count)], as: UTF8.self)
        #expect(text.contains("\r\nProxy-Inspect-Body: other.example;cid=one@inside.example\r\n"))
        #expect(call.asked.isEmpty)
        call.callee.answer(.envelope(octets))
        script.open(.undecipherable)
        let answer = try #require(call.caller.responses.last)
        #expect(answer.status == 200 && answer.copy(answer.body) == octets)
        #expect(script.open.isEmpty)
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test func `an answer in the clear to an offer that could not be read opens nothing`() {
        let script = Script(Setting(caller: .outside, callee: .inside)) { $0.disclosure.requiresSDP = false }
        let call = script.call()
        call.caller.invite(.envelope())
        script.open(.undecipherable)
        call.callee.answer()
        #expect(call.caller.isUp)
        #expect(call.asked.isEmpty)
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test func `a part of a multipart is opened by its Content-ID`() throws {
        let script = Script()
        let call = script.call()
        let body = """
            --b\r\nContent-Type: application/pkcs7-mime\r\nContent-ID: <a@x>\r\n\r\nAAA\r
            --b\r\nContent-Type: application/pkcs7-mime\r\nContent-ID: <one@inside.example>\r
            Content-Transfer-Encoding: base64\r\n\r\nQkJC\r\n--b--\r\n
            """
        call.caller.invite(
            .octets(Array(body.utf8), type: "multipart/mixed;boundary=b"),
            change: ask("Proxy-Inspect-Body", "gw.example.net;cid=one@inside.example"))
        #expect(script.envelopes.first?.request.contents == [Array("BBB".utf8)])
    }

    // MARK: What cannot be read

    @Test(arguments: Setting.bothWays)
    func `an offer that must be read and cannot gets a 496 with certificate and warning`(_ setting: Setting) throws {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite(.envelope())
        script.open(.undecipherable)
        let response = try #require(call.caller.responses.last)
        #expect(response.status == 496)
        #expect(response.copy(response.body) == [0x30, 0x01, 0x00])
        #expect(response.value(of: .contentType).map(response.text) == "application/pkix-cert")
        #expect(
            response.value(of: .warning).map(response.text)
                == "380 gw.example.net \"Required to View Content-Type 'application/sdp'\"")
        #expect(call.asked.isEmpty && call.callee.requests.isEmpty)
        expectNothingLeft(script)
    }

    @Test func `everything that depends on a key is answered alike`() throws {
        let outcomes: [EnvelopeOutcome] = [
            .undecipherable, Self.opened(Endpoint(Family.v4.inside(9), 20_000), isAuthenticated: false),
            .opened(OpenedBody(plaintext: [], isAuthenticated: true, newKey: nil, newKeyUses: nil, usedKey: nil)),
            .opened(
                OpenedBody(
                    plaintext: Array("Content-Type: application/sdp\r\n\r\nv=9".utf8), isAuthenticated: true,
                    newKey: nil,
                    newKeyUses: nil, usedKey: nil)),
            .opened(
                OpenedBody(
                    plaintext: Array("Content-Type: text/plain\r\n\r\nhello".utf8), isAuthenticated: true, newKey: nil,
                    newKeyUses: nil, usedKey: nil)),
        ]
        var answers: Set<[UInt8]> = []
        for outcome in outcomes {
            let script = Script()
            let call = script.call()
            call.caller.invite(.envelope())
            script.open(outcome)
            answers.insert(try #require(call.caller.responses.last).serialized())
            expectNothingLeft(script)
        }
        #expect(answers.count == 1)
    }

    @Test func `CMS that anyone can see is malformed gets a 400 with the place`() throws {
        let script = Script()
        let call = script.call()
        call.caller.invite(.envelope())
        script.open(.malformed(ParseError(.truncated, in: "ContentInfo", at: 17)))
        let response = try #require(call.caller.responses.last)
        #expect(response.status == 400)
        #expect(String(decoding: response.serialized(), as: UTF8.self).contains("17"))
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays)
    func `an answer that cannot be read ends the call at both ends`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        call.callee.answer(.envelope())
        #expect(call.caller.statuses.isEmpty)
        script.open(.undecipherable)
        #expect(call.callee.requests.map(\.method) == [.invite, .ack, .bye])
        #expect(call.caller.statuses == [502])
        #expect(script.open.isEmpty)
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays)
    func `a re-INVITE that cannot be read gets a 496 and the call goes on`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        call.callee.invite(.envelope())
        script.open(.undecipherable)
        #expect(call.callee.lastStatus == 496)
        #expect(script.open == [Holes(paths: call.paths())])
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test func `bare CBC opens holes only where the operator says so`() {
        for accepts in [false, true] {
            let script = Script { $0.disclosure.acceptsUnauthenticated = accepts }
            let call = script.call()
            call.caller.invite(.envelope())
            script.open(Self.opened(call.caller.phone.media(), isAuthenticated: false, newKey: 5))
            #expect(call.asked == (accepts ? call.half(call.caller) : []))
            #expect(script.forgotten == (accepts ? [] : [KeyHandle(value: 5)]))
        }
    }

    @Test func `a description inside an envelope may name no more than one in the clear`() {
        let script = Script()
        let call = script.call()
        call.caller.invite(.envelope())
        script.open(Self.opened(Endpoint(.v4(0x7F00_0001), 20_000)))
        // The one answer of everything that depends on a key: nothing of what stood inside.
        #expect(call.caller.lastStatus == 496)
        let answer = call.caller.phone.inbox.last
        #expect(answer.map { String(decoding: $0.serialized(), as: UTF8.self).contains("127.0.0.1") } == false)
        #expect(call.asked.isEmpty)
        expectNothingLeft(script)
    }

    @Test(arguments: [true, false])
    func `CANCEL and BYE while an envelope is being opened`(_ isOpened: Bool) {
        let script = Script()
        let call = script.call()
        call.caller.invite(.envelope())
        call.caller.cancel()
        script.open(isOpened ? Self.opened(call.caller.phone.media(), newKey: 1) : .undecipherable)
        #expect(call.callee.requests.isEmpty)
        #expect(script.open.isEmpty)
        #expect(script.forgotten == (isOpened ? [KeyHandle(value: 1)] : []))
        expectNothingLeft(script)

        let up = script.call()
        up.establish()
        up.caller.invite(.envelope())
        up.callee.bye()
        script.open(isOpened ? Self.opened(up.caller.phone.media(30_000), newKey: 2) : .undecipherable)
        #expect(script.open.isEmpty)
        if isOpened { #expect(script.forgotten.contains(KeyHandle(value: 2))) }
        expectNothingLeft(script)
    }
}
