public import GateProtocol
public import Wire

/// Decides on every request: policy, ownership, routes, then one transaction.
public struct Gatekeeper<Kernel: Firewall> {
    /// Added to the kernel's timeout before a session counts as expired here: the time from reading the clock to the
    /// kernel's own reading of it, generously. Only then is an element of the session surely gone.
    public static var expiryMargin: Duration { .milliseconds(50) }

    let kernel: Kernel
    var policy: PinholePolicy
    let halfOpenAllowed: Bool
    let learningAllowed: Bool
    let holeTimeout: Duration
    /// How long a session may be open to any source.
    let halfOpenLimit: Duration
    /// Since when sessions are open to any source.
    var halfOpenSince: [SessionID: MonotonicTime] = [:]
    var table = HoleTable()
    var bindings: BindingTable
    /// What no hole let through lately.
    var nearMisses = NearMissTable()
    /// What undoes a transaction of which nobody knows whether it was done; nil when all is known.
    var doubt: Transaction?
    var random = SystemRandomNumberGenerator()
    /// How often the table was found missing and was made anew.
    public internal(set) var restorations = 0

    /// - Parameters:
    ///   - learningAllowed: whether it is told of every packet, or a sample, that no hole let through: see `noteMiss`.
    ///   - holeTimeout: after which holes close that are not renewed.
    ///   - halfOpenLimit: after which what is open to any source closes, renewed or not.
    ///   - translation: the external endpoints that inside ones are given; nil when addresses are not translated.
    public init(
        kernel: Kernel, policy: PinholePolicy, halfOpenAllowed: Bool, learningAllowed: Bool = true,
        holeTimeout: Duration,
        halfOpenLimit: Duration = .seconds(240), translation: TranslationSettings? = nil
    ) {
        bindings = BindingTable(translation ?? TranslationSettings(addresses: []))
        self.kernel = kernel
        self.policy = policy
        self.halfOpenAllowed = halfOpenAllowed
        self.learningAllowed = learningAllowed
        self.holeTimeout = holeTimeout
        self.halfOpenLimit = halfOpenLimit
    }

    /// Sessions that have holes.
    public var sessionCount: Int { table.count }

    /// Inside endpoints that have an external one.
    public var bindingCount: Int { bindings.count }

    /// When `expire` is to be called next.
    public var nextDeadline: MonotonicTime? { table.nextDeadline }

    /// Forgets the sessions that were not renewed in time.
    public mutating func expire(at now: MonotonicTime) -> [SessionID] {
        let expired = table.expire(at: now)
        for session in expired { halfOpenSince[session.session] = nil }
        for session in expired { for hole in session.holes { bindings.drop(hole.hole.inside, at: now) } }
        let elements = expired.flatMap { OpenHole.elements(of: $0.holes, in: $0.session) }
        // The kernel has dropped them by now, unless its clock stood still in a suspend that ours counts. An error changes
        // nothing: they go by their timeout.
        if !elements.isEmpty { _ = try? kernel.apply(Transaction(old: elements, wanted: [], timeout: holeTimeout)) }
        return expired.map(\.session)
    }

    /// Does what is asked. The reply tells what the kernel has done by then.
    public mutating func handle(_ request: GateRequest, at now: MonotonicTime) -> GateOutcome {
        switch request {
        case .hello(let version):
            guard version == GateFrame.version else { return GateOutcome(.refused(GateRefusal(.badVersion))) }
            return GateOutcome(
                .welcome(
                    version: GateFrame.version, holeTimeout: holeTimeout, translates: bindings.isEnabled))
        case .openFromAny(let session, let inside):
            return change(session, to: Holes(halfOpen: inside), at: now)
        case .narrow(let session, let holes):
            return change(session, to: holes, at: now)
        case .close(let session):
            return change(session, to: Holes(), at: now)
        case .renew(let sessions):
            return renew(sessions, at: now)
        case .list(let after):
            return list(after: after, at: now)
        }
    }

