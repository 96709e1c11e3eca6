/// One packet of an RTCP datagram, as far as a telephone needs it (RFC 3550 section 6).
public enum RTCPPacket: Hashable, Sendable {
    /// SR, section 6.4.1.
    case senderReport(source: UInt32, SenderInfo, [ReceptionReport])
    /// RR, section 6.4.2.
    case receiverReport(source: UInt32, [ReceptionReport])
    /// SDES, section 6.5: the canonical name of one source. Other items and chunks are read over.
    case sourceDescription(source: UInt32, canonicalName: [UInt8])
    /// BYE, section 6.6. The reason is read over.
    case goodbye(sources: [UInt32])
    /// APP, feedback (RFC 4585) and any other: its type and its octets after the header.
    case other(type: UInt8, Range<Int>)

    /// Sizes, from the format or from good sense.
    public enum Limits {
        /// Report blocks, chunks or sources in a packet: the count has five bits (RFC 3550 section 6.4.1).
        public static let count = 31
        /// Octets in an item: its length has eight bits (RFC 3550 section 6.5).
        public static let itemOctets = 255
        /// Packets in a datagram. Two or three are usual; a datagram of headers alone would have over 16,000.
        public static let packets = 32
    }

    /// The values of PT (RFC 3550 section 12.1).
    enum PacketType {
        static let senderReport: UInt8 = 200
        static let receiverReport: UInt8 = 201
        static let sourceDescription: UInt8 = 202
        static let goodbye: UInt8 = 203
    }
}

// MARK: - Writing

extension RTCPPacket {
    /// The datagram of some packets. By RFC 3550 section 6.1 a report comes first and a canonical name goes with it.
    ///
    /// Reports and sources over 31 and octets of a name over 255 are not written. `other` has no octets of its own and
    /// is left out.
    public static func datagram(_ packets: [RTCPPacket]) -> [UInt8] {
        var output: [UInt8] = []
        for packet in packets { packet.append(to: &output) }
        return output
    }

    private func append(to output: inout [UInt8]) {
        switch self {
        case .senderReport(let source, let info, let reports):
            Self.append(PacketType.senderReport, count: reports.count, to: &output) { body in
                body.append(network: source)
                body.append(network: info.ntpTime)
                for field in [info.rtpTimestamp, info.packetCount, info.octetCount] { body.append(network: field) }
                for report in reports.prefix(Limits.count) { report.append(to: &body) }
            }
        case .receiverReport(let source, let reports):
            Self.append(PacketType.receiverReport, count: reports.count, to: &output) { body in
                body.append(network: source)
                for report in reports.prefix(Limits.count) { report.append(to: &body) }
            }
        case .sourceDescription(let source, let canonicalName):
            let name = canonicalName.prefix(Limits.itemOctets)
            Self.append(PacketType.sourceDescription, count: 1, to: &output) { body in
                body.append(network: source)
                body.append(Self.canonicalNameItem)
                body.append(UInt8(name.count))
                body += name
                // At least one zero ends the list of items, and as many more as fill the word (section 6.5).
                body += repeatElement(0, count: 4 - body.count % 4)
            }
        case .goodbye(let sources):
            Self.append(PacketType.goodbye, count: sources.count, to: &output) { body in
                for source in sources.prefix(Limits.count) { body.append(network: source) }
            }
        case .other:
            break
        }
    }

    /// Appends the common header and a body of whole words.
    private static func append(
        _ type: UInt8, count: Int, to output: inout [UInt8], body write: (inout [UInt8]) -> Void
    ) {
        var body: [UInt8] = []
        write(&body)
        output.append(0x80 | UInt8(min(count, Limits.count)))
        output.append(type)
        output.append(network: UInt16(truncatingIfNeeded: body.count / 4))
        output += body
    }

    /// CNAME (RFC 3550 section 6.5.1).
    static let canonicalNameItem: UInt8 = 1
}
