import GateProtocol
import SIPText
import Testing
import Wire

@testable import Gateway

/// What changes in a call that is up: re-INVITE, UPDATE, hold.
@Suite struct ReinviteTests {
    private func end(_ script: Script, _ call: Call) {
        call.caller.bye()
        #expect(script.open.isEmpty)
        script.settle()
        #expect(script.open.isEmpty)
        #expect(script.leftovers.isEmpty)
        #expect(script.controller.sessions.isEmpty)
    }

    @Test(arguments: Setting.crossing, [true, false])
    func `a re-INVITE opens the new and keeps the old until it is answered`(_ setting: Setting, _ byCaller: Bool) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let (one, other) = byCaller ? (call.caller, call.callee) : (call.callee, call.caller)
        let moved = one.phone.media(30_000)
        one.invite(.media(moved))
        let half = one.phone.side == .inside ? Call.pair(moved) : []
        #expect(script.open == [Holes(halfOpen: half, paths: call.paths())])
        other.answer()
        let paths = byCaller ? call.paths(moved) : call.paths(nil, moved)
        #expect(script.open == [Holes(paths: paths)])
        #expect(call.asked.last == .narrow(paths))
        end(script, call)
    }

    @Test(arguments: Setting.crossing, [UInt16(488), 491, 500])
    func `a re-INVITE that is refused leaves what was open before`(_ setting: Setting, _ status: UInt16) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        call.caller.invite(.media(call.caller.phone.media(30_000)))
        call.callee.reject(status)
        #expect(call.caller.lastStatus == status)
        #expect(script.open == [Holes(paths: call.paths())])
        // The next one starts from a clean exchange.
        let moved = call.callee.phone.media(31_000)
        call.callee.invite(.media(moved))
        call.caller.answer()
        #expect(script.open == [Holes(paths: call.paths(nil, moved))])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `a re-INVITE that is cancelled leaves what was open before`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        call.caller.invite(.media(call.caller.phone.media(30_000)))
        call.callee.respond(183)
        call.caller.cancel()
        #expect(call.caller.lastStatus == 200 || call.caller.lastStatus == 487)
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test func `a re-INVITE that is cancelled while the gate works leaves what was open before`() {
        let script = Script()
        let call = script.call()
        call.establish()
        script.gate.isManual = true
        call.caller.invite(.media(call.caller.phone.media(30_000)))
        call.caller.cancel()
        while !script.gate.waiting.isEmpty { script.answerGate() }
        script.gate.isManual = false
        #expect(call.caller.statuses.last == 487)
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `a re-INVITE that nobody answers leaves the call to its ends`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let from = script.sent.count
        script.lostSends = [from + 1]
        call.caller.invite(.media(call.caller.phone.media(30_000)))
        #expect(call.caller.lastStatus == 500)
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `a re-INVITE for a dialog that its other end forgot closes everything`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        call.caller.invite(.media(call.caller.phone.media(30_000)))
        call.callee.respond(481)
        #expect(call.caller.statuses.contains(481))
        #expect(script.open.isEmpty)
        script.settle()
        #expect(script.controller.sessions.isEmpty)
    }

    @Test(arguments: Setting.bothWays)
    func `a re-INVITE that says nothing new asks for nothing`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let before = call.asked
        call.callee.invite()
        call.caller.answer()
        #expect(call.asked == before)
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `offers that cross are refused by 491 and neither is taken for the other's answer`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        call.caller.invite(.media(call.caller.phone.media(30_000)))
        call.callee.invite(.media(call.callee.phone.media(31_000)))
        #expect(call.callee.lastStatus == 491)
        call.callee.reject(491)
        #expect(call.caller.lastStatus == 491)
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    // MARK: UPDATE

    @Test(arguments: Setting.crossing, [true, false])
    func `UPDATE moves the paths`(_ setting: Setting, _ byCaller: Bool) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let one = byCaller ? call.caller : call.callee
        let moved = one.phone.media(30_000)
        one.send(.update, .media(moved))
        #expect(one.lastStatus == 200)
        #expect(script.open == [Holes(paths: byCaller ? call.paths(moved) : call.paths(nil, moved))])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `an UPDATE without an offer changes nothing, nor does its failure while an offer is open`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let moved = call.caller.phone.media(30_000)
        call.caller.invite(.media(moved))
        script.lostSends = [script.sent.count]
        call.callee.send(.update)
        call.callee.answer()
        #expect(script.open == [Holes(paths: call.paths(moved))])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `an UPDATE that cannot be sent leaves what was open before`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        script.lostSends = [script.sent.count]
        call.caller.send(.update, .media(call.caller.phone.media(30_000)))
        #expect(call.caller.lastStatus == 500)
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `an UPDATE that nobody answers leaves what was open before`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        call.callee.isDeaf = true
        call.caller.send(.update, .media(call.caller.phone.media(30_000)))
        script.advance(by: .seconds(33))
        #expect(script.open == [Holes(paths: call.paths())])
        call.callee.isDeaf = false
        end(script, call)
    }

    // MARK: Hold

    @Test(arguments: Setting.crossing, [true, false])
    func `hold by the address 0.0.0.0 closes and resuming opens again`(_ setting: Setting, _ byCaller: Bool) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let (one, other) = byCaller ? (call.caller, call.callee) : (call.callee, call.caller)
        one.invite(.media(nil))
        #expect(script.open == [Holes(paths: call.paths())])
        other.answer()
        #expect(script.open.isEmpty)
        #expect(call.asked.last == .close)
        #expect(one.isUp && other.isUp)
        one.invite()
        other.answer()
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }

    @Test(arguments: Setting.bothWays)
    func `a stream that is ended by port 0 closes`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let ended = Body.octets(Body.description(call.caller.phone.media(), port: 0), type: "application/sdp")
        call.caller.invite(ended)
        call.callee.answer(.octets(Body.description(call.callee.phone.media(), port: 0), type: "application/sdp"))
        #expect(script.open.isEmpty)
        end(script, call)
    }

    @Test func `hold by direction keeps the paths`() {
        let script = Script()
        let call = script.call()
        call.establish()
        let held = Body.description(call.caller.phone.media()) + Array("a=sendonly\r\n".utf8)
        call.caller.invite(.octets(held, type: "application/sdp"))
        call.callee.answer()
        #expect(script.open == [Holes(paths: call.paths())])
        end(script, call)
    }
}

/// Requests that cross in a call that is up, and what is left of each.
@Suite struct CrossingTests {
    @Test(arguments: Setting.bothWays)
    func `an UPDATE is answered although an INVITE without SDP that crossed it has failed`(_ setting: Setting) throws {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        // The callee's UPDATE waits at the caller while the caller's INVITE is refused.
        call.caller.isDeaf = true
        let moved = call.callee.phone.media(31_000)
        call.callee.send(.update, .media(moved))
        let update = try #require(call.caller.requests.last)
        call.caller.invite(Body.none)
        call.callee.reject(491)
        #expect(call.caller.lastStatus == 491)
        let other = call.caller.phone.media(30_000)
        let answer = call.caller.response(200, to: update, .media(other))
        script.transmit(answer.serialized(), from: call.caller.phone, to: call.caller.phone.gateway)
        #expect(call.callee.statuses.last == 200)
        #expect(Set(script.open.flatMap(\.paths)) == Set(call.paths(other, moved)))
        #expect(script.open.allSatisfy { $0.halfOpen.isEmpty })
    }
}
