public import Registration

/// Hashes that are none, but differ where their input does; counts what it is asked for.
public final class FakeDigests: Digesting {
    /// How often a function was called.
    public private(set) var calls = 0
    /// Octets that went in.
    public private(set) var octets = 0
    /// Whether every function fails.
    public var isBroken = false

    /// Nothing called, nothing broken.
    public init() {}

    /// No SHA-256.
    public func append(sha256 octets: Span<UInt8>, to output: inout [UInt8]) {
        append(octets, salt: 1, count: 32, to: &output)
    }
    /// No MD5.
    public func append(md5 octets: Span<UInt8>, to output: inout [UInt8]) {
        append(octets, salt: 2, count: 16, to: &output)
    }
    /// No HMAC.
    public func append(hmacSHA256 octets: Span<UInt8>, key: Span<UInt8>, to output: inout [UInt8]) {
        var text: [UInt8] = []
        for index in 0..<key.count { text.append(key[index]) }
        for index in 0..<octets.count { text.append(octets[index]) }
        append(text.span, salt: 3, count: 32, to: &output)
    }

    private func append(_ input: Span<UInt8>, salt: UInt64, count: Int, to output: inout [UInt8]) {
        calls += 1
        octets += input.count
        guard !isBroken else { return }
        for block in 0..<UInt64(count / 8) {
            var state: UInt64 = 0xCBF2_9CE4_8422_2325 &+ salt &* 0x9E37_79B9 &+ block
            for index in 0..<input.count { state = (state ^ UInt64(input[index])) &* 0x0000_0100_0000_01B3 }
            state ^= state >> 29
            state = state &* 0xBF58_476D_1CE4_E5B9
            for shift in stride(from: 56, through: 0, by: -8) {
                output.append(UInt8(truncatingIfNeeded: state >> UInt64(shift)))
            }
        }
    }
}
