public import GateProtocol
import SDPText
import SIPText
import SIPTransactions
import Wire

/// What is written of sessions while they live, for the process that comes after this one. It is written before whatever
/// else follows from the same input: the intent before the gate is asked, the call before its 2xx goes on.
public enum JournalEntry: Sendable, Equatable {
    /// The session's record, in place of an earlier one.
    case keep(SessionID, [UInt8])
    /// The session is over, and the gate holds nothing of it.
    case drop(SessionID)
    /// The holes of every session were renewed, or are about to be; they close after that time without it.
    case renewed(holeTimeout: Duration)
}

// Sessions that outlive the process.
extension SessionController {
    /// How much higher the numbers of a BYE are after a restart than those that were written: requests inside a call are not
    /// written one by one.
    static let sequenceGap: UInt32 = 10_000

    // MARK: Writing

    /// What is to be known of the session has changed: it is written when the input has been dealt with, before anything else
    /// that comes of it.
    mutating func journal(_ session: Session) {
        guard !unrecorded.contains(where: { $0 === session }) else { return }
        unrecorded.append(session)
    }

    /// The entries that are due.
    mutating func takeRecords() -> [Effect] {
        var entries: [Effect] = []
        for session in unrecorded where sessions[session.id] === session {
            guard let octets = SessionRecord(session).octets else {
                // Better no record than one of how the call was.
                if session.recordSum != nil { entries.append(.journal(.drop(session.id))) }
                session.recordSum = nil
                continue
            }
            let sum = SessionRecord.sum(of: octets)
            guard sum != session.recordSum else { continue }
            session.recordSum = sum
            entries.append(.journal(.keep(session.id, octets)))
        }
        unrecorded.removeAll(keepingCapacity: true)
        return entries
    }

    // MARK: Reading

    /// Goes on with the calls of the process before this one.
    ///
    /// - Parameter elsewhere: sessions that another controller goes on with: what the gate holds of them is not to be closed.
    mutating func restore(_ records: [SessionRecord], elsewhere: Set<SessionID>) {
        sessionsElsewhere = elsewhere
        var ended = 0
        for record in records where sessions[record.id] == nil {
            guard let call = record.call, let session = restored(record, call) else {
                // Its transactions are gone, and nobody would end it.
                gate.closing.insert(record.id)
                ended += 1
                continue
            }
            sessions[record.id] = session
            dialogs[session.dialog, default: []].append(session)
            if !session.user.isEmpty { userCalls[session.user, default: 0] += 1 }
            note(.restored, in: session)
            announceBindings(added: session.bindings, removed: [])
            announcePhones(of: session, isThere: true)
            if session.isOver {
                effects.append(.startTimer(.end(session.id), settings.timers.transactionTime * 2))
            } else if let expires = session.expires {
                // A refresh that nobody listened to comes again.
                let left = max(expires - now, settings.timers.transactionTime)
                effects.append(.startTimer(.sessionExpires(session.id), left))
            }
        }
        if !records.isEmpty { effects.append(.log(.restored(calls: sessions.count, ended: ended))) }
        // What may not be open any more is not opened again; both ends are told.
        for session in sessions.values.filter({ settings.policy.refusal($0.wanted) != nil }).sorted(by: {
            $0.id < $1.id
        }) {
            hangUp(session.id, .refused)
        }
    }

    private func restored(_ record: SessionRecord, _ call: SessionRecord.Lasting) -> Session? {
        let key = DialogKey(callID: record.callID, tag: call.callerTag)
        guard dialogs[key]?.count ?? 0 < ProxyContext.maximumBranches else { return nil }
        let session = Session(
            record.id, key, from: call.from, to: call.to, caller: settings.place(of: call.caller),
            callees: call.callees.map(settings.place), at: call.startedAt)
        if let callee = call.callee.first {
            session.calleeTag = callee.tag
            session.callee = settings.place(of: callee.address)
        }
        for fork in call.forks { session.confirm(fork.tag, at: settings.place(of: fork.address)) }
        session.phase = call.isOver ? .ending : .established
        session.isOver = call.isOver
        session.isAnswered = true
        session.restored = Both(caller: call.sequences[0], callee: call.sequences[1])
        session.hasLostKeys = call.hadKeys
        session.reading = call.reading
        session.user = settings.callsPerUser == nil ? [] : call.user
        session.hasTimer = call.expires != nil
        session.expires = call.expires
        session.negotiation.stable = call.paths
        session.negotiation.stableDirect = call.direct
        session.bindings = call.bindings
        session.sequences = Both(
            caller: min(call.sequences[0], .max / 4) + Self.sequenceGap,
            callee: min(call.sequences[1], .max / 4) + Self.sequenceGap)
        if call.ends.count == 2 {
            session.ends = Both(caller: DialogEnd(call.ends[0]), callee: DialogEnd(call.ends[1]))
        }
        session.recordSum = record.octets.map(SessionRecord.sum)
        return session
    }

