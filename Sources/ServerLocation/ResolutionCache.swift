public import Wire

/// Answers that were given, for as long as they may be used again. Bounded; time is an argument.
public struct ResolutionCache: Sendable {
    /// How much is kept, and for how long.
    public enum Limits {
        /// Answers kept. RFC 3263 states no number; these are some hundred domains.
        public static let entries = 512
        /// The shortest time for which records are kept: a lifetime of 0 must not make every call ask.
        public static let shortest = Duration.seconds(5)
        /// The longest: what a domain changed is seen after an hour at the latest (RFC 8767 section 4 speaks of days).
        public static let longest = Duration.seconds(3_600)
        /// The longest time for which "no such records" is kept; RFC 2308 section 5 allows hours.
        public static let longestNegative = Duration.seconds(300)
        /// The same when the answer does not say how long.
        public static let unstatedNegative = Duration.seconds(30)
        /// How long a failure is kept; at most five minutes (RFC 2308 section 7).
        public static let failure = Duration.seconds(5)
    }

    private var entries: [Question: (answer: Answer, until: MonotonicTime)] = [:]

    /// An empty cache.
    public init() {}

    /// Answers kept, whether still usable or not.
    public var count: Int { entries.count }

    /// The answer to a question, if one is kept and may still be used at that time.
    public func answer(to question: Question, at now: MonotonicTime) -> Answer? {
        guard let entry = entries[question], now < entry.until else { return nil }
        return entry.answer
    }

    /// Keeps an answer. When the cache is full, what ends soonest goes. A question that was not asked for want of room
    /// has no answer to keep.
    public mutating func keep(_ answer: Answer, to question: Question, at now: MonotonicTime) {
        guard let lifetime = Self.lifetime(of: answer) else { return }
        if entries[question] == nil, entries.count >= Limits.entries { makeRoom(now) }
        entries[question] = (answer, now + lifetime)
    }

    /// Forgets everything: after the system's configuration changed.
    public mutating func removeAll() { entries = [:] }

    private static func lifetime(of answer: Answer) -> Duration? {
        switch answer {
        case .records(_, let stated):
            min(max(stated, Limits.shortest), Limits.longest)
        case .noData(let stated), .noSuchName(let stated):
            min(max(stated ?? Limits.unstatedNegative, Limits.shortest), Limits.longestNegative)
        case .failed(.overloaded):
            nil
        case .failed(.noAnswer), .failed(.timedOut), .failed(.noServer), .failed(.malformed), .failed(.system):
            Limits.failure
        }
    }

    private mutating func makeRoom(_ now: MonotonicTime) {
        entries = entries.filter { now < $0.value.until }
        guard entries.count >= Limits.entries, let soonest = entries.min(by: { $0.value.until < $1.value.until })
        else { return }
        entries[soonest.key] = nil
    }
}
