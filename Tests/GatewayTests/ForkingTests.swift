import GateProtocol
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

@Suite struct ForkingTests {
    private let three = Array(repeating: Fork.Device(), count: 3)

    private func expectNothingLeft(_ script: Script) {
        script.settle()
        #expect(script.controller.sessions.isEmpty)
        #expect(script.leftovers.isEmpty)
        #expect(script.isClosed)
    }

    @Test(arguments: Setting.crossing)
    func `every phone rings, the first to answer has the call, the others are cancelled`(_ setting: Setting) {
        let fork = Fork(setting, Array(repeating: Fork.Device(side: setting.callee), count: 3))
        fork.caller.invite()
        #expect(fork.callees.allSatisfy { $0.requests.count == 1 })
        for callee in fork.callees { callee.ring() }
        fork.callees[1].answer()
        #expect(fork.caller.isUp && fork.callees[1].isUp)
        #expect(fork.callees[0].state == .over && fork.callees[2].state == .over)
        #expect(fork.caller.statuses == [180, 180, 180, 200])
        #expect(fork.script.open == [Holes(paths: fork.paths(to: fork.callees[1]))])
        fork.caller.bye()
        #expect(!fork.callees[1].isUp)
        expectNothingLeft(fork.script)
    }

    @Test func `the Request-URI of each branch is its contact, and Max-Breadth is shared`() {
        let fork = Fork(Setting(), three)
        fork.caller.invite { $0.append(.maxBreadth, Array("7".utf8)) }
        for callee in fork.callees {
            let invite = callee.requests[0]
            #expect(invite.requestURI.map(invite.text)?.contains("@\(callee.phone.endpoint)") == true)
            #expect(invite.value(of: .maxBreadth).map(invite.text) == "2")
        }
    }

    @Test func `where Max-Breadth allows one branch, phones ring one after another`() {
        let fork = Fork(Setting(), three)
        fork.caller.invite { $0.append(.maxBreadth, Array("1".utf8)) }
        #expect(fork.callees.map(\.requests.count).reduce(0, +) == 1)
        for _ in 0..<3 { fork.callees.first { $0.isAsked }?.reject() }
        #expect(fork.callees.allSatisfy { $0.requests.contains { $0.method == .invite } })
        #expect(fork.caller.lastStatus == 486)
        expectNothingLeft(fork.script)
    }

    @Test func `where Max-Breadth allows none, the answer is 440`() {
        let fork = Fork(Setting(), three)
        fork.caller.invite { $0.append(.maxBreadth, Array("0".utf8)) }
        #expect(fork.caller.statuses == [440])
        #expect(fork.callees.allSatisfy { $0.requests.isEmpty })
        expectNothingLeft(fork.script)
    }

    @Test func `phones of a lower q ring when those of a higher one have failed`() {
        let fork = Fork(Setting(), [Fork.Device(q: 500), Fork.Device(q: 900), Fork.Device(q: 900)])
        fork.caller.invite()
        #expect(fork.callees.map(\.isAsked) == [false, true, true])
        fork.callees[1].reject(480)
        #expect(!fork.callees[0].isAsked)
        fork.callees[2].reject(486)
        #expect(fork.callees[0].isAsked)
        fork.callees[0].answer()
        #expect(fork.caller.isUp)
        #expect(fork.script.open == [Holes(paths: fork.paths(to: fork.callees[0]))])
        fork.callees[0].bye()
        expectNothingLeft(fork.script)
    }

    /// RFC 3261 section 16.7 item 6.
    @Test(
        arguments: [
            ([486, 404, 480], 486), ([302, 404, 503], 302), ([404, 401, 486], 401), ([500, 503, 408], 408),
            ([500, 502, 503], 500), ([487, 404, 487], 404), ([404, 603, 302], 603), ([503, 503, 503], 500),
        ] as [([UInt16], UInt16)])
    func `the best of the final responses goes to the caller`(_ finals: [UInt16], _ best: UInt16) {
        let fork = Fork(Setting(), three)
        fork.caller.invite()
        for (callee, status) in zip(fork.callees, finals) { callee.reject(status) }
        #expect(fork.caller.lastStatus == best)
        expectNothingLeft(fork.script)
    }

    @Test func `a 6xx cancels the other phones`() {
        let fork = Fork(Setting(), three)
        fork.caller.invite()
        for callee in fork.callees { callee.ring() }
        fork.callees[2].reject(603)
        #expect(fork.callees.allSatisfy { $0.state == .over })
        #expect(fork.caller.lastStatus == 603)
        expectNothingLeft(fork.script)
    }

