import Lab
import Testing

/// A call flow: what sipp's two phones do, and what must be seen of it at the gateway.
struct SIPpFlow: Sendable, CustomTestStringConvertible {
    let name: String
    let caller: SIPpScenario
    let callee: SIPpScenario
    /// Whether RTP must be counted both ways.
    let carriesMedia: Bool
    /// Whether the session must be seen with no hole between two times with holes.
    var isHeld = false

    var testDescription: String { name }

    private init(
        _ name: String, carriesMedia: Bool, isHeld: Bool = false, caller: [SIPpScenario.Step],
        callee: [SIPpScenario.Step]
    ) {
        self.name = name
        self.caller = SIPpScenario("caller", caller)
        self.callee = SIPpScenario("callee", callee)
        self.carriesMedia = carriesMedia
        self.isHeld = isHeld
    }

    /// Every flow, over IPv4 or IPv6: the held form of a session description has an address in it.
    static func all(usesIPv6: Bool) -> [SIPpFlow] {
        [early, holdAndResume(usesIPv6 ? "::" : "0.0.0.0"), reliable, cancelled, busy, moved, delayedOffer]
    }

    private typealias Message = SIPpMessages

    private static func await100() -> SIPpScenario.Step { .awaitResponse(100, optional: true, keepsRoute: false) }

    private static func await200(keepsRoute: Bool = false) -> SIPpScenario.Step {
        .awaitResponse(200, optional: false, keepsRoute: keepsRoute)
    }

    private static let awaitInvite = SIPpScenario.Step.awaitRequest("INVITE", keepsRoute: true)

    private static func awaits(_ method: String) -> SIPpScenario.Step { .awaitRequest(method, keepsRoute: false) }

    private static func bye(_ sequence: Int) -> [SIPpScenario.Step] {
        [.send(Message.fromCaller("BYE", sequence: sequence, inDialog: true), retransmitted: true), await200()]
    }

    private static let awaitBye: [SIPpScenario.Step] = [
        awaits("BYE"), .send(Message.response(200, "OK"), retransmitted: false),
    ]

    /// All of its media goes before the 200. RFC 3960; BYE from the callee.
    private static let early = SIPpFlow(
        "early media after 183, BYE from the callee", carriesMedia: true,
        caller: [
            .send(Message.fromCaller("INVITE", sequence: 1, media: .audio("sendrecv")), retransmitted: true),
            await100(), .awaitResponse(183, optional: false, keepsRoute: true), .play(SIPp.speech), await200(),
            .send(Message.fromCaller("ACK", sequence: 1, inDialog: true), retransmitted: false), awaits("BYE"),
            .send(Message.okFromCaller, retransmitted: false),
        ],
        callee: [
            awaitInvite,
            .send(Message.response(183, "Session Progress", media: .audio("sendrecv")), retransmitted: false),
            .pause(900), .send(Message.response(200, "OK", media: .audio("sendrecv")), retransmitted: true),
            awaits("ACK"), .send(Message.fromCallee("BYE", sequence: 1), retransmitted: true), await200(),
        ])

    /// RFC 3264 section 8.4, in the form that takes the address away: the holes close, and come back.
    private static func holdAndResume(_ unspecified: String) -> SIPpFlow {
        func reinvite(_ sequence: Int, _ media: SIPpMessages.Media) -> [SIPpScenario.Step] {
            [
                .send(
                    Message.fromCaller("INVITE", sequence: sequence, inDialog: true, media: media, version: sequence),
                    retransmitted: true),
                await100(), await200(),
                .send(Message.fromCaller("ACK", sequence: sequence, inDialog: true), retransmitted: false),
                .pause(600),
            ]
        }
        func answer(_ direction: String, _ version: Int) -> [SIPpScenario.Step] {
            [
                .awaitRequest("INVITE", keepsRoute: false),
                .send(
                    Message.response(200, "OK", media: .audio(direction), version: version), retransmitted: true),
                awaits("ACK"),
            ]
        }
        return SIPpFlow(
            "hold and resume by re-INVITE", carriesMedia: true, isHeld: true,
            caller: [
                .send(Message.fromCaller("INVITE", sequence: 1, media: .audio("sendrecv")), retransmitted: true),
                await100(), .awaitResponse(180, optional: true, keepsRoute: false), await200(keepsRoute: true),
                .send(Message.fromCaller("ACK", sequence: 1, inDialog: true), retransmitted: false),
                .play(SIPp.speech), .pause(600),
            ] + reinvite(2, .held(unspecified)) + reinvite(3, .audio("sendrecv")) + bye(4),
            callee: [
                awaitInvite, .send(Message.response(180, "Ringing"), retransmitted: false),
                .send(Message.response(200, "OK", media: .audio("sendrecv")), retransmitted: true), awaits("ACK"),
            ] + answer("inactive", 2) + answer("sendrecv", 3) + awaitBye)
    }

