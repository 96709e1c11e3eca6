/// Puts SRV records in the order in which they are to be tried (RFC 2782, Usage rules).
enum ServiceOrder {
    /// - Parameter random: chooses among records of equal priority, in proportion to their weights.
    static func arrange(_ records: [ServiceRecord], using random: inout SeededNumbers) -> [ServiceRecord] {
        var ordered: [ServiceRecord] = []
        // Those of weight 0 first within a priority, so that they are chosen only when 0 is drawn.
        var waiting = records.sorted { ($0.priority, $0.weight) < ($1.priority, $1.weight) }
        while let first = waiting.first {
            let group = waiting.prefix { $0.priority == first.priority }
            let sum = group.reduce(0 as UInt64) { $0 + UInt64($1.weight) }
            let drawn = random.next(upTo: sum)
            var running: UInt64 = 0
            let chosen = group.firstIndex { record in
                running += UInt64(record.weight)
                return running >= drawn
            }
            ordered.append(waiting.remove(at: chosen ?? group.startIndex))
        }
        return ordered
    }
}

/// Numbers that follow from one seed (SplitMix64; Steele, Lea and Flood, 2014): good enough to spread load, no secret.
struct SeededNumbers: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// A number from 0 to the bound, both included. The bound is far below 2^64, so that the remainder's bias is none.
    mutating func next(upTo bound: UInt64) -> UInt64 { next() % (bound + 1) }
}
