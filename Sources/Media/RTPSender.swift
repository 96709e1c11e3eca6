/// Numbers the packets of one outgoing stream (RFC 3550 section 5.1). When to send is the caller's business.
public struct RTPSender: Hashable, Sendable {
    /// The synchronization source, SSRC.
    public let source: UInt32
    /// 0 for PCMU, 8 for PCMA.
    public let payloadType: UInt8
    /// Samples in a packet: 160 for 20 ms at 8 kHz (RFC 3551 section 4.2).
    public let samplesPerPacket: UInt32
    /// Of the next packet.
    public private(set) var sequenceNumber: UInt16
    /// Of the next packet's first sample.
    public private(set) var timestamp: UInt32
    /// Packets made so far; wraps, as the field of a sender report does (RFC 3550 section 6.4.1).
    public private(set) var packetCount: UInt32 = 0
    /// Payload octets made so far, headers not counted; wraps.
    public private(set) var octetCount: UInt32 = 0
    private var startsTalkspurt = true

    /// - Parameters:
    ///   - source: SSRC; random, as the two numbers that follow (RFC 3550 sections 5.1 and 8).
    ///   - payloadType: 0 for PCMU, 8 for PCMA.
    public init(
        source: UInt32, payloadType: UInt8, firstSequenceNumber: UInt16, firstTimestamp: UInt32,
        samplesPerPacket: UInt32 = 160
    ) {
        self.source = source
        self.payloadType = payloadType
        self.samplesPerPacket = samplesPerPacket
        sequenceNumber = firstSequenceNumber
        timestamp = firstTimestamp
    }

    /// The next packet, ready to be sent. The first one after a silence has the marker (RFC 3551 section 4.1).
    public mutating func packet(_ payload: Span<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(RTPPacket.Limits.headerOctets + payload.count)
        RTPHeader(
            payloadType: payloadType, sequenceNumber: sequenceNumber, timestamp: timestamp, source: source,
            marker: startsTalkspurt
        ).append(to: &output)
        for index in payload.indices { output.append(payload[index]) }
        startsTalkspurt = false
        sequenceNumber &+= 1
        timestamp &+= samplesPerPacket
        packetCount &+= 1
        octetCount &+= UInt32(truncatingIfNeeded: payload.count)
        return output
    }

    /// Lets the time of some packets pass without sending: the timestamp goes on, the sequence number does not.
    public mutating func skip(packets: UInt32) {
        timestamp &+= packets &* samplesPerPacket
        startsTalkspurt = true
    }

    /// The sender's part of a sender report.
    ///
    /// - Parameter ntpTime: now, as NTP writes it: seconds since 1900 and their fraction in 32 bits each.
    public func senderInfo(ntpTime: UInt64) -> SenderInfo {
        SenderInfo(ntpTime: ntpTime, rtpTimestamp: timestamp, packetCount: packetCount, octetCount: octetCount)
    }
}
