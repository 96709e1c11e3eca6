/// Pulse code modulation of voice at 8 bits a sample, 8,000 samples a second (ITU-T G.711).
///
/// Samples are linear, 16 bits, full scale: the 14 (µ-law) or 13 bits (A-law) of the recommendation shifted to the top.
public enum G711: Hashable, Sendable, CaseIterable {
    /// µ-law, `PCMU`.
    case muLaw
    /// A-law, `PCMA`.
    case aLaw

    /// Samples a second.
    public static let sampleRate = 8_000

    /// The static payload type (RFC 3551 section 6).
    public var payloadType: UInt8 {
        switch self {
        case .muLaw: 0
        case .aLaw: 8
        }
    }

    /// - Returns: nil for a payload type that is not G.711.
    public init?(payloadType: UInt8) {
        switch payloadType {
        case 0: self = .muLaw
        case 8: self = .aLaw
        default: return nil
        }
    }

    /// The code of a sample.
    public func encode(_ sample: Int16) -> UInt8 {
        switch self {
        case .muLaw: Self.encodeMuLaw(sample)
        case .aLaw: Self.encodeALaw(sample)
        }
    }

    /// The sample of a code.
    public func decode(_ code: UInt8) -> Int16 {
        switch self {
        case .muLaw: Self.decodeMuLaw(code)
        case .aLaw: Self.decodeALaw(code)
        }
    }

    /// The codes of samples.
    public func encode(_ samples: [Int16]) -> [UInt8] { samples.map { encode($0) } }

    /// The samples of codes.
    public func decode(_ codes: Span<UInt8>) -> [Int16] {
        var samples: [Int16] = []
        samples.reserveCapacity(codes.count)
        for index in codes.indices { samples.append(decode(codes[index])) }
        return samples
    }

    /// Added to a µ-law magnitude so that each segment starts at a power of two: 33 in 14 bits (G.711 table 2a).
    private static let bias = 33 << 2

    private static func encodeMuLaw(_ sample: Int16) -> UInt8 {
        // The last decision value of G.711 table 2a, 8159, less the bias' rounding; louder samples get the last code.
        let magnitude = min(abs(Int(sample)), 8_158 << 2 | 3) + bias
        let segment = magnitude.highestBit - 7
        let interval = magnitude >> (segment + 3) & 0x0F
        // All bits are inverted on the line.
        return ~UInt8((sample < 0 ? 0x80 : 0) | segment << 4 | interval)
    }

    private static func decodeMuLaw(_ code: UInt8) -> Int16 {
        let bits = Int(~code)
        let magnitude = ((bits & 0x0F) << 3 + bias) << (bits >> 4 & 0x07) - bias
        return Int16(clamping: bits & 0x80 != 0 ? -magnitude : magnitude)
    }

    private static func encodeALaw(_ sample: Int16) -> UInt8 {
        let magnitude = sample < 0 ? Int(~sample) : Int(sample)
        // The first two segments have the same step.
        let segment = magnitude < 256 ? 0 : magnitude.highestBit - 7
        let interval = magnitude >> (max(segment, 1) + 3) & 0x0F
        // Even bits are inverted on the line; the sign bit is set for positive samples.
        return UInt8((sample < 0 ? 0 : 0x80) | segment << 4 | interval) ^ 0x55
    }

    private static func decodeALaw(_ code: UInt8) -> Int16 {
        let bits = Int(code ^ 0x55)
        let segment = bits >> 4 & 0x07
        let middle = (bits & 0x0F) << 4 + 8
        let magnitude = segment == 0 ? middle : (middle + 256) << (segment - 1)
        return Int16(clamping: bits & 0x80 != 0 ? magnitude : -magnitude)
    }
}

extension Int {
    /// The place of the highest bit that is set, counted from 0; for positive numbers.
    fileprivate var highestBit: Int { Int.bitWidth - 1 - leadingZeroBitCount }
}
