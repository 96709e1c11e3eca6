import GateProtocol
import Testing
import Wire

@Suite struct FrameTests {
    @Test(arguments: Samples.frames)
    func `a frame survives the round trip`(frame: GateFrame) throws {
        #expect(try Samples.decode(Samples.encode([frame])) == [frame])
    }

    @Test func `the layout is the documented one`() throws {
        let open = GateFrame.request(.openFromAny(SessionID(7), inside: [Samples.v4]), id: 2)
        #expect(
            try Samples.encode([open]) == [
                0, 0, 0, 21, 0x02, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7, 1, 4, 10, 1, 0, 2, 0x0F, 0xA0,
            ])
        let refused = GateFrame.reply(.refused(GateRefusal(.tableFull, errno: 23)), id: 0x0102_0304)
        #expect(try Samples.encode([refused]) == [0, 0, 0, 11, 0x82, 1, 2, 3, 4, 10, 0, 0, 0, 23, 0])
    }

    @Test func `a stream gives the same frames wherever it is split`() throws {
        let octets = try Samples.encode(Samples.frames)
        for split in 0...octets.count {
            var decoder = FrameDecoder()
            var frames: [GateFrame] = []
            decoder.append(octets.span.extracting(..<split))
            while let frame = try decoder.next() { frames.append(frame) }
            decoder.append(octets.span.extracting(split...))
            while let frame = try decoder.next() { frames.append(frame) }
            #expect(frames == Samples.frames)
            #expect(decoder.bufferedOctets == 0)
        }
    }

    @Test func `a stream that arrives octet by octet gives the same frames`() throws {
        var decoder = FrameDecoder()
        var frames: [GateFrame] = []
        for octet in try Samples.encode(Samples.frames) {
            let one = [octet]
            decoder.append(one.span)
            if let frame = try decoder.next() { frames.append(frame) }
        }
        #expect(frames == Samples.frames)
    }

    @Test(arguments: Samples.frames)
    func `a frame cut short anywhere is refused`(frame: GateFrame) throws {
        let whole = try Samples.encode([frame])
        for length in GateFrameShape.header..<(whole.count - 4) {
            var cut = Array(whole[..<(4 + length)])
            cut.replaceSubrange(0..<4, with: [0, 0, UInt8(length >> 8), UInt8(length & 0xFF)])
            #expect(throws: ParseError.self) { try Samples.decode(cut) }
        }
    }

    @Test(arguments: Samples.frames)
    func `a frame with an octet too many is refused`(frame: GateFrame) throws {
        var octets = try Samples.encode([frame]) + [0]
        let length = octets.count - 4
        octets.replaceSubrange(0..<4, with: [0, 0, UInt8(length >> 8), UInt8(length & 0xFF)])
        #expect(throws: ParseError(.inconsistent, in: "frame length", at: octets.count - 1)) {
            try Samples.decode(octets)
        }
    }

    @Test(arguments: [0, 1, 4])
    func `a length below the header's is refused`(length: UInt8) {
        #expect(throws: ParseError(.truncated, in: "", at: 0)) { try Samples.decode([0, 0, 0, length, 1, 1, 1, 1, 1]) }
    }

    @Test func `the largest length is waited for and a larger one refused before its octets come`() throws {
        #expect(try Samples.decode([0, 1, 0, 0]) == [])
        #expect(throws: ParseError(.tooLong, in: "", at: 0)) { try Samples.decode([0, 1, 0, 1]) }
        #expect(throws: ParseError(.tooLong, in: "", at: 0)) { try Samples.decode([0xFF, 0xFF, 0xFF, 0xFF]) }
    }

    @Test(
        arguments: [
            // Unknown kinds.
            ([0, 0, 0, 5, 0x00, 0, 0, 0, 0], ParseError(.unsupported, in: "", at: 4)),
            ([0, 0, 0, 5, 0x07, 0, 0, 0, 0], ParseError(.unsupported, in: "", at: 4)),
            ([0, 0, 0, 5, 0x80, 0, 0, 0, 0], ParseError(.unsupported, in: "", at: 4)),
            ([0, 0, 0, 5, 0xFF, 0, 0, 0, 0], ParseError(.unsupported, in: "", at: 4)),
            // A flag that is neither 0 nor 1.
            ([0, 0, 0, 6, 0x06, 0, 0, 0, 0, 2], ParseError(.badNumber, in: "", at: 9)),
            // Families that are no families.
            ([0, 0, 0, 15, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 5], ParseError(.badAddress, in: "", at: 18)),
            // Reasons that are no reasons.
            ([0, 0, 0, 11, 0x82, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], ParseError(.unsupported, in: "", at: 9)),
            ([0, 0, 0, 11, 0x82, 0, 0, 0, 0, 19, 0, 0, 0, 0, 0], ParseError(.unsupported, in: "", at: 9)),
        ] as [([UInt8], ParseError)])
    func `what is not defined is refused at its octet`(octets: [UInt8], error: ParseError) {
        #expect(throws: error) { try Samples.decode(octets) }
    }

    @Test func `after an error the stream stays refused`() throws {
        var decoder = FrameDecoder()
        let bad: [UInt8] = [0, 0, 0, 0]
        let good = try Samples.encode(Samples.frames)
        decoder.append(bad.span)
        #expect(throws: ParseError.self) { try decoder.next() }
        decoder.append(good.span)
        #expect(throws: ParseError(.truncated, in: "", at: 0)) { try decoder.next() }
        #expect(decoder.bufferedOctets == 0)
    }

    @Test func `a duration that does not fit is not sent`() {
        var output: [UInt8] = [9]
        for duration in [Duration.seconds(-1), .seconds(5_000_000)] {
            #expect(throws: ParseError.self) {
                try FrameEncoder.append(.reply(.welcome(version: 1, holeTimeout: duration), id: 1), to: &output)
            }
        }
        #expect(output == [9])
    }
}

/// Octets of kind and request id.
enum GateFrameShape {
    static let header = 5
}
