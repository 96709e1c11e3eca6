import GateProtocol
import SIPTransactions
import Wire

/// The link to the gate as the controller sees it.
struct GateLink {
    /// Nil while the gate does not answer.
    var holeTimeout: Duration?
    var next: UInt32 = 0
    /// What waits for a reply.
    var pending: [GateToken: Pending] = [:]
    /// Sessions that the gate held and nobody here knows, closed since it came back.
    var unknownClosed = 0
    /// Sessions that are over here and whose close the gate has not confirmed: asked for again until it has.
    var closing: Set<SessionID> = []
    /// Sessions whose refresh waits for the one before it.
    var renewing: ArraySlice<SessionID> = []
    /// The inside endpoints of the calls here, and of other event loops, by the external ones that the gate gave them.
    var insides: [Endpoint: Endpoint] = [:]

    /// A request under way.
    struct Pending {
        let request: GateRequest
        let subject: Subject
    }

    /// Takes into account what external endpoints stand for.
    mutating func note(added: [EndpointBinding], removed: [EndpointBinding]) {
        for binding in removed where insides[binding.external] == binding.inside { insides[binding.external] = nil }
        for binding in added { insides[binding.external] = binding.inside }
    }

    /// Refreshes in one hole timeout: one may be lost and the holes live on.
    static let renewalsPerTimeout = 3
    /// Holes in one refresh, which is one transaction: the gate has one thread, and a new call must not wait behind a long
    /// one.
    static let holesPerRenewal = 256
}

// Everything that is asked of the gate.
extension SessionController {
    /// Makes the gate hold what the session wants, then lets the subject go on.
    mutating func ensureHoles(_ id: SessionID, for subject: Subject) {
        guard let session = sessions[id] else { return proceed(subject) }
        let wanted = session.wanted
        guard wanted != session.requested || wanted != session.installed else { return proceed(subject) }
        guard gate.holeTimeout != nil else { return reject(subject, .gateUnavailable) }
        sessions[id]?.requested = wanted
        if session.recordSum == nil, !wanted.isEmpty { journal(session) }
        if wanted.isEmpty {
            ask(.close(id), for: subject)
        } else if wanted.paths.isEmpty, wanted.learning.isEmpty, wanted.reserved.isEmpty,
            session.bindings.isEmpty
        {
            ask(.openFromAny(id, inside: wanted.halfOpen), for: subject)
        } else {
            ask(.narrow(id, withBindings(wanted, of: session)), for: subject)
        }
    }

    /// Sends a request; without a gate nothing happens, and what is open there closes by itself or when it is back.
    mutating func ask(_ request: GateRequest, for subject: Subject) {
        guard gate.holeTimeout != nil else { return }
        gate.next &+= 1
        let token = GateToken(value: gate.next)
        gate.pending[token] = GateLink.Pending(request: request, subject: subject)
        counters.gateRequests += 1
        effects.append(.askGate(token, request))
    }

    mutating func gateReplied(_ token: GateToken, _ reply: GateReply) {
        guard let pending = gate.pending.removeValue(forKey: token) else { return }
        switch reply {
        case .completed:
            confirm(pending.request)
            proceed(pending.subject)
        case .bound(let bindings):
            if let id = pending.request.changedSession { note(bindings, of: id) }
            confirm(pending.request)
            proceed(pending.subject)
        case .closed(let report):
            noteLast(report)
            confirm(pending.request)
            proceed(pending.subject)
        case .refused(let refusal) where refusal.reason == .conflict && replaceStale(pending.request):
            ask(pending.request, for: pending.subject)
        case .refused(let refusal):
            counters.gateRefusals += 1
            // The sessions whose turn is next are renewed all the same.
            if case .renew = pending.request { renewNext() }
            revert(pending.request)
            var rejection = Rejection(refusal)
            if let id = pending.request.changedSession, sessions[id]?.reading == .disclosed, rejection.status != 503 {
                rejection = withheld(rejection, id)
            }
            reject(pending.subject, rejection, byGate: true)
        case .renewed(let missing, let silent):
            renewNext()
            if case .renew(let sessions) = pending.request { noteSilence(sessions, silent: silent) }
            for id in missing where sessions[id] != nil {
                sessions[id]?.installed = Holes()
                ensureHoles(id, for: .none)
            }
        case .listed(let reports, let more): reconcile(reports, more)
        case .welcome: break
        }
    }

