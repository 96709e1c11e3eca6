/// What goes through a gateway, from two looks at it: rates instead of counts.
public struct LoadReport: Hashable, Sendable {
    /// One call and what goes through it in a second.
    public struct Call: Hashable, Sendable {
        /// The call as the later look has it.
        public var session: SessionReport
        /// Packets a second from inside to outside; nil when it was not there at the earlier look, or its holes are not known.
        public var outward: Double?
        /// Packets a second from outside to inside.
        public var inward: Double?
    }

    /// The server as the later look has it.
    public var status: StatusReport
    /// What counters grew by in a second, in their order; those that stood still are left out.
    public var rates: [(name: String, perSecond: Double)]
    /// Calls with most packets first.
    public var calls: [Call]

    public static func == (a: LoadReport, b: LoadReport) -> Bool {
        a.status == b.status && a.calls == b.calls
            && a.rates.elementsEqual(b.rates) { $0.name == $1.name && $0.perSecond == $1.perSecond }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(status)
        hasher.combine(calls)
    }
}

extension LoadReport {
    /// A look at the server: its status and its sessions, at one time.
    public struct Look: Sendable {
        var status: StatusReport
        var sessions: [SessionReport]
        /// Seconds on a clock that does not jump.
        var time: Double

        /// Both answers and when they came.
        public init(status: StatusReport, sessions: [SessionReport], time: Double) {
            self.status = status
            self.sessions = sessions
            self.time = time
        }
    }

    /// What happened between two looks. A server that was restarted meanwhile has smaller counts: it has no rates yet.
    public init(from earlier: Look, to later: Look) {
        let seconds = later.time - earlier.time
        status = later.status
        var before: [String: UInt64] = [:]
        for counter in earlier.status.counters { before[counter.name] = counter.value }
        rates = later.status.counters.compactMap { counter in
            guard seconds > 0, let old = before[counter.name], counter.value > old else { return nil }
            return (counter.name, Double(counter.value - old) / seconds)
        }
        var known: [String: SessionReport] = [:]
        for session in earlier.sessions { known[session.identifier] = session }
        calls = later.sessions.map { session in
            let old = known[session.identifier]
            return Call(
                session: session, outward: Self.rate(old, session, \.outward, seconds),
                inward: Self.rate(old, session, \.inward, seconds))
        }
        calls.sort { ($0.outward ?? 0) + ($0.inward ?? 0) > ($1.outward ?? 0) + ($1.inward ?? 0) }
    }

    private static func rate(
        _ old: SessionReport?, _ new: SessionReport, _ direction: KeyPath<PinholeReport, PinholeReport.Traffic>,
        _ seconds: Double
    ) -> Double? {
        guard seconds > 0, let old = old?.pinholes, let new = new.pinholes else { return nil }
        func packets(_ holes: [PinholeReport]) -> UInt64 { holes.reduce(0) { $0 + $1[keyPath: direction].packets } }
        let (before, after) = (packets(old), packets(new))
        // A hole that closed took its count with it.
        return after >= before ? Double(after - before) / seconds : nil
    }
}