    /// RFC 3262 and RFC 3311: the answer in a reliable 183, then a new offer in UPDATE before the call is answered.
    private static let reliable = SIPpFlow(
        "reliable 183, PRACK, UPDATE", carriesMedia: true,
        caller: [
            .send(
                Message.fromCaller(
                    "INVITE", sequence: 1, media: .audio("sendrecv"), more: ["Supported: 100rel"]), retransmitted: true),
            await100(), .awaitResponse(183, optional: false, keepsRoute: true),
            .send(
                Message.fromCaller("PRACK", sequence: 2, inDialog: true, more: ["RAck: 1 1 INVITE"]),
                retransmitted: true),
            await200(),
            .send(
                Message.fromCaller("UPDATE", sequence: 3, inDialog: true, media: .audio("sendrecv"), version: 2),
                retransmitted: true),
            await200(), await200(),
            .send(Message.fromCaller("ACK", sequence: 1, inDialog: true), retransmitted: false), .play(SIPp.speech),
            .pause(800),
        ] + bye(4),
        callee: [
            awaitInvite,
            .send(
                Message.response(
                    183, "Session Progress", media: .audio("sendrecv"), more: ["Require: 100rel", "RSeq: 1"]),
                retransmitted: false),
            awaits("PRACK"), .send(Message.response(200, "OK"), retransmitted: false), awaits("UPDATE"),
            .send(Message.response(200, "OK", media: .audio("sendrecv"), version: 2), retransmitted: false),
            .send(Message.response(200, "OK", to: .keptInvite), retransmitted: true), awaits("ACK"),
        ] + awaitBye)

    private static let cancelled = SIPpFlow(
        "CANCEL while it rings", carriesMedia: false,
        caller: [
            .send(Message.fromCaller("INVITE", sequence: 1, media: .audio("sendrecv")), retransmitted: true),
            await100(), .awaitResponse(180, optional: false, keepsRoute: false), .pause(300),
            .send(Message.fromCaller("CANCEL", sequence: 1, branchOf: "INVITE"), retransmitted: true), await200(),
            .awaitResponse(487, optional: false, keepsRoute: false),
            .send(Message.fromCaller("ACK", sequence: 1, branchOf: "INVITE"), retransmitted: false),
        ],
        callee: [
            awaitInvite, .send(Message.response(180, "Ringing"), retransmitted: false), awaits("CANCEL"),
            .send(Message.response(200, "OK"), retransmitted: false),
            .send(Message.response(487, "Request Terminated", to: .keptInvite), retransmitted: true), awaits("ACK"),
        ])

    private static let busy = SIPpFlow(
        "486", carriesMedia: false,
        caller: [
            .send(Message.fromCaller("INVITE", sequence: 1, media: .audio("sendrecv")), retransmitted: true),
            await100(), .awaitResponse(486, optional: false, keepsRoute: false),
            .send(Message.fromCaller("ACK", sequence: 1, branchOf: "INVITE"), retransmitted: false),
        ],
        callee: [awaitInvite, .send(Message.response(486, "Busy Here"), retransmitted: true), awaits("ACK")])

    private static let moved = SIPpFlow(
        "302 passed on with its Contact", carriesMedia: false,
        caller: [
            .send(Message.fromCaller("INVITE", sequence: 1, media: .audio("sendrecv")), retransmitted: true),
            await100(), .awaitResponseWith(302, header: "Contact:", text: "sip:carol@c.example.net"),
            .send(Message.fromCaller("ACK", sequence: 1, branchOf: "INVITE"), retransmitted: false),
        ],
        callee: [
            awaitInvite,
            .send(
                Message.response(302, "Moved Temporarily", contact: "<sip:carol@c.example.net>"), retransmitted: true),
            awaits("ACK"),
        ])

    /// RFC 3264 section 4, RFC 6337 section 2.2: no offer in the INVITE.
    private static let delayedOffer = SIPpFlow(
        "offer in the 200, answer in the ACK", carriesMedia: true,
        caller: [
            .send(Message.fromCaller("INVITE", sequence: 1), retransmitted: true), await100(),
            .awaitResponse(180, optional: true, keepsRoute: false), await200(keepsRoute: true),
            .send(
                Message.fromCaller("ACK", sequence: 1, inDialog: true, media: .audio("sendrecv")),
                retransmitted: false),
            .play(SIPp.speech), .pause(800),
        ] + bye(2),
        callee: [
            awaitInvite, .send(Message.response(180, "Ringing"), retransmitted: false),
            .send(Message.response(200, "OK", media: .audio("sendrecv")), retransmitted: true), awaits("ACK"),
        ] + awaitBye)
}
