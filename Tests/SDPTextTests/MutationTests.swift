import SDPText
import Testing
import Wire

/// A generator with a fixed seed, so that a find can be had again (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

@Suite struct MutationTests {
    private static let pieces: [[UInt8]] = [
        "\r", "\n", "\r\n", "\n\n", "\0", " ", "\t", "=", ":", "/", "65535", "65536", "18446744073709551616", "-1",
        "a=",
        "a=rtcp:", "a=rtcp-mux\n", "a=rtcp-mux-only\n", "a=mid:", "m=audio 1 RTP/AVP 0\n", "m=", "c=IN IP4 0.0.0.0\n",
        "c=IN IP6 ::1\n", "c=IN IP4 224.1.1.1/1/1\n", "b=", "o=", "v=0", "IN IP6", "::", "255.255.255.255", "\u{FFFD}",
    ].map { Array($0.utf8) }

    private func mutate(_ bytes: inout [UInt8], using random: inout SeededGenerator) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        let end = min(bytes.count, place + Int.random(in: 0...8, using: &random))
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
        case 1: bytes.removeSubrange(place..<end)
        case 2: if place < bytes.count { bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
        case 3: bytes.insert(contentsOf: Self.pieces.randomElement(using: &random) ?? [], at: place)
        case 4: bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &random))
        case 5: bytes.replaceSubrange(place..<end, with: Self.pieces.randomElement(using: &random) ?? [])
        default: break
        }
    }

    @Test func `fifty thousand mutations never trap, and what is read is written as it came`() throws {
        var random = SeededGenerator(state: 20_261_107)
        var read = 0
        for round in 0..<50_000 {
            var bytes = Sample.all[round % Sample.all.count].bytes
            for _ in 0..<Int.random(in: 1...2, using: &random) { mutate(&bytes, using: &random) }
            guard let description = try? SessionDescription(parsing: bytes) else { continue }
            read += 1
            guard description.serialized() == bytes else {
                Issue.record("round \(round) is written differently")
                continue
            }
            check(description, round)
        }
        // Were nearly all refused, or nearly none, this test would show little.
        #expect(read > 10_000)
        #expect(read < 45_000)
    }

    private func check(_ description: SessionDescription, _ round: Int) {
        let targets = description.targets
        guard targets.count == description.media.count else {
            Issue.record("round \(round): targets are not by index")
            return
        }
        for (index, target) in targets.enumerated() {
            guard case .transport(let rtp, let rtcp) = target else { continue }
            let good = rtp.port != 0 && rtcp?.port != 0 && rtp.address.unmapped.scope != .multicast
            let isUnspecified = rtp.address.unmapped == .v4(0) || rtp.address == .v6(0, 0)
            guard good, !isUnspecified, description.media[index].transport.isUDP else {
                Issue.record("round \(round): target \(target)")
                return
            }
            let edits: [Edit] = [.mediaConnection(index: index, .v4(0x0A00_0001)), .port(index: index, 7)]
            guard let edited = try? description.applying(edits), edited.media[index].port == 7,
                edited.media.count == targets.count
            else {
                Issue.record("round \(round): an edit is refused or lost")
                return
            }
        }
    }

    @Test func `the answer to any offer is an answer`() throws {
        var random = SeededGenerator(state: 7)
        let builder = SDPBuilder(address: .v4(0xC000_0202), port: 5_000, sessionID: 18)
        for round in 0..<4_000 {
            var bytes = Sample.all[round % Sample.all.count].bytes
            mutate(&bytes, using: &random)
            guard let offer = try? SessionDescription(parsing: bytes), let answer = builder.answer(to: offer) else {
                continue
            }
            let description = try SessionDescription(parsing: answer.bytes)
            _ = try OfferAnswer(offer: offer, answer: description)
        }
    }
}
