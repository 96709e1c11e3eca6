import GateProtocol
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// The call flows of RFC 3665 section 3, with the gateway as the proxy that they pass.
@Suite struct CallFlowTests {
    @Test(arguments: Setting.crossing)
    func `3.1 and 3.5: a session is established and ended`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.step("INVITE", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(caller)) { caller.invite() }
        ladder.step("180", caller: ["180"], open: ladder.half(caller)) { callee.ring() }
        ladder.step("200", caller: ["200 sdp"], callee: ["ACK"], open: ladder.paths()) { callee.answer() }
        ladder.step("BYE", caller: ["BYE"], callee: ["200 BYE"], open: ladder.closed) { callee.bye() }
        ladder.nothingIsLeft()
    }

    @Test(arguments: Setting.bothWays)
    func `3.2: a session through two proxies is recorded on the way and comes back that way`(_ setting: Setting) throws
    {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        // What the caller's own proxy adds before the INVITE comes here.
        ladder.step("INVITE", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(caller)) {
            caller.invite { invite in
                invite.prepend(.recordRoute, Array("<sip:ss1.atlanta.example.com;lr>".utf8))
            }
        }
        let invite = try #require(callee.requests.first)
        let recorded = invite.values(of: .recordRoute).map(invite.text)
        #expect(recorded.count == 3 && recorded.last == "<sip:ss1.atlanta.example.com;lr>")
        ladder.step("180", caller: ["180"], open: ladder.half(caller)) { callee.ring() }
        ladder.step("200", caller: ["200 sdp"], open: ladder.paths()) {
            caller.acknowledges = false
            callee.answer()
        }
        let answer = try #require(caller.responses.last)
        #expect(answer.values(of: .recordRoute).map(answer.text) == recorded)
    }

    @Test(arguments: Setting.bothWays)
    func `3.3: a challenge of the next proxy and the credentials for it pass`(_ setting: Setting) throws {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.step("INVITE", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(caller)) { caller.invite() }
        // The gateway acknowledges the 407 itself (RFC 3261 section 17.1.1.3), and its holes go with it.
        ladder.step("407", caller: ["407"], callee: ["ACK"], open: ladder.closed) { callee.reject(407) }
        let again = ladder.again()
        let credentials = "Digest username=\"alice\", realm=\"biloxi.example.com\", nonce=\"1\", response=\"2\""
        again.step("INVITE with credentials", caller: ["100"], callee: ["INVITE sdp"], open: again.half(again.caller)) {
            again.caller.invite { $0.append(named: Array("Proxy-Authorization".utf8), Array(credentials.utf8)) }
        }
        let invite = try #require(again.callee.requests.first)
        let row = invite.fields.first { invite.text($0.text) == "Proxy-Authorization" }
        #expect(row.map { invite.text($0.value) } == credentials)
        again.step("200", caller: ["200 sdp"], callee: ["ACK"], open: again.paths()) { again.callee.answer() }
        again.end()
    }

    @Test(arguments: Setting.bothWays)
    func `3.4: a next hop that fails is reported, and the caller's next attempt succeeds`(_ setting: Setting) {
        let ladder = Ladder(setting)
        ladder.callee.isDeaf = true
        ladder.step("INVITE", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(ladder.caller)) {
            ladder.caller.invite()
        }
        // Timer B, 32 s; what is half open to any source goes with the INVITE.
        ladder.step("nobody answers", caller: ["408"], callee: retransmissions(setting), open: ladder.closed) {
            ladder.script.advance(by: .seconds(33))
        }
        let again = ladder.again()
        again.establish()
        #expect(again.script.open == [again.paths()])
        again.end()
    }

    /// Timer A over UDP: 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s after the first (RFC 3261 section 17.1.1.2).
    private func retransmissions(_ setting: Setting) -> [String] {
        Array(repeating: "INVITE sdp", count: setting.transport == .udp ? 6 : 0)
    }

    @Test(arguments: Setting.crossing)
    func `3.6: a redirection is passed on, and the ACK brings the answer`(_ setting: Setting) {
        let ladder = Ladder(setting)
        ladder.step("INVITE without SDP", caller: ["100"], callee: ["INVITE"], open: ladder.closed) {
            ladder.caller.invite(Body.none)
        }
        ladder.step("302", caller: ["302"], callee: ["ACK"], open: ladder.closed) { ladder.callee.reject(302) }
        let again = ladder.again()
        let (caller, callee) = (again.caller, again.callee)
        again.step("INVITE without SDP", caller: ["100"], callee: ["INVITE"], open: again.closed) {
            caller.invite(Body.none)
        }
        again.step("180", caller: ["180"], open: again.closed) { callee.ring() }
        again.step("200 with the offer", caller: ["200 sdp"], open: again.half(callee)) {
            caller.acknowledges = false
            callee.answer()
        }
        again.step("ACK with the answer", callee: ["ACK sdp"], open: again.paths()) {
            caller.acknowledge(.media(caller.media))
        }
        again.end()
    }

    @Test(arguments: Setting.crossing)
    func `3.7: a re-INVITE changes the address, and the old paths stay until it is answered`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.establish()
        // A phone inside may name its own address only, so there the port changes.
        let outside = callee.phone.side == .outside
        let moved = Endpoint(outside ? setting.family.outside(33) : callee.phone.endpoint.address, 30_000)
        let old = ladder.paths()
        ladder.step(
            "re-INVITE", caller: ["INVITE sdp"], callee: ["100"], open: ladder.half(callee, 30_000, and: old)
        ) { callee.invite(.media(moved)) }
        ladder.step(
            "200", caller: ["ACK"], callee: ["200 sdp"], open: Holes(paths: ladder.call.paths(caller.media, moved))
        ) { caller.answer() }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `3.8: no answer, and the caller cancels`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.step("INVITE", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(caller)) { caller.invite() }
        ladder.step("180", caller: ["180"], open: ladder.half(caller)) { callee.ring() }
        ladder.step(
            "CANCEL", caller: ["200 CANCEL", "487"], callee: ["CANCEL", "ACK"], open: ladder.closed
        ) { caller.cancel() }
        ladder.nothingIsLeft()
    }

    /// 3.9 busy, 3.11 temporarily unavailable; and what 3.10 lets the callee's proxy say when the phone is silent.
    @Test(arguments: Setting.crossing, [UInt16(486), 480, 408, 600])
    func `3.9 and 3.11: an unsuccessful call ends with the callee's status`(_ setting: Setting, _ status: UInt16) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.step("INVITE", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(caller)) { caller.invite() }
        ladder.step("180", caller: ["180"], open: ladder.half(caller)) { callee.ring() }
        ladder.step("refusal", caller: ["\(status)"], callee: ["ACK"], open: ladder.closed) { callee.reject(status) }
        ladder.nothingIsLeft()
    }

    @Test(arguments: Setting.crossing)
    func `3.10: a phone that says nothing is asked until timer B and reported by 408`(_ setting: Setting) {
        let ladder = Ladder(setting)
        ladder.callee.isDeaf = true
        ladder.step("INVITE", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(ladder.caller)) {
            ladder.caller.invite()
        }
        ladder.step("nobody answers", caller: ["408"], callee: retransmissions(setting), open: ladder.closed) {
            ladder.script.advance(by: .seconds(33))
        }
        ladder.nothingIsLeft()
    }
}
