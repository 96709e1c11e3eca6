import GateProtocol
import Testing
import Wire

@testable import Gateway

/// Content-encryption keys: as long as the session, replaced by the next, used as often as their maker allows.
@Suite struct KeyTests {
    private func key(_ value: UInt64) -> KeyHandle { KeyHandle(value: value) }

    /// A call whose offer brought key 1 and whose answer was read with it.
    private func established(_ script: Script, uses: Int? = nil) -> Call {
        let call = script.call()
        call.caller.invite(.envelope())
        script.open(DisclosureTests.opened(call.caller.phone.media(), newKey: 1, uses: uses))
        call.callee.answer(.envelope())
        return call
    }

    /// A re-INVITE of the caller whose envelope the gateway wants opened.
    private func keysOffered(_ script: Script, _ call: Call) -> [KeyHandle]? {
        call.caller.invite(.envelope())
        return script.envelopes.last?.request.keys
    }

    @Test(arguments: Setting.bothWays)
    func `the key of the offer opens the answer and ends with the call`(_ setting: Setting) {
        let script = Script(setting)
        let call = established(script)
        #expect(script.envelopes.first?.request.keys == [key(1)])
        script.open(DisclosureTests.opened(call.callee.phone.media(), used: 1))
        #expect(script.open == [Holes(paths: call.paths())])
        #expect(call.session?.reading == .disclosed)
        #expect(script.forgotten.isEmpty)
        call.caller.bye()
        #expect(script.forgotten == [key(1)])
        script.settle()
        #expect(script.leftovers.isEmpty)
    }

    @Test func `a call that never comes up forgets its key`() {
        for end in 0..<4 {
            let script = Script()
            let call = script.call()
            call.caller.invite(.envelope())
            script.open(DisclosureTests.opened(call.caller.phone.media(), newKey: 1))
            switch end {
            case 0: call.callee.reject()
            case 1:
                call.callee.ring()
                call.caller.cancel()
            case 2: script.settle()
            default: script.feed(.shutdown)
            }
            #expect(script.forgotten == [key(1)], "\(end)")
        }
    }

    @Test func `a new key replaces the one before it`() {
        let script = Script()
        let call = established(script)
        script.open(DisclosureTests.opened(call.callee.phone.media(), used: 1))
        #expect(keysOffered(script, call) == [key(1)])
        script.open(DisclosureTests.opened(call.caller.phone.media(), newKey: 2, used: 1))
        #expect(script.forgotten == [key(1)])
        call.callee.answer(.envelope())
        #expect(script.envelopes.last?.request.keys == [key(2)])
        script.open(DisclosureTests.opened(call.callee.phone.media(), used: 2))
        call.callee.bye()
        #expect(script.forgotten == [key(1), key(2)])
    }

    @Test func `the same key named again is not forgotten`() {
        let script = Script(Setting(caller: .outside, callee: .inside))
        let call = established(script)
        script.open(DisclosureTests.opened(call.callee.phone.media(), newKey: 1))
        #expect(script.forgotten.isEmpty)
        call.callee.bye()
        #expect(script.forgotten == [key(1)])
    }

    @Test(arguments: [1, 2, 3])
    func `a key is used as often as its maker allows and no more`(_ uses: Int) {
        // Inside, the callee may answer in the clear.
        let script = Script(Setting(caller: .outside, callee: .inside))
        let call = established(script, uses: uses)
        script.open(DisclosureTests.opened(call.callee.phone.media(), used: 1))
        for left in stride(from: uses - 1, to: 0, by: -1) {
            #expect(keysOffered(script, call) == [key(1)], "\(left) left")
            #expect(script.forgotten.isEmpty)
            script.open(DisclosureTests.opened(call.caller.phone.media(), used: 1))
            call.callee.answer()
        }
        #expect(script.forgotten == [key(1)])
        #expect(keysOffered(script, call) == [])
        script.open(.undecipherable)
        #expect(call.caller.lastStatus == 496)
    }

    @Test func `a key that may not be used again is not offered`() {
        let script = Script()
        let call = established(script, uses: 0)
        #expect(script.envelopes.last?.request.keys == [])
        script.open(.undecipherable)
        #expect(script.forgotten == [key(1)])
        #expect(call.caller.lastStatus == 502)
    }

    @Test func `an unauthenticated body does not replace the key`() {
        let script = Script()
        let call = established(script)
        script.open(DisclosureTests.opened(call.callee.phone.media(), used: 1))
        _ = keysOffered(script, call)
        script.open(DisclosureTests.opened(call.caller.phone.media(), isAuthenticated: false, newKey: 9))
        #expect(call.caller.lastStatus == 496)
        #expect(script.forgotten == [key(9)])
        #expect(keysOffered(script, call) == [key(1)])
    }

    @Test func `two calls have keys of their own`() {
        let script = Script()
        let first = established(script)
        script.open(DisclosureTests.opened(first.callee.phone.media(), used: 1))
        let second = script.call()
        second.caller.invite(.envelope())
        #expect(script.envelopes.last?.request.keys == [])
    }

    @Test func `an answer from outside that does not show the key of the call opens nothing`() {
        let script = Script()
        let call = established(script)
        // Sealed to the gateway's certificate, which anyone has.
        script.open(DisclosureTests.opened(call.callee.phone.media(), newKey: 9))
        #expect(call.caller.lastStatus == 502)
        #expect(script.isClosed)
        #expect(script.forgotten.contains(key(9)))
    }
}
