import GateProtocol
import SIPText
import Testing
import Wire

@testable import Gateway

/// Descriptions that name what no hole may lead to (THREATS: a forged description opens nothing, wherever it stands).
@Suite struct HostileDescriptionTests {
    /// What an inside phone (10.1.0.9) may not name.
    static let inside = [
        "10.1.0.1", "10.1.0.10", "10.1.0.255", "10.2.0.9", "127.0.0.1", "224.0.0.1", "239.1.2.3", "169.254.1.1",
        "255.255.255.255",
        "240.0.0.1", "198.51.0.1", "198.51.0.32", "0.0.0.1", "192.0.2.1", "phone.inside.example",
    ]
    /// What an outside phone (198.51.0.32) may not name.
    static let outside = [
        "198.51.0.1", "10.1.0.1", "10.1.0.9", "10.1.0.77", "127.0.0.1", "224.0.0.1", "169.254.1.1", "255.255.255.255",
        "240.0.0.1", "0.0.0.1", "phone.outside.example",
    ]
    static let inside6 = [
        "2001:db8:1::1", "2001:db8:1::a", "::1", "fe80::1", "ff02::1", "::ffff:10.1.0.9", "64:ff9b::a01:9",
        "2002:a01:9::1",
    ]
    static let outside6 = [
        "2001:db8:ffff::1", "2001:db8:1::9", "::1", "fe80::1", "ff02::1", "::ffff:198.51.0.32", "64:ff9b::a01:9",
    ]
    static let ports = [1, 53, 1023, 5060, 5061, 1900, 3389, 11211]

    private static func body(_ address: String, port: Int = 20_000, more: String = "") -> Body {
        let family = address.contains(":") ? "IP6" : "IP4"
        return .sdp(
            """
            v=0\r\no=- 1 1 IN \(family) \(address)\r\ns=-\r\nc=IN \(family) \(address)\r\nt=0 0\r
            m=audio \(port) RTP/AVP 0\r\n\(more)
            """)
    }

    /// An address and a port by side: every forbidden one of each.
    private static func bodies(_ side: Side, _ family: Family) -> [Body] {
        let own = "\(family.address(side, side == .inside ? 9 : 32))"
        let gateway = "\(family.address(side, 1))"
        let addresses = family == .v4 ? (side == .inside ? inside : outside) : side == .inside ? inside6 : outside6
        let rtcp = family == .v4 ? "a=rtcp:20001 IN IP4 \(gateway)\r\n" : "a=rtcp:20001 IN IP6 \(gateway)\r\n"
        return addresses.map { body($0) } + ports.map { body(own, port: $0) }
            + [body(own, more: "a=rtcp:22\r\n"), body(own, more: rtcp), body(own, port: 1023)]
    }

    private func setting(_ side: Side, _ family: Family, isOffer: Bool) -> Setting {
        let other: Side = side == .inside ? .outside : .inside
        return isOffer
            ? Setting(caller: side, callee: other, family: family)
            : Setting(caller: other, callee: side, family: family)
    }

    private func expectNothingLeft(_ script: Script) {
        #expect(script.open.isEmpty)
        script.settle()
        #expect(script.leftovers.isEmpty)
        #expect(script.controller.sessions.isEmpty)
    }

    @Test(arguments: [Side.inside, .outside], Family.allCases)
    func `an offer that names what it may not is refused and nothing is asked`(_ side: Side, _ family: Family) {
        for body in Self.bodies(side, family) {
            let script = Script(setting(side, family, isOffer: true))
            let call = script.call()
            call.caller.invite(body)
            let status = call.caller.lastStatus
            #expect(status == 403 || status == 488, "\(body)")
            #expect(script.gate.asked.isEmpty, "\(body)")
            #expect(call.callee.requests.isEmpty)
            expectNothingLeft(script)
        }
    }

