import GateProtocol
import SIPText
import Testing
import Wire

@testable import Gateway

/// What happens when the gate is slow, refuses, goes away and comes back.
@Suite struct GateTests {
    private func expectNothingLeft(_ script: Script) {
        script.settle()
        #expect(script.open.isEmpty)
        #expect(script.leftovers.isEmpty)
        #expect(script.controller.sessions.isEmpty)
    }

    @Test(arguments: Setting.crossing)
    func `nothing goes on before the gate has completed`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        script.gate.isManual = true
        call.caller.invite()
        if setting.caller == .inside {
            script.advance(by: .seconds(3))
            #expect(call.callee.requests.isEmpty)
            script.answerGate()
        }
        #expect(call.callee.requests.count == 1)
        call.callee.answer()
        #expect(call.caller.statuses.isEmpty)
        // The callee says it again meanwhile: neither lost nor passed on early.
        script.advance(by: .seconds(2))
        #expect(call.caller.statuses.isEmpty)
        script.answerGate()
        #expect(call.caller.statuses.first == 200)
        #expect(call.caller.isUp && call.callee.isUp)
        #expect(script.gate.waiting.isEmpty)
        #expect(script.gate.asked == call.half(call.caller) + [.narrow(call.paths())])
        call.callee.bye()
        #expect(!call.caller.requests.contains { $0.method == .bye })
        script.answerGate()
        #expect(call.caller.requests.last?.method == .bye)
        script.gate.isManual = false
        expectNothingLeft(script)
    }

    // MARK: Refusals

    @Test(
        arguments: zip(
            [
                GateRefusal.Reason.tableFull, .kernel, .noRoute, .conflict, .forbiddenAddress, .notInside,
                .tooManySessions,
            ],
            [UInt16(503), 503, 488, 488, 403, 403, 503]))
    func `what the gate refuses on INVITE is answered by`(_ reason: GateRefusal.Reason, _ status: UInt16) throws {
        let script = Script()
        let call = script.call()
        script.gate.faults = [0: .refuse(reason)]
        call.caller.invite()
        #expect(call.caller.statuses == [status])
        // Nothing was opened, so nothing is to be closed.
        #expect(call.asked.count == 1)
        #expect((try #require(call.caller.responses.last).value(of: .retryAfter) != nil) == (status == 503))
        #expect(call.callee.requests.isEmpty)
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays)
    func `what the gate refuses on 200 ends the call at both ends`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        script.gate.faults = [call.asked.count: .refuse(.tableFull)]
        call.callee.answer()
        #expect(call.callee.requests.map(\.method) == [.invite, .ack, .bye])
        #expect(call.caller.statuses == [503])
        #expect(script.open.isEmpty)
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays)
    func `what the gate refuses on a re-INVITE leaves what was open`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let inside = setting.caller == .inside ? call.caller : call.callee
        script.gate.faults = [call.asked.count: .refuse(.tableFull)]
        inside.invite(.media(inside.phone.media(30_000)))
        #expect(inside.lastStatus == 503)
        #expect(script.open == [Holes(paths: call.paths())])
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays)
    func `what the gate refuses of an answer to a re-INVITE ends the call`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let (inside, outside) = setting.caller == .inside ? (call.caller, call.callee) : (call.callee, call.caller)
        inside.invite(.media(inside.phone.media(30_000)))
        script.gate.faults = [call.asked.count: .refuse(.tableFull)]
        outside.answer()
        #expect(inside.lastStatus == 503)
        #expect(script.open.isEmpty)
        // The other end was told; this one is when it hangs up.
        #expect(outside.state == .over)
        inside.bye()
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays)
    func `what the gate refuses of the answer in an ACK leaves nothing half open`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite(Body.none)
        call.caller.acknowledges = false
        call.callee.answer()
        script.gate.faults = [call.asked.count: .refuse(.conflict)]
        call.caller.acknowledge(.media(call.caller.phone.media()))
        #expect(call.callee.requests.last?.method == .ack)
        #expect(script.open.isEmpty)
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test func `a refusal that comes before the reply to a later request does not hide that request`() {
        let script = Script()
        let call = script.call()
        call.establish()
        script.gate.isManual = true
        call.caller.invite(.media(call.caller.phone.media(30_000)))
        call.caller.cancel()
        // The renewal asks once more for what is still under way.
        script.advance(by: .seconds(20))
        script.answerGate(.tableFull)
        while !script.gate.waiting.isEmpty { script.answerGate() }
        script.gate.isManual = false
        #expect(script.open == [Holes(paths: call.paths())])
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test func `what the gate refuses to take back is asked for again with the next renewal`() {
        let script = Script()
        let call = script.call()
        call.establish()
        call.caller.invite(.media(call.caller.phone.media(30_000)))
        script.gate.faults = [call.asked.count: .refuse(.kernel)]
        call.callee.reject(488)
        #expect(script.open.first?.halfOpen.isEmpty == false)
        script.advance(by: .seconds(20))
        #expect(script.open == [Holes(paths: call.paths())])
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test func `a BYE goes on though the gate refuses, and the holes die with their timeout`() {
        let script = Script()
        let call = script.call()
        call.establish()
        script.gate.faults = [call.asked.count: .refuse(.kernel), call.asked.count + 1: .refuse(.kernel)]
        call.caller.bye()
        #expect(call.caller.lastStatus == 200)
        #expect(!script.open.isEmpty)
        script.advance(by: .seconds(61))
        #expect(script.open.isEmpty)
        expectNothingLeft(script)
    }

    // MARK: Away and back

    @Test(arguments: Setting.bothWays)
    func `without a gate a call is refused with 503 and told when to try again`(_ setting: Setting) throws {
        let script = Script(setting)
        script.loseGate()
        let call = script.call()
        call.caller.invite()
        if setting.caller == .outside { call.callee.answer() }
        let response = try #require(call.caller.responses.last)
        #expect(response.status == 503)
        #expect(response.value(of: .retryAfter).map(response.text) == "5")
        #expect(call.callee.requests.last?.method != .invite)
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.all.filter { $0.caller == $0.callee })
    func `a call whose media does not cross needs no gate`(_ setting: Setting) {
        let script = Script(setting)
        script.loseGate()
        let call = script.call()
        call.establish()
        #expect(call.caller.isUp)
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays, [true, false])
    func `calls keep their media while the gate is away and are opened again when it is back`(
        _ setting: Setting, _ empty: Bool
    ) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        script.loseGate()
        #expect(script.open == [Holes(paths: call.paths())])
        script.advance(by: .seconds(10))
        #expect(call.caller.isUp && call.callee.isUp)
        // What changes nothing goes through.
        call.caller.invite()
        call.callee.answer()
        #expect(call.caller.lastStatus == 200)
        call.callee.send(.info)
        #expect(call.callee.lastStatus == 200)
        script.regainGate(empty: empty)
        #expect(script.open == [Holes(paths: call.paths())])
        #expect(call.asked.last == .narrow(call.paths()))
        script.advance(by: .seconds(300))
        #expect(script.open == [Holes(paths: call.paths())])
        call.callee.bye()
        expectNothingLeft(script)
    }

    @Test(arguments: Setting.bothWays)
    func `a call that ended while the gate was away is closed when it is back`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        script.loseGate()
        call.callee.bye()
        #expect(call.callee.lastStatus == 200)
        #expect(!script.open.isEmpty)
        script.regainGate()
        #expect(script.open.isEmpty)
        #expect(script.log.contains(.gateConnected(unknownSessionsClosed: 1)))
        expectNothingLeft(script)
    }

    @Test func `holes of sessions that nobody knows are closed, page by page`() {
        let script = Script()
        let count = GateLimits.reportsPerPage * 2 + 3
        for number in 0..<count {
            let holes = Holes(halfOpen: [Endpoint(Family.v4.inside(UInt32(100 + number)), 20_000)])
            script.gate.entries[SessionID(UInt64(number))] = FakeGate.Entry(
                holes: holes, expires: script.now + .seconds(60))
        }
        let call = script.call()
        call.establish()
        script.loseGate()
        script.regainGate()
        #expect(script.open == [Holes(paths: call.paths())])
        #expect(script.log.contains(.gateConnected(unknownSessionsClosed: count)))
    }

    @Test func `a request that was done though its reply was lost is undone`() {
        let script = Script()
        let call = script.call()
        call.caller.invite(.media(nil))
        call.callee.answer(.media(nil))
        script.gate.faults = [call.asked.count: .vanish(afterDoing: true)]
        call.caller.invite()
        #expect(call.caller.lastStatus == 503)
        #expect(!script.open.isEmpty)
        script.advance(by: .seconds(3))
        #expect(script.open.isEmpty)
        #expect(call.caller.isUp)
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test func `a reply from before the gate went away is nobody's`() {
        let script = Script()
        let call = script.call()
        script.gate.isManual = true
        call.caller.invite()
        let token = script.gate.waiting[0].token
        script.loseGate()
        #expect(call.caller.statuses == [503])
        script.feed(.gateReplied(token, .completed))
        script.feed(.gateReplied(GateToken(value: 999), .completed))
        #expect(call.callee.requests.isEmpty)
        script.gate.isManual = false
        script.regainGate()
        expectNothingLeft(script)
    }

    // MARK: Renewal

    @Test func `holes are renewed three times in their timeout, and only those that are open`() {
        let script = Script()
        let (up, held) = (script.call(), script.call())
        up.establish()
        held.caller.invite(.media(nil))
        held.callee.answer()
        script.advance(by: .seconds(60))
        #expect(script.gate.renewals.count == 3)
        let session = script.controller.sessions.values.first { $0.callID == Array(up.caller.callID.utf8) }
        #expect(script.gate.renewals.allSatisfy { $0 == session.map { [$0.id] } })
        script.advance(by: .seconds(3_600))
        #expect(script.open == [Holes(paths: up.paths())])
    }

    @Test func `what the gate no longer has is opened again`() {
        let script = Script()
        let call = script.call()
        call.establish()
        script.gate.entries = [:]
        script.advance(by: .seconds(20))
        #expect(script.open == [Holes(paths: call.paths())])
    }

    @Test func `sessions are renewed in requests of bounded size`() throws {
        let script = Script()
        let call = script.call()
        call.establish()
        let session = try #require(call.session)
        // As many sessions as one request names beside this one: set in place, since calls take long in this number.
        let most = GateLink.holesPerRenewal / session.installed.count
        for number in 0..<UInt64(most) {
            script.controller.sessions[SessionID(number)] = session
            script.gate.entries[SessionID(number)] = FakeGate.Entry(
                holes: session.installed, expires: script.now + script.gate.holeTimeout)
        }
        script.advance(by: .seconds(20))
        #expect(script.gate.renewals.map(\.count) == [most, 1])
    }

    // MARK: Several controllers at one gate

    @Test func `controllers that share the gate number their sessions apart and leave each other's alone`() {
        let base = ControllerSettings.script(routes: [])
        let shares = (0..<3).map { base.share($0, of: 3) }
        #expect(shares.map(\.maximumSessions) == [34, 34, 34])
        let script = Script { $0 = $0.share(1, of: 3) }
        let call = script.call()
        call.establish()
        #expect(call.session.map { $0.id.value % 3 } == 1)
        let foreign = [SessionID(300), SessionID(302)]
        let orphan = SessionID(301)
        for id in foreign + [orphan] {
            script.gate.entries[id] = FakeGate.Entry(
                holes: Holes(paths: call.paths()), expires: script.now + .seconds(50))
        }
        script.loseGate()
        script.regainGate()
        #expect(foreign.allSatisfy { script.gate.entries[$0] != nil })
        #expect(script.gate.entries[orphan] == nil)
    }

    // MARK: Limits

    @Test func `as many sessions as allowed, and one more`() throws {
        let script = Script { $0.maximumSessions = 2 }
        let calls = [script.call(), script.call(), script.call()]
        for call in calls { call.caller.invite() }
        #expect(calls.map(\.caller.lastStatus) == [nil, nil, 503])
        #expect(try #require(calls[2].caller.responses.last).value(of: .retryAfter) != nil)
        calls[0].callee.reject()
        let next = script.call()
        next.establish()
        #expect(next.caller.isUp)
    }

    @Test func `a transaction table that is full refuses calls and lets them end`() {
        let script = Script { $0.maximumTransactions = 5 }
        let up = script.call()
        up.establish()
        let refused = (0..<4).map { _ in script.call() }
        for call in refused { call.caller.invite() }
        #expect(refused.last?.caller.lastStatus == 503)
        up.caller.bye()
        #expect(up.callee.requests.last?.method == .bye)
        for call in refused { call.callee.reject() }
        script.settle()
        #expect(script.open.isEmpty)
        #expect(script.leftovers.isEmpty)
    }

    @Test func `what an offer opens closes when its time is over, and the answer still has its path`() {
        let script = Script { $0.halfOpenTime = .seconds(5) }
        let call = script.call()
        call.caller.invite()
        call.callee.ring()
        script.advance(by: .milliseconds(4_900))
        #expect(script.open.flatMap(\.halfOpen).count == 2)
        script.advance(by: .milliseconds(200))
        #expect(script.isClosed)
        call.callee.answer()
        #expect(Set(script.open.flatMap(\.paths)) == Set(call.paths()))
    }

    @Test func `a renewal that is refused does not stop the others`() {
        let script = Script()
        let calls = (0..<2).map { _ in script.call() }
        for (index, call) in calls.enumerated() {
            call.caller.port = 20_000 + 10 * UInt16(index)
            call.callee.port = 20_000 + 10 * UInt16(index)
            call.establish()
        }
        script.gate.isManual = true
        script.advance(by: .seconds(21))
        #expect(script.gate.waiting.count == 1)
        script.answerGate(.kernel)
        script.gate.isManual = false
        script.advance(by: .seconds(80))
        #expect(script.gate.renewals.count >= 4)
        #expect(script.open.count == 2)
    }
}
