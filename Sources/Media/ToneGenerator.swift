internal import Glibc

/// A sine tone, sample by sample.
public struct ToneGenerator: Hashable, Sendable {
    /// Cycles a second.
    public let frequency: Double
    /// The largest sample.
    public let amplitude: Int16
    /// Samples a second.
    public let sampleRate: Int
    /// In cycles, 0 up to 1.
    private var phase = 0.0

    /// - Parameter amplitude: a quarter of full scale, -12 dB, unless given.
    public init(frequency: Double = 440, amplitude: Int16 = 8_192, sampleRate: Int = G711.sampleRate) {
        self.frequency = frequency
        self.amplitude = amplitude
        self.sampleRate = sampleRate
    }

    /// The next samples.
    public mutating func next(_ count: Int) -> [Int16] {
        var samples: [Int16] = []
        samples.reserveCapacity(max(count, 0))
        for _ in 0..<max(count, 0) {
            samples.append(Int16(clamping: Int((Double(amplitude) * sin(2 * Double.pi * phase)).rounded())))
            phase += frequency / Double(sampleRate)
            phase -= phase.rounded(.down)
        }
        return samples
    }
}
