import GateProtocol
import SIPText
import SIPTransactions
import Testing

@testable import Gateway

/// Calls that never come up: refused, cancelled, unanswered.
@Suite struct CancelTests {
    private func expectNothingLeft(_ script: Script) {
        #expect(script.open.isEmpty)
        script.settle()
        #expect(script.open.isEmpty)
        #expect(script.leftovers.isEmpty)
        #expect(script.controller.sessions.isEmpty)
    }

    @Test(arguments: Setting.bothWays)
    func `CANCEL closes at once, goes on, and the INVITE ends by 487`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        call.callee.ring()
        call.caller.cancel()
        #expect(call.asked == call.half(call.caller) + (setting.caller == .inside ? [.close] : []))
        #expect(call.caller.statuses.contains(487))
        #expect(call.caller.state == .over && call.callee.state == .over)
        expectNothingLeft(script)
    }

    @Test func `CANCEL before any provisional response waits for one`() {
        let script = Script()
        let call = script.call()
        let phone = call.callee.phone
        call.caller.invite()
        call.caller.cancel()
        #expect(call.asked.last == .close)
        #expect(!phone.inbox.contains { $0.method == .cancel })
        call.callee.ring()
        #expect(phone.inbox.contains { $0.method == .cancel })
        #expect(call.caller.statuses.last == 487)
        expectNothingLeft(script)
    }

    @Test func `CANCEL while the gate still works ends the INVITE before it goes on`() {
        let script = Script()
        let call = script.call()
        script.gate.isManual = true
        call.caller.invite()
        #expect(call.callee.requests.isEmpty)
        call.caller.cancel()
        #expect(call.caller.statuses == [200])
        script.answerGate()
        while !script.gate.waiting.isEmpty { script.answerGate() }
        #expect(call.caller.statuses == [200, 487])
        #expect(call.callee.requests.isEmpty)
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays)
    func `a 2xx that crosses the CANCEL is a call that its caller ends`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        call.callee.ring()
        script.gate.isManual = true
        call.callee.answer()
        call.caller.cancel()
        while !script.gate.waiting.isEmpty { script.answerGate() }
        #expect(call.caller.statuses.contains(200))
        #expect(call.callee.requests.last?.method == .bye)
        script.gate.isManual = false
        expectNothingLeft(script)
    }

    @Test func `CANCEL of nothing is answered by 481`() {
        let script = Script()
        let call = script.call()
        let cancel = Message.cancel(for: call.caller.make(.invite))
        script.transmit(cancel.serialized(), from: call.caller.phone, to: call.caller.phone.gateway)
        #expect(call.caller.phone.inbox.last?.status == 481)
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.crossing, [UInt16(302), 404, 407, 486, 503, 603])
    func `a final error closes before it is passed on`(_ setting: Setting, _ status: UInt16) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        call.callee.ring()
        script.gate.isManual = true
        call.callee.reject(status)
        if setting.caller == .inside {
            #expect(call.caller.statuses == [180])
            script.answerGate()
        }
        // A 503 would keep the caller away from this gateway (RFC 3261 section 16.7 item 6).
        #expect(call.caller.statuses == [180, status == 503 ? 500 : status])
        script.gate.isManual = false
        expectNothingLeft(script)
    }

    @Test func `an INVITE that was challenged may come again`() {
        let script = Script()
        let call = script.call()
        call.caller.invite()
        call.callee.reject(407)
        #expect(script.controller.sessions.isEmpty)
        let again = script.call()
        again.establish()
        #expect(script.open == [Holes(paths: again.paths())])
    }

    @Test(arguments: Setting.bothWays)
    func `a callee that says nothing gives the caller a 408 and leaves nothing open`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        script.advance(by: .seconds(31))
        #expect(call.caller.statuses.isEmpty)
        script.advance(by: .seconds(2))
        #expect(call.caller.statuses == [408])
        expectNothingLeft(script)
    }

    @Test func `a callee that rings for ever is given up by timer C`() {
        let script = Script()
        let call = script.call()
        call.caller.invite()
        call.callee.ring()
        script.advance(by: .seconds(100))
        call.callee.ring()
        #expect(!script.open.isEmpty)
        // Each ringing gives the call more time, but not the hole that is open to any source.
        script.advance(by: .seconds(91))
        #expect(script.open.isEmpty)
        script.advance(by: .seconds(98))
        #expect(call.caller.statuses == [180, 180])
        script.advance(by: .seconds(2))
        #expect(call.caller.statuses.last == 408)
        #expect(call.callee.phone.inbox.contains { $0.method == .cancel })
        // Its 487 is acknowledged once.
        #expect(call.callee.phone.inbox.count { $0.method == .ack } == 1)
        #expect(script.controller.counters.strayResponses == 0)
        expectNothingLeft(script)
    }

    @Test func `a callee that answers when timer C has given it up is not left in a call alone`() {
        let script = Script()
        let call = script.call()
        call.callee.ignoresCancel = true
        call.caller.invite()
        call.callee.ring()
        script.advance(by: .seconds(191))
        #expect(call.caller.statuses.last == 408)
        call.callee.answer()
        #expect(call.callee.requests.map(\.method) == [.invite, .ack, .bye])
        #expect(call.callee.state == .over)
        #expect(script.isClosed)
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays)
    func `a transport that fails gives the caller a 500 and leaves nothing open`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        script.lostSends = [1]
        call.caller.invite()
        #expect(call.caller.statuses == [500])
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays)
    func `a BYE that nobody answers closes all the same`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        script.lostSends = Set(script.sent.count..<script.sent.count + 40)
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays)
    func `a BYE that is challenged leaves shut what it closed, and can be said again`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        call.callee.byeStatus = 401
        call.caller.bye()
        #expect(call.asked.last == .close)
        #expect(script.open.isEmpty)
        call.callee.byeStatus = 200
        call.callee.bye()
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays, [true, false])
    func `BYE from either end closes before it goes on`(_ setting: Setting, _ byCaller: Bool) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let (one, other) = byCaller ? (call.caller, call.callee) : (call.callee, call.caller)
        script.gate.isManual = true
        one.bye()
        #expect(!other.requests.contains { $0.method == .bye })
        #expect(call.asked.last == .close)
        script.answerGate()
        #expect(other.requests.last?.method == .bye)
        #expect(one.lastStatus == 200)
        expectNothingLeft(script)
    }

    @Test func `a retransmitted BYE is answered again and asks for nothing`() {
        let script = Script()
        let call = script.call()
        call.establish()
        script.doubled = [script.arrivals]
        call.caller.bye()
        #expect(call.asked.filter { $0 == .close }.count == 1)
        expectNothingLeft(script)
    }

    @Test func `shutting down closes every hole`() {
        let script = Script()
        let (first, second) = (script.call(), script.call())
        first.establish()
        second.caller.invite()
        #expect(script.open.count == 2)
        script.feed(.shutdown)
        #expect(script.open.isEmpty)
        #expect(script.controller.sessions.isEmpty)
    }

    @Test(arguments: Setting.crossing)
    func `a 2xx that crosses the CANCEL of a re-INVITE has its media`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        call.caller.port = 30_000
        call.caller.invite()
        call.callee.ring()
        call.callee.ignoresCancel = true
        call.caller.cancel()
        // What was agreed on before stays meanwhile, what is offered does not.
        let before = call.paths(call.caller.phone.media(20_000))
        #expect(script.open == [Holes(paths: before)])
        call.callee.answer()
        #expect(call.caller.statuses.last == 200)
        #expect(call.asked.contains(.narrow(call.paths())))
        // It was meant to be cancelled: the harness hangs up.
        expectNothingLeft(script)
    }

    @Test func `a failure behind a burst of provisional responses is passed on`() {
        let script = Script()
        let call = script.call()
        call.caller.invite()
        script.gate.isManual = true
        call.callee.respond(183, .media(call.callee.media))
        for _ in 0..<2 * ProxyContext.maximumQueue { call.callee.ring() }
        call.callee.reject(486)
        while !script.gate.waiting.isEmpty { script.answerGate() }
        script.gate.isManual = false
        #expect(call.caller.statuses.last == 486)
        #expect(call.caller.statuses.count == 2 + ProxyContext.maximumQueue)
        expectNothingLeft(script)
    }
}
