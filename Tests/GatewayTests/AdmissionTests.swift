import GateProtocol
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

@Suite struct AdmissionTests {
    private let policy = AdmissionPolicy(perSource: 10, burstPerSource: 20, inAll: 1_000)
    private let source = IPAddress.v4(0xC633_0001)

    private func time(_ seconds: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: 1_000_000_000 + Int64(seconds * 1e9))
    }

    private func admitted(_ admission: inout Admission, _ count: Int, at seconds: Double, from: IPAddress) -> Int {
        (0..<count).count { _ in admission.admits(from, at: time(seconds)) }
    }

    @Test func `a burst, then a rate, then the whole burst again`() {
        var admission = Admission(policy, trusted: [])
        #expect(admitted(&admission, 100, at: 0, from: source) == 20)
        #expect(admitted(&admission, 100, at: 0.05, from: source) == 0)
        #expect(admitted(&admission, 100, at: 0.1001, from: source) == 1)
        #expect(admitted(&admission, 100, at: 1.1002, from: source) == 10)
        #expect(admitted(&admission, 100, at: 60, from: source) == 20)
    }

    @Test func `one source does not use up another's allowance, and IPv6 hosts count by their /64`() {
        var admission = Admission(policy, trusted: [])
        #expect(admitted(&admission, 50, at: 0, from: source) == 20)
        #expect(admitted(&admission, 50, at: 0, from: .v4(0xC633_0002)) == 20)
        #expect(admitted(&admission, 15, at: 0, from: .v6(1, 1)) == 15)
        #expect(admitted(&admission, 15, at: 0, from: .v6(1, 2)) == 5)
    }

    @Test func `all sources together have a limit, and trusted ones only that`() {
        let trusted = IPAddress.v4(1)
        var admission = Admission(policy, trusted: [trusted])
        #expect(admitted(&admission, 900, at: 0, from: trusted) == 900)
        let others = (0..<200 as Range<UInt32>).count { admission.admits(.v4(0x0B00_0000 + $0), at: time(0)) }
        #expect(others == 100)
    }

    @Test func `sources that are told apart, and more`() {
        var admission = Admission(AdmissionPolicy(perSource: 10, burstPerSource: 20, inAll: 1_000_000), trusted: [])
        let most = AdmissionPolicy().sources
        let admitted = (0..<UInt32(most)).count { admission.admits(.v4($0), at: time(0)) }
        #expect(admitted == most)
        #expect(admission.count == most)
        // All further ones share one allowance.
        let further = (0..<100 as Range<UInt32>).count { admission.admits(.v4(0x0B00_0000 + $0), at: time(0)) }
        #expect(further == 20)
        #expect(admission.count == most)
        // When they have been silent they are forgotten.
        _ = admission.admits(source, at: time(10))
        _ = admission.admits(source, at: time(20))
        #expect(admission.count <= 2)
    }

    @Test(arguments: [(Side.inside, 11), (.outside, 3)])
    func `the failure of a call is sent again for long to who is known, and twice to a stranger`(
        _ side: Side, _ count: Int
    ) {
        // The next hops of the routes outside are known: the stranger calls from elsewhere.
        let script = Script(Setting(caller: side, callee: side == .inside ? .outside : .inside))
        let call = script.call()
        let phone = script.phone(side, 77)
        var invite = call.caller.make(.invite, .media(phone.media()))
        invite.removeAll(.via)
        invite.prepend(.via, phone.via())
        phone.isSilent = true
        phone.relay = { _ in }
        script.transmit(invite.serialized(), from: phone, to: phone.gateway)
        call.callee.reject(486)
        script.advance(by: .seconds(40))
        #expect(phone.inbox.count { $0.status == 486 } == count)
    }

    // MARK: Calls of one user

    @Test(arguments: [Side.inside, .outside])
    func `a phone inside has so many calls at one time and not one more`(_ side: Side) {
        let script = Script(Setting(caller: side, callee: side == .inside ? .outside : .inside)) { $0.callsPerUser = 2 }
        let calls = (0..<4).map { _ in script.call() }
        for (index, call) in calls.enumerated() {
            call.caller.port = 20_000 + 10 * UInt16(index)
            call.callee.port = 20_000 + 10 * UInt16(index)
        }
        calls[0].establish()
        calls[1].caller.invite()
        calls[2].caller.invite()
        #expect(calls[2].caller.lastStatus == (side == .inside ? 503 : nil))
        // One that ends, however it does, makes room.
        calls[1].callee.reject(486)
        calls[3].caller.invite()
        #expect(calls[3].callee.isAsked)
        for call in calls { call.hangUp() }
        script.settle()
        #expect(script.controller.userCalls.isEmpty)
    }

    // MARK: In the controller

    private func flooded(_ method: String = "OPTIONS") -> (script: Script, call: Call, stranger: Phone) {
        let script = Script { $0.admission = AdmissionPolicy(perSource: 10, burstPerSource: 20, inAll: 50) }
        let call = script.call()
        call.establish()
        let stranger = script.phone(.outside, 77)
        for number in 0..<200 {
            let text =
                "\(method) sip:bob@inside.example SIP/2.0\r\nVia: \(String(decoding: stranger.via(), as: UTF8.self))\r\n"
                + "From: <sip:m@x.example>;tag=\(number)\r\nTo: <sip:bob@inside.example>\r\nCall-ID: f\(number)\r\n"
                + "CSeq: 1 \(method)\r\nContent-Length: 0\r\n\r\n"
            script.transmit(Array(text.utf8), from: stranger, to: stranger.gateway)
        }
        return (script, call, stranger)
    }

    @Test func `who sends too much gets 503 without a transaction`() {
        let (script, _, stranger) = flooded()
        let refused = stranger.inbox.filter { $0.status == 503 }
        #expect(refused.count == 180)
        #expect(refused.allSatisfy { $0.value(of: .retryAfter) != nil })
        #expect(script.controller.counters.overLimit == 180)
    }

    @Test func `a call that is up goes on meanwhile`() {
        let (script, call, _) = flooded("INVITE")
        call.caller.invite(.media(call.caller.phone.media(30_000)))
        call.callee.answer()
        #expect(call.caller.statuses.last == 200)
        call.caller.bye()
        #expect(!call.callee.isUp)
        #expect(script.open.flatMap(\.paths).isEmpty)
    }

    @Test func `a flood of ACKs is not answered`() {
        let (_, _, stranger) = flooded("ACK")
        #expect(stranger.inbox.isEmpty)
    }

    /// What a datagram from nobody knows where may make the gateway send: at most twice its octets.
    @Test func `no answer is more than twice as long as its question`() {
        let methods = [
            "INVITE", "OPTIONS", "REGISTER", "MESSAGE", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "SUBSCRIBE",
            "NOTIFY",
            "REFER", "PUBLISH", "FOO",
        ]
        let variants = [
            ("sip:a", "<sip:a>"), ("sip:gw.example.net", "<sip:gw.example.net>"),
            ("sip:bob@inside.example", "<sip:b>;tag=1"),
        ]
        for method in methods {
            for (uri, to) in variants {
                let script = Script(registrar: Fork.registrar(users: []))
                let phone = script.phone(.outside, 77)
                let text =
                    "\(method) \(uri) SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\nTo: \(to)\r\n"
                    + "Call-ID: a\r\nCSeq: 1 \(method)\r\n\r\n"
                script.transmit(Array(text.utf8), from: phone, to: phone.gateway)
                let answers = script.sent.filter { $0.destination.remote.address == phone.endpoint.address }
                let answered = answers.map { $0.message.serialized().count }.reduce(0, +)
                #expect(answered <= 2 * text.utf8.count, "\(method) \(uri): \(answered) to \(text.utf8.count)")
            }
        }
    }
}
