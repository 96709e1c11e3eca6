import GateProtocol
import Wire

@testable import Gateway

/// A call of a script: its two ends, and what the gateway did for it.
struct Call {
    let script: Script
    let caller: Leg
    let callee: Leg

    init(_ script: Script, number: Int) {
        self.script = script
        let setting = script.setting
        let callID = "call-\(number)"
        // The hosts that the two domains' routes lead to are 16 inside and 32 outside.
        let from = script.phone(setting.caller, 9)
        let to = script.phone(setting.callee, setting.callee == .inside ? 16 : 32)
        let (alice, bob) = ("sip:alice@\(setting.caller.domain)", "sip:bob@\(setting.callee.domain)")
        caller = Leg(from, callID: callID, isCaller: true, localURI: alice, remoteURI: bob)
        callee = Leg(to, callID: callID, isCaller: false, localURI: bob, remoteURI: alice)
    }

    /// What the gate was asked.
    var asked: [FakeGate.Asked] { script.gate.asked }

    var session: Session? { script.controller.sessions.values.first { $0.callID == Array(caller.callID.utf8) } }

    /// INVITE, 180, 200, ACK.
    func establish() {
        caller.invite()
        callee.ring()
        callee.answer()
    }

    /// RTP and RTCP of one end, as half-open endpoints.
    static func pair(_ rtp: Endpoint) -> [Endpoint] { [rtp, Endpoint(rtp.address, rtp.port + 1)] }

    /// The paths between two audio endpoints, RTP and RTCP.
    func paths(_ one: Endpoint? = nil, _ other: Endpoint? = nil) -> [MediaPath] {
        let (a, b) = (one ?? caller.media, other ?? callee.media)
        let (inside, outside) = caller.phone.side == .inside ? (a, b) : (b, a)
        return zip(Call.pair(inside), Call.pair(outside)).map { MediaPath(inside: $0, outside: $1) }
    }

    /// What the gate is asked when the offer comes from this end: nothing unless it is inside.
    func half(_ leg: Leg, _ rtp: Endpoint? = nil) -> [FakeGate.Asked] {
        leg.phone.side == .inside ? [.open(Call.pair(rtp ?? leg.media))] : []
    }

    /// Whether each end knows what the other believes.
    var isAgreed: Bool {
        guard let one = caller.agreed, let other = callee.agreed else {
            return caller.agreed == nil && callee.agreed == nil
        }
        return one.local == other.remote && one.remote == other.local
    }

    /// Both ends hang up what they believe to be up.
    func hangUp() {
        for leg in [caller, callee] {
            if leg.isUp { leg.bye() } else if leg.isAsked { leg.reject() }
        }
    }

    /// What must be open by what both ends agreed on.
    var agreedPaths: Set<MediaPath> {
        guard caller.phone.side != callee.phone.side, caller.isUp, callee.isUp, let agreed = caller.agreed,
            let local = agreed.local, let remote = agreed.remote
        else { return [] }
        return Set(paths(local, remote))
    }
}
