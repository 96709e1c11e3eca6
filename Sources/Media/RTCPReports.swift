/// The sender's part of a sender report (RFC 3550 section 6.4.1).
public struct SenderInfo: Hashable, Sendable {
    /// Seconds since 1900 and their fraction, 32 bits each.
    public let ntpTime: UInt64
    /// The same moment in the stream's timestamps.
    public let rtpTimestamp: UInt32
    /// RTP packets sent from the start; wraps.
    public let packetCount: UInt32
    /// Payload octets.
    public let octetCount: UInt32

    /// The fields in the order of the wire.
    public init(ntpTime: UInt64, rtpTimestamp: UInt32, packetCount: UInt32, octetCount: UInt32) {
        self.ntpTime = ntpTime
        self.rtpTimestamp = rtpTimestamp
        self.packetCount = packetCount
        self.octetCount = octetCount
    }

    /// What a receiver of this report sends back as `lastReport`.
    public var middleOfNTPTime: UInt32 { UInt32(truncatingIfNeeded: ntpTime >> 16) }
}

/// A report block: what one receiver got of one source (RFC 3550 section 6.4.1).
public struct ReceptionReport: Hashable, Sendable {
    /// The source that the block is about.
    public let source: UInt32
    /// In 1/256, since the report before.
    public let fractionLost: UInt8
    /// From the start, negative when there are duplicates. 24 bits on the wire; beyond, the nearest value is written.
    public let cumulativeLost: Int32
    /// The latest sequence number, its wraps in the upper 16 bits.
    public let extendedHighest: UInt32
    /// In timestamp units.
    public let jitter: UInt32
    /// `middleOfNTPTime` of the source's last sender report; 0 if there was none.
    public let lastReport: UInt32
    /// In 1/65,536 s.
    public let delaySinceLastReport: UInt32

    /// The fields in the order of the wire.
    public init(
        source: UInt32, fractionLost: UInt8, cumulativeLost: Int32, extendedHighest: UInt32, jitter: UInt32,
        lastReport: UInt32, delaySinceLastReport: UInt32
    ) {
        self.source = source
        self.fractionLost = fractionLost
        self.cumulativeLost = cumulativeLost
        self.extendedHighest = extendedHighest
        self.jitter = jitter
        self.lastReport = lastReport
        self.delaySinceLastReport = delaySinceLastReport
    }

    static let octets = 24

    func append(to output: inout [UInt8]) {
        output.append(network: source)
        let lost = min(max(cumulativeLost, -0x80_0000), 0x7F_FFFF)
        output.append(network: UInt32(fractionLost) << 24 | UInt32(bitPattern: lost) & 0xFF_FFFF)
        for field in [extendedHighest, jitter, lastReport, delaySinceLastReport] { output.append(network: field) }
    }

    /// Reads a block of 24 octets that the caller has checked to be there.
    init(_ bytes: Span<UInt8>, at offset: Int) {
        source = bytes.network32(at: offset)
        let loss = bytes.network32(at: offset + 4)
        fractionLost = UInt8(truncatingIfNeeded: loss >> 24)
        cumulativeLost = Int32(bitPattern: loss << 8) >> 8
        extendedHighest = bytes.network32(at: offset + 8)
        jitter = bytes.network32(at: offset + 12)
        lastReport = bytes.network32(at: offset + 16)
        delaySinceLastReport = bytes.network32(at: offset + 20)
    }
}
