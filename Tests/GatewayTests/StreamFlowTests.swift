import GateProtocol
import SIPText
import Testing
import Wire

@testable import Gateway

/// What later offers do to streams: RFC 6337 section 5 and RFC 3264 section 8.
@Suite struct StreamFlowTests {
    /// Two streams, up.
    private func two(_ setting: Setting) -> Ladder {
        let ladder = Ladder(setting)
        ladder.establish(
            ladder.caller.streams(.audio(20_000), .video(20_010)),
            ladder.callee.streams(.audio(21_000), .video(21_010)))
        #expect(Set(ladder.script.open.flatMap(\.paths)) == Set(ladder.paths((20_000, 21_000), (20_010, 21_010)).paths))
        return ladder
    }

    @Test(arguments: Setting.crossing)
    func `a stream is added beside the one that flows`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.establish(caller.streams(.audio(20_000)), callee.streams(.audio(21_000)))
        let audio = ladder.paths((20_000, 21_000))
        ladder.step(
            "offer", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(caller, 20_010, and: audio)
        ) { caller.invite(caller.streams(.audio(20_000), .video(20_010))) }
        ladder.step(
            "answer", caller: ["200 sdp"], callee: ["ACK"], open: ladder.paths((20_000, 21_000), (20_010, 21_010))
        ) { callee.answer(callee.streams(.audio(21_000), .video(21_010))) }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `an added stream that the answer refuses leaves the first as it was`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.establish(caller.streams(.audio(20_000)), callee.streams(.audio(21_000)))
        let audio = ladder.paths((20_000, 21_000))
        caller.invite(caller.streams(.audio(20_000), .video(20_010)))
        ladder.step("answer", caller: ["100", "200 sdp"], callee: ["INVITE sdp", "ACK"], open: audio) {
            callee.answer(callee.streams(.audio(21_000), .video(0)))
        }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `a stream that is removed by port 0 closes with the answer, not before`(_ setting: Setting) {
        let ladder = two(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.step(
            "offer", caller: ["100"], callee: ["INVITE sdp"], open: ladder.paths((20_000, 21_000), (20_010, 21_010))
        ) { caller.invite(caller.streams(.audio(20_000), .video(0))) }
        ladder.step("answer", caller: ["200 sdp"], callee: ["ACK"], open: ladder.paths((20_000, 21_000))) {
            callee.answer(callee.streams(.audio(21_000), .video(0)))
        }
        // Its place may be taken by another stream later (RFC 3264 section 8.1).
        caller.invite(caller.streams(.audio(20_000), .video(20_020)))
        ladder.step(
            "reused", caller: ["100", "200 sdp"], callee: ["INVITE sdp", "ACK"],
            open: ladder.paths((20_000, 21_000), (20_020, 21_020))
        ) { callee.answer(callee.streams(.audio(21_000), .video(21_020))) }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `the answer may refuse a stream that was accepted before`(_ setting: Setting) {
        let ladder = two(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        caller.invite(caller.streams(.audio(20_000), .video(20_010)))
        ladder.step(
            "answer", caller: ["100", "200 sdp"], callee: ["INVITE sdp", "ACK"], open: ladder.paths((20_010, 21_010))
        ) { callee.answer(callee.streams(.audio(0), .video(21_010))) }
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `a stream over TCP beside one over UDP opens nothing, and alone it is refused`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.establish(
            caller.streams(.audio(20_000), .floor(9_000)), callee.streams(.audio(21_000), .floor(9_002)))
        #expect(Set(ladder.script.open.flatMap(\.paths)) == Set(ladder.paths((20_000, 21_000)).paths))
        ladder.end()
        let other = Ladder(setting)
        other.caller.invite(other.caller.streams(.audio(0), .floor(9_000)))
        #expect(other.caller.statuses.last == 488)
        other.nothingIsLeft()
    }

    @Test(arguments: Setting.crossing)
    func `streams that change places keep their paths`(_ setting: Setting) {
        let ladder = two(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        let open = ladder.paths((20_000, 21_000), (20_010, 21_010))
        let asked = ladder.call.asked
        // Each place changes its media type (RFC 3264 section 8.3.3).
        ladder.step("offer", caller: ["100"], callee: ["INVITE sdp"], open: open) {
            caller.invite(caller.streams(.video(20_010), .audio(20_000)))
        }
        ladder.step("answer", caller: ["200 sdp"], callee: ["ACK"], open: open) {
            callee.answer(callee.streams(.video(21_010), .audio(21_000)))
        }
        let moves = ladder.call.asked.dropFirst(asked.count)
        #expect(
            moves.allSatisfy { if case .narrow(_, let paths) = $0 { Set(paths) == Set(open.paths) } else { false } })
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `an answer whose streams are in another order is none, and ends the call`(_ setting: Setting) {
        let ladder = two(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        // The answer must keep the offer's order (RFC 3264 section 6). It cannot be taken back, so the call is over: a BYE
        // tells the callee, and a 502 tells the caller that its dialog is gone (RFC 5057 section 5.1).
        ladder.step(
            "answer", caller: ["100", "502"], callee: ["INVITE sdp", "ACK", "BYE"], open: ladder.closed
        ) {
            caller.invite(caller.streams(.audio(20_000), .video(20_010)))
            callee.answer(callee.streams(.video(21_010), .audio(21_000)))
        }
        ladder.nothingIsLeft()
    }

    @Test(arguments: Setting.crossing)
    func `a stream of another port in the same place moves and the other one stays`(_ setting: Setting) {
        let ladder = two(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        let before = ladder.paths((20_000, 21_000), (20_010, 21_010))
        ladder.step(
            "offer", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(caller, 30_010, and: before)
        ) { caller.invite(caller.streams(.audio(20_000), .video(30_010))) }
        ladder.step(
            "answer", caller: ["200 sdp"], callee: ["ACK"], open: ladder.paths((20_000, 21_000), (30_010, 21_010))
        ) { callee.answer(callee.streams(.audio(21_000), .video(21_010))) }
        ladder.end()
    }

    // MARK: Section 5.3: hold and resume

    @Test(arguments: Setting.crossing, ["sendonly", "inactive", "recvonly"])
    func `hold by direction keeps the paths, RTCP flows on, and resuming moves nothing`(
        _ setting: Setting, _ direction: String
    ) {
        let ladder = two(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        let open = ladder.paths((20_000, 21_000), (20_010, 21_010))
        let asked = ladder.call.asked
        let reversed = ["sendonly": "recvonly", "recvonly": "sendonly"][direction] ?? direction
        ladder.step("hold", caller: ["100"], callee: ["INVITE sdp"], open: open) {
            caller.invite(caller.streams(.audio(20_000, direction), .video(20_010, direction)))
        }
        ladder.step("held", caller: ["200 sdp"], callee: ["ACK"], open: open) {
            callee.answer(callee.streams(.audio(21_000, reversed), .video(21_010, reversed)))
        }
        caller.invite(caller.streams(.audio(20_000), .video(20_010)))
        ladder.step("resumed", caller: ["100", "200 sdp"], callee: ["INVITE sdp", "ACK"], open: open) {
            callee.answer(callee.streams(.audio(21_000), .video(21_010)))
        }
        // The gate was not even asked: no packet of a stream that goes on can have been lost.
        #expect(ladder.call.asked == asked)
        ladder.end()
    }

    @Test(arguments: Setting.crossing)
    func `both ends on hold at the same time resume one after the other`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.establish(caller.streams(.audio(20_000)), callee.streams(.audio(21_000)))
        let open = ladder.paths((20_000, 21_000))
        for (one, other, direction, answer) in [
            (caller, callee, "sendonly", "recvonly"), (callee, caller, "inactive", "inactive"),
            (caller, callee, "recvonly", "inactive"), (callee, caller, "sendrecv", "sendrecv"),
        ] {
            one.invite(one.streams(.audio(one === caller ? 20_000 : 21_000, direction)))
            other.answer(other.streams(.audio(other === caller ? 20_000 : 21_000, answer)))
            #expect(ladder.script.open == [open])
        }
        ladder.call.caller.bye()
        ladder.nothingIsLeft()
    }

    // MARK: Section 5.4: c=0.0.0.0

    @Test(arguments: Setting.crossing)
    func `an old way to hold, by the address 0.0.0.0, opens nothing towards it and resumes`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.establish()
        ladder.step("hold", caller: ["100"], callee: ["INVITE sdp"], open: ladder.paths()) {
            caller.invite(.media(nil))
        }
        ladder.step("held", caller: ["200 sdp"], callee: ["ACK"], open: ladder.closed) { callee.answer() }
        ladder.step("resume", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(caller)) { caller.invite() }
        ladder.step("resumed", caller: ["200 sdp"], callee: ["ACK"], open: ladder.paths()) { callee.answer() }
        ladder.end()
    }

    /// Section 5.2.4: the answerer may refuse everything and the call stays up.
    @Test(arguments: Setting.crossing)
    func `an answer that refuses every stream leaves a call without media`(_ setting: Setting) {
        let ladder = Ladder(setting)
        let (caller, callee) = (ladder.caller, ladder.callee)
        ladder.step("offer", caller: ["100"], callee: ["INVITE sdp"], open: ladder.half(caller, 20_000, 20_010)) {
            caller.invite(caller.streams(.audio(20_000), .video(20_010)))
        }
        ladder.step("answer", caller: ["200 sdp"], callee: ["ACK"], open: ladder.closed) {
            callee.answer(callee.streams(.audio(0), .video(0)))
        }
        #expect(caller.isUp && callee.isUp)
        ladder.end()
    }
}