    private mutating func confirm(_ request: GateRequest) {
        switch request {
        case .openFromAny(let id, let inside): confirm(id, Holes(halfOpen: inside))
        case .narrow(let id, let holes): confirm(id, holes)
        case .close(let id):
            gate.closing.remove(id)
            if sessions[id] == nil { effects.append(.journal(.drop(id))) }
            confirm(id, Holes())
        case .hello, .renew, .list: break
        }
    }

    private mutating func confirm(_ id: SessionID, _ holes: Holes) {
        effects.append(.log(.holesChanged(id, holes)))
        guard let session = sessions[id] else { return }
        note(.holes(halfOpen: holes.halfOpen.count, paths: holes.paths.count + holes.learning.count), in: session)
        var holes = holes
        holes.bindings = []
        if holes.halfOpen.isEmpty {
            if !session.installed.halfOpen.isEmpty { effects.append(.cancelTimer(.halfOpen(id))) }
        } else if session.installed.halfOpen.isEmpty {
            effects.append(.startTimer(.halfOpen(id), halfOpenTime(session)))
        }
        sessions[id]?.installed = holes
        sessions[id]?.silentSince = nil
    }

    /// Another session has the hole. Its inside end is of one phone, and only that phone's own signalling names it: the
    /// phone has begun anew, after a restart that sent no BYE, and its earlier call is over.
    ///
    /// - Returns: whether there was such a session.
    private mutating func replaceStale(_ request: GateRequest) -> Bool {
        guard let id = request.changedSession, let wanted = sessions[id]?.requested else { return false }
        let stale = sessions.values.filter { other in
            other.id != id && other.phase != .early
                && (other.installed.paths.contains(where: wanted.paths.contains)
                    || other.installed.learning.contains { one in
                        wanted.learning.contains { $0.inside == one.inside && $0.from == one.from }
                    }
                    || other.installed.halfOpen.contains(where: wanted.halfOpen.contains))
        }
        for other in stale.map(\.id).sorted() { hangUp(other, .replaced) }
        return !stale.isEmpty
    }

    /// How long a hole may be open to any source: while a phone rings, or while the ACK to a 2xx may come (section 13.3.1.4).
    private func halfOpenTime(_ session: Session) -> Duration {
        let time = session.phase == .early ? settings.inviteTimeout : settings.timers.transactionTime
        return settings.halfOpenTime.map { min($0, time) } ?? time
    }

    /// An offer has waited for its answer for long enough: its endpoints close, whatever else keeps the call up.
    mutating func halfOpenTimedOut(_ id: SessionID) {
        sessions[id]?.negotiation.closeHalfOpen(isTranslated: settings.translates)
        ensureHoles(id, for: .none)
    }

    /// A refused request changed nothing: the gate still holds what it confirmed before, unless it is asked for something
    /// later already.
    private mutating func revert(_ request: GateRequest) {
        guard let id = request.changedSession, let installed = sessions[id]?.installed,
            !gate.pending.values.contains(where: { $0.request.changedSession == id })
        else { return }
        sessions[id]?.requested = installed
    }

    /// The gate is back: what it holds is compared with what lives here.
    mutating func gateConnected(_ timeout: Duration, _ translates: Bool) {
        gate.holeTimeout = timeout
        settings.translates = translates
        gate.unknownClosed = 0
        ask(.list(after: nil), for: .none)
        effects.append(.startTimer(.renewal, timeout / GateLink.renewalsPerTimeout))
    }