    @Test func `the challenges of all branches go to the caller`() throws {
        let fork = Fork(Setting(), three)
        fork.caller.invite()
        let fields: [(UInt16, HeaderName, String)] = [
            (401, .wwwAuthenticate, "Digest realm=\"a\""), (407, .proxyAuthenticate, "Digest realm=\"b\""),
            (404, .warning, "399 x \"no\""),
        ]
        for (callee, field) in zip(fork.callees, fields) {
            let invite = try #require(callee.requests.first)
            var response = callee.response(field.0, to: invite, .none)
            response.append(field.1, Array(field.2.utf8))
            response.removeAll(.contact)
            fork.script.transmit(response.serialized(), from: callee.phone, to: callee.phone.gateway)
        }
        let answer = try #require(fork.caller.responses.last)
        #expect(answer.status == 401)
        #expect(answer.values(of: .wwwAuthenticate).count == 1 && answer.values(of: .proxyAuthenticate).count == 1)
    }

    @Test func `CANCEL reaches every phone and closes at once`() {
        let fork = Fork(Setting(), three)
        fork.caller.invite()
        fork.callees[0].ring()
        fork.callees[1].ring()
        fork.caller.cancel()
        #expect(fork.script.isClosed)
        // The third has not answered at all: CANCEL waits for its first response (section 9.1).
        #expect(!fork.callees[2].requests.isEmpty && fork.callees[2].isAsked)
        fork.callees[2].ring()
        #expect(fork.callees.allSatisfy { $0.state == .over })
        #expect(fork.caller.lastStatus == 487)
        expectNothingLeft(fork.script)
    }

    // MARK: Media

    @Test func `early media of each phone has its path, the losers' close`() {
        let fork = Fork(Setting(), three)
        fork.caller.invite()
        for callee in fork.callees { callee.respond(183, .media(callee.media)) }
        #expect(Set(fork.script.open.flatMap(\.paths)) == Set(fork.callees.flatMap { fork.paths(to: $0) }))
        fork.callees[0].reject(486)
        #expect(Set(fork.script.open.flatMap(\.paths)) == Set(fork.callees[1...].flatMap { fork.paths(to: $0) }))
        fork.callees[2].answer()
        #expect(fork.script.open == [Holes(paths: fork.paths(to: fork.callees[2]))])
        fork.caller.bye()
        expectNothingLeft(fork.script)
    }

    @Test(arguments: [Setting(), Setting(caller: .outside, callee: .inside)], [0, 1])
    func `each phone that makes an offer early has the path of the answer to it`(_ setting: Setting, _ winner: Int) {
        let fork = Fork(setting, Array(repeating: Fork.Device(side: setting.callee), count: 2))
        fork.caller.invite(Body.none)
        for callee in fork.callees { callee.respond(183, .media(callee.media)) }
        for (number, callee) in fork.callees.enumerated() {
            fork.caller.turn(to: callee)
            fork.caller.send(.prack, .media(fork.caller.media))
            let paths = fork.callees[...number].flatMap { fork.paths(to: $0) }
            #expect(Set(fork.script.open.flatMap(\.paths)) == Set(paths))
        }
        fork.caller.turn(to: fork.callees[winner])
        fork.callees[winner].answer(Body.none)
        #expect(fork.script.open == [Holes(paths: fork.paths(to: fork.callees[winner]))])
        fork.caller.bye()
        expectNothingLeft(fork.script)
    }

    @Test func `a phone on the caller's own side gets the call without a hole`() {
        let fork = Fork(Setting(), [Fork.Device(side: .inside), Fork.Device(side: .outside)])
        fork.caller.invite()
        #expect(fork.script.open == [Holes(halfOpen: Call.pair(fork.caller.media))])
        fork.callees[1].respond(183, .media(fork.callees[1].media))
        fork.callees[0].answer()
        #expect(fork.caller.isUp)
        #expect(fork.script.isClosed)
        fork.callees[0].bye()
        #expect(!fork.caller.isUp)
        expectNothingLeft(fork.script)
    }

    @Test func `a second phone that answers meanwhile is let down properly`() {
        let fork = Fork(Setting(), three)
        fork.caller.invite()
        fork.answerTogether()
        #expect(fork.caller.statuses.filter { $0 == 200 }.count == 2)
        fork.caller.end(fork: fork.callees[1].localTag, at: fork.callees[1].phone)
        #expect(fork.callees[1].state == .over)
        #expect(fork.callees[0].isUp)
        #expect(fork.script.open == [Holes(paths: fork.paths(to: fork.callees[0]))])
        fork.caller.bye()
        expectNothingLeft(fork.script)
    }

