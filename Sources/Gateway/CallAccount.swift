public import GateProtocol
import SDPText
import SIPText
import SIPTransactions
public import Wire

/// Everything that is known of one call, for whoever asks why it went as it did.
public struct CallAccount: Sendable, Equatable {
    /// Where a party is, as its signalling shows.
    public struct Whereabouts: Sendable, Equatable {
        /// The address that its signalling comes from.
        public var address: IPAddress
        /// Whether it is on the protected side.
        public var isInside: Bool
    }

    /// Whether it goes by its number or its Call-ID, and not by a part of a name.
    public var isExact: Bool
    /// The call as it is, or was last.
    public var summary: SessionSummary
    /// Where the caller is.
    public var caller: Whereabouts
    /// Where the callee is, or the first of several places.
    public var callee: Whereabouts?
    /// When it ended, and why; nil while it is up.
    public var end: (time: MonotonicTime, reason: CloseReason)?
    /// What happened, the oldest first.
    public var events: [CallEvent]
    /// Events that were left out after the first ones.
    public var omittedEvents: Int
    /// What its holes had counted to the end, when it is over and had any.
    public var lastReport: HoleReport?

    public static func == (a: CallAccount, b: CallAccount) -> Bool {
        a.isExact == b.isExact && a.summary == b.summary && a.caller == b.caller && a.callee == b.callee
            && a.end?.time == b.end?.time
            && a.end?.reason == b.end?.reason && a.events == b.events && a.omittedEvents == b.omittedEvents
            && a.lastReport == b.lastReport
    }
}

// What happens in a call is noted as it happens.
extension SessionController {
    func note(_ what: CallEvent.What, in session: Session) {
        let milliseconds = max(0, (now - session.startedAt).wholeNanoseconds / 1_000_000)
        session.record.append(CallEvent(milliseconds: UInt32(clamping: milliseconds), what))
    }

    /// A message of the call was accepted: what it says of media, or that the phone rings, answers or refuses.
    func noteProgress(
        _ message: Message, _ description: SessionDescription?, _ party: Party, isOffer: Bool, _ reading: Reading,
        _ session: Session
    ) {
        let label = CallEvent.Label(message.cseq.method, status: message.status)
        if let description {
            note(
                .described(
                    by: party, in: label, isOffer: isOffer, isDisclosed: reading == .disclosed,
                    streams: CallEvent.Stream.streams(of: description)), in: session)
        } else if let status = message.status, status > 100, message.cseq.method == .invite {
            note(.said(by: party, label), in: session)
        }
    }

    /// A message of a call was refused.
    func noteRefusal(of subject: Subject, _ rejection: Rejection) {
        let why = Array(rejection.why.utf8)
        switch subject {
        case .request(let server):
            guard let context = contexts[server], let id = context.session, let session = sessions[id] else { return }
            note(.refused(CallEvent.Label(context.request.cseq.method), why: why), in: session)
        case .response(let server, _, let message):
            guard let id = contexts[server]?.session, let session = sessions[id] else { return }
            note(.refused(CallEvent.Label(message.cseq.method, status: message.status), why: why), in: session)
        case .acknowledgement(_, let id):
            if let session = sessions[id] { note(.refused(CallEvent.Label(.ack), why: why), in: session) }
        case .none: break
        }
    }

    /// What the holes of a session had counted when they closed; it may be over by now.
    mutating func noteLast(_ report: HoleReport) {
        guard let session = sessions[report.session] else { return endedCalls.note(report) }
        session.lastReport = report
    }

    /// The newest call that goes by this: its number, its Call-ID, or a part of the URI of From or To. Calls that are up come
    /// before those that are over.
    public func account(of name: [UInt8]) -> CallAccount? {
        let isNumber = SessionID(name)
        func isMeant(_ id: SessionID, _ callID: [UInt8]) -> Bool { id == isNumber || callID == name }
        func isNamed(_ from: [UInt8], _ to: [UInt8]) -> Bool { Self.contains(from, name) || Self.contains(to, name) }
        let live = sessions.values.sorted { ($0.startedAt, $0.id) > ($1.startedAt, $1.id) }
        let ended = endedCalls.newestFirst
        if let session = live.first(where: { isMeant($0.id, $0.callID) }) { return account(of: session, isExact: true) }
        if let call = ended.first(where: { isMeant($0.id, $0.callID) }) { return account(of: call, isExact: true) }
        if let session = live.first(where: { isNamed($0.from, $0.to) }) { return account(of: session, isExact: false) }
        return ended.first { isNamed($0.from, $0.to) }.map { account(of: $0, isExact: false) }
    }

    private func account(of session: Session, isExact: Bool) -> CallAccount {
        let callee = session.callee ?? session.callees.first
        return CallAccount(
            isExact: isExact, summary: summary(of: session), caller: whereabouts(session.caller),
            callee: callee.map { whereabouts($0) },
            events: session.record.events, omittedEvents: session.record.omitted, lastReport: nil)
    }

    private func account(of call: EndedCall, isExact: Bool) -> CallAccount {
        CallAccount(
            isExact: isExact,
            summary: SessionSummary(
                id: call.id, callID: call.callID, from: call.from, to: call.to, state: .noMedia,
                startedAt: call.startedAt, reading: call.reading, holes: Holes()),
            caller: whereabouts(call.caller), callee: call.callee.map { whereabouts($0) },
            end: (call.endedAt, call.reason),
            events: call.record.events, omittedEvents: call.record.omitted, lastReport: call.lastReport)
    }

    private func whereabouts(_ place: Place) -> CallAccount.Whereabouts {
        CallAccount.Whereabouts(address: place.address, isInside: place.side == .inside)
    }

    private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        guard !part.isEmpty, text.count >= part.count else { return false }
        return (0...(text.count - part.count)).contains { text[$0..<$0 + part.count].elementsEqual(part) }
    }
}

extension SessionID {
    /// The session of these sixteen hexadecimal digits, as `description` writes them.
    fileprivate init?(_ text: [UInt8]) {
        guard text.count == 16 else { return nil }
        var value: UInt64 = 0
        for octet in text {
            guard let digit = ASCII.hexValue(octet) else { return nil }
            value = value << 4 | UInt64(digit)
        }
        self.init(value)
    }
}
