/// Counts what arrives of one incoming stream (RFC 3550 appendices A.1, A.3 and A.8).
///
/// The stream is the one of the first packet, unless its source is given.
public struct RTPReceiver: Hashable, Sendable {
    /// Where reordering ends and a new numbering starts.
    public enum Limits {
        /// A jump forward of this many packets or more is a restart, not a loss (`MAX_DROPOUT`, RFC 3550 A.1).
        public static let dropout: UInt16 = 3_000
        /// A packet older than this many is a restart, not a late one (`MAX_MISORDER`, RFC 3550 A.1).
        public static let misorder: UInt16 = 100
    }

    /// What a packet turned out to be.
    public enum Arrival: Hashable, Sendable {
        /// The next one, or the first.
        case inOrder
        /// One that leaves a gap of so many before it.
        case afterGap(missing: Int)
        /// One that comes after a later one.
        case outOfOrder
        /// One that has been here before. Not to be played.
        case duplicate
        /// Of another source. Not to be played.
        case foreignSource
        /// A sequence number far from the last: dropped, unless the next one follows it.
        case discontinuity
        /// The second in sequence after a discontinuity: the sender has started anew, counting starts again from it.
        case restarted
    }

    /// The synchronization source that is counted; nil before the first packet.
    public private(set) var source: UInt32?
    /// Packets of the source, duplicates and discontinuities not counted.
    public private(set) var received = 0
    /// Packets that had been here before.
    public private(set) var duplicates = 0
    /// Packets that came after a later one.
    public private(set) var outOfOrder = 0
    /// Packets of other sources.
    public private(set) var foreign = 0
    /// Packets dropped for a number far from the last.
    public private(set) var discontinuities = 0
    /// Packets missing between the first and the latest of the present numbering, and of the numberings before.
    public var lost: Int { lostBefore + expected - receivedSinceBase }
    /// The latest sequence number with its wraps in the upper 16 bits.
    public private(set) var extendedHighest: UInt32 = 0
    /// Mean deviation of the packets' spacing, in timestamp units (RFC 3550 section 6.4.1).
    public var jitter: UInt32 { UInt32(clamping: scaledJitter >> 4) }

    private var base: UInt32 = 0
    private var receivedSinceBase = 0
    private var lostBefore = 0
    /// Bit n: the packet n before the latest has been here.
    private var seen: UInt128 = 0
    private var expectedAfterDiscontinuity: UInt16?
    private var lastTransit: UInt32?
    private var scaledJitter: Int64 = 0
    private var expectedAtReport = 0
    private var receivedAtReport = 0

    /// - Parameter source: the only source that counts; nil for that of the first packet.
    public init(source: UInt32? = nil) { self.source = source }

    /// Packets that the sender has sent since the first, as far as the numbers tell.
    private var expected: Int { receivedSinceBase == 0 ? 0 : Int(extendedHighest &- base) + 1 }

    /// Takes in one packet.
    ///
    /// - Parameter arrival: when it came, in units of its timestamps, from any origin that stays the same.
    public mutating func receive(_ header: RTPHeader, arrival: UInt32) -> Arrival {
        if let source, source != header.source {
            foreign += 1
            return .foreignSource
        }
        source = header.source
        let verdict = place(header.sequenceNumber)
        switch verdict {
        case .inOrder, .afterGap, .restarted:
            updateJitter(transit: arrival &- header.timestamp)
        case .outOfOrder, .duplicate, .foreignSource, .discontinuity:
            break
        }
        return verdict
    }

    private mutating func place(_ number: UInt16) -> Arrival {
        guard receivedSinceBase > 0 else {
            start(at: number)
            return .inOrder
        }
        let ahead = number &- UInt16(truncatingIfNeeded: extendedHighest)
        if ahead == 0 {
            duplicates += 1
            return .duplicate
        }
        if ahead < Limits.dropout {
            expectedAfterDiscontinuity = nil
            extendedHighest &+= UInt32(ahead)
            seen = ahead < 128 ? seen << UInt128(ahead) | 1 : 1
            count()
            return ahead == 1 ? .inOrder : .afterGap(missing: Int(ahead) - 1)
        }
        let behind = 0 &- ahead
        if behind <= Limits.misorder { return placeLate(behind) }
        guard number == expectedAfterDiscontinuity else {
            expectedAfterDiscontinuity = number &+ 1
            discontinuities += 1
            return .discontinuity
        }
        lostBefore = lost
        start(at: number)
        return .restarted
    }

    private mutating func placeLate(_ behind: UInt16) -> Arrival {
        let bit = UInt128(1) << UInt128(behind)
        guard seen & bit == 0 else {
            duplicates += 1
            return .duplicate
        }
        seen |= bit
        outOfOrder += 1
        received += 1
        // One from before the first was not expected; counted against the loss it would hide a packet that is missing.
        if UInt32(behind) <= extendedHighest &- base { receivedSinceBase += 1 }
        return .outOfOrder
    }

    private mutating func start(at number: UInt16) {
        base = UInt32(number)
        extendedHighest = base
        seen = 1
        receivedSinceBase = 0
        expectedAfterDiscontinuity = nil
        lastTransit = nil
        expectedAtReport = 0
        receivedAtReport = 0
        count()
    }

    private mutating func count() {
        received += 1
        receivedSinceBase += 1
    }

    /// J += (|D| - J) / 16, kept sixteen times as large (RFC 3550 A.8).
    private mutating func updateJitter(transit: UInt32) {
        defer { lastTransit = transit }
        guard let lastTransit else { return }
        let difference = Int64(Int32(bitPattern: transit &- lastTransit))
        scaledJitter += abs(difference) - (scaledJitter + 8) >> 4
    }

    /// The report block about this stream; what was lost since the last one counts as its fraction.
    ///
    /// - Parameters:
    ///   - lastReport: the middle 32 bits of the NTP time in the source's last sender report; 0 if there was none.
    ///   - delay: since that report came, in 1/65,536 s.
    /// - Returns: nil before the first packet.
    public mutating func report(lastReport: UInt32 = 0, delay: UInt32 = 0) -> ReceptionReport? {
        guard let source, receivedSinceBase > 0 else { return nil }
        let expectedNow = expected - expectedAtReport
        let lostNow = expectedNow - (receivedSinceBase - receivedAtReport)
        expectedAtReport = expected
        receivedAtReport = receivedSinceBase
        let fraction = expectedNow > 0 && lostNow > 0 ? UInt8(clamping: lostNow * 256 / expectedNow) : 0
        return ReceptionReport(
            source: source, fractionLost: fraction, cumulativeLost: Int32(clamping: lost),
            extendedHighest: extendedHighest, jitter: jitter, lastReport: lastReport, delaySinceLastReport: delay)
    }
}
