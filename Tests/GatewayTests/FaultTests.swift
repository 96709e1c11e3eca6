import GateProtocol
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// The life of a call with one thing going wrong, at each place where it can.
@Suite struct FaultTests {
    /// A call's life; every phone answers by itself.
    enum Life: CaseIterable {
        case plain, moving, early, delayed, refused, cancelled

        func play(_ call: Call) {
            let script = call.script
            func step(_ body: () -> Void) {
                body()
                script.advance(by: .seconds(1))
            }
            func answers(_ leg: Leg, _ isAutomatic: Bool) { leg.isAutomatic = isAutomatic }
            let (caller, callee) = (call.caller, call.callee)
            answers(caller, true)
            switch self {
            case .plain:
                answers(callee, true)
                step { caller.invite() }
            case .moving:
                answers(callee, true)
                step { caller.invite() }
                step { if caller.isUp { caller.invite(.media(caller.phone.media(30_000))) } }
                step { if callee.isUp { callee.invite(.media(nil)) } }
                step { if callee.isUp { callee.invite(.media(callee.media)) } }
                step { if caller.isUp { caller.send(.update, .media(caller.phone.media(32_000))) } }
                step { if caller.isUp { caller.invite(.media(caller.phone.media(34_000))) } }
            case .early:
                step { caller.invite() }
                step { callee.respond(183, .media(callee.phone.media(22_000)), tag: "fork-a") }
                step { callee.respond(183, .media(callee.media)) }
                step { callee.answer() }
            case .delayed:
                step { caller.invite(Body.none) }
                step { callee.ring() }
                step { callee.answer() }
            case .refused:
                step { caller.invite() }
                step { callee.respond(183, .media(callee.media)) }
                step { callee.reject() }
            case .cancelled:
                step { caller.invite() }
                step { callee.ring() }
                step { caller.cancel() }
            }
        }
    }

    /// Plays a life and a hang-up, and checks what is open in between and what is left in the end.
    ///
    /// - Parameter mayLack: whether media that was agreed on may be refused; more than agreed may never be open.
    private func check(
        _ life: Life, _ setting: Setting, mayLack: Bool = false, _ what: String, _ change: (Script) -> Void
    ) -> Script {
        let script = Script(setting)
        change(script)
        let call = script.call()
        life.play(call)
        // Retransmissions end, unrenewed holes die, the gate is back.
        script.advance(by: .seconds(100))
        let paths = Set(script.open.flatMap(\.paths))
        #expect(script.open.allSatisfy { $0.halfOpen.isEmpty }, "\(life) \(what)")
        #expect(call.isAgreed || !call.caller.isUp || !call.callee.isUp, "\(life) \(what)")
        #expect(paths.isSubset(of: call.agreedPaths), "\(life) \(what)")
        if !mayLack { #expect(paths == call.agreedPaths, "\(life) \(what)") }
        call.hangUp()
        script.settle()
        #expect(script.open.isEmpty, "\(life) \(what)")
        #expect(script.leftovers.isEmpty, "\(life) \(what)")
        #expect(script.controller.sessions.isEmpty, "\(life) \(what)")
        return script
    }

    static let settings =
        Setting.crossing.filter { $0.family == .v4 }
        + Setting.all.filter {
            $0.family == .v6 && $0.transport == .udp && $0.caller == .inside && $0.callee == .outside
        }

    @Test(arguments: Life.allCases, settings)
    func `the gate refuses or goes away at each request`(_ life: Life, _ setting: Setting) {
        let requests = check(life, setting, "nothing wrong") { _ in }.gate.asked.count
        let faults: [FakeGate.Fault] = [
            .refuse(.kernel), .refuse(.conflict), .refuse(.forbiddenAddress), .vanish(afterDoing: true),
            .vanish(afterDoing: false),
        ]
        for place in 0..<requests {
            for fault in faults {
                let mayLack = if case .refuse = fault { true } else { false }
                _ = check(life, setting, mayLack: mayLack, "\(fault) at \(place)") { $0.gate.faults = [place: fault] }
            }
        }
    }

    @Test(arguments: Life.allCases, settings)
    func `each message of the gateway is lost`(_ life: Life, _ setting: Setting) {
        let count = check(life, setting, "nothing wrong") { _ in }.sent.count
        for place in 0..<count { _ = check(life, setting, "lost \(place)") { $0.lostSends = [place] } }
    }

    @Test(arguments: Life.allCases, settings)
    func `each message to the gateway comes twice`(_ life: Life, _ setting: Setting) {
        let count = check(life, setting, "nothing wrong") { _ in }.arrivals
        for place in 0..<count { _ = check(life, setting, "twice \(place)") { $0.doubled = [place] } }
        _ = check(life, setting, "all twice") { $0.doubled = Set(0..<1_000) }
    }

    /// Who breaks off, and how.
    enum Break: CaseIterable { case cancel, callerBye, calleeBye }

    @Test(arguments: Break.allCases, Setting.bothWays)
    func `CANCEL and BYE race every answer and every reply of the gate`(_ how: Break, _ setting: Setting) {
        for answer in [200, 183, 486] as [UInt16] {
            for moment in stride(from: 0, through: 200, by: 5) {
                let script = Script(setting)
                script.gate.delay = .milliseconds(10)
                let call = script.call()
                call.caller.invite()
                script.schedule(after: .milliseconds(30)) { call.callee.ring() }
                script.schedule(after: .milliseconds(60)) {
                    switch answer {
                    case 200: call.callee.answer()
                    case 183: call.callee.respond(183, .media(call.callee.media))
                    default: call.callee.reject(answer)
                    }
                }
                script.schedule(after: .milliseconds(100)) {
                    if answer == 183 { call.callee.answer() }
                    if call.caller.isUp { call.caller.invite(.media(call.caller.phone.media(30_000))) }
                }
                script.schedule(after: .milliseconds(150)) { call.callee.answer() }
                script.schedule(after: .milliseconds(Int64(moment))) {
                    switch how {
                    case .cancel: call.caller.cancel()
                    case .callerBye: if call.caller.remoteTag == nil { call.caller.cancel() } else { call.caller.bye() }
                    case .calleeBye: if call.callee.isUp { call.callee.bye() }
                    }
                }
                script.advance(by: .seconds(100))
                let what = "\(how) at \(moment) ms, \(answer)"
                #expect(Set(script.open.flatMap(\.paths)).isSubset(of: call.agreedPaths), "\(what)")
                #expect(script.open.allSatisfy { $0.halfOpen.isEmpty }, "\(what)")
                call.hangUp()
                script.settle()
                #expect(script.open.isEmpty, "\(what)")
                #expect(script.leftovers.isEmpty, "\(what)")
                #expect(script.controller.sessions.isEmpty, "\(what)")
            }
        }
    }
}
