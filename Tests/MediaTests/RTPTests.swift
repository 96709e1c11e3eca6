import Media
import Testing
import Wire

@Suite struct RTPPacketTests {
    @Test func `a header is written as the figure shows and read back`() throws {
        let header = RTPHeader(
            payloadType: 8, sequenceNumber: 0x1234, timestamp: 0x0102_0304, source: 0xCAFE_BABE, marker: true,
            contributors: [7, 9])
        var bytes: [UInt8] = []
        header.append(to: &bytes)
        let expected: [UInt8] = [
            0x82, 0x88, 0x12, 0x34, 1, 2, 3, 4, 0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 7, 0, 0, 0, 9,
        ]
        #expect(bytes == expected)
        let packet = try RTPPacket(parsing: (bytes + [1, 2, 3]).span)
        #expect(packet.header == header)
        #expect(packet.payload == 20..<23)
        #expect(packet.extensionProfile == nil)
    }

    @Test func `fifteen contributors are written, not sixteen`() throws {
        for (count, written) in [(15, 15), (16, 15)] {
            var bytes: [UInt8] = []
            RTPHeader(
                payloadType: 0xFF, sequenceNumber: 0, timestamp: 0, source: 0,
                contributors: (0..<count).map { UInt32($0) }
            ).append(to: &bytes)
            let packet = try RTPPacket(parsing: bytes.span)
            #expect(packet.header.contributors.count == written)
            #expect(packet.header.payloadType == 0x7F)
            #expect(!packet.header.marker)
        }
    }

    @Test func `extension and padding are no payload`() throws {
        let bytes: [UInt8] =
            [0xB0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1] + [0xBE, 0xDE, 0, 1, 1, 2, 3, 4] + [9, 9, 0, 0, 0, 4] + []
        let packet = try RTPPacket(parsing: bytes.span)
        #expect(packet.extensionProfile == 0xBEDE)
        #expect(packet.extensionData == 16..<20)
        #expect(packet.payload == 20..<22)
    }

    @Test(
        arguments: [
            ([], .truncated, 0), ([0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0], .truncated, 11),
            ([0x40, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], .unsupported, 0),
            ([0x81, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], .truncated, 15),
            ([0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], .truncated, 15),
            ([0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0], .truncated, 17),
            ([0x90, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xFF, 0xFF], .truncated, 16),
            ([0xA0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], .truncated, 12),
            ([0xA0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0], .inconsistent, 12),
            ([0xA0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3], .inconsistent, 13),
        ] as [([UInt8], ParseError.Code, Int)])
    func `what is no packet is refused`(bytes: [UInt8], code: ParseError.Code, offset: Int) {
        #expect(throws: ParseError(code, in: "", at: offset)) { try RTPPacket(parsing: bytes.span) }
    }

    @Test func `the size limit holds at n and n plus 1`() throws {
        var bytes = [UInt8](repeating: 0, count: RTPPacket.Limits.octets)
        bytes[0] = 0x80
        #expect(try RTPPacket(parsing: bytes.span).payload.count == RTPPacket.Limits.octets - 12)
        bytes.append(0)
        #expect(throws: ParseError(.tooLong, in: "", at: RTPPacket.Limits.octets)) {
            try RTPPacket(parsing: bytes.span)
        }
    }

    @Test(arguments: [(191, false), (192, true), (200, true), (223, true), (224, false), (0, false), (128, false)])
    func `RTCP is told apart on a shared port`(second: UInt8, isRTCP: Bool) {
        let bytes: [UInt8] = [0x80, second, 0, 0]
        let verdict = RTPPacket.isRTCP(bytes.span)
        #expect(verdict == isRTCP)
        let stun: [UInt8] = [0x00, second]
        let isSTUN = !RTPPacket.isRTCP(stun.span)
        #expect(isSTUN)
    }
}

@Suite struct RTPSenderTests {
    @Test func `numbers wrap, time goes on in silence, the marker starts each talkspurt`() throws {
        var sender = RTPSender(
            source: 5, payloadType: 0, firstSequenceNumber: 65_535, firstTimestamp: UInt32.max - 159)
        let payload = [UInt8](repeating: 0xFF, count: 160)
        var headers = [try RTPPacket(parsing: sender.packet(payload.span).span).header]
        headers.append(try RTPPacket(parsing: sender.packet(payload.span).span).header)
        sender.skip(packets: 10)
        headers.append(try RTPPacket(parsing: sender.packet(payload.span).span).header)
        #expect(headers.map(\.sequenceNumber) == [65_535, 0, 1])
        #expect(headers.map(\.timestamp) == [UInt32.max - 159, 0, 1_760])
        #expect(headers.map(\.marker) == [true, false, true])
        #expect(headers.allSatisfy { $0.source == 5 && $0.payloadType == 0 })
        let info = sender.senderInfo(ntpTime: 0x1111_2222_3333_4444)
        #expect(info.packetCount == 3)
        #expect(info.octetCount == 480)
        #expect(info.rtpTimestamp == 1_920)
        #expect(info.middleOfNTPTime == 0x2222_3333)
    }
}

@Suite struct RTPReceiverTests {
    private func header(_ number: UInt16, source: UInt32 = 1) -> RTPHeader {
        RTPHeader(
            payloadType: 0, sequenceNumber: number, timestamp: UInt32(number) * 160, source: source)
    }

