import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// Who is nobody here reaches nobody outside through the gateway, whatever a request looks like.
@Suite struct RelayTests {
    @Test(arguments: [
        "INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "REFER", "PUBLISH", "INFO", "NOTIFY", "UPDATE", "BYE", "PRACK",
    ])
    func `a stranger's request to a routed domain outside goes nowhere, with a To tag and without`(_ method: String) {
        for tag in ["", ";tag=invented"] {
            let script = Script { $0.relaysForStrangers = false }
            let stranger = script.phone(.outside, 77)
            let provider = script.phone(.outside, 32)
            let request = """
                \(method) sip:+390000@outside.example SIP/2.0\r
                Via: \(String(decoding: stranger.via(), as: UTF8.self))\r
                From: <sip:alice@inside.example>;tag=m\r
                To: <sip:+390000@outside.example>\(tag)\r
                Call-ID: relay\r
                CSeq: 1 \(method)\r
                Contact: <sip:m@\(stranger.endpoint)>\r
                Content-Length: 0\r
                \r

                """
            script.transmit(Array(request.utf8), from: stranger, to: stranger.gateway)
            #expect(provider.inbox.isEmpty, "\(method) \(tag)")
            #expect([403, 481].contains(stranger.inbox.last?.status), "\(method) \(tag)")
        }
    }

    @Test func `inside a call so many requests pass at once, then its sender counts like any other`() {
        let script = Script {
            $0.admission = AdmissionPolicy(perSource: 1, burstPerSource: 2, inAll: 1_000)
        }
        let call = script.call()
        call.establish()
        let before = call.callee.requests.count
        for _ in 0..<Session.requestBurst + 10 { call.caller.send(.info) }
        // The INVITE took one of the two that the source may send.
        #expect(call.callee.requests.count - before == Session.requestBurst + 1)
        #expect(call.caller.statuses.suffix(9).allSatisfy { $0 == 503 })
        // A tenth of a second gives one more, and the call ends all the same.
        script.advance(by: .milliseconds(100))
        call.caller.send(.info)
        #expect(call.callee.requests.count - before == Session.requestBurst + 2)
        call.caller.bye()
        #expect(call.callee.state == .over)
    }

    // MARK: Other than INVITE (RFC 4320)

    @Test func `a request that nobody answers gets a 100 when timer E has reached T2, and not before`() {
        let script = Script()
        let call = script.call()
        call.establish()
        call.callee.isDeaf = true
        call.caller.send(.info)
        script.advance(by: .milliseconds(3_490))
        #expect(!call.caller.phone.inbox.contains { $0.cseq.method == .info })
        script.advance(by: .milliseconds(20))
        // Its sender's retransmission of that moment gets the same.
        let answers = call.caller.phone.inbox.filter { $0.cseq.method == .info }
        #expect(!answers.isEmpty && answers.allSatisfy { $0.status == 100 })
    }

    @Test func `no other provisional response to it is passed on`() throws {
        let script = Script()
        let call = script.call()
        call.establish()
        call.callee.isDeaf = true
        call.caller.send(.info)
        let info = try #require(call.callee.requests.last)
        let ringing = Message(status: 183, reason: "Wait", to: info, tag: Array(call.callee.localTag.utf8))
        script.transmit(ringing.serialized(), from: call.callee.phone, to: call.callee.phone.gateway)
        #expect(!call.caller.phone.inbox.contains { $0.cseq.method == .info })
        var answer = ringing
        answer.setStatus(200, reason: "OK")
        script.transmit(answer.serialized(), from: call.callee.phone, to: call.callee.phone.gateway)
        #expect(call.caller.statuses.last == 200)
    }

    @Test func `a 100 has the Timestamp of its INVITE`() {
        let call = Script().call()
        call.caller.invite { $0.append(.timestamp, Array("54.5".utf8)) }
        let trying = call.caller.phone.inbox.first { $0.status == 100 }
        #expect(trying.flatMap { message in message.value(of: .timestamp).map(message.text) } == "54.5")
    }
}
