import GateProtocol
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// Calls that the gateway ends: both ends are told, each as if the other had hung up.
@Suite struct HangingUpTests {
    private func text(_ message: Message?, _ name: HeaderName) -> String? {
        message.flatMap { message in message.value(of: name).map(message.text) }
    }

    private func reason(_ bye: Message?) -> String? { text(bye, .reason) }

    private func endings(_ script: Script) -> [CloseReason] {
        script.log.compactMap { if case .sessionClosed(_, let reason) = $0 { reason } else { nil } }
    }

    /// One BYE came to each end that belongs to its dialog, and nothing is left.
    private func expectEnded(_ call: Call, _ why: CloseReason, sourceLocation: SourceLocation = #_sourceLocation) {
        for leg in [call.caller, call.callee] {
            let byes = leg.requests.filter { $0.method == .bye }
            #expect(byes.count == 1, "\(leg.isCaller)", sourceLocation: sourceLocation)
            let bye = byes.last
            #expect(reason(bye) == "SIP;cause=408;text=\"\(why.rawValue)\"", sourceLocation: sourceLocation)
            #expect(text(bye, .callID) == leg.callID, sourceLocation: sourceLocation)
            #expect(leg.state == .over, "the tags are its dialog's", sourceLocation: sourceLocation)
            let before = leg.requests.filter { $0.method != .bye }.map(\.cseq.number).max() ?? 0
            #expect(bye.map { $0.cseq.number > before } ?? false, sourceLocation: sourceLocation)
        }
        #expect(endings(call.script) == [why], sourceLocation: sourceLocation)
        #expect(call.script.isClosed && call.script.controller.sessions.isEmpty, sourceLocation: sourceLocation)
        call.script.settle()
        #expect(call.script.leftovers.isEmpty && call.script.astray.isEmpty, sourceLocation: sourceLocation)
    }

    @Test(arguments: Setting.all)
    func `a call that nobody refreshes gets BYE at both ends`(_ setting: Setting) {
        let call = Script(setting) { $0.sessionTimer = SessionTimerPolicy(expires: 600) }.call()
        call.caller.invite { $0.append(.supported, Array("timer".utf8)) }
        call.callee.answer()
        call.script.advance(by: .seconds(601))
        expectEnded(call, .expired)
    }

    @Test func `a call without a packet for the media timeout is ended, and not before`() {
        let call = Script { $0.mediaTimeout = .seconds(100) }.call()
        call.establish()
        call.script.gate.isSilent = true
        // Renewals come every twenty seconds: the first shows the beginning of the silence.
        call.script.advance(by: .seconds(119))
        #expect(call.script.controller.sessions.count == 1)
        call.script.advance(by: .seconds(2))
        expectEnded(call, .silent)
    }

    @Test func `one packet, or a change of the holes, begins the time anew`() {
        let call = Script { $0.mediaTimeout = .seconds(100) }.call()
        call.establish()
        call.script.gate.isSilent = true
        call.script.advance(by: .seconds(90))
        call.script.gate.isSilent = false
        call.script.advance(by: .seconds(20))
        call.script.gate.isSilent = true
        call.script.advance(by: .seconds(90))
        call.callee.port += 10
        call.caller.invite()
        call.callee.answer()
        call.script.advance(by: .seconds(99))
        #expect(call.script.controller.sessions.count == 1)
        call.script.advance(by: .seconds(22))
        expectEnded(call, .silent)
    }

    @Test func `who rings may be silent, and without a timeout everybody`() {
        for limit in [Duration.seconds(30), nil] {
            let call = Script { $0.mediaTimeout = limit }.call()
            call.script.gate.isSilent = true
            call.caller.invite()
            call.callee.ring()
            call.script.advance(by: .seconds(100))
            #expect(call.script.controller.sessions.count == 1)
            call.callee.answer()
            call.script.advance(by: .seconds(100))
            #expect(call.script.controller.sessions.isEmpty == (limit != nil))
        }
    }

    @Test func `a phone that does not answer any more on its connection has left its call`() throws {
        let setting = Setting(caller: .inside, callee: .outside, transport: .tcp)
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let connection = try #require(call.caller.phone.connection)
        script.feed(.connectionTimedOut(connection + 100))
        #expect(script.controller.sessions.count == 1)
        script.feed(.connectionTimedOut(connection))
        #expect(call.callee.requests.last?.method == .bye)
        #expect(endings(script) == [.connectionLost])
        #expect(script.isClosed && script.controller.sessions.isEmpty)
    }

    @Test func `the number of the BYE is above all that its sender has used, PRACK and UPDATE too`() {
        let call = Script { $0.mediaTimeout = .seconds(20) }.call()
        call.caller.invite()
        call.callee.ring()
        for _ in 0..<3 { call.caller.send(.prack) }
        call.callee.answer()
        for _ in 0..<2 { call.callee.send(.info) }
        call.script.gate.isSilent = true
        call.script.advance(by: .seconds(60))
        expectEnded(call, .silent)
    }

    @Test func `the BYE takes the proxies of its side, and goes nowhere that the call does not`() throws {
        let call = Script().call()
        let (inner, outer) = ("<sip:10.1.0.9:5070;lr>", "<sip:198.51.0.40:5070;lr>")
        call.caller.invite { $0.append(.recordRoute, Array(inner.utf8)) }
        call.callee.ring()
        // The callee's proxy has put itself above the gateway.
        call.callee.answer { $0.prepend(.recordRoute, Array(outer.utf8)) }
        let id = try #require(call.session?.id)
        let before = call.script.sent.count
        call.script.feed(.fired(.sessionExpires(id)))
        let byes = call.script.sent[before...].filter { $0.message.method == .bye }
        #expect(byes.map { text($0.message, .route) } == [inner, outer])
        #expect(byes.first?.destination.remote == Endpoint("10.1.0.9:5070"))
        #expect(byes.last?.destination.remote == Endpoint("198.51.0.40:5070"))
    }

    @Test func `a Contact that names somebody else inside sends no BYE there`() {
        let call = Script { $0.mediaTimeout = .seconds(20) }.call()
        call.establish()
        call.caller.invite {
            $0.removeAll(.contact)
            $0.append(.contact, Array("<sip:victim@10.1.0.77:5060>".utf8))
        }
        call.callee.answer()
        call.script.gate.isSilent = true
        let before = call.script.sent.count
        call.script.advance(by: .seconds(60))
        let byes = call.script.sent[before...].filter { $0.message.method == .bye }
        #expect(byes.map(\.destination.remote) == [call.caller.phone.endpoint, call.callee.phone.endpoint])
    }

    @Test func `a phone that begins anew on the same ports has its old call ended for the other end too`() {
        let script = Script()
        let (first, second) = (script.call(), script.call())
        first.establish()
        // Its offer is let in; the path that the answer makes is the first call's.
        script.gate.faults = [3: .refuse(.conflict)]
        second.establish()
        #expect(first.callee.requests.last?.method == .bye)
        #expect(reason(first.callee.requests.last)?.contains(CloseReason.replaced.rawValue) ?? false)
        #expect(endings(script) == [.replaced])
        #expect(second.caller.isUp)
    }
}