    private mutating func reconcile(_ reports: [HoleReport], _ more: Bool) {
        for report in reports where isOwn(report.session) {
            if sessions[report.session] == nil {
                gate.unknownClosed += 1
                gate.closing.insert(report.session)
                ask(.close(report.session), for: .none)
            } else {
                // A request whose reply was lost may have been done all the same.
                sessions[report.session]?.requested = report.holes
            }
        }
        if more, let last = reports.last { return ask(.list(after: last.session), for: .none) }
        effects.append(.log(.gateConnected(unknownSessionsClosed: gate.unknownClosed)))
        if let holeTimeout = gate.holeTimeout { effects.append(.journal(.renewed(holeTimeout: holeTimeout))) }
        // Those that it does not hold: then that is known, too.
        let asked = Set(gate.pending.values.compactMap { $0.request.changedSession })
        for id in gate.closing.sorted() where sessions[id] == nil && !asked.contains(id) {
            ask(.close(id), for: .none)
        }
        // The gate may have been restarted and hold nothing: every session says again what it wants.
        for id in sessions.keys.sorted() {
            sessions[id]?.installed = Holes()
            ensureHoles(id, for: .none)
        }
    }

    /// Whether what the gate holds of a session is this controller's to look after: what others hold is theirs.
    private func isOwn(_ session: SessionID) -> Bool {
        if sessions[session] != nil || gate.closing.contains(session) { return true }
        return session.value % settings.shares == settings.share && !sessionsElsewhere.contains(session)
    }

    /// The gate is gone: calls that wait for it are refused, calls that are up keep their media until the holes time out.
    mutating func gateDisconnected() {
        guard gate.holeTimeout != nil else { return }
        gate.holeTimeout = nil
        gate.renewing = []
        for id in gate.closing.sorted() where sessions[id] == nil { effects.append(.journal(.drop(id))) }
        gate.closing = []
        effects.append(.log(.gateDisconnected))
        effects.append(.cancelTimer(.renewal))
        let pending = gate.pending.sorted { $0.key.value < $1.key.value }
        gate.pending = [:]
        for (_, waiting) in pending {
            revert(waiting.request)
            reject(waiting.subject, .gateUnavailable)
        }
    }

    /// The dead man's switch: sessions that live on say so. What the gate refused to close is asked for again first.
    mutating func renewHoles() {
        guard let timeout = gate.holeTimeout else { return }
        for id in gate.closing.sorted() where sessions[id] == nil { ask(.close(id), for: .none) }
        for session in sessions.values.filter({ $0.wanted != $0.installed }).sorted(by: { $0.id < $1.id }) {
            ensureHoles(session.id, for: .none)
        }
        effects.append(.journal(.renewed(holeTimeout: timeout)))
        let isUnderWay = !gate.renewing.isEmpty
        gate.renewing = sessions.values.filter { !$0.installed.isEmpty }.map(\.id).sorted()[...]
        if !isUnderWay { renewNext() }
        effects.append(.startTimer(.renewal, timeout / GateLink.renewalsPerTimeout))
    }

    /// One request of bounded size at a time: new calls go between them.
    private mutating func renewNext() {
        guard !gate.renewing.isEmpty else { return }
        var holes = 0
        let next = gate.renewing.prefix(GateLimits.sessionsPerRenewal).prefix { id in
            let isFirst = holes == 0
            holes += sessions[id]?.installed.count ?? 0
            return isFirst || holes <= GateLink.holesPerRenewal
        }
        gate.renewing = gate.renewing.dropFirst(next.count)
        ask(.renew(Array(next)), for: .none)
    }
}

extension GateRequest {
    /// The session whose holes the request changes.
    var changedSession: SessionID? {
        switch self {
        case .openFromAny(let id, _), .narrow(let id, _), .close(let id): id
        case .hello, .renew, .list: nil
        }
    }
}
