import GateProtocol
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

@Suite struct SessionTimerTests {
    private func call(_ policy: SessionTimerPolicy? = SessionTimerPolicy(expires: 600, minimum: 120)) -> Call {
        Script { $0.sessionTimer = policy }.call()
    }

    private func text(_ message: Message?, _ name: HeaderName) -> String? {
        message.flatMap { message in message.value(of: name).map(message.text) }
    }

    private func invite(_ call: Call, _ fields: [(HeaderName, String)]) {
        call.caller.invite { message in
            for (name, value) in fields { message.append(name, Array(value.utf8)) }
        }
    }

    @Test func `without a policy nothing is said of timers`() {
        let call = call(nil)
        invite(call, [])
        #expect(text(call.callee.requests.first, .sessionExpires) == nil)
    }

    @Test(
        arguments: [
            ([], "600", "120"), ([(.sessionExpires, "1800;refresher=uas")], "600;refresher=uas", "120"),
            ([(.sessionExpires, "300")], "300", "120"), ([(.sessionExpires, "100")], "120", "120"),
            ([(.minSE, "900")], "900", "900"), ([(.sessionExpires, "4000"), (.minSE, "700")], "700", "700"),
        ] as [([(HeaderName, String)], String, String)])
    func `what goes on to the callee`(_ fields: [(HeaderName, String)], _ expires: String, _ minimum: String) {
        let call = call()
        invite(call, fields)
        #expect(text(call.callee.requests.first, .sessionExpires) == expires)
        #expect(text(call.callee.requests.first, .minSE) == minimum)
    }

    @Test(arguments: [UInt32(119), 120])
    func `an interval that is too short is 422 for who knows timers`(_ seconds: UInt32) {
        let call = call()
        invite(call, [(.supported, "100rel, timer"), (.sessionExpires, "\(seconds)")])
        #expect(call.caller.statuses == (seconds < 120 ? [422] : []))
        if seconds < 120 {
            #expect(text(call.caller.responses.last, .minSE) == "120")
            #expect(call.script.controller.sessions.isEmpty)
        }
    }

    @Test func `Min-SE is not written for who knows timers`() {
        let call = call()
        invite(call, [(.supported, "timer")])
        #expect(text(call.callee.requests.first, .minSE) == nil)
        #expect(text(call.callee.requests.first, .sessionExpires) == "600")
    }

    @Test func `a 2xx that comes again says the same of the timer, and the first one starts it`() {
        let call = call()
        call.caller.acknowledges = false
        invite(call, [(.supported, "timer")])
        call.callee.answer()
        call.script.advance(by: .milliseconds(1_600))
        let answers = call.caller.phone.inbox.filter { $0.status == 200 && $0.cseq.method == .invite }
        #expect(answers.count == 3)
        #expect(
            answers.allSatisfy { text($0, .sessionExpires) == "600;refresher=uac" && text($0, .require) == "timer" })
    }

    @Test func `a call that nobody refreshes is over, one that is refreshed is not`() {
        let call = call()
        invite(call, [(.supported, "timer")])
        call.callee.answer()
        #expect(text(call.caller.responses.last, .sessionExpires) == "600;refresher=uac")
        #expect(text(call.caller.responses.last, .require) == "timer")
        call.script.advance(by: .seconds(500))
        call.caller.invite { $0.append(.supported, Array("timer".utf8)) }
        call.callee.answer()
        call.script.advance(by: .seconds(599))
        #expect(!call.script.open.isEmpty)
        call.script.advance(by: .seconds(2))
        #expect(call.script.isClosed)
        #expect(call.script.controller.sessions.isEmpty)
        #expect(call.script.log.contains { if case .sessionClosed(_, .expired) = $0 { true } else { false } })
    }

    @Test func `what the callee settles on counts`() {
        let call = call()
        invite(call, [(.supported, "timer")])
        var response = call.callee.response(200, to: call.callee.requests[0], .media(call.callee.media))
        response.append(.sessionExpires, Array("200;refresher=uas".utf8))
        call.script.transmit(response.serialized(), from: call.callee.phone, to: call.callee.phone.gateway)
        #expect(text(call.caller.responses.last, .sessionExpires) == "200;refresher=uas")
        call.script.advance(by: .seconds(199))
        #expect(!call.script.isClosed)
        call.script.advance(by: .seconds(2))
        #expect(call.script.isClosed)
    }

    @Test func `between phones that know no timers a call lasts`() {
        let call = call()
        call.establish()
        call.script.advance(by: .seconds(100_000))
        #expect(call.script.open == [Holes(paths: call.paths())])
        call.caller.bye()
        call.script.settle()
        #expect(call.script.leftovers.isEmpty)
    }
}
