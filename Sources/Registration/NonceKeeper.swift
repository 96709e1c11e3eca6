public import Wire

/// Makes and checks the nonces of Digest challenges without remembering the challenges.
///
/// A nonce is 64 hexadecimal digits: the time at which it was made and its ordinal, eight octets each, and the first 16
/// octets of their HMAC. Only for a nonce that authenticated someone is anything kept: the highest `nc` seen with it, until
/// the nonce expires. The table is bounded; when it is full the oldest entry goes, and with it every nonce up to its ordinal
/// counts as expired, so nothing can be replayed because it was forgotten.
public struct NonceKeeper {
    /// What a nonce is worth.
    public enum Standing: Hashable, Sendable {
        /// Made here and not too long ago.
        case fresh(Ordinal)
        /// Made here, too long ago.
        case expired
        /// Not made here, or by an earlier run.
        case foreign
    }

    /// Which nonce it is.
    public struct Ordinal: Hashable, Sendable {
        let number: UInt64
        let issued: MonotonicTime
    }

    /// How long a nonce is good.
    public let lifetime: Duration
    private let key: [UInt8]
    private let digests: any Digesting
    private let capacity: Int
    private var issuedCount: UInt64 = 0
    /// Nonces up to this one are expired.
    private var floor: UInt64 = 0
    private var counts: [UInt64: UInt32] = [:]
    /// The keys of `counts` in the order of their first use, from `head` on.
    private var order: [Ordinal] = []
    private var head = 0

    /// - Parameters:
    ///   - key: 32 random octets that live as long as the process.
    ///   - lifetime: how long a nonce is good.
    public init(
        key: [UInt8], lifetime: Duration = .seconds(60), capacity: Int = RegistrationLimits.rememberedNonces,
        digests: any Digesting
    ) {
        self.key = key
        self.lifetime = lifetime
        self.capacity = max(capacity, 1)
        self.digests = digests
    }

    /// How many nonces are remembered.
    public var remembered: Int { counts.count }

    /// A nonce that was never given out before.
    public mutating func issue(at time: MonotonicTime) -> [UInt8] {
        issuedCount += 1
        var octets: [UInt8] = []
        octets.reserveCapacity(Self.payloadOctets + Self.macOctets)
        Self.append(UInt64(bitPattern: time.nanoseconds), to: &octets)
        Self.append(issuedCount, to: &octets)
        octets.append(contentsOf: mac(of: octets))
        var text: [UInt8] = []
        text.reserveCapacity(2 * octets.count)
        Hexadecimal.append(octets.span, to: &text)
        return text
    }

    /// What a nonce that came back is worth; changes nothing.
    public func standing(of text: Span<UInt8>, at time: MonotonicTime) -> Standing {
        guard text.count == 2 * (Self.payloadOctets + Self.macOctets) else { return .foreign }
        var octets: [UInt8] = []
        octets.reserveCapacity(Self.payloadOctets + Self.macOctets)
        for index in stride(from: 0, to: text.count, by: 2) {
            guard let high = ASCII.hexValue(text[index]), let low = ASCII.hexValue(text[index + 1]) else {
                return .foreign
            }
            octets.append(high << 4 | low)
        }
        let claimed = Array(octets[Self.payloadOctets...])
        octets.removeLast(Self.macOctets)
        let expected = mac(of: octets)
        guard expected.count == Self.macOctets, ConstantTime.equal(expected.span, claimed.span) else { return .foreign }
        let issued = MonotonicTime(nanoseconds: Int64(bitPattern: Self.number(octets, at: 0)))
        let ordinal = Ordinal(number: Self.number(octets, at: 8), issued: issued)
        guard time - issued < lifetime, ordinal.number > floor else { return .expired }
        return .fresh(ordinal)
    }

    /// Uses a fresh nonce once.
    ///
    /// - Parameter count: the value of `nc`; it has to grow from use to use.
    /// - Returns: false for a replay.
    public mutating func use(_ nonce: Ordinal, count: UInt32, at time: MonotonicTime) -> Bool {
        guard nonce.number > floor, count > counts[nonce.number] ?? 0 else { return false }
        if counts.updateValue(count, forKey: nonce.number) == nil {
            order.append(nonce)
            makeRoom(at: time)
        }
        return true
    }

    private mutating func makeRoom(at time: MonotonicTime) {
        while head < order.count, time - order[head].issued >= lifetime || order.count - head > capacity {
            let oldest = order[head]
            if time - oldest.issued < lifetime { floor = max(floor, oldest.number) }
            counts[oldest.number] = nil
            head += 1
        }
        if head > order.count / 2 {
            order.removeFirst(head)
            head = 0
        }
    }

    private func mac(of octets: [UInt8]) -> [UInt8] {
        let text = [UInt8]("nonce".utf8) + octets
        var output: [UInt8] = []
        digests.append(hmacSHA256: text.span, key: key.span, to: &output)
        return Array(output.prefix(Self.macOctets))
    }

    private static var payloadOctets: Int { 16 }
    private static var macOctets: Int { 16 }

    private static func append(_ value: UInt64, to output: inout [UInt8]) {
        for shift in stride(from: 56, through: 0, by: -8) { output.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    private static func number(_ octets: [UInt8], at start: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in start..<start + 8 { value = value << 8 | UInt64(octets[index]) }
        return value
    }
}