    /// Does what is asked one after the other, as if each had come alone; only the kernel sees less of it: changes that
    /// follow each other and do not touch what another of them touches are one transaction. What is refused, and everything
    /// when that transaction is, is done again alone.
    ///
    /// - Parameter requests: all of them were there before this is called.
    /// - Returns: an outcome for each, in their order.
    public mutating func handle(_ requests: [GateRequest], at now: MonotonicTime) -> [GateOutcome] {
        guard requests.count > 1 else { return requests.map { handle($0, at: now) } }
        var outcomes: [GateOutcome] = []
        outcomes.reserveCapacity(requests.count)
        var group = ChangeGroup()
        for request in requests {
            guard let (session, holes) = request.change else {
                perform(&group, at: now, into: &outcomes)
                outcomes.append(handle(request, at: now))
                continue
            }
            if !group.isEmpty {
                if let change = try? prepare(session, holes, at: now, beside: group) {
                    if group.takes(change) {
                        group.append(change)
                        continue
                    }
                    forget(change)
                }
                perform(&group, at: now, into: &outcomes)
            }
            do throws(GateFailure) {
                group.append(try prepare(session, holes, at: now))
            } catch {
                outcomes.append(GateOutcome(error))
            }
        }
        perform(&group, at: now, into: &outcomes)
        return outcomes
    }

    // MARK: Changes

    private mutating func change(_ session: SessionID, to holes: Holes, at now: MonotonicTime) -> GateOutcome {
        do throws(GateFailure) {
            return perform(try prepare(session, holes, at: now), at: now)
        } catch {
            return GateOutcome(error)
        }
    }

    /// What a request comes to when the kernel agrees.
    ///
    /// - Parameter group: what is to be done in the same transaction.
    private mutating func prepare(
        _ session: SessionID, _ holes: Holes, at now: MonotonicTime, beside group: ChangeGroup = ChangeGroup()
    ) throws(GateFailure) -> Change {
        var wanted = try resolve(session, holes, beside: group)
        let bound = try bind(&wanted, keeping: holes.bindings, at: now)
        return Change(
            session: session, wanted: wanted, isNew: !wanted.isEmpty && !table.contains(session), bound: bound,
            before: bindings.isEnabled ? table.holes(of: session).map(\.hole.inside) : [],
            transaction: table.transaction(
                session, to: wanted, timeout: holeTimeout, halfOpenLifetime: halfOpenLifetime(of: session, at: now)))
    }

    private mutating func perform(_ change: Change, at now: MonotonicTime) -> GateOutcome {
        do throws(NetfilterError) {
            try settle(at: now)
            guard !change.transaction.isEmpty else { return commit(change, [:], at: now) }
            return commit(change, try apply(change.transaction, at: now), at: now)
        } catch {
            forget(change)
            return GateOutcome(.kernel(error))
        }
    }

    /// Does all of a group, and empties it.
    private mutating func perform(_ group: inout ChangeGroup, at now: MonotonicTime, into outcomes: inout [GateOutcome])
    {
        defer { group = ChangeGroup() }
        // Whom the kernel refuses something is not said when they ask together: then each asks alone.
        if group.hasSeveral, let counts = try? apply(group.transaction(timeout: holeTimeout), at: now) {
            for change in group.changes { outcomes.append(commit(change, counts, at: now)) }
        } else {
            for change in group.changes { outcomes.append(perform(change, at: now)) }
        }
    }

    /// Learns that the kernel has done it.
    private mutating func commit(
        _ change: Change, _ counts: [ElementKey: Traffic], at now: MonotonicTime
    ) -> GateOutcome {
        let before = table.holes(of: change.session)
        guard !change.wanted.isEmpty || !before.isEmpty else { return GateOutcome(.completed) }
        var closed = table.commit(change.session, to: change.wanted, counts: counts, deadline: deadline(from: now))
        noteHalfOpen(change.session, change.wanted, at: now)
        let bindings = account(for: change.wanted, instead: before, at: now)
        guard !change.wanted.isEmpty else {
            closed.nearMisses = nearMisses.nearMisses(of: before, at: now)
            return GateOutcome(.closed(closed), closed: closed.holes.isEmpty ? nil : closed)
        }
        return GateOutcome(
            bindings.isEmpty ? .completed : .bound(bindings), closed: closed.holes.isEmpty ? nil : closed)
    }

