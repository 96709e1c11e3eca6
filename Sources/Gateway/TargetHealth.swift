import SIPTransactions
import Wire

/// Remembers which destinations failed, so that others are tried first for a while. Bounded; time is an argument.
///
/// Failure is what RFC 3263 section 4.3 calls it: an error of the transport, no answer in the transaction's time, or a 503.
struct TargetHealth {
    /// How much is remembered, and for how long.
    enum Limits {
        /// Destinations remembered; the one that ends soonest goes first.
        static let entries = 1_024
        /// How long a destination that said that it failed is tried last. RFC 3263 states none; this is about one
        /// transaction's time (64 times T1, RFC 3261 section 17.1.1.2).
        static let penalty = Duration.seconds(32)
        /// How long one that said nothing is tried last: to find out again costs a caller timer B.
        static let silence = Duration.seconds(300)
        /// The longest time that a server's Retry-After (RFC 3261 section 21.5.4) is believed.
        static let longestPenalty = Duration.seconds(600)
    }

    /// What tells servers apart: not the connection nor the own address.
    private struct Key: Hashable {
        let transport: TransportKind
        let remote: Endpoint

        init(_ destination: Destination) {
            transport = destination.transport
            remote = destination.remote
        }
    }

    private var failures: [Key: MonotonicTime] = [:]

    /// Destinations remembered, whether still tried last or not.
    var count: Int { failures.count }

    /// The destination failed.
    ///
    /// - Parameter penalty: how long it is tried last; a 503 says so in Retry-After.
    mutating func failed(
        _ destination: Destination, at now: MonotonicTime, for penalty: Duration = Limits.penalty
    ) {
        let key = Key(destination)
        if failures[key] == nil, failures.count >= Limits.entries { makeRoom(now) }
        failures[key] = now + min(max(penalty, .zero), Limits.longestPenalty)
    }

    /// The destination answered: it is as good as any other again.
    mutating func succeeded(_ destination: Destination) {
        guard !failures.isEmpty else { return }
        failures[Key(destination)] = nil
    }

    /// Whether the destination is tried last at that time.
    func isSuspect(_ destination: Destination, at now: MonotonicTime) -> Bool {
        failures[Key(destination)].map { now < $0 } ?? false
    }

    /// The destinations in the order to try them: those that failed lately last, otherwise as they were. None is left
    /// out: when all have failed, the first is as good a guess as any.
    func arrange(_ destinations: [Destination], at now: MonotonicTime) -> [Destination] {
        guard !failures.isEmpty, destinations.count > 1 else { return destinations }
        return destinations.filter { !isSuspect($0, at: now) } + destinations.filter { isSuspect($0, at: now) }
    }

    private mutating func makeRoom(_ now: MonotonicTime) {
        failures = failures.filter { now < $0.value }
        guard failures.count >= Limits.entries, let soonest = failures.min(by: { $0.value < $1.value }) else { return }
        failures[soonest.key] = nil
    }
}
