import GateProtocol
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// One of several controllers.
private final class Share {
    var controller: SessionController

    init(_ settings: ControllerSettings) { controller = SessionController(settings: settings) }
}

/// The process ends at any moment, and the next one goes on with what was written.
@Suite struct RecoveryTests {
    private func expectNothingLeft(_ script: Script, sourceLocation: SourceLocation = #_sourceLocation) {
        script.settle()
        #expect(script.open.isEmpty, sourceLocation: sourceLocation)
        #expect(script.leftovers.isEmpty, sourceLocation: sourceLocation)
        #expect(script.controller.sessions.isEmpty, sourceLocation: sourceLocation)
        #expect(script.journal.isEmpty, sourceLocation: sourceLocation)
    }

    // MARK: Calls that are up

    @Test(arguments: Setting.all, [false, true])
    func `a call that is up goes on, with its holes or when they are lost, and each end can end it`(
        _ setting: Setting, isLost: Bool
    ) {
        for isCallers in [true, false] {
            let script = Script(setting)
            let call = script.call()
            call.establish()
            script.restart(empty: isLost)
            let crosses = setting.caller != setting.callee
            #expect(script.open == (crosses ? [Holes(paths: call.paths())] : []))
            #expect(script.log.contains(.restored(calls: 1, ended: 0)))
            let (one, other) = isCallers ? (call.caller, call.callee) : (call.callee, call.caller)
            one.bye()
            #expect(one.lastStatus == 200)
            #expect(other.requests.last?.method == .bye && other.state == .over)
            expectNothingLeft(script)
        }
    }