    /// The holes with their next hops, or why there may not be such holes.
    private mutating func resolve(
        _ session: SessionID, _ holes: Holes, beside group: ChangeGroup
    ) throws(GateFailure) -> [OpenHole] {
        guard !holes.isEmpty else { return [] }
        guard halfOpenAllowed || holes.halfOpen.isEmpty else {
            throw .refused(GateRefusal(.halfOpenDisabled, endpoint: holes.halfOpen.first))
        }
        // The others came with this one: what they were judged by is still right.
        if !group.isResolved {
            policy.ownAddresses = try asking { () throws(NetfilterError) in try kernel.ownAddresses() }
            policy.ownAddresses.formUnion(bindings.externalAddresses)
        }
        if let refusal = policy.refusal(holes) { throw .refused(refusal) }
        if !table.contains(session), let refusal = policy.refusal(sessions: table.count + group.newSessions) {
            throw .refused(refusal)
        }
        guard learningAllowed || holes.learning.isEmpty else {
            throw .refused(GateRefusal(.learningDisabled, endpoint: holes.learning.first?.inside))
        }
        let entries = entries(of: holes, for: session)
        if let conflict = table.conflict(entries.map(\.hole), for: session) {
            throw .refused(GateRefusal(.conflict, endpoint: conflict.inside))
        }
        // RTP and RTCP go to the same two hosts: each is asked for once.
        var inside: Hop?
        var outside: Hop?
        var opened: [OpenHole] = []
        opened.reserveCapacity(entries.count)
        for entry in entries {
            let insideHop = try hop(to: entry.hole.inside, on: kernel.insideInterface, last: &inside)
            var outsideHop: IPAddress?
            switch entry.hole {
            case .path(let path):
                outsideHop = try hop(to: path.outside, on: kernel.outsideInterface, last: &outside)
            case .learning(let path):
                // Not used yet; who asks for what cannot be is told now.
                _ = try hop(to: Endpoint(path.from, path.told.port), on: kernel.outsideInterface, last: &outside)
            case .halfOpen, .reserved: break
            }
            var open = OpenHole(
                entry.hole, insideHop: insideHop, outsideHop: outsideHop, forwarding: kernel.forwarding)
            open.learnedFor = entry.learnedFor
            opened.append(open)
        }
        return opened
    }

    /// The neighbour that packets to an address are handed to.
    struct Hop {
        let address: IPAddress
        let neighbour: IPAddress
    }

    func hop(
        to endpoint: Endpoint, on interface: UInt32, last: inout Hop?
    ) throws(GateFailure) -> IPAddress {
        if let last, last.address == endpoint.address { return last.neighbour }
        switch try asking({ () throws(NetfilterError) in try kernel.route(to: endpoint.address) }) {
        case .none:
            throw .refused(GateRefusal(.noRoute, endpoint: endpoint))
        case .via(let hop, let leaving):
            guard leaving == interface else { throw .refused(GateRefusal(.wrongInterface, endpoint: endpoint)) }
            last = Hop(address: endpoint.address, neighbour: hop)
            return hop
        }
    }

    // MARK: Renewal and lists

