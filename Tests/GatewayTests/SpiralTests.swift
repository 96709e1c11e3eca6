import GateProtocol
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// Calls that come by more than once: forked before they came, or from inside to inside by a server outside.
@Suite struct SpiralTests {
    private func leg(_ phone: Phone, _ id: String, isCaller: Bool, name: String = "") -> Leg {
        let (alice, bob) = ("sip:alice@outside.example", "sip:bob@inside.example")
        return Leg(
            phone, callID: id, isCaller: isCaller, localURI: isCaller ? alice : bob, remoteURI: isCaller ? bob : alice,
            name: name)
    }

    @Test func `a call that was forked outside rings at both phones inside, and each has its own end`() throws {
        let script = Script()
        let caller = leg(script.phone(.outside, 32), "forked", isCaller: true)
        let phones = [script.phone(.inside, 16), script.phone(.inside, 17)]
        // The second phone is reached by a domain of its own.
        let callees = [
            leg(phones[0], "forked", isCaller: false, name: "-1"),
            leg(phones[1], "forked", isCaller: false, name: "-2"),
        ]
        script.controller = SessionController(
            settings: script.controller.settings.routed("other.example", to: phones[1].endpoint))
        script.feed(.gateConnected(holeTimeout: .seconds(60)))
        for (index, uri) in ["sip:bob@inside.example", "sip:bob@other.example"].enumerated() {
            var invite = caller.make(.invite, .media(caller.media), sequence: 1)
            invite.setRequestURI(Array(uri.utf8))
            script.transmit(invite.serialized(), from: caller.phone, to: caller.phone.gateway)
            #expect(callees[index].isAsked)
        }
        #expect(script.controller.sessions.count == 2)
        callees[1].ring()
        callees[0].ring()
        callees[0].answer()
        #expect(callees[1].isAsked)
        callees[1].reject(486)
        #expect(script.controller.sessions.count == 1)
        #expect(script.open.flatMap(\.paths).allSatisfy { $0.inside.address == phones[0].endpoint.address })
        #expect(!script.open.isEmpty)
    }

    /// A proxy outside that sends what is for its domain back inside; it may record its route.
    private func proxy(_ script: Script, recordsRoute: Bool) -> Phone {
        let proxy = script.phone(.outside, 32)
        proxy.relay = { [unowned proxy] message in
            var message = message
            if message.isRequest {
                if message.address(of: .route).map({
                    Leg.endpoint(ofRoute: Array("<".utf8) + message.copy($0.uri) + Array(">".utf8)) == proxy.endpoint
                }) ?? false {
                    message.removeFirstValue(of: .route)
                }
                if message.method == .invite, message.tag(of: .to) == nil {
                    message.setRequestURI(Array("sip:bob@inside.example".utf8))
                    if recordsRoute { message.prepend(.recordRoute, Array("<sip:\(proxy.endpoint);lr>".utf8)) }
                }
                message.prepend(.via, proxy.via())
            } else {
                guard message.status != 100 else { return }
                message.removeFirstValue(of: .via)
            }
            script.transmit(message.serialized(), from: proxy, to: proxy.gateway)
        }
        return proxy
    }

    @Test(arguments: [true, false], [true, false])
    func `two phones inside call each other by a proxy outside`(_ recordsRoute: Bool, isTranslated: Bool) throws {
        let script = Script()
        if isTranslated { script.translate(to: .v4(0xC633_00C8)) }
        let proxy = proxy(script, recordsRoute: recordsRoute)
        let uri = "sip:bob@outside.example"
        let (alice, bob) = (script.phone(.inside, 9), script.phone(.inside, 16))
        let caller = Leg(alice, callID: "spiral", isCaller: true, localURI: "sip:alice@inside.example", remoteURI: uri)
        let callee = Leg(bob, callID: "spiral", isCaller: false, localURI: uri, remoteURI: "sip:alice@inside.example")
        caller.invite()
        #expect(callee.isAsked, "\(proxy.inbox.compactMap(\.status))")
        #expect(script.controller.sessions.count == 2)
        callee.ring()
        callee.answer()
        #expect(caller.isUp && callee.isUp)
        #expect(callee.requests.contains { $0.method == .ack })
        // Their media goes from one to the other without the gateway.
        #expect(script.open.flatMap(\.paths).isEmpty)
        #expect(caller.agreed?.remote == callee.media && callee.agreed?.remote == caller.media)
        // Outside they are where an answer would reach them.
        let offered = try #require(proxy.inbox.first { $0.method == .invite })
        let external = script.gate.external(of: caller.media)
        #expect((external != nil) == isTranslated)
        #expect(Body.media(of: offered) == .some(external ?? caller.media))
        let answered = try #require(proxy.inbox.first { $0.status == 200 })
        #expect(Body.media(of: answered) == .some(script.gate.external(of: callee.media) ?? callee.media))
        if isTranslated {
            for message in proxy.inbox where !message.body.isEmpty {
                #expect(!message.text(message.body).contains("10.1.0."), "\(message.text(message.body))")
            }
        }
        callee.bye()
        #expect(caller.state == .over && callee.statuses.last == 200)
        script.settle()
        #expect(script.controller.sessions.isEmpty && script.isClosed)
    }

    @Test func `what is not the address of a phone in a call may still not be named from outside`() {
        let script = Script()
        let call = script.call()
        let other = script.call()
        other.establish()
        call.caller.invite()
        call.callee.answer(.media(Endpoint(Family.v4.address(.inside, 99), 20_000)))
        #expect(call.caller.lastStatus == 502)
        #expect(script.open.count == 1)
    }
}

extension ControllerSettings {
    fileprivate func routed(_ domain: String, to remote: Endpoint) -> ControllerSettings {
        var settings = self
        settings.routes.append(StaticRoute(domain: Array(domain.utf8), destination: Destination(.udp, remote)))
        return settings
    }
}
