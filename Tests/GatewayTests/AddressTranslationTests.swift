import GateProtocol
import SDPText
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// Where the gate translates addresses: what each side is told.
@Suite struct AddressTranslationTests {
    private static let external = IPAddress.v4(0xC633_00C8)

    private func script(
        _ setting: Setting = Setting(), change: (inout ControllerSettings) -> Void = { _ in }
    ) -> Script {
        let script = Script(setting, change: change)
        script.translate(to: Self.external)
        return script
    }

    /// What the last description was that came to a phone.
    private func told(_ phone: Phone) -> Endpoint? {
        phone.inbox.last { !$0.body.isEmpty }.flatMap { Body.media(of: $0) ?? nil }
    }

    @Test(arguments: Setting.bothWays)
    func `outside the phone is at its external endpoint, inside the other party is where it is`(_ setting: Setting)
        throws
    {
        let script = script(setting)
        let call = script.call()
        call.establish()
        let (near, far) = setting.caller == .inside ? (call.caller, call.callee) : (call.callee, call.caller)
        let external = try #require(script.gate.external(of: near.media))
        #expect(told(far.phone) == external && external.address == Self.external)
        #expect(told(near.phone) == far.media)
        // The gate is asked for what is where: it knows what it made of it.
        #expect(Set(script.open.flatMap(\.paths)) == Set(call.paths()))
        // o= goes with it; and nothing else of the message shows where the phone's media is.
        let body = try #require(far.phone.inbox.last { !$0.body.isEmpty })
        #expect(!body.text(body.body).contains("\(near.media.address)"))
        #expect(body.value(of: .contentLength).map(body.text) == "\(body.body.count)")
        call.caller.bye()
        script.settle()
        #expect(script.isClosed && script.controller.gate.insides.isEmpty && script.leftovers.isEmpty)
    }