    /// Renews in one transaction.
    private mutating func renew(_ sessions: [SessionID], at now: MonotonicTime) -> GateOutcome {
        var seen: Set<SessionID> = []
        let known = sessions.filter { seen.insert($0).inserted && table.contains($0) }
        let missing = seen.subtracting(known)
        var silent: [SessionID] = []
        do throws(GateFailure) {
            if !known.isEmpty {
                var transaction = Transaction(old: [], wanted: [], timeout: holeTimeout)
                let renewed = known.map { (session: $0, holes: lasting($0, at: now)) }
                for (session, holes) in renewed {
                    let change = table.transaction(
                        session, to: holes, timeout: holeTimeout,
                        halfOpenLifetime: halfOpenLifetime(of: session, at: now))
                    transaction.old += change.old
                    transaction.wanted += change.wanted
                }
                let before = restorations
                // The kernel has nothing of what is only reserved, and need not acknowledge a batch of nothing.
                let counts = transaction.isEmpty ? [:] : try applying(transaction, at: now)
                // What a table counted that somebody took away is not known: nobody is called silent for it.
                silent = known.filter { session in
                    before == restorations
                        && table.holes(of: session).flatMap(\.keys).allSatisfy { (counts[$0]?.packets ?? 0) == 0 }
                }
                for (session, holes) in renewed {
                    let before = table.holes(of: session)
                    table.commit(session, to: holes, counts: counts, deadline: deadline(from: now))
                    noteHalfOpen(session, holes, at: now)
                    _ = account(for: holes, instead: before, at: now)
                }
            }
            return GateOutcome(.renewed(missing: missing.sorted(), silent: silent))
        } catch {
            return GateOutcome(error)
        }
    }

    // MARK: Half open

    /// How long the kernel may hold what the session has open to any source.
    func halfOpenLifetime(of session: SessionID, at now: MonotonicTime) -> Duration {
        let left = halfOpenLimit - (now - (halfOpenSince[session] ?? now))
        return min(holeTimeout, max(left, .milliseconds(1)))
    }

    /// What a renewal prolongs of a session's holes: what has been open to any source for too long is not open any more, but
    /// keeps its place and its external endpoint, which the other side was told.
    private func lasting(_ session: SessionID, at now: MonotonicTime) -> [OpenHole] {
        let holes = table.holes(of: session)
        guard let since = halfOpenSince[session], now - since >= halfOpenLimit else { return holes }
        return holes.map(\.withoutAnySource)
    }

    /// The time runs from the first hole to any source until nothing is left of it: neither being asked for anew nor a time of
    /// being reserved begins it again.
    mutating func noteHalfOpen(_ session: SessionID, _ holes: [OpenHole], at now: MonotonicTime) {
        if holes.contains(where: \.hole.isHalfOpen) {
            if halfOpenSince[session] == nil { halfOpenSince[session] = now }
        } else if !holes.contains(where: \.hole.isReserved) {
            halfOpenSince[session] = nil
        }
    }

    private mutating func list(after: SessionID?, at now: MonotonicTime) -> GateOutcome {
        do throws(GateFailure) {
            let page = table.page(after: after, limit: GateLimits.reportsPerPage)
            let keys = page.sessions.flatMap { table.holes(of: $0).flatMap(\.keys) }
            let counts = try counters(of: keys, at: now)
            let reports = page.sessions.map { session in
                let holes = table.holes(of: session)
                var report = HoleReport(session: session, holes, counts: counts)
                report.nearMisses = nearMisses.nearMisses(of: holes, at: now)
                return report
            }
            return GateOutcome(.listed(reports, more: page.more))
        } catch {
            return GateOutcome(error)
        }
    }

    private mutating func applying(
        _ transaction: Transaction, at now: MonotonicTime
    ) throws(GateFailure) -> [ElementKey: Traffic] {
        do throws(NetfilterError) {
            return try apply(transaction, at: now)
        } catch {
            throw .kernel(error)
        }
    }

    private mutating func counters(
        of keys: [ElementKey], at now: MonotonicTime
    ) throws(GateFailure) -> [ElementKey: Traffic] {
        do throws(NetfilterError) {
            do throws(NetfilterError) {
                return try kernel.counters(of: keys)
            } catch {
                try restore(after: error, at: now)
                return try kernel.counters(of: keys)
            }
        } catch {
            throw .kernel(error)
        }
    }

    private func deadline(from now: MonotonicTime) -> MonotonicTime { now + holeTimeout + Self.expiryMargin }

    func asking<Value>(_ call: () throws(NetfilterError) -> Value) throws(GateFailure) -> Value {
        do throws(NetfilterError) {
            return try call()
        } catch {
            throw .kernel(error)
        }
    }
}
