import SIPText
import SIPTransactions
import Testing

@testable import Gateway

/// A challenge from beyond is for whoever sent the request. The gateway has nobody's credentials and answers none, not even
/// to a request of its own: T8.
@Suite struct ChallengeTests {
    /// One for a realm elsewhere, and one for the gateway's own.
    static let challenges: [(HeaderName, String)] = [
        (.wwwAuthenticate, "Digest realm=\"elsewhere.example\", nonce=\"n\", qop=\"auth\""),
        (.proxyAuthenticate, "Digest realm=\"home.example\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\""),
    ]
    static let credentials =
        "Digest username=\"carol\", realm=\"elsewhere.example\", nonce=\"n\", uri=\"sip:x\", response=\"00\""

    private func script(_ setting: Setting) -> Script {
        Script(setting, registrar: Fork.registrar(users: ["alice", "bob"]))
    }

    /// What the gateway sent with credentials in it.
    private func proofs(_ script: Script) -> [Message] {
        script.sent.map(\.message).filter { message in
            [.authorization, .proxyAuthorization].contains { message.firstIndex(of: $0) != nil }
        }
    }

    private func rows(_ message: Message, _ name: HeaderName) -> [String] {
        message.fields.filter { $0.name == name }.map { message.text($0.value) }
    }

    private func expectNothingLeft(_ script: Script) {
        script.settle()
        #expect(script.open.isEmpty)
        #expect(script.leftovers.isEmpty)
        #expect(script.controller.sessions.isEmpty)
    }

    @Test(arguments: [UInt16(401), 407], Setting.bothWays)
    func `a challenge to a BYE of the gateway's own is the end of it`(_ status: UInt16, _ setting: Setting) throws {
        let script = script(setting)
        let call = script.call()
        call.callee.byeStatus = status
        call.callee.challenges = Self.challenges
        // What the caller proved goes where the caller sent it, and into nothing that the gateway makes.
        call.caller.invite { invite in
            for name in [HeaderName.authorization, .proxyAuthorization] {
                invite.append(name, Array(Self.credentials.utf8))
            }
        }
        let before = script.sent.count
        // It cannot be honoured: the gateway ends the dialog that the callee believes in.
        call.callee.answer(.sdp("v=9"))
        #expect(call.callee.requests.map(\.method) == [.invite, .ack, .bye])
        #expect(call.caller.statuses == [502])
        script.settle()
        let made = script.sent.dropFirst(before).map(\.message)
        #expect(made.filter { $0.method == .bye }.count == 1)
        #expect(made.allSatisfy { $0.method == .bye || $0.method == .ack || $0.status != nil })
        #expect(proofs(script).map(\.method) == [.invite])
        // The challenge was not for the caller.
        #expect(call.caller.responses.allSatisfy { $0.firstIndex(of: .wwwAuthenticate) == nil })
        expectNothingLeft(script)
    }

    @Test(arguments: [UInt16(401), 407], Setting.bothWays)
    func `a challenge to a request inside a call is its sender's`(_ status: UInt16, _ setting: Setting) throws {
        for method in [Method.options, .info, .message, .bye] {
            for isCaller in [true, false] {
                let script = script(setting)
                let call = script.call()
                call.establish()
                let (sender, receiver) = isCaller ? (call.caller, call.callee) : (call.callee, call.caller)
                (receiver.byeStatus, receiver.otherStatus) = (status, status)
                receiver.challenges = Self.challenges
                func came() -> Int { receiver.requests.filter { $0.method == method }.count }
                sender.send(method)
                script.advance(by: .seconds(40))
                #expect(sender.lastStatus == status, "\(method)")
                let response = try #require(sender.responses.last)
                for (name, value) in Self.challenges {
                    #expect(rows(response, name) == [value], "\(method)")
                }
                #expect(came() == 1 && proofs(script).isEmpty, "\(method)")
                // Its sender can answer it: that goes on as it is, once.
                (receiver.byeStatus, receiver.otherStatus) = (200, 200)
                sender.send(method, fields: [(.authorization, Self.credentials)])
                script.advance(by: .seconds(40))
                #expect(sender.lastStatus == 200 && came() == 2, "\(method)")
                #expect(proofs(script).map(\.method) == [method], "\(method)")
                #expect(receiver.requests.last.map { rows($0, .authorization) } == [Self.credentials], "\(method)")
                call.caller.bye()
                call.callee.bye()
                expectNothingLeft(script)
            }
        }
    }
}