    /// A phone whose TLS connection ended with the process before this one speaks again, by another: requests to it go there.
    func resume(_ session: Session, _ sender: Party, _ request: Message, from flow: Flow) {
        guard session.restored != nil, flow.transport == .tls, let tag = request.tag(of: .from).map(request.copy),
            session.secureWays[tag] == nil,
            session.isPlace(of: sender, { $0.address == flow.remote.address })
        else { return }
        session.follow(Destination(flow.transport, flow.remote, connection: flow.connection), to: tag)
    }

    /// A response that no transaction waits for. The 2xx to an INVITE is passed on all the same when the process before this
    /// one was about to, and had written of the call: whoever sends it repeats it until the ACK comes (RFC 3261 section
    /// 13.3.1.4), and nobody else can end the other's waiting. Everything else is dropped (RFC 6026 section 7.3).
    mutating func passOn(_ response: Message, _ flow: Flow) {
        guard response.status.map({ (200..<300).contains($0) }) ?? false, response.cseq.method == .invite,
            let (session, sender) = knownCall(of: response, from: flow), !session.isOver,
            let carried = session.restored, response.cseq.number <= carried[sender],
            let tag = response.tag(of: sender == .caller ? .to : .from), session.isCallees(response.octets(tag)),
            isPlace(flow.remote, of: sender.other, in: session), response.values(of: .via).count > 1,
            var way = session.ends?[sender].way, let listener = settings.listener(facing: way)
        else {
            counters.strayResponses += 1
            return
        }
        way.local = listener.endpoint
        var response = readdressed(response, from: flow.remote.address, to: way.remote.address, session.id)
        response.removeFirstValue(of: .via)
        effects.append(.send(response, way))
    }

    /// The process is about to end, and another one shall go on with the calls: only what cannot outlive it ends.
    mutating func suspend() {
        for id in sessions.keys.sorted() where sessions[id]?.isAnswered == false { close(id, .shutdown) }
    }
}

extension Session {
    /// Nothing may be open any more: BYE came, or the CANCEL that the 2xx crossed, whose sender says BYE next.
    fileprivate var isEnding: Bool { isOver || phase == .ending }
}

extension SessionRecord {
    init(_ session: Session) {
        guard session.isAnswered else {
            self.init(id: session.id, callID: session.callID, call: nil)
            return
        }
        let negotiation = session.negotiation
        // Of a call that is over its copies of the BYE must find their way, and no more.
        let isOver = session.isEnding
        self.init(
            id: session.id, callID: session.callID,
            call: Lasting(
                isOver: isOver, hadKeys: session.hasLostKeys || !session.keys.isEmpty,
                reading: session.reading, startedAt: session.startedAt,
                expires: session.hasTimer && !isOver ? session.expires : nil, user: session.user, from: session.from,
                to: session.to, callerTag: session.dialog.callersTag, caller: session.caller.address,
                callee: session.callee.map { [Fork(tag: session.calleeTag ?? [], address: $0.address)] } ?? [],
                callees: session.callees.map(\.address),
                forks: session.confirmed.map { Fork(tag: $0.tag, address: $0.place.address) },
                sequences: [session.sequences.caller, session.sequences.callee],
                ends: isOver ? [] : session.ends.map { [End($0.caller), End($0.callee)] } ?? [],
                paths: isOver ? [] : negotiation.stable, direct: isOver ? [] : negotiation.stableDirect,
                bindings: isOver ? [] : session.bindings))
    }
}

extension SessionRecord.End {
    fileprivate init(_ end: DialogEnd) {
        self.init(
            address: end.address, target: end.target, routes: end.routes, transport: end.way.transport,
            remote: end.way.remote, serverName: end.way.serverName)
    }
}

extension DialogEnd {
    /// Without the connection, which ended with the process.
    fileprivate init(_ end: SessionRecord.End) {
        self.init(
            address: end.address, target: end.target, routes: end.routes,
            way: Destination(end.transport, end.remote, serverName: end.serverName))
    }
}