    @Test(arguments: Setting.bothWays)
    func `re-INVITE and UPDATE from either end move its holes`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        for (number, leg) in [call.caller, call.callee].enumerated() {
            let other = number == 0 ? call.callee : call.caller
            script.restart()
            leg.port += 10
            leg.invite()
            other.answer()
            #expect(script.open == [Holes(paths: call.paths())])
            script.restart()
            leg.port += 10
            leg.send(.update, .media(leg.media))
            #expect(leg.lastStatus == 200)
            #expect(script.open == [Holes(paths: call.paths())])
        }
        script.restart()
        #expect(script.open == [Holes(paths: call.paths())])
        call.callee.bye()
        expectNothingLeft(script)
    }

    @Test func `what a re-INVITE under way asked for is gone, and the call keeps what it had`() {
        let script = Script()
        let call = script.call()
        call.establish()
        let paths = call.paths()
        call.caller.invite(.media(call.caller.phone.media(30_000)))
        #expect(script.open != [Holes(paths: paths)])
        script.restart()
        #expect(script.open == [Holes(paths: paths)])
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test func `the answer that an ACK brought is remembered`() {
        let script = Script()
        let call = script.call()
        call.caller.acknowledging = .media(call.caller.media)
        call.caller.invite(Body.none)
        call.callee.answer()
        #expect(script.open == [Holes(paths: call.paths())])
        script.restart()
        #expect(script.open == [Holes(paths: call.paths())])
        call.callee.bye()
        expectNothingLeft(script)
    }

    @Test func `external endpoints are asked for again, and hairpins are known`() throws {
        let script = Script()
        script.translate(to: .v4(0xC633_00C8))
        let call = script.call()
        call.establish()
        let bindings = try #require(call.session?.bindings)
        let insides = script.controller.gate.insides
        #expect(!bindings.isEmpty && !insides.isEmpty)
        script.restart(empty: true)
        #expect(call.session?.bindings == bindings)
        #expect(script.controller.gate.insides == insides)
        #expect(bindings.allSatisfy(script.gate.wanted.contains))
        call.caller.bye()
        expectNothingLeft(script)
    }

    // MARK: Calls that were being set up, or ended

    @Test(arguments: Setting.crossing)
    func `a call that was being set up is closed`(_ setting: Setting) {
        for isRinging in [false, true] {
            let script = Script(setting)
            let call = script.call()
            call.caller.invite()
            if isRinging { call.callee.respond(183, .media(call.callee.media)) }
            script.restart()
            #expect(script.open.isEmpty && script.controller.sessions.isEmpty && script.journal.isEmpty)
            // The gate is asked once, and no more.
            let asked = call.asked.count
            script.advance(by: .seconds(100))
            #expect(call.asked.count == asked)
        }
    }

    @Test(arguments: Setting.bothWays)
    func `a 200 that was not passed on makes no call, however far its holes were`(_ setting: Setting) {
        for isDone in [false, true] {
            let script = Script(setting)
            let call = script.call()
            call.caller.invite()
            script.gate.faults = [call.asked.count: .vanish(afterDoing: isDone)]
            script.gate.isManual = true
            call.callee.answer()
            script.gate.isManual = false
            #expect(call.caller.statuses.isEmpty)
            script.restart()
            #expect(script.open.isEmpty && script.controller.sessions.isEmpty && script.journal.isEmpty)
        }
    }

    @Test(arguments: Setting.bothWays)
    func `a 2xx that the process took with it is passed on when it comes again, and a later one is not`(
        _ setting: Setting
    ) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        script.gate.isManual = true
        call.callee.answer()
        // The 200 is written of and not sent.
        script.lostSends = [script.sent.count]
        script.answerGate()
        script.gate.isManual = false
        #expect(call.caller.statuses.isEmpty)
        script.restart()
        #expect(script.open == [Holes(paths: call.paths())])
        script.advance(by: .seconds(1))
        #expect(call.caller.statuses.first == 200 && call.caller.isUp)
        script.advance(by: .seconds(40))
        #expect(call.callee.isUp && !call.callee.isUnacknowledged)
        // Of a re-INVITE whose holes were not made the 200 leads nowhere.
        call.caller.invite(.media(call.caller.phone.media(30_000)))
        script.restart()
        let before = call.caller.statuses.count
        call.callee.answer()
        script.advance(by: .seconds(3))
        #expect(call.caller.statuses.count == before && script.controller.counters.strayResponses > 0)
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test(arguments: [false, true])
    func `a BYE under way closes, and its copies find their way`(isLost: Bool) {
        let script = Script()
        let call = script.call()
        call.establish()
        script.gate.isManual = true
        call.caller.bye()
        // It waits for the gate. Its sender repeats it.
        #expect(!call.callee.requests.contains { $0.method == .bye })
        script.gate.isManual = false
        script.restart(empty: isLost)
        #expect(script.open.isEmpty)
        script.advance(by: .seconds(1))
        #expect(call.callee.requests.last?.method == .bye && call.caller.lastStatus == 200)
        expectNothingLeft(script)
    }

    @Test func `nobody is left of a call that is over`() {
        let script = Script()
        let call = script.call()
        call.establish()
        call.caller.bye()
        #expect(script.journal.isEmpty)
        script.restart()
        #expect(script.controller.sessions.isEmpty && script.open.isEmpty)
    }

    // MARK: What goes on with a call

    @Test func `the session timer runs on, and its BYE has a number that is above all that the ends know of`() throws {
        let script = Script { $0.sessionTimer = SessionTimerPolicy(expires: 600) }
        let call = script.call()
        call.caller.invite { $0.append(.supported, Array("timer".utf8)) }
        call.callee.answer()
        script.advance(by: .seconds(200))
        for _ in 0..<50 { call.caller.send(.info) }
        script.restart()
        script.advance(by: .seconds(399))
        #expect(script.controller.sessions.count == 1)
        script.advance(by: .seconds(2))
        for leg in [call.caller, call.callee] {
            let bye = try #require(leg.requests.last)
            #expect(bye.method == .bye && leg.state == .over)
            #expect(leg.requests.dropLast().allSatisfy { $0.cseq.number < bye.cseq.number })
        }
        expectNothingLeft(script)
    }

    @Test func `a timer that ran out meanwhile waits for a copy of the refresh`() {
        let script = Script { $0.sessionTimer = SessionTimerPolicy(expires: 600) }
        let call = script.call()
        call.caller.invite { $0.append(.supported, Array("timer".utf8)) }
        call.callee.answer()
        script.advance(by: .seconds(595))
        script.restart()
        script.advance(by: .seconds(20))
        #expect(script.controller.sessions.count == 1)
        call.caller.invite { $0.append(.supported, Array("timer".utf8)) }
        call.callee.answer()
        script.advance(by: .seconds(590))
        #expect(script.controller.sessions.count == 1)
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test func `silence ends it, and counts from the restart on`() {
        let script = Script { $0.mediaTimeout = .seconds(100) }
        let call = script.call()
        call.establish()
        script.gate.isSilent = true
        script.advance(by: .seconds(90))
        script.restart()
        script.advance(by: .seconds(90))
        #expect(script.controller.sessions.count == 1)
        script.advance(by: .seconds(40))
        #expect(call.caller.state == .over && call.callee.state == .over)
        expectNothingLeft(script)
    }

    @Test func `it counts as its user's`() {
        let script = Script { $0.callsPerUser = 1 }
        let first = script.call()
        first.establish()
        script.restart()
        let second = script.call()
        second.caller.invite()
        #expect(second.caller.statuses == [503])
        first.caller.bye()
        let third = script.call()
        third.establish()
        #expect(third.caller.isUp)
        third.caller.bye()
        expectNothingLeft(script)
    }

    @Test func `what the policy does not allow any more ends at both ends`() {
        let script = Script()
        let call = script.call()
        call.establish()
        script.restart { $0.policy.forbiddenPorts.insert(call.callee.port) }
        #expect(call.caller.state == .over && call.callee.state == .over)
        expectNothingLeft(script)
    }

    @Test func `whose keys were lost is not answered by who shows none of them`() {
        let script = Script()
        let call = script.call()
        // Who is asked with a key shows it; a new one comes with every offer from inside.
        script.opener = { Body.unseal($0, newKey: $0.keys.isEmpty ? 1 : nil, usedKey: $0.keys.first) }
        call.caller.invite(.sealed(call.caller.media))
        call.callee.answer(.sealed(call.callee.media))
        #expect(script.open == [Holes(paths: call.paths())])
        script.restart()
        #expect(call.session?.hasLostKeys == true && call.session?.keys.isEmpty == true)
        for body in [Body.sealed(call.callee.phone.media(30_000)), .media(call.callee.phone.media(30_000))] {
            call.callee.invite(body)
            #expect(call.callee.lastStatus == 496 || call.callee.lastStatus == 488)
            #expect(script.open == [Holes(paths: call.paths())])
        }
        // The phone inside makes a new one.
        call.caller.port += 10
        call.caller.invite(.sealed(call.caller.media))
        call.callee.answer(.sealed(call.callee.media))
        #expect(script.open == [Holes(paths: call.paths())])
        call.caller.bye()
        expectNothingLeft(script)
    }

    @Test func `a call with several dialogs goes on with those that are left`() throws {
        let script = Script()
        let call = script.call()
        call.establish()
        let session = try #require(call.session)
        let place = try #require(session.callee)
        session.confirm(Array("other".utf8), at: place)
        script.controller.journal(session)
        script.feed(.fired(.renewal))
        script.restart()
        #expect(call.session?.confirmed.map(\.tag).contains(Array("other".utf8)) == true)
        call.caller.bye()
        #expect(script.controller.sessions.count == 1)
    }

    // MARK: Several controllers, and the end in order

    @Test func `when calls are shared out anew, none is taken for a stranger's, and no number is given out twice`() {
        let script = Script()
        let call = script.call()
        call.establish()
        let records = script.journal.values.compactMap { SessionRecord(octets: $0) }
        // Its number is of the first of two; its Call-ID is the second's.
        let settings = script.controller.settings
        let others = (0..<2).map { Share(settings.share($0, of: 2)) }
        let id = records[0].id
        let owner = Int(id.value % 2)
        func asked(_ index: Int, _ input: Input) -> [(GateToken, GateRequest)] {
            others[index].controller.handle(input, at: script.now).compactMap {
                if case .askGate(let token, let request) = $0 { (token, request) } else { nil }
            }
        }
        _ = asked(1 - owner, .restored(records))
        _ = asked(owner, .restored([], elsewhere: [id]))
        for index in 0..<2 {
            let list = asked(index, .gateConnected(holeTimeout: .seconds(60)))
            let report = script.gate.perform(.list(after: nil), at: script.now)
            let requests = list.flatMap { asked(index, .gateReplied($0.0, report)) }.map(\.1)
            #expect(!requests.contains(.close(id)))
            #expect(requests.contains { $0.changedSession == id } == (index != owner))
        }
    }

    @Test func `who goes in order ends what cannot go on, and leaves the rest`() {
        let script = Script()
        let (up, ringing) = (script.call(), script.call())
        up.establish()
        ringing.caller.port += 100
        ringing.caller.invite()
        ringing.callee.ring()
        script.feed(.suspend)
        #expect(script.open == [Holes(paths: up.paths())])
        #expect(script.journal.count == 1)
        script.restart()
        up.caller.bye()
        #expect(script.open.isEmpty && script.controller.sessions.isEmpty && script.journal.isEmpty)
    }

    // MARK: What is written

    @Test func `an ordinary call is written four times`() {
        let script = Script()
        let call = script.call()
        call.establish()
        #expect(script.writes == 2)
        for _ in 0..<3 { call.caller.send(.info) }
        script.advance(by: .seconds(100))
        #expect(script.writes == 2)
        call.caller.bye()
        script.settle()
        #expect(script.writes == 4)
    }

    @Test func `a record reads as it was written, and not when an octet is another or missing`() throws {
        let script = Script(Setting(family: .v6))
        let call = script.call()
        call.establish()
        let octets = try #require(script.journal.values.first)
        let record = try #require(SessionRecord(octets: octets))
        #expect(record.octets == octets && record.isEstablished)
        #expect(record.callID == Array(call.caller.callID.utf8))
        for index in octets.indices {
            var damaged = octets
            damaged[index] ^= 0x10
            #expect(SessionRecord(octets: damaged) == nil)
            #expect(SessionRecord(octets: Array(octets[..<index])) == nil)
        }
        #expect(SessionRecord(octets: octets + [0]) == nil)
    }

    @Test func `a record may have so many octets and no more`() throws {
        let empty = try #require(SessionRecord(id: SessionID(1), callID: [], call: nil).octets)
        let room = SessionRecord.maximumOctets - empty.count
        let longest = SessionRecord(id: SessionID(1), callID: [UInt8](repeating: 65, count: room), call: nil)
        #expect(try SessionRecord(octets: #require(longest.octets)) == longest)
        #expect(
            SessionRecord(id: SessionID(1), callID: [UInt8](repeating: 65, count: room + 1), call: nil).octets == nil)
    }

    @Test func `a call whose record is too long ends with the process`() {
        let script = Script()
        let call = script.call()
        call.caller.invite {
            $0.append(.recordRoute, Array("<sip:10.1.0.9;lr;x=\(String(repeating: "y", count: 9_000))>".utf8))
        }
        call.callee.answer()
        #expect(script.controller.sessions.count == 1 && script.journal.isEmpty)
        script.restart()
        #expect(script.controller.sessions.isEmpty && script.open.isEmpty)
    }
}
