import GateProtocol
import SIPText
import Testing

@testable import Gateway

@Suite struct BasicCallTests {
    @Test(arguments: Setting.crossing)
    func `a call opens any to the inside party, then the exact paths, then nothing`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.caller.invite()
        #expect(call.asked == call.half(call.caller))
        #expect(call.callee.requests.count == 1)
        call.callee.ring()
        #expect(call.caller.statuses == [180])
        call.callee.answer()
        #expect(call.asked == call.half(call.caller) + [.narrow(call.paths())])
        #expect(call.caller.statuses == [180, 200])
        #expect(call.caller.isUp && call.callee.isUp)
        #expect(script.open == [Holes(paths: call.paths())])
        call.caller.bye()
        #expect(call.asked.last == .close)
        #expect(call.caller.lastStatus == 200)
        #expect(script.open.isEmpty)
        script.settle()
        #expect(script.leftovers.isEmpty)
        #expect(script.controller.sessions.isEmpty)
        #expect(script.astray.isEmpty)
    }
}
