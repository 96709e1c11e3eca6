import CMSText
import Corpus
import Crypto
import Testing

@Suite struct MutationTests {
    @Test func `20000 mutated envelopes are refused or open to what was sealed`() throws {
        let peers = try Peers.shared.get()
        let opener = try EnvelopeOpener()
        let sealer = try EnvelopeSealer()
        let held = try ContentKey(SecretBytes(randomCount: 16), algorithm: .aes128CBC, reference: [0xAA])
        let recipients: [Recipient] = [.contentKey(held), try RecipientKind.ecdhSHA256.recipient(peers)]
        let messages = [
            try sealer.seal(sdp, algorithm: .aes128GCM, recipients: [recipients[1]], reference: [1]).der,
            try sealer.seal(sdp, algorithm: .aes256GCM, recipients: [recipients[0]], reference: [1]).der,
            try sealer.seal(sdp, algorithm: .aes128CBC, recipients: [recipients[0]], reference: [1]).der,
            try sealer.sealEncryptedData(sdp, under: held),
        ]
        var random = SplitMix(state: 1)
        var refused = 0
        for round in 0..<20_000 {
            var message = messages[round % messages.count]
            for _ in 0...Int.random(in: 0...3, using: &random) {
                let index = Int.random(in: 0..<message.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: message[index] = UInt8.random(in: 0...255, using: &random)
                case 1: message[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: message.remove(at: index)
                case 3: message.insert(UInt8.random(in: 0...255, using: &random), at: index)
                default: message.removeSubrange(index..<min(index + 8, message.count))
                }
                if message.isEmpty { message = [0x30] }
            }
            do {
                let opened = try opener.open(message, identities: [peers.p256], contentKeys: [held])
                if opened.isAuthenticated { #expect(opened.plaintext == sdp) }
            } catch { refused += 1 }
        }
        #expect(refused > 15_000)
    }
}
