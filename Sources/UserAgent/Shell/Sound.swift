public import Media

/// What the device says.
public enum Sound: Sendable {
    /// A tone without end.
    case tone(ToneGenerator)
    /// Samples, then silence.
    case samples([Int16])

    /// The next samples.
    mutating func next(_ count: Int) -> [Int16] {
        switch self {
        case .tone(var generator):
            let samples = generator.next(count)
            self = .tone(generator)
            return samples
        case .samples(let samples):
            self = .samples(Array(samples.dropFirst(count)))
            let head = Array(samples.prefix(count))
            return head + Array(repeating: 0, count: count - head.count)
        }
    }
}
