import GateProtocol
import SIPText
import Testing
import Wire

@testable import Gateway

/// Where offers and answers stand: the six patterns of RFC 6337 table 1, refusals (table 2), and sections 3 and 4.
@Suite struct OfferAnswerFlowTests {
    // MARK: Table 1

    @Test(arguments: Setting.crossing)
    func `pattern 1: offer in INVITE, answer in 200`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.step("offer", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(caller)) { caller.invite() }
        ladder.step("answer", caller: ["200 sdp"], callee: ["ACK"], open: ladder.paths()) { callee.answer() }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `pattern 2: offer in 200, answer in ACK`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.step("INVITE", caller: ["100"], callee: ["INVITE"], open: ladder.closed) { caller.invite(Body.none) }
        caller.acknowledges = false
        ladder.step("offer", caller: ["200 sdp"], open: ladder.half(callee)) { callee.answer() }
        ladder.step("answer", callee: ["ACK sdp"], open: ladder.paths()) { caller.acknowledge(.media(caller.media)) }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `pattern 3: offer in INVITE, answer in a reliable 1xx`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.step("offer", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(caller)) { caller.invite() }
        // The branch's path is there, and the half stays: other branches may still answer.
        ladder.step("answer", caller: ["183 sdp"], open: ladder.half(caller, and: ladder.paths())) {
            callee.respond(183, .media(callee.media))
        }
        ladder.step("PRACK", caller: ["200 PRACK"], callee: ["PRACK"], open: ladder.half(caller, and: ladder.paths())) {
            caller.send(.prack)
        }
        ladder.step("200", caller: ["200"], callee: ["ACK"], open: ladder.paths()) { callee.answer(Body.none) }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `pattern 4: offer in a reliable 1xx, answer in PRACK`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.step("INVITE", caller: ["100"], callee: ["INVITE"], open: ladder.closed) { caller.invite(Body.none) }
        ladder.step("offer", caller: ["183 sdp"], open: ladder.half(callee)) {
            callee.respond(183, .media(callee.media))
        }
        ladder.step("answer", caller: ["200 PRACK"], callee: ["PRACK sdp"], open: ladder.paths()) {
            caller.send(.prack, .media(caller.media))
        }
        caller.acknowledging = Body.none
        ladder.step("200", caller: ["200"], callee: ["ACK"], open: ladder.paths()) { callee.answer(Body.none) }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `pattern 5: offer in PRACK, answer in its 200`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        caller.invite()
        ladder.step(
            "first answer", caller: ["100", "183 sdp"], callee: ["INVITE sdp"],
            open: ladder.half(caller, and: ladder.paths())
        ) { callee.respond(183, .media(callee.media)) }
        // A second exchange in the early dialog (section 3.2): the caller moves, the callee too.
        callee.otherAnswer = .media(callee.phone.media(31_000))
        ladder.step(
            "second exchange", caller: ["200 PRACK sdp"], callee: ["PRACK sdp"], open: ladder.paths((30_000, 31_000))
        ) { caller.send(.prack, .media(caller.phone.media(30_000))) }
        ladder.step("200", caller: ["200"], callee: ["ACK"], open: ladder.paths((30_000, 31_000))) {
            callee.answer(Body.none)
        }
        ladder.end()
    }

    @Test(arguments: Setting.crossing, [true, false])
    func `pattern 6: offer in UPDATE, answer in its 200`(_ setting: Setting, _ byCaller: Bool) {
        let ladder = Ladder(setting)
        ladder.establish()
        let (one, other) = byCaller ? (ladder.caller, ladder.callee) : (ladder.callee, ladder.caller)
        other.updateAnswer = .media(other.phone.media(31_000))
        let moved = byCaller ? ladder.paths((30_000, 31_000)) : ladder.paths((31_000, 30_000))
        ladder.step(
            "UPDATE", caller: [byCaller ? "200 UPDATE sdp" : "UPDATE sdp"],
            callee: [byCaller ? "UPDATE sdp" : "200 UPDATE sdp"], open: moved
        ) { one.send(.update, .media(one.phone.media(30_000))) }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `pattern 6 in an early dialog: UPDATE moves what the reliable 1xx agreed on`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        caller.invite()
        callee.respond(183, .media(callee.media))
        ladder.step(
            "PRACK", caller: ["100", "183 sdp", "200 PRACK"], callee: ["INVITE sdp", "PRACK"],
            open: ladder.half(caller, and: ladder.paths())
        ) { caller.send(.prack) }
        ladder.step(
            "UPDATE", caller: ["200 UPDATE sdp"], callee: ["UPDATE sdp"], open: ladder.paths((30_000, callee.port))
        ) { caller.send(.update, .media(caller.phone.media(30_000))) }
        ladder.step("200", caller: ["200"], callee: ["ACK"], open: ladder.paths((30_000, callee.port))) {
            callee.answer(Body.none)
        }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `the callee moves by UPDATE before its 200 what its reliable 1xx agreed on`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        caller.invite()
        callee.respond(183, .media(callee.media))
        ladder.step(
            "PRACK", caller: ["100", "183 sdp", "200 PRACK"], callee: ["INVITE sdp", "PRACK"],
            open: ladder.half(caller, and: ladder.paths())
        ) { caller.send(.prack) }
        ladder.step(
            "UPDATE", caller: ["UPDATE sdp"], callee: ["200 UPDATE sdp"], open: ladder.paths((caller.port, 31_000))
        ) { callee.send(.update, .media(callee.phone.media(31_000))) }
        ladder.step("200", caller: ["200"], callee: ["ACK"], open: ladder.paths((caller.port, 31_000))) {
            callee.answer(Body.none)
        }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `early media of two branches, PRACK in each, and the loser's path closes with the winner's 200`(
        _ setting: Setting
    ) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        caller.invite()
        callee.respond(183, .media(callee.phone.media(22_000)), tag: "fork-a")
        callee.respond(183, .media(callee.phone.media(24_000)), tag: "fork-b")
        #expect(Set(ladder.script.open.flatMap(\.paths)) == Set(ladder.paths((20_000, 22_000), (20_000, 24_000)).paths))
        callee.answer(.media(callee.phone.media(24_000)), tag: "fork-b")
        #expect(ladder.script.open == [ladder.paths((20_000, 24_000))])
        caller.bye()
        ladder.nothingIsLeft()
    }

    // MARK: Table 2: refusals

    @Test(arguments: Setting.crossing)
    func `an offer in INVITE is refused by 488`(_ setting: Setting) {
        let ladder = Ladder(setting)
        ladder.step("offer", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(ladder.caller)) {
            ladder.caller.invite()
        }
        ladder.step("488", caller: ["488"], callee: ["ACK"], open: ladder.closed) { ladder.callee.reject(488) }
        ladder.nothingIsLeft()
    }

    @Test(arguments: Setting.crossing)
    func `an offer in 200 is refused by an ACK without media and a BYE`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        caller.acknowledges = false
        caller.invite(Body.none)
        ladder.step("offer", caller: ["100", "200 sdp"], callee: ["INVITE"], open: ladder.half(callee)) {
            callee.answer()
        }
        ladder.step("ACK that refuses the stream", callee: ["ACK sdp"], open: ladder.closed) {
            caller.acknowledge(caller.streams(.audio(0)))
        }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `an offer in a 1xx is refused by a PRACK without media`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        caller.invite(Body.none)
        ladder.step("offer", caller: ["100", "183 sdp"], callee: ["INVITE"], open: ladder.half(callee)) {
            callee.respond(183, .media(callee.media))
        }
        ladder.step("PRACK", caller: ["200 PRACK"], callee: ["PRACK sdp"], open: ladder.closed) {
            caller.send(.prack, caller.streams(.audio(0)))
        }
        ladder.step("CANCEL", caller: ["200 CANCEL", "487"], callee: ["CANCEL", "ACK"], open: ladder.closed) {
            caller.cancel()
        }
        ladder.nothingIsLeft()
    }

    @Test(arguments: Setting.crossing, [UInt16(488), 491, 500, 504])
    func `an offer in UPDATE is refused and what was open before stays`(_ setting: Setting, _ status: UInt16) {
        let ladder = Ladder(setting)
        ladder.establish()
        ladder.callee.updateStatus = status
        ladder.step(
            "UPDATE", caller: ["\(status) UPDATE"], callee: ["UPDATE sdp"], open: ladder.paths()
        ) { ladder.caller.send(.update, .media(ladder.caller.phone.media(30_000))) }
        ladder.end()
    }

    @Test(arguments: Setting.crossing, [UInt16(488), 491, 500])
    func `an offer in PRACK is refused and the early exchange stays`(_ setting: Setting, _ status: UInt16) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        caller.invite()
        callee.respond(183, .media(callee.media))
        callee.otherStatus = status
        ladder.step(
            "PRACK", caller: ["100", "183 sdp", "\(status) PRACK"], callee: ["INVITE sdp", "PRACK sdp"],
            open: ladder.paths()
        ) { caller.send(.prack, .media(caller.phone.media(30_000))) }
        ladder.step("200", caller: ["200"], callee: ["ACK"], open: ladder.paths()) { callee.answer(Body.none) }
        ladder.end()
    }

    // MARK: Section 2.4: a description that is neither

    @Test(arguments: Setting.crossing)
    func `a 200 that repeats the answer of the reliable 1xx changes nothing`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        caller.invite()
        callee.respond(183, .media(callee.media))
        caller.send(.prack)
        ladder.step(
            "200", caller: ["100", "183 sdp", "200 PRACK", "200 sdp"], callee: ["INVITE sdp", "PRACK", "ACK"],
            open: ladder.paths()
        ) { callee.answer() }
        ladder.end()
    }

    // MARK: Section 3.4: a failed re-INVITE

    @Test(arguments: Setting.crossing, [UInt16(488), 408, 491, 500, 606])
    func `a failed re-INVITE restores exactly what was open before`(_ setting: Setting, _ status: UInt16) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.establish(caller.streams(.audio(20_000), .video(20_010)), callee.streams(.audio(21_000), .video(21_010)))
        let before = ladder.paths((20_000, 21_000), (20_010, 21_010))
        ladder.step(
            "re-INVITE moves one stream and ends the other", caller: ["100"], callee: ["INVITE sdp"],
            open: ladder.half(caller, 30_000, and: before)
        ) { caller.invite(caller.streams(.audio(30_000), .video(0))) }
        guard status != 408 else {
            // A 408 to a re-INVITE ends the dialog for its sender (RFC 5057 section 5.1).
            return ladder.step(
                "408", caller: ["408", "200 BYE"], callee: ["ACK", "BYE"], open: ladder.closed
            ) { callee.reject(408) }
        }
        ladder.step("refusal", caller: ["\(status)"], callee: ["ACK"], open: before) { callee.reject(status) }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `a re-INVITE without offer whose 200 offers and whose ACK refuses leaves no stream`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.establish()
        caller.acknowledges = false
        ladder.step("re-INVITE", caller: ["100"], callee: ["INVITE"], open: ladder.paths()) { caller.invite(Body.none) }
        ladder.step(
            "offer", caller: ["200 sdp"], open: ladder.half(callee, 31_000, and: ladder.paths())
        ) { callee.answer(.media(callee.phone.media(31_000))) }
        ladder.step("ACK", callee: ["ACK sdp"], open: ladder.paths((20_000, 31_000))) {
            caller.acknowledge(.media(caller.media))
        }
        ladder.end()
    }

    @Test(arguments: Setting.crossing, [true, false])
    func `a re-INVITE that fails after a reliable 1xx answered it restores what was open before`(
        _ setting: Setting, _ byCaller: Bool
    ) {
        let ladder = Ladder(setting)
        ladder.establish()
        let (one, other) = byCaller ? (ladder.caller, ladder.callee) : (ladder.callee, ladder.caller)
        one.invite(.media(one.phone.media(30_000)))
        other.respond(183, .media(other.phone.media(31_000)))
        one.send(.prack)
        #expect(Set(ladder.script.open.flatMap(\.paths)).isSuperset(of: ladder.paths().paths))
        other.reject(488)
        #expect(ladder.script.open == [ladder.paths()])
        ladder.caller.bye()
        ladder.nothingIsLeft()
    }

    @Test(arguments: Setting.crossing)
    func `a re-INVITE that is cancelled after a reliable 1xx answered it restores what was open before`(
        _ setting: Setting
    ) {
        let ladder = Ladder(setting)
        ladder.establish()
        ladder.caller.invite(.media(ladder.caller.phone.media(30_000)))
        ladder.callee.respond(183, .media(ladder.callee.phone.media(31_000)))
        ladder.caller.send(.prack)
        ladder.caller.cancel()
        #expect(ladder.script.open == [ladder.paths()])
        ladder.caller.bye()
        ladder.nothingIsLeft()
    }

    // MARK: Section 4: crossing and glare

    @Test(arguments: Setting.crossing)
    func `glare of two UPDATEs is 491 and the first one goes on`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.establish()
        callee.isDeaf = true
        caller.send(.update, .media(caller.phone.media(30_000)))
        ladder.step(
            "the callee's", callee: ["UPDATE sdp", "491 UPDATE"], open: ladder.half(caller, 30_000, and: ladder.paths())
        ) { callee.send(.update, .media(callee.phone.media(31_000))) }
    }

    @Test(arguments: Setting.crossing)
    func `glare of two re-INVITEs: both are refused by 491 and nothing has moved`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.establish()
        ladder.step(
            "the caller's", caller: ["100"], callee: ["INVITE sdp"],
            open: ladder.half(caller, 30_000, and: ladder.paths())
        ) { caller.invite(.media(caller.phone.media(30_000))) }
        ladder.step(
            "the callee's", callee: ["100", "491"], open: ladder.half(caller, 30_000, and: ladder.paths())
        ) { callee.invite(.media(callee.phone.media(31_000))) }
        ladder.step("491", caller: ["491"], callee: ["ACK"], open: ladder.paths()) { callee.reject(491) }
        // Whoever owns the Call-ID waits longer (RFC 3261 section 14.1); the other one is first.
        ladder.step(
            "once more", caller: ["INVITE sdp"], callee: ["100"],
            open: ladder.half(callee, 31_000, and: ladder.paths())
        ) { callee.invite(.media(callee.phone.media(31_000))) }
        ladder.step("200", caller: ["ACK"], callee: ["200 sdp"], open: ladder.paths((20_000, 31_000))) {
            caller.answer()
        }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `an UPDATE that meets an open re-INVITE is refused by 491 and the re-INVITE goes on`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.establish()
        caller.invite(.media(caller.phone.media(30_000)))
        ladder.step(
            "UPDATE", caller: ["100"], callee: ["INVITE sdp", "491 UPDATE"],
            open: ladder.half(caller, 30_000, and: ladder.paths())
        ) { callee.send(.update, .media(callee.phone.media(31_000))) }
        ladder.step("200", caller: ["200 sdp"], callee: ["ACK"], open: ladder.paths((30_000, 20_000))) {
            callee.answer()
        }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `a second UPDATE of the same side before the answer is refused by 500 with Retry-After`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.establish()
        callee.isDeaf = true
        caller.send(.update, .media(caller.phone.media(30_000)))
        ladder.step(
            "second", caller: ["500 UPDATE"], callee: ["UPDATE sdp"],
            open: ladder.half(caller, 30_000, and: ladder.paths())
        ) { caller.send(.update, .media(caller.phone.media(32_000))) }
        #expect(caller.responses.last?.value(of: .retryAfter) != nil)
    }

    // MARK: UPDATE in one branch of several

    @Test(arguments: Setting.crossing)
    func `an UPDATE in one branch leaves the path of the other`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        caller.invite()
        callee.respond(183, .media(callee.phone.media(22_000)), tag: "fork-a")
        callee.respond(183, .media(callee.media))
        caller.send(.update, .media(caller.phone.media(30_000)))
        let paths = Set(ladder.script.open.flatMap(\.paths))
        #expect(paths == Set(ladder.paths((20_000, 22_000), (30_000, 20_000)).paths))
        // The 2xx of the branch that was updated keeps what the UPDATE agreed on, whatever it repeats.
        callee.answer()
        #expect(ladder.script.open.flatMap(\.paths) == ladder.paths((30_000, 20_000)).paths)
    }

    @Test(arguments: Setting.crossing)
    func `an UPDATE that one branch refuses changes nothing in any`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        callee.updateStatus = 488
        caller.invite()
        callee.respond(183, .media(callee.phone.media(22_000)), tag: "fork-a")
        callee.respond(183, .media(callee.media))
        let before = ladder.script.open
        caller.send(.update, .media(caller.phone.media(30_000)))
        #expect(ladder.script.open == before)
    }
}
