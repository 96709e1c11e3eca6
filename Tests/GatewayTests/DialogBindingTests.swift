import GateProtocol
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// What somebody who knows the tags of a call may not do in it: he is a party to it, or has seen it pass.
@Suite struct DialogBindingTests {
    /// A request inside the call, from any host, with tags and a target of the attacker's choosing.
    private func forge(
        _ method: String, in call: Call, from attacker: Phone, fromTag: String, toTag: String, target: String,
        media: Endpoint? = nil
    ) -> [UInt8] {
        let body =
            media.map {
                "v=0\r\no=- 1 1 IN IP4 \($0.address)\r\ns=-\r\nc=IN IP4 \($0.address)\r\nt=0 0\r\nm=audio \($0.port) RTP/AVP 0\r\n"
            } ?? ""
        return Array(
            ("\(method) \(target) SIP/2.0\r\nVia: \(String(decoding: attacker.via(), as: UTF8.self))\r\n"
                + "From: <sip:a@x.example>;tag=\(fromTag)\r\nTo: <sip:b@y.example>;tag=\(toTag)\r\n"
                + "Call-ID: \(call.caller.callID)\r\nCSeq: 77 \(method)\r\nContact: <sip:m@\(attacker.endpoint)>\r\n"
                + "Max-Forwards: 70\r\n" + (media == nil ? "" : "Content-Type: application/sdp\r\n")
                + "Content-Length: \(body.utf8.count)\r\n\r\n" + body).utf8)
    }

    private func tags(_ call: Call) throws -> (caller: String, callee: String) {
        let answer = try #require(call.caller.phone.inbox.last { $0.status == 200 })
        return (
            try #require(answer.tag(of: .from).map(answer.text)), try #require(answer.tag(of: .to).map(answer.text))
        )
    }

    @Test(arguments: ["INVITE", "UPDATE"])
    func `an outsider cannot move the inside phone's media by speaking for it`(method: String) throws {
        let script = Script()
        let call = script.call()
        call.establish()
        let (caller, callee) = try tags(call)
        let attacker = script.phone(.outside, 66)
        let before = call.asked
        let other = Endpoint(call.caller.phone.endpoint.address, 7_000)
        // As the caller, with the phone's own address in the SDP, to himself and to the callee.
        for target in ["sip:m@\(attacker.endpoint)", "sip:b@\(call.callee.phone.endpoint)"] {
            script.transmit(
                forge(
                    method, in: call, from: attacker, fromTag: caller, toTag: callee, target: target, media: other),
                from: attacker, to: attacker.gateway)
            #expect(attacker.inbox.last { $0.status ?? 0 > 100 }?.status == 403)
        }
        #expect(call.asked == before)
    }

    @Test func `a party outside cannot answer its own offer in the phone's name`() throws {
        let script = Script()
        let call = script.call()
        call.establish()
        let (caller, callee) = try tags(call)
        let before = call.asked
        let accomplice = script.phone(.outside, 67)
        script.transmit(
            forge(
                "INVITE", in: call, from: call.callee.phone, fromTag: callee, toTag: caller,
                target: "sip:m@\(accomplice.endpoint)", media: call.callee.phone.media(9_000)),
            from: call.callee.phone, to: call.callee.phone.gateway)
        #expect(accomplice.inbox.isEmpty)
        #expect(call.asked == before)
    }

    @Test(arguments: ["MESSAGE", "ACK", "BYE"])
    func `a call is no way to other hosts of the inside network`(method: String) throws {
        let script = Script()
        let call = script.call()
        call.establish()
        let (caller, callee) = try tags(call)
        let victim = script.phone(.inside, 99)
        let outsider = call.callee.phone
        for (from, to) in [(callee, caller), (callee, "anything"), ("anything", caller)] {
            script.transmit(
                forge(method, in: call, from: outsider, fromTag: from, toTag: to, target: "sip:x@\(victim.endpoint)"),
                from: outsider, to: outsider.gateway)
        }
        #expect(victim.inbox.isEmpty)
        #expect(call.caller.isUp)
    }

    @Test func `a callee cannot take the caller's tag`() throws {
        let script = Script()
        let call = script.call()
        call.caller.invite()
        let invite = try #require(call.callee.requests.first)
        let tag = try #require(invite.tag(of: .from).map(invite.text))
        call.callee.answer(tag: tag)
        #expect(call.caller.lastStatus == 502)
        script.settle()
        #expect(script.open.isEmpty)
    }

    @Test func `a BYE when the table is full ends the call and not the program`() throws {
        let script = Script { $0.maximumTransactions = 1 }
        let stranger = script.phone(.outside, 70)
        for number in 0..<4 {
            let text =
                "BYE sip:bob@inside.example SIP/2.0\r\nVia: \(String(decoding: stranger.via(), as: UTF8.self))\r\n"
                + "From: <sip:m@x.example>;tag=\(number)\r\nTo: <sip:bob@inside.example>\r\nCall-ID: full-\(number)\r\n"
                + "CSeq: 1 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            script.transmit(Array(text.utf8), from: stranger, to: stranger.gateway)
        }
        #expect(stranger.inbox.last?.status == 503)
    }

    @Test func `a half-open hole closes by itself when no ACK brings the answer`() throws {
        let script = Script()
        let call = script.call()
        // Offer in the 200, by whichever end is inside; the ACK never comes.
        call.caller.acknowledges = false
        call.caller.invite(Body.none)
        call.callee.answer()
        script.advance(by: .seconds(40))
        #expect(script.open.allSatisfy { $0.halfOpen.isEmpty })
    }
}

/// Ends of a call that do not go as they should: the hole closes all the same, and stays closed.
@Suite struct BadEndTests {
    @Test func `a BYE that cannot be sent on ends the call`() throws {
        let script = Script()
        let call = script.call()
        call.establish()
        var bye = call.caller.make(.bye)
        bye.append(.proxyRequire, Array("foo".utf8))
        script.transmit(bye.serialized(), from: call.caller.phone, to: call.caller.phone.gateway)
        #expect(call.caller.phone.inbox.last?.status == 420)
        #expect(script.open.isEmpty)
        #expect(script.controller.sessions.isEmpty)
    }

    @Test func `a 200 that nobody acknowledges closes again`() {
        let script = Script()
        let call = script.call()
        call.caller.acknowledges = false
        call.caller.invite()
        call.callee.answer()
        #expect(!script.open.isEmpty)
        script.advance(by: .seconds(33))
        #expect(script.open.isEmpty)
    }

    @Test func `an answer to a re-INVITE that comes after BYE opens nothing`() {
        let script = Script()
        let call = script.call()
        call.establish()
        call.caller.invite()
        call.callee.isDeaf = true
        call.caller.bye()
        #expect(script.open.isEmpty)
        call.callee.answer()
        #expect(script.open.isEmpty)
    }

    @Test func `a CANCEL of a re-INVITE closes what it had half open`() {
        let script = Script()
        let call = script.call()
        call.establish()
        call.caller.port = 24_000
        call.caller.invite()
        call.callee.ring()
        call.callee.isDeaf = true
        call.caller.cancel()
        #expect(script.open.allSatisfy { $0.halfOpen.isEmpty })
    }
}
