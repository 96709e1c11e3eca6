import GateProtocol
import SIPText
import Testing
import Wire

@testable import Gateway

/// Where offer and answer stand other than in INVITE and 200: early media, delayed offers, PRACK, forks.
@Suite struct OfferTests {
    private func end(_ script: Script, _ call: Call) {
        call.caller.bye()
        #expect(script.open.isEmpty)
        script.settle()
        #expect(script.open.isEmpty)
        #expect(script.leftovers.isEmpty)
        #expect(script.controller.sessions.isEmpty)
    }

    // MARK: Early media

    @Test(arguments: Setting.crossing)
    func `an answer in a 183 opens its path before it goes on`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        script.gate.isManual = true
        call.callee.respond(183, .media(call.callee.phone.media()))
        #expect(call.caller.statuses.isEmpty)
        script.answerGate()
        script.gate.isManual = false
        #expect(call.caller.statuses == [183])
        #expect(script.open.first?.paths == call.paths())
        call.callee.answer()
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `a 200 without description settles on the answer of its own 183`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        call.callee.respond(183, .media(call.callee.phone.media(22_000)))
        call.callee.answer(Body.none)
        #expect(script.open == [Holes(paths: call.paths(nil, call.callee.phone.media(22_000)))])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `each fork has its own early path and the one that answers keeps its`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        let (one, other) = (call.callee.phone.media(22_000), call.callee.phone.media(24_000))
        call.callee.respond(183, .media(one), tag: "fork-a")
        call.callee.respond(183, .media(other), tag: "fork-b")
        #expect(Set(script.open.flatMap(\.paths)) == Set(call.paths(nil, one) + call.paths(nil, other)))
        call.callee.answer(Body.none, tag: "fork-b")
        #expect(script.open == [Holes(paths: call.paths(nil, other))])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `ending the second of two forks that answered leaves the first its media`(_ setting: Setting) throws {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        call.callee.ring()
        let invite = try #require(call.callee.requests.first)
        let late = call.callee.response(200, to: invite, .media(call.callee.phone.media(24_000)), tag: "fork-b")
        call.callee.answer()
        script.transmit(late.serialized(), from: call.callee.phone, to: call.callee.phone.gateway)
        #expect(call.caller.phone.inbox.last?.tag(of: .to).map { call.caller.phone.inbox.last?.text($0) } == "fork-b")
        call.caller.end(fork: "fork-b")
        #expect(call.callee.phone.inbox.last?.method == .bye)
        #expect(script.open == [Holes(paths: call.paths())])
        script.settle()
        #expect(script.open == [Holes(paths: call.paths())])
        call.caller.bye()
        #expect(script.open.isEmpty)
    }

    @Test func `early media ends with the call that never came up`() {
        let script = Script()
        let call = script.call()
        call.caller.invite()
        call.callee.respond(183, .media(call.callee.phone.media()))
        call.callee.reject()
        #expect(script.open.isEmpty)
        script.settle()
        #expect(script.leftovers.isEmpty)
    }

    // MARK: Delayed offer

    @Test(arguments: Setting.crossing)
    func `a delayed offer is answered by the ACK, which waits for the gate`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite(Body.none)
        #expect(call.asked.isEmpty)
        call.caller.acknowledges = false
        call.callee.answer()
        #expect(call.asked == call.half(call.callee))
        script.gate.isManual = true
        call.caller.acknowledge(.media(call.caller.phone.media()))
        #expect(call.callee.requests.last?.method == .invite)
        script.answerGate()
        script.gate.isManual = false
        #expect(call.callee.requests.last?.method == .ack)
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `an ACK that comes twice is not a new offer`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite(Body.none)
        call.callee.answer()
        call.caller.acknowledge(.media(call.caller.phone.media()))
        let moved = call.callee.phone.media(31_000)
        let ack = call.caller.make(.ack, .media(call.caller.phone.media(40_000)), sequence: 1)
        call.callee.invite(.media(moved))
        script.transmit(ack.serialized(), from: call.caller.phone, to: call.caller.nextHop)
        #expect(script.open.first?.paths == call.paths())
        call.caller.answer()
        #expect(script.open == [Holes(paths: call.paths(nil, moved))])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `a description in an ACK that nobody waits for opens nothing`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        call.caller.acknowledge(.media(call.caller.phone.media(40_000)))
        #expect(script.open == [Holes(paths: call.paths())])
        call.callee.invite()
        call.caller.answer()
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `an ACK that should answer and does not leaves nothing half open`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite(Body.none)
        call.caller.acknowledging = Body.none
        call.callee.answer()
        #expect(script.open.isEmpty)
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `a delayed re-INVITE changes the paths with its ACK`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let (near, far) = (call.caller.phone.media(30_000), call.callee.phone.media(31_000))
        call.caller.acknowledging = .media(near)
        call.caller.invite(Body.none)
        call.callee.answer(.media(far))
        #expect(script.open == [Holes(paths: call.paths(near, far))])
        end(script, call)
    }

    // MARK: Reliable provisional responses

    @Test(arguments: Setting.bothWays)
    func `an offer in a 183 is answered by PRACK`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite(Body.none)
        call.callee.respond(183, .media(call.callee.phone.media()))
        #expect(call.asked == call.half(call.callee))
        call.caller.send(.prack, .media(call.caller.phone.media()))
        #expect(call.callee.requests.last?.method == .prack)
        #expect(script.open == [Holes(paths: call.paths())])
        call.caller.acknowledging = Body.none
        call.callee.answer(Body.none)
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `a PRACK that fails does not undo the INVITE's offer`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        call.callee.respond(183, .media(call.callee.phone.media()))
        call.callee.otherStatus = 481
        call.caller.send(.prack)
        #expect(call.caller.lastStatus == 481)
        #expect(script.open.first?.paths == call.paths())
        call.callee.answer()
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `an UPDATE before the 200 moves the path that the 183 opened`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        call.callee.respond(183, .media(call.callee.phone.media()))
        let moved = call.caller.phone.media(30_000)
        call.caller.send(.update, .media(moved))
        #expect(script.open == [Holes(paths: call.paths(moved))])
        call.callee.answer(Body.none)
        #expect(script.open == [Holes(paths: call.paths(moved))])
        let back = call.callee.phone.media(31_000)
        call.callee.invite(.media(back))
        call.caller.answer(.media(moved))
        #expect(script.open == [Holes(paths: call.paths(moved, back))])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `a 200 that repeats the answer of a settled exchange is no offer`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        call.callee.respond(183, .media(call.callee.phone.media()))
        let moved = call.caller.phone.media(30_000)
        call.caller.send(.update, .media(moved))
        call.callee.answer()
        #expect(script.open == [Holes(paths: call.paths(moved))])
        call.caller.invite(.media(moved))
        call.callee.answer()
        #expect(script.open == [Holes(paths: call.paths(moved))])
        end(script, call)
    }

    // MARK: Halves

    @Test func `without half-open holes an INVITE goes on at once`() {
        let script = Script { $0.halfOpen = false }
        let call = script.call()
        call.caller.invite()
        #expect(call.asked.isEmpty)
        #expect(call.callee.requests.count == 1)
        call.callee.answer()
        #expect(call.asked == [.narrow(call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `a refused answer in a 183 opens nothing and the call goes on`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        script.gate.faults = [call.asked.count: .refuse(.tableFull)]
        call.callee.respond(183, .media(call.callee.phone.media(22_000)))
        #expect(call.caller.statuses == [183])
        #expect(script.open.flatMap(\.paths).isEmpty)
        call.callee.answer()
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `an answer in a 183 that is refused, and refused again in the 200, ends the call`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        script.gate.faults = [call.asked.count: .refuse(.tableFull)]
        call.callee.respond(183, .media(call.callee.media))
        script.gate.faults = [call.asked.count: .refuse(.tableFull)]
        call.callee.answer(Body.none)
        #expect(call.caller.statuses == [183, 503])
        #expect(call.callee.requests.map(\.method) == [.invite, .ack, .bye])
        #expect(script.open.isEmpty)
        script.settle()
        #expect(script.controller.sessions.isEmpty)
    }

    @Test(arguments: Setting.bothWays)
    func `a refused answer in a 183 is asked for again by the 200 that makes it final`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        script.gate.faults = [call.asked.count: .refuse(.tableFull)]
        call.callee.respond(183, .media(call.callee.media))
        call.callee.answer(Body.none)
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `a forbidden answer in a 183 to a re-INVITE leaves nothing open once it is final`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        call.caller.invite(.media(call.caller.phone.media(30_000)))
        call.callee.respond(183, .media(Endpoint(.v4(0x7F00_0001), 20_000)))
        call.callee.answer(Body.none)
        #expect(script.open.isEmpty)
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `an answer in a 183 to a re-INVITE that fails is forgotten though another INVITE came`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        call.callee.invite(.media(call.callee.phone.media(30_000)))
        call.caller.respond(183, .media(call.caller.phone.media(31_000)))
        call.caller.isRude = true
        call.caller.invite(.media(call.caller.phone.media(32_000)))
        #expect(call.caller.lastStatus == 491)
        call.caller.reject(487)
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `an INVITE of the callee before its 200 came through does not take its place in the dialog`(_ setting: Setting)
    {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite(Body.none)
        script.gate.isManual = true
        call.caller.isRude = true
        call.callee.answer(.envelope())
        call.callee.invite(Body.none)
        call.caller.answer()
        while !script.gate.waiting.isEmpty { script.answerGate() }
        script.open(DisclosureTests.opened(call.callee.media))
        script.gate.isManual = false
        while !script.gate.waiting.isEmpty { script.answerGate() }
        // The caller's BYE must be known for its own, or the holes stay.
        call.caller.bye()
        #expect(script.open.isEmpty)
        #expect(script.controller.sessions.isEmpty)
        call.hangUp()
        script.settle()
        #expect(script.open.isEmpty)
        #expect(script.leftovers.isEmpty)
        #expect(script.controller.sessions.isEmpty)
    }

    @Test(arguments: Setting.bothWays)
    func `a PRACK that says nothing of media neither waits for the gate nor fails with it`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        script.gate.isManual = true
        let inside = setting.caller == .inside ? call.caller : call.callee
        inside.invite(.media(inside.phone.media(30_000)))
        call.caller.send(.prack)
        #expect(call.caller.lastStatus == 200)
        script.answerGate(.tableFull)
        script.gate.isManual = false
        while !script.gate.waiting.isEmpty { script.answerGate() }
        #expect(inside.statuses.contains(503))
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }
}