    @Test(arguments: [Side.inside, .outside], Family.allCases)
    func `an answer that names what it may not ends the call at both ends`(_ side: Side, _ family: Family) {
        for body in Self.bodies(side, family) {
            // The answering inside phone is 16.
            let script = Script(setting(side, family, isOffer: false))
            let call = script.call()
            call.caller.invite()
            let before = call.asked
            call.callee.answer(body)
            #expect(call.caller.statuses == [502], "\(body)")
            #expect(call.callee.requests.map(\.method) == [.invite, .ack, .bye])
            #expect(!call.asked.dropFirst(before.count).contains { $0 != .close }, "\(body)")
            expectNothingLeft(script)
        }
    }

    @Test(arguments: [Side.inside, .outside])
    func `an answer in a 183 that names what it may not opens nothing`(_ side: Side) {
        for body in Self.bodies(side, .v4) {
            let script = Script(setting(side, .v4, isOffer: false))
            let call = script.call()
            call.caller.invite()
            call.callee.respond(183, body)
            #expect(call.caller.statuses == [183])
            #expect(script.open.flatMap(\.paths).isEmpty, "\(body)")
            call.callee.answer()
            #expect(script.open == [Holes(paths: call.paths())])
            call.callee.bye()
            expectNothingLeft(script)
        }
    }

    @Test(arguments: [Side.inside, .outside])
    func `a re-INVITE that names what it may not leaves the call as it was`(_ side: Side) {
        for body in Self.bodies(side, .v4) {
            let script = Script(setting(side, .v4, isOffer: true))
            let call = script.call()
            call.establish()
            let before = call.asked
            call.caller.invite(body)
            let status = call.caller.lastStatus
            #expect(status == 403 || status == 488, "\(body)")
            call.caller.send(.update, body)
            #expect(call.asked == before, "\(body)")
            #expect(script.open == [Holes(paths: call.paths())])
            call.callee.invite()
            call.caller.answer()
            #expect(script.open == [Holes(paths: call.paths())])
            call.callee.bye()
            expectNothingLeft(script)
        }
    }

    @Test(arguments: [Side.inside, .outside])
    func `an ACK that answers with what it may not leaves nothing open`(_ side: Side) {
        for body in Self.bodies(side, .v4) {
            let script = Script(setting(side, .v4, isOffer: true))
            let call = script.call()
            call.caller.acknowledging = body
            call.caller.invite(Body.none)
            call.callee.answer()
            #expect(call.callee.requests.last?.method == .ack)
            #expect(script.open.isEmpty, "\(body)")
            #expect(!call.asked.contains { if case .narrow = $0 { true } else { false } })
            call.callee.bye()
            expectNothingLeft(script)
        }
    }