    /// Feeds sequence numbers, each packet at its own time.
    private func feed(_ receiver: inout RTPReceiver, _ numbers: UInt16...) -> [RTPReceiver.Arrival] {
        numbers.map { receiver.receive(header($0), arrival: UInt32($0) * 160) }
    }

    @Test func `loss, reordering and duplicates are told apart`() {
        var receiver = RTPReceiver()
        #expect(receiver.lost == 0)
        #expect(feed(&receiver, 10, 11, 14) == [.inOrder, .inOrder, .afterGap(missing: 2)])
        #expect(receiver.lost == 2)
        #expect(feed(&receiver, 12, 12, 14, 15) == [.outOfOrder, .duplicate, .duplicate, .inOrder])
        #expect(receiver.received == 5)
        #expect(receiver.lost == 1)
        #expect(receiver.duplicates == 2)
        #expect(receiver.outOfOrder == 1)
        #expect(receiver.source == 1)
    }

    @Test func `a packet from before the first hides no loss`() {
        var receiver = RTPReceiver()
        #expect(feed(&receiver, 10, 9, 12, 9) == [.inOrder, .outOfOrder, .afterGap(missing: 1), .duplicate])
        #expect(receiver.received == 3)
        #expect(receiver.lost == 1)
    }

    @Test func `the sequence number wraps`() {
        var receiver = RTPReceiver()
        #expect(feed(&receiver, 65_534, 65_535, 0, 2) == [.inOrder, .inOrder, .inOrder, .afterGap(missing: 1)])
        #expect(feed(&receiver, 65_535, 1) == [.duplicate, .outOfOrder])
        #expect(receiver.extendedHighest == 0x1_0002)
        #expect(receiver.lost == 0)
    }

    @Test func `another source does not count`() {
        var receiver = RTPReceiver(source: 7)
        #expect(receiver.receive(header(1), arrival: 0) == .foreignSource)
        #expect(receiver.receive(header(1, source: 7), arrival: 0) == .inOrder)
        #expect(receiver.foreign == 1)
        #expect(receiver.received == 1)
        var first = RTPReceiver()
        #expect(first.receive(header(1, source: 9), arrival: 0) == .inOrder)
        #expect(first.receive(header(2), arrival: 0) == .foreignSource)
    }

    @Test func `dropout and misorder limits hold at n and n plus 1`() {
        var receiver = RTPReceiver()
        #expect(feed(&receiver, 1_000, 3_999) == [.inOrder, .afterGap(missing: 2_998)])
        var jumping = RTPReceiver()
        #expect(feed(&jumping, 1_000, 4_000) == [.inOrder, .discontinuity])
        var late = RTPReceiver()
        #expect(feed(&late, 1_000, 900) == [.inOrder, .outOfOrder])
        #expect(feed(&late, 899) == [.discontinuity])
    }

    @Test func `a restarted sender is followed from its second packet`() {
        var receiver = RTPReceiver()
        #expect(feed(&receiver, 10, 12, 20_000, 13) == [.inOrder, .afterGap(missing: 1), .discontinuity, .inOrder])
        #expect(feed(&receiver, 30_000, 30_001, 30_003) == [.discontinuity, .restarted, .afterGap(missing: 1)])
        #expect(receiver.discontinuities == 2)
        #expect(receiver.received == 5)
        #expect(receiver.lost == 2)
    }

    @Test func `reports give the loss since the last one`() {
        var receiver = RTPReceiver()
        #expect(receiver.report() == nil)
        _ = feed(&receiver, 1, 2, 4)
        let first = receiver.report(lastReport: 3, delay: 4)
        #expect(first?.fractionLost == 64)
        #expect(first?.cumulativeLost == 1)
        #expect(first?.extendedHighest == 4)
        #expect(first?.lastReport == 3)
        #expect(first?.delaySinceLastReport == 4)
        _ = feed(&receiver, 5, 6)
        #expect(receiver.report()?.fractionLost == 0)
        _ = feed(&receiver, 3)
        #expect(receiver.report()?.cumulativeLost == 0)
        #expect(receiver.report()?.fractionLost == 0)
    }

    @Test func `jitter is what RFC 3550 A.8 computes`() {
        var receiver = RTPReceiver()
        var reference = 0.0
        for number in UInt16(0)..<200 {
            let late: UInt32 = number % 2 == 0 ? 0 : 80
            _ = receiver.receive(header(number), arrival: UInt32(number) * 160 + late)
            if number > 0 { reference += (80 - reference) / 16 }
        }
        #expect(abs(Double(receiver.jitter) - reference) <= 1)
        var steady = RTPReceiver()
        _ = feed(&steady, 1, 2, 3, 4, 5)
        #expect(steady.jitter == 0)
    }

    @Test func `no order of packets traps and the sums stay right`() {
        var random = SeededGenerator(state: 17)
        for _ in 0..<200 {
            var receiver = RTPReceiver()
            var fed = 0
            for _ in 0..<300 {
                let near = UInt16.random(in: 0...260, using: &random)
                let number = Bool.random(using: &random) ? near : UInt16.random(in: 0...65_535, using: &random)
                _ = receiver.receive(header(number), arrival: UInt32.random(in: 0...UInt32.max, using: &random))
                fed += 1
                _ = receiver.report()
            }
            #expect(receiver.received + receiver.duplicates + receiver.discontinuities == fed)
            #expect(receiver.lost >= 0)
        }
    }
}
