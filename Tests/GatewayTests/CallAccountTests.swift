import GateProtocol
import SIPText
import Testing
import Wire

@testable import Gateway

/// What can be told of a call afterwards.
@Suite struct CallAccountTests {
    private func account(_ call: Call) -> CallAccount? {
        call.script.controller.account(of: Array(call.caller.callID.utf8))
    }

    /// What happened, each in a few words.
    private func story(_ account: CallAccount?) -> [String] {
        account?.events.map { event in
            switch event.what {
            case .described(let party, let label, let isOffer, let isDisclosed, let streams):
                "\(party) \(isOffer ? "offers" : "answers") in \(text(label)): \(streams.count)\(isDisclosed ? " disclosed" : "")"
            case .said(let party, let label): "\(party) \(text(label))"
            case .holes(let halfOpen, let paths): "holes \(halfOpen) \(paths)"
            case .restored: "restored"
            case .refused(let label, _): "refused \(label.map(text) ?? "")"
            }
        } ?? []
    }

    private func text(_ label: CallEvent.Label) -> String {
        "\(label.status.map { "\($0) " } ?? "")\(label.method.name)"
    }

    @Test(arguments: Setting.all) func `a call from its INVITE to its BYE`(_ setting: Setting) {
        let call = Script(setting).call()
        call.establish()
        let live = account(call)
        #expect(live?.end == nil && live?.isExact == true)
        #expect(live?.caller.isInside == (setting.caller == .inside))
        #expect(live?.callee?.isInside == (setting.callee == .inside))
        guard setting.caller != setting.callee else {
            // Their media does not come by, and neither is looked at.
            #expect(story(live) == ["callee 180 INVITE", "callee 200 INVITE"])
            call.callee.bye()
            #expect(story(account(call)).last == "callee BYE")
            return
        }
        let half = setting.caller == .inside ? ["holes 2 0"] : []
        let opening =
            ["caller offers in INVITE: 1"] + half
            + ["callee 180 INVITE", "callee answers in 200 INVITE: 1", "holes 0 2"]
        #expect(story(live) == opening)
        call.callee.bye()
        let over = account(call)
        #expect(over?.end?.reason == .bye)
        #expect(story(over) == opening + ["callee BYE", "holes 0 0"])
        #expect(over?.lastReport?.paths.map(\.path) == call.paths())
        #expect(over?.summary.from == live?.summary.from && over?.summary.id == live?.summary.id)
    }

    @Test func `a call that is refused says why`() {
        let call = Script().call()
        call.caller.invite(
            .sdp("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"))
        let over = account(call)
        #expect(over?.end?.reason == .refused)
        guard case .refused(let label, let why) = over?.events.last?.what else {
            Issue.record("\(story(over))")
            return
        }
        #expect(label == CallEvent.Label(.invite) && !why.isEmpty)
    }

    @Test func `a call that is cancelled, and one that is declined`() {
        let script = Script()
        let first = script.call()
        first.caller.invite()
        first.callee.ring()
        first.caller.cancel()
        script.settle()
        #expect(story(account(first)).contains("caller CANCEL"))
        let second = script.call()
        second.caller.invite()
        second.callee.reject(486)
        #expect(story(account(second)).contains("callee 486 INVITE"))
        #expect(account(second)?.end?.reason == .rejected)
    }

    @Test func `by what a call is found`() {
        let script = Script()
        let first = script.call()
        first.establish()
        let id = account(first)?.summary.id
        func find(_ name: String) -> CallAccount? { script.controller.account(of: Array(name.utf8)) }
        #expect(id != nil && find(id?.description ?? "")?.summary.id == id)
        #expect(find("alice@")?.summary.id == id && find("alice@")?.isExact == false)
        for name in ["", "nobody", "0000000000000000", "call"] { #expect(find(name) == nil, "\(name)") }
        script.advance(by: .seconds(1))
        let second = script.call()
        second.establish()
        // The newest, and one that is up before one that is over.
        #expect(find("alice@")?.summary.id == account(second)?.summary.id)
        second.caller.bye()
        #expect(find("alice@")?.summary.id == id)
        first.caller.bye()
        // Both are over: the one that ended last.
        #expect(find("alice@")?.summary.id == id)
        #expect(find(first.caller.callID)?.summary.id == id)
    }

    @Test func `what strangers try does not push out what was answered`() {
        let script = Script { $0.admission = AdmissionPolicy(perSource: 10_000) }
        let call = script.call()
        call.establish()
        call.caller.bye()
        for _ in 0...EndedCalls.maximumCalls {
            let other = script.call()
            other.caller.invite()
            other.callee.reject(486)
        }
        #expect(account(call) != nil)
        #expect(script.controller.endedCalls.newestFirst.count == EndedCalls.maximumCalls + 1)
        for _ in 0..<EndedCalls.maximumCalls {
            let other = script.call()
            other.establish()
            other.caller.bye()
        }
        #expect(account(call) == nil)
        #expect(script.controller.endedCalls.newestFirst.count == 2 * EndedCalls.maximumCalls)
    }
}