    @Test(arguments: Setting.bothWays)
    func `an UPDATE whose answer names what it may not leaves nothing open`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        call.callee.updateAnswer = Self.body("127.0.0.1")
        call.caller.send(.update, .media(call.caller.phone.media(30_000)))
        #expect(call.caller.lastStatus == 200)
        #expect(script.open.isEmpty)
        call.callee.bye()
        expectNothingLeft(script)
    }

    @Test func `an inside phone may not name another inside phone even when that is the callee`() {
        let script = Script(Setting(caller: .outside, callee: .inside))
        let call = script.call()
        call.caller.invite()
        call.callee.answer(.media(Endpoint(Family.v4.inside(17), 20_000)))
        #expect(call.caller.statuses == [502])
        expectNothingLeft(script)
    }

    @Test(arguments: [
        "v=0", "v=1\r\no=- 1 1 IN IP4 10.1.0.9\r\n", "o=- 1 1 IN IP4 10.1.0.9\r\nv=0\r\n",
        "v=0\r\no=- 1 1 IN IP4 10.1.0.9\r\ns=-\r\nc=IN IP4 10.1.0.999\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n",
        "v=0\r\no=- 1 1 IN IP4 10.1.0.9\r\ns=-\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n",
        "v=0\r\no=- 1 1 IN IP4 10.1.0.9\r\ns=-\r\nc=IN IP4 10.1.0.9\r\nt=0 0\r\nm=audio 70000 RTP/AVP 0\r\n",
    ])
    func `a malformed description is answered by 400 with the place of the fault`(_ text: String) throws {
        let script = Script()
        let call = script.call()
        call.caller.invite(.sdp(text))
        let response = try #require(call.caller.responses.last)
        #expect(response.status == 400)
        let line = String(decoding: response.serialized(), as: UTF8.self).prefix { $0 != "\r\n" }
        #expect(line.hasPrefix("SIP/2.0 400 Bad Request - body: ") && line.contains("at octet"), "\(line)")
        #expect(script.gate.asked.isEmpty)
        expectNothingLeft(script)
    }

    @Test(arguments: [
        "multipart/mixed", "multipart/mixed;boundary=", "multipart/mixed;boundary=absent",
        "multipart/mixed;boundary=\(String(repeating: "b", count: 71))",
    ])
    func `a malformed multipart is answered by 400`(_ type: String) throws {
        let script = Script()
        let call = script.call()
        call.caller.invite(.octets(Array("--b\r\n\r\nx\r\n--b--\r\n".utf8), type: type))
        let response = try #require(call.caller.responses.last)
        #expect(response.status == 400)
        #expect(String(decoding: response.serialized(), as: UTF8.self).contains("MIME body"))
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays)
    func `a malformed answer ends the call at both ends`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        call.callee.answer(.sdp("v=9"))
        #expect(call.caller.statuses == [502])
        #expect(call.callee.requests.map(\.method) == [.invite, .ack, .bye])
        // The callee's 2xx was on its way once more: it is acknowledged again and not looked at.
        script.settle()
        #expect(call.callee.requests.filter { $0.method == .bye }.count == 1)
        expectNothingLeft(script)
    }

    @Test func `the 2xx of a call that was ended here is acknowledged each time it comes`() throws {
        let script = Script()
        let call = script.call()
        call.caller.invite()
        let invite = try #require(call.callee.requests.first)
        let answer = call.callee.response(200, to: invite, .sdp("v=9"))
        let phone = call.callee.phone
        for count in 1...3 {
            script.transmit(answer.serialized(), from: phone, to: phone.gateway)
            #expect(phone.inbox.filter { $0.method == .ack }.count == count)
            #expect(phone.inbox.filter { $0.method == .bye }.count == 1)
        }
    }

    @Test func `an answer with another number of streams than the offer ends the call`() {
        let script = Script()
        let call = script.call()
        call.caller.invite()
        call.callee.answer(
            .octets(
                Body.description(call.callee.phone.media()) + Array("m=video 0 RTP/AVP 9\r\n".utf8),
                type: "application/sdp"))
        #expect(call.caller.statuses == [502])
        expectNothingLeft(script)
    }

    @Test(arguments: [8, 9])
    func `eight streams are read, and a description with one more is refused`(_ streams: Int) {
        let script = Script()
        let call = script.call()
        let media = (0..<streams).map { "m=audio \(20_000 + 2 * $0) RTP/AVP 0\r\n" }.joined()
        call.caller.invite(.sdp("v=0\r\no=- 1 1 IN IP4 10.1.0.9\r\ns=-\r\nc=IN IP4 10.1.0.9\r\nt=0 0\r\n\(media)"))
        #expect(call.callee.requests.isEmpty == (streams > 8))
        #expect(script.gate.asked.count == (streams > 8 ? 0 : 1))
        #expect(call.caller.lastStatus == (streams > 8 ? 400 : nil))
    }

    @Test(arguments: [16, 15])
    func `as many holes as a session may have, and one more`(_ limit: Int) {
        let script = Script { $0.policy.maximumHolesPerSession = limit }
        let call = script.call()
        let media = (0..<8).map { "m=audio \(20_000 + 2 * $0) RTP/AVP 0\r\n" }.joined()
        call.caller.invite(.sdp("v=0\r\no=- 1 1 IN IP4 10.1.0.9\r\ns=-\r\nc=IN IP4 10.1.0.9\r\nt=0 0\r\n\(media)"))
        #expect(script.gate.asked.count == (limit == 16 ? 1 : 0))
        #expect(call.caller.lastStatus == (limit == 16 ? nil : 488))
    }
}
