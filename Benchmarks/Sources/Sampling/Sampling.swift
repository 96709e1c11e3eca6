import Glibc

/// What is compared: one line of the table.
public struct Row: Sendable {
    /// Whether more is better.
    public enum Direction: String, Sendable {
        /// Time, octets, cycles.
        case cost
        /// Something per second.
        case rate
    }

    public let name: String
    public let unit: String
    public let direction: Direction
    public let peer: String

    public init(_ name: String, unit: String, _ direction: Direction, peer: String) {
        self.name = name
        self.unit = unit
        self.direction = direction
        self.peer = peer
    }

    /// Measures ours and the peer's by turns, and prints a line for `scripts/bench` for each pair.
    ///
    /// A first pair, not printed, warms caches and the allocator.
    public func compare(runs: Int = 5, ours: () throws -> Double, peer: () throws -> Double) rethrows {
        guard isWanted else { return }
        _ = try (ours(), peer())
        for _ in 0..<runs { emit(try ours(), try peer()) }
    }

    /// Whether the name begins as the environment's ONLY says.
    public var isWanted: Bool {
        guard let only = getenv("ONLY") else { return true }
        return name.hasPrefix(String(cString: only))
    }

    /// One pair in the form that `scripts/bench` reads: tab-separated.
    public func emit(_ ours: Double, _ peer: Double) {
        print(name, unit, direction.rawValue, self.peer, ours, peer, separator: "\t")
    }
}

/// CPU time of the calling thread in seconds: what neighbours on the machine take is not in it.
public func threadTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Seconds of CPU per call.
///
/// - Parameters:
///   - seconds: how long to measure; at least one batch.
///   - batch: does the work so many times.
public func secondsPerCall(for seconds: Double = 0.3, batch: Int, _ work: (Int) throws -> Void) rethrows -> Double {
    var calls = 0
    let start = threadTime()
    var elapsed = 0.0
    repeat {
        try work(batch)
        calls += batch
        elapsed = threadTime() - start
    } while elapsed < seconds
    return elapsed / Double(calls)
}
