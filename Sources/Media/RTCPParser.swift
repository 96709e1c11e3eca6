public import Wire

extension RTCPPacket {
    /// Reads a datagram with the checks of RFC 3550 appendix A.2: version 2 everywhere, a report first, padding in the
    /// last packet only, lengths that add up.
    ///
    /// - Throws: the offset of the field that is wrong.
    public static func parse(_ bytes: Span<UInt8>) throws(ParseError) -> [RTCPPacket] {
        guard bytes.count <= RTPPacket.Limits.octets else {
            throw ParseError(.tooLong, in: "RTCP datagram", at: RTPPacket.Limits.octets)
        }
        var packets: [RTCPPacket] = []
        var position = 0
        repeat {
            guard packets.count < Limits.packets else { throw ParseError(.tooMany, in: "RTCP packets", at: position) }
            guard bytes.count - position >= 4 else { throw ParseError(.truncated, in: "RTCP header", at: bytes.count) }
            guard bytes[position] >> 6 == 2 else { throw ParseError(.unsupported, in: "RTCP version", at: position) }
            let type = bytes[position + 1]
            guard position > 0 || type == PacketType.senderReport || type == PacketType.receiverReport else {
                throw ParseError(.missing, in: "RTCP report", at: 1)
            }
            let next = position + 4 + 4 * Int(bytes.network16(at: position + 2))
            guard next <= bytes.count else { throw ParseError(.truncated, in: "RTCP packet", at: bytes.count) }
            let end = try endWithoutPadding(of: position, next: next, in: bytes)
            let count = Int(bytes[position] & 0x1F)
            packets.append(try packet(type, count: count, body: position + 4..<end, in: bytes))
            position = next
        } while position < bytes.count
        return packets
    }

    private static func endWithoutPadding(
        of start: Int, next: Int, in bytes: Span<UInt8>
    ) throws(ParseError) -> Int {
        guard bytes[start] & 0x20 != 0 else { return next }
        guard next == bytes.count, next > start + 4 else {
            throw ParseError(.inconsistent, in: "RTCP padding", at: start)
        }
        let padding = Int(bytes[next - 1])
        guard padding > 0, padding % 4 == 0, padding <= next - start - 4 else {
            throw ParseError(.inconsistent, in: "RTCP padding", at: next - 1)
        }
        return next - padding
    }

    private static func packet(
        _ type: UInt8, count: Int, body: Range<Int>, in bytes: Span<UInt8>
    ) throws(ParseError) -> RTCPPacket {
        switch type {
        case PacketType.senderReport:
            guard body.count >= 24 else { throw ParseError(.truncated, in: "SR", at: body.upperBound) }
            let start = body.lowerBound
            let info = SenderInfo(
                ntpTime: bytes.network64(at: start + 4), rtpTimestamp: bytes.network32(at: start + 12),
                packetCount: bytes.network32(at: start + 16), octetCount: bytes.network32(at: start + 20))
            let blocks = try reports(count, in: bytes, at: start + 24..<body.upperBound)
            return .senderReport(source: bytes.network32(at: start), info, blocks)
        case PacketType.receiverReport:
            guard body.count >= 4 else { throw ParseError(.truncated, in: "RR", at: body.upperBound) }
            let blocks = try reports(count, in: bytes, at: body.lowerBound + 4..<body.upperBound)
            return .receiverReport(source: bytes.network32(at: body.lowerBound), blocks)
        case PacketType.sourceDescription:
            return try description(count, body, in: bytes)
        case PacketType.goodbye:
            guard body.count >= 4 * count else { throw ParseError(.truncated, in: "BYE", at: body.upperBound) }
            return .goodbye(sources: (0..<count).map { bytes.network32(at: body.lowerBound + 4 * $0) })
        default:
            return .other(type: type, body)
        }
    }

    /// Reads report blocks; what follows them is an extension of some profile and is read over (section 6.4.3).
    private static func reports(
        _ count: Int, in bytes: Span<UInt8>, at body: Range<Int>
    ) throws(ParseError) -> [ReceptionReport] {
        guard body.count >= ReceptionReport.octets * count else {
            throw ParseError(.truncated, in: "report block", at: body.upperBound)
        }
        return (0..<count).map { ReceptionReport(bytes, at: body.lowerBound + ReceptionReport.octets * $0) }
    }

    /// Reads the items of the first chunk up to the canonical name, which every chunk must have (section 6.5.1).
    private static func description(
        _ count: Int, _ body: Range<Int>, in bytes: Span<UInt8>
    ) throws(ParseError) -> RTCPPacket {
        guard count > 0 else { return .other(type: PacketType.sourceDescription, body) }
        guard body.count >= 4 else { throw ParseError(.truncated, in: "SDES", at: body.upperBound) }
        var position = body.lowerBound + 4
        while position < body.upperBound, bytes[position] != 0 {
            guard body.upperBound - position >= 2 else {
                throw ParseError(.truncated, in: "SDES item", at: body.upperBound)
            }
            let value = position + 2..<position + 2 + Int(bytes[position + 1])
            guard value.upperBound <= body.upperBound else {
                throw ParseError(.truncated, in: "SDES item", at: body.upperBound)
            }
            if bytes[position] == canonicalNameItem {
                return .sourceDescription(
                    source: bytes.network32(at: body.lowerBound), canonicalName: value.map { bytes[$0] })
            }
            position = value.upperBound
        }
        throw ParseError(.missing, in: "CNAME", at: position)
    }
}