    @Test(arguments: Setting.bothWays)
    func `a re-INVITE says the same endpoint again, and another for another port`(_ setting: Setting) throws {
        let script = script(setting)
        let call = script.call()
        call.establish()
        let (near, far) = setting.caller == .inside ? (call.caller, call.callee) : (call.callee, call.caller)
        let first = told(far.phone)
        near.invite()
        far.answer()
        #expect(told(far.phone) == first)
        let moved = near.phone.media(24_000)
        near.invite(.media(moved))
        far.answer()
        #expect(told(far.phone) == script.gate.external(of: moved) && told(far.phone) != first)
        #expect(
            call.paths().map(\.inside.port).contains(20_000)
                && script.open.flatMap(\.paths).allSatisfy { $0.inside.port >= 24_000 })
    }

    @Test func `an answer in the ACK is translated too`() throws {
        let script = script()
        let call = script.call()
        call.caller.invite(Body.none)
        call.callee.answer(.media(call.callee.media))
        let external = try #require(script.gate.external(of: call.caller.media))
        let ack = try #require(call.callee.phone.inbox.last { $0.method == .ack })
        #expect(Body.media(of: ack) == .some(external))
    }

    @Test func `a 2xx that comes again says the same`() throws {
        let script = script(Setting(caller: .outside, callee: .inside))
        let call = script.call()
        call.caller.acknowledges = false
        call.caller.invite()
        call.callee.answer()
        script.advance(by: .milliseconds(1_600))
        let external = try #require(script.gate.external(of: call.callee.media))
        let answers = call.caller.phone.inbox.filter { $0.status == 200 }
        #expect(answers.count == 3)
        #expect(answers.allSatisfy { Body.media(of: $0) == .some(external) })
    }

    @Test(arguments: Setting.bothWays)
    func `without holes for any source the endpoint is reserved before it is told`(_ setting: Setting) throws {
        let script = script(setting) { $0.halfOpen = false }
        let call = script.call()
        call.caller.invite()
        if setting.caller == .inside {
            #expect(script.open.map(\.reserved) == [Call.pair(call.caller.media)])
            #expect(told(call.callee.phone)?.address == Self.external)
        }
        call.callee.answer()
        #expect(script.open.allSatisfy { $0.reserved.isEmpty && $0.halfOpen.isEmpty })
        #expect(Set(script.open.flatMap(\.paths)) == Set(call.paths()))
    }

    @Test func `an offer that waits too long keeps its endpoint and nothing open`() throws {
        let script = script()
        let call = script.call()
        call.caller.invite()
        call.callee.ring()
        script.advance(by: .seconds(170))
        call.callee.ring()
        script.advance(by: .seconds(25))
        #expect(script.open.allSatisfy { $0.halfOpen.isEmpty })
        call.callee.answer()
        #expect(told(call.callee.phone) == script.gate.external(of: call.caller.media))
        #expect(Set(script.open.flatMap(\.paths)) == Set(call.paths()))
    }

    @Test func `a protected SDP may not be changed: 488 says so, and nothing is open`() throws {
        let script = script()
        script.opener = { Body.unseal($0, newKey: 1) }
        let call = script.call()
        call.caller.invite(.sealed(call.caller.media))
        let response = try #require(call.caller.phone.inbox.last)
        #expect(response.status == 488)
        #expect(response.value(of: .warning).map(response.text)?.contains("translates addresses") == true)
        #expect(script.gate.asked.isEmpty && call.callee.phone.inbox.isEmpty)
        script.settle()
        #expect(script.controller.sessions.isEmpty)
    }

    @Test func `a signed SDP may not be changed either`() throws {
        let script = script()
        let call = script.call()
        let part =
            "--b\r\nContent-Type: application/sdp\r\n\r\n"
            + String(decoding: Body.description(call.caller.media), as: UTF8.self)
        let signature = "\r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--b--\r\n"
        for type in ["multipart/signed", "multipart/mixed"] {
            call.caller.invite(.octets(Array((part + signature).utf8), type: "\(type);boundary=b"))
            #expect(call.caller.phone.inbox.last?.status == 488, "\(type)")
        }
        #expect(call.callee.phone.inbox.isEmpty)
    }

    @Test func `SDP in a part of a body is changed in its place`() throws {
        let script = script()
        let call = script.call()
        let sdp = String(decoding: Body.description(call.caller.media), as: UTF8.self)
        let before = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\nContent-Type: application/sdp\r\n\r\n"
        call.caller.invite(.octets(Array((before + sdp + "\r\n--b--\r\n").utf8), type: "multipart/mixed;boundary=b"))
        let request = try #require(call.callee.requests.first)
        let external = try #require(script.gate.external(of: call.caller.media))
        let expected = String(decoding: Body.description(external), as: UTF8.self)
        #expect(request.text(request.body) == before + expected + "\r\n--b--\r\n")
    }

    @Test func `IPv6 is told as it is`() throws {
        let script = script(Setting(family: .v6))
        let call = script.call()
        call.establish()
        #expect(told(call.callee.phone) == call.caller.media)
        #expect(Set(script.open.flatMap(\.paths)) == Set(call.paths()))
    }

    @Test func `when no port is free the call gets 503`() {
        let script = script()
        script.gate.faults = [0: .refuse(.noPort)]
        let call = script.call()
        call.caller.invite()
        #expect(call.caller.phone.inbox.last?.status == 503)
        #expect(call.callee.phone.inbox.isEmpty)
    }

    @Test func `a gate that comes back is asked for the same endpoints`() throws {
        let script = script()
        let call = script.call()
        call.establish()
        let external = try #require(script.gate.external(of: call.caller.media))
        script.loseGate()
        script.regainGate(empty: true)
        #expect(script.gate.wanted.contains(EndpointBinding(inside: call.caller.media, external: external)))
        #expect(Set(script.open.flatMap(\.paths)) == Set(call.paths()))
    }

    @Test func `no address inside is told when the gate gives no port for it`() throws {
        let script = script(Setting(caller: .outside, callee: .inside))
        let call = script.call()
        call.caller.invite()
        // The gate goes away before the answer: a 183 waits for nothing and has no stream.
        script.loseGate()
        call.callee.respond(183, .media(call.callee.media))
        let progress = try #require(call.caller.phone.inbox.last { $0.status == 183 })
        #expect(!progress.text(progress.body).contains("10.1.0."))
        #expect(progress.text(progress.body).contains("m=audio 0 "))
    }

    @Test func `a second phone that answers is told without an address inside`() throws {
        let fork = Fork(Setting(caller: .outside), [Fork.Device(side: .inside), Fork.Device(side: .inside)])
        fork.script.translate(to: Self.external)
        fork.caller.invite()
        fork.answerTogether()
        let answers = fork.caller.phone.inbox.filter { $0.status == 200 && !$0.body.isEmpty }
        #expect(answers.count == 2)
        for answer in answers { #expect(!answer.text(answer.body).contains("10.1.0."), "\(answer.text(answer.body))") }
    }

    @Test
    func `of an INVITE that goes inside and outside, only the inside learns who stands behind an external endpoint`()
        throws
    {
        let fork = Fork(Setting(caller: .outside), [Fork.Device(side: .inside), Fork.Device(side: .outside)])
        fork.script.translate(to: Self.external)
        // A phone inside in another call, whose external endpoint the caller names.
        let other = fork.script.call()
        other.callee.port = 22_000
        let inside = Leg(
            fork.script.phone(.inside, 16), callID: "other", isCaller: false, localURI: "sip:b@inside.example",
            remoteURI: "sip:a@outside.example")
        let caller = Leg(
            fork.script.phone(.outside, 44), callID: "other", isCaller: true, localURI: "sip:a@outside.example",
            remoteURI: "sip:b@inside.example")
        caller.invite()
        inside.answer()
        let external = try #require(fork.script.gate.external(of: inside.media))
        fork.caller.invite(.media(external))
        let offers = fork.callees.map { $0.requests.last { $0.method == .invite } }
        #expect(offers[0].map { Body.media(of: $0) } == .some(.some(.some(inside.media))))
        #expect(offers[1].map { Body.media(of: $0) } == .some(.some(.some(external))))
    }

    @Test func `the legs of a call that a server outside made into two are of different event loops`() throws {
        let (external, media) = (Endpoint(Self.external, 30_000), Endpoint(Family.v4.inside(17), 20_000))
        let binding = EndpointBinding(inside: media, external: external)
        func call() -> Call {
            let script = script(Setting(caller: .outside, callee: .inside)) { $0 = $0.share(0, of: 2) }
            return script.call()
        }
        // Nobody here knows the phone behind the endpoint: the media goes where the offer says.
        let alone = call()
        alone.caller.invite(.media(external))
        #expect(told(alone.callee.phone) == external)
        // The other event loop has told.
        let known = call()
        known.script.feed(.announced(.bindings(added: [binding], removed: [])))
        known.script.feed(.announced(.phone(media.address, isThere: true)))
        known.caller.invite(.media(external))
        #expect(told(known.callee.phone) == media)
        known.callee.answer()
        #expect(known.script.open.flatMap(\.paths).isEmpty)
        // And is told of this one's phone and its endpoints, until the call is over.
        let phone = known.callee.phone.endpoint.address
        #expect(known.script.announced.contains(.phone(phone, isThere: true)))
        known.caller.bye()
        #expect(known.script.announced.contains(.phone(phone, isThere: false)))
        var (given, taken): ([EndpointBinding], [EndpointBinding]) = ([], [])
        for case .bindings(let added, let removed) in known.script.announced {
            given += added
            taken += removed
        }
        #expect(Set(given) == Set(taken) && !given.isEmpty)
        known.script.feed(.announced(.bindings(added: [], removed: [binding])))
        known.script.feed(.announced(.phone(media.address, isThere: false)))
        #expect(known.script.controller.gate.insides.isEmpty)
        // With one event loop nothing is said.
        let one = script().call()
        one.establish()
        #expect(one.script.announced.isEmpty)
    }
}
