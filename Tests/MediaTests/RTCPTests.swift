import Media
import Testing
import Wire

@Suite struct RTCPTests {
    private let report = ReceptionReport(
        source: 0x0A0B_0C0D, fractionLost: 64, cumulativeLost: -2, extendedHighest: 0x1_0002, jitter: 5, lastReport: 6,
        delaySinceLastReport: 7)
    private let info = SenderInfo(ntpTime: 0x1111_2222_3333_4444, rtpTimestamp: 160, packetCount: 2, octetCount: 320)

    @Test func `reports are written as the figures show`() {
        let datagram = RTCPPacket.datagram([
            .senderReport(source: 1, info, [report]), .sourceDescription(source: 1, canonicalName: Array("a@b".utf8)),
        ])
        let expected: [UInt8] =
            [0x81, 200, 0, 12, 0, 0, 0, 1, 0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44, 0, 0, 0, 160, 0, 0, 0, 2]
            + [0, 0, 1, 64, 10, 11, 12, 13, 64, 0xFF, 0xFF, 0xFE, 0, 1, 0, 2, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7]
            + [0x81, 202, 0, 3, 0, 0, 0, 1, 1, 3, 0x61, 0x40, 0x62, 0, 0, 0]
        #expect(datagram == expected)
    }

    @Test(arguments: 0...9)
    func `what is written is read back`(nameLength: Int) throws {
        let packets: [RTCPPacket] = [
            .receiverReport(source: 9, [report, report]),
            .senderReport(source: 1, info, []),
            .sourceDescription(source: 1, canonicalName: Array("abcdefghi".utf8.prefix(nameLength))),
            .goodbye(sources: [1, 2]),
        ]
        #expect(try RTCPPacket.parse(RTCPPacket.datagram(packets).span) == packets)
    }

    @Test func `the cumulative loss is cut to 24 bits with its sign`() throws {
        for (lost, written) in [
            (Int32.max, Int32(0x7F_FFFF)), (0x7F_FFFF, 0x7F_FFFF), (Int32.min, -0x80_0000), (-0x80_0000, -0x80_0000),
        ] {
            let block = ReceptionReport(
                source: 1, fractionLost: 255, cumulativeLost: lost, extendedHighest: 0, jitter: 0, lastReport: 0,
                delaySinceLastReport: 0)
            let parsed = try RTCPPacket.parse(RTCPPacket.datagram([.receiverReport(source: 1, [block])]).span)
            guard case .receiverReport(1, let blocks)? = parsed.first else {
                Issue.record("no receiver report")
                return
            }
            #expect(blocks.map(\.cumulativeLost) == [written])
            #expect(blocks.map(\.fractionLost) == [255])
        }
    }

    @Test func `counts and names hold at n and n plus 1`() throws {
        for (count, written) in [(31, 31), (32, 31)] {
            let datagram = RTCPPacket.datagram([
                .receiverReport(source: 1, Array(repeating: report, count: count)),
                .goodbye(sources: Array(repeating: 1, count: count)),
            ])
            #expect(
                try RTCPPacket.parse(datagram.span) == [
                    .receiverReport(source: 1, Array(repeating: report, count: written)),
                    .goodbye(sources: Array(repeating: 1, count: written)),
                ])
        }
        for (count, written) in [(255, 255), (256, 255)] {
            let name = [UInt8](repeating: 0x61, count: count)
            let datagram = RTCPPacket.datagram([
                .receiverReport(source: 1, []), .sourceDescription(source: 1, canonicalName: name),
            ])
            let expected = RTCPPacket.sourceDescription(source: 1, canonicalName: Array(name.prefix(written)))
            #expect(try RTCPPacket.parse(datagram.span).last == expected)
        }
        let full = RTCPPacket.datagram(Array(repeating: .receiverReport(source: 1, []), count: 32))
        #expect(try RTCPPacket.parse(full.span).count == RTCPPacket.Limits.packets)
        let over = full + RTCPPacket.datagram([.receiverReport(source: 1, [])])
        #expect(throws: ParseError(.tooMany, in: "", at: full.count)) { try RTCPPacket.parse(over.span) }
    }

    @Test func `other packets, other items and padding are read over`() throws {
        let bytes: [UInt8] =
            [0x80, 201, 0, 1, 0, 0, 0, 1] + [0x81, 205, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]
            + [0x81, 202, 0, 3, 0, 0, 0, 1, 2, 1, 0x41, 1, 2, 0x62, 0x63, 0]
            + [0xA1, 203, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4]
        #expect(
            try RTCPPacket.parse(bytes.span) == [
                .receiverReport(source: 1, []), .other(type: 205, 12..<20),
                .sourceDescription(source: 1, canonicalName: [0x62, 0x63]), .goodbye(sources: [1]),
            ])
    }

    @Test(
        arguments: [
            ([], .truncated, 0), ([0x80, 201, 0], .truncated, 3), ([0x40, 201, 0, 1, 0, 0, 0, 1], .unsupported, 0),
            ([0x80, 201, 0, 2, 0, 0, 0, 1], .truncated, 8), ([0x80, 201, 0, 0], .truncated, 4),
            ([0x81, 201, 0, 1, 0, 0, 0, 1], .truncated, 8), ([0x80, 200, 0, 1, 0, 0, 0, 1], .truncated, 8),
            ([0x81, 202, 0, 2, 0, 0, 0, 1, 1, 0, 0, 0], .missing, 1),
            ([0x80, 201, 0, 1, 0, 0, 0, 1, 0x81], .truncated, 9),
            ([0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 202, 0, 0], .truncated, 12),
            ([0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 202, 0, 2, 0, 0, 0, 1, 1, 9, 0, 0], .truncated, 20),
            ([0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 202, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0], .missing, 16),
            ([0x80, 201, 0, 1, 0, 0, 0, 1, 0x82, 203, 0, 1, 0, 0, 0, 1], .truncated, 16),
            ([0xA0, 201, 0, 1, 0, 0, 0, 4, 0x80, 201, 0, 1, 0, 0, 0, 1], .inconsistent, 0),
            ([0xA0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0], .inconsistent, 11),
            ([0xA0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 12], .inconsistent, 11),
            ([0xA0, 201, 0, 2, 0, 0, 0, 1, 0, 0, 0, 8], .truncated, 4),
        ] as [([UInt8], ParseError.Code, Int)])
    func `what is no datagram is refused`(bytes: [UInt8], code: ParseError.Code, offset: Int) {
        #expect(throws: ParseError(code, in: "", at: offset)) { try RTCPPacket.parse(bytes.span) }
    }

    @Test func `random octets never trap`() {
        var random = SeededGenerator(state: 17)
        let good = RTCPPacket.datagram([
            .senderReport(source: 1, info, [report]), .sourceDescription(source: 1, canonicalName: [1, 2, 3]),
            .goodbye(sources: [1]),
        ])
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...8, using: &random))
            if let packets = try? RTCPPacket.parse(bytes.span) { #expect(!packets.isEmpty) }
            _ = try? RTPPacket(parsing: bytes.span)
        }
    }
}
