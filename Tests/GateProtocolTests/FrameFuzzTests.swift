import GateProtocol
import Testing
import Wire

/// Octets that nobody meant as frames. These tests must only not trap; what is read must be written back as it was.
@Suite struct FrameFuzzTests {
    private func feed(_ octets: [UInt8]) throws {
        var decoder = FrameDecoder()
        decoder.append(octets.span)
        do throws(ParseError) {
            while let frame = try decoder.next() {
                #expect(try Samples.decode(Samples.encode([frame])) == [frame])
            }
        } catch {
            #expect(error.offset >= 0 && error.offset <= octets.count)
        }
    }

    @Test func `50,000 frames with a right length and random octets`() throws {
        var random = SplitMix(state: 1)
        for _ in 0..<50_000 {
            let length = Int(random.next() % 64)
            var octets: [UInt8] = [0, 0, 0, UInt8(length)]
            for _ in 0..<length { octets.append(UInt8(truncatingIfNeeded: random.next())) }
            // A known kind more often than not.
            if length > 0, random.next() % 4 != 0 {
                octets[4] = [1, 2, 3, 4, 5, 6, 0x81, 0x82, 0x83, 0x84, 0x85][Int(random.next() % 11)]
            }
            try feed(octets)
        }
    }

    @Test func `50,000 mutations of good frames`() throws {
        var random = SplitMix(state: 2)
        var good: [[UInt8]] = []
        for frame in Samples.frames { good.append(try Samples.encode([frame])) }
        for _ in 0..<50_000 {
            var octets = good[Int(random.next() % UInt64(good.count))]
            for _ in 0..<(1 + random.next() % 4) {
                let place = Int(random.next() % UInt64(octets.count))
                switch random.next() % 3 {
                case 0: octets[place] ^= 1 << UInt8(random.next() % 8)
                case 1: octets[place] = UInt8(truncatingIfNeeded: random.next())
                default: octets[place] = [0, 1, 0x7F, 0x80, 0xFF][Int(random.next() % 5)]
                }
            }
            try feed(octets)
        }
    }
}

/// A generator that gives the same numbers in every run (Steele, Lea and Flood, 2014).
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