    @Test func `BYE to one early dialog leaves the others, and the last one's answer is the call`() {
        let fork = Fork(Setting(), three)
        fork.caller.invite()
        for callee in fork.callees.prefix(2) { callee.respond(183, .media(callee.media)) }
        #expect(fork.script.open.flatMap(\.paths).count == 4)
        fork.caller.turn(to: fork.callees[0])
        fork.caller.send(.bye)
        #expect(fork.callees[0].requests.last?.method == .bye)
        #expect(Set(fork.script.open.flatMap(\.paths)) == Set(fork.paths(to: fork.callees[1])))
        fork.callees[1].answer()
        #expect(fork.caller.statuses.last == 200)
        #expect(Set(fork.script.open.flatMap(\.paths)) == Set(fork.paths(to: fork.callees[1])))
        fork.caller.turn(to: fork.callees[1])
        fork.caller.bye()
        expectNothingLeft(fork.script)
    }

    @Test func `a 2xx of an early dialog that was ended is ended by the gateway`() {
        let call = Script().call()
        call.caller.invite()
        call.callee.respond(183, .media(call.callee.media))
        call.callee.isDeaf = true
        call.caller.send(.bye)
        #expect(call.script.isClosed)
        call.callee.isDeaf = false
        call.callee.answer()
        #expect(call.caller.lastStatus == 503)
        #expect(call.callee.state == .over)
        expectNothingLeft(call.script)
    }

    @Test func `the dialog of a second phone that answered outlives the first one's`() {
        let fork = Fork(Setting(), three)
        fork.caller.invite()
        fork.answerTogether()
        // It may say something while the first is up, without media.
        let (first, second) = (fork.callees[0], fork.callees[1])
        fork.caller.turn(to: second)
        fork.caller.acknowledge()
        fork.caller.invite()
        second.answer()
        #expect(fork.caller.lastStatus == 200)
        #expect(fork.script.open == [Holes(paths: fork.paths(to: first))])
        // The first hangs up: the call is the second one's, and its next offer has media.
        fork.caller.end(fork: first.localTag, at: first.phone)
        #expect(first.state == .over && fork.script.isClosed)
        #expect(fork.script.controller.sessions.count == 1)
        fork.caller.invite()
        second.answer()
        #expect(fork.script.open == [Holes(paths: fork.paths(to: second))])
        second.bye()
        #expect(fork.caller.state == .over)
        expectNothingLeft(fork.script)
    }

    @Test func `nobody is registered, or nobody is called that: the same answer`() {
        let none = Fork(Setting(), [])
        none.caller.invite()
        let unknown = Fork(Setting(), [], users: [])
        unknown.caller.invite()
        #expect(none.caller.statuses == [480] && unknown.caller.statuses == [480])
        #expect(none.script.gate.asked.isEmpty)
        expectNothingLeft(none.script)
    }

    @Test func `a phone whose connection ends is given up at once`() throws {
        let fork = Fork(Setting(transport: .tcp), Array(repeating: Fork.Device(), count: 2))
        fork.caller.invite()
        for callee in fork.callees { callee.ring() }
        fork.callees[1].reject(486)
        #expect(fork.caller.statuses == [180, 180])
        fork.script.feed(.connectionClosed(try #require(fork.callees[0].phone.connection)))
        fork.script.settle()
        #expect(fork.caller.lastStatus == 486)
        #expect(fork.script.leftovers.isEmpty)
    }

    @Test func `a Path is the route to its phone`() throws {
        let fork = Fork(Setting(), [Fork.Device(path: [Array("<sip:198.51.0.50:5060;lr>".utf8)])])
        fork.caller.invite()
        let invite = try #require(fork.callees[0].requests.first)
        #expect(invite.value(of: .route).map(invite.text) == "<sip:198.51.0.50:5060;lr>")
        #expect(invite.requestURI.map(invite.text)?.contains("198.51.0.50") == true)
    }

    @Test(arguments: [15, 16, 17])
    func `as many branches as allowed, and no more`(_ count: Int) {
        let fork = Fork(Setting(), Array(repeating: Fork.Device(), count: count))
        fork.caller.invite()
        #expect(fork.callees.count { $0.isAsked } == min(count, ProxyContext.maximumBranches))
        fork.caller.cancel()
        for callee in fork.callees { callee.reject(486) }
        expectNothingLeft(fork.script)
    }
}
