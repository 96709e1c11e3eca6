import CMSText
import Testing

@testable import Crypto

/// Nothing that can be printed shows key material.
@Suite struct SecrecyTests {
    /// Octets that would be noticed: in hexadecimal DEADBEEF, in decimal 222, 173, 190, 239.
    private let canary = [UInt8](repeating: 0xDE, count: 4) + [0xAD, 0xBE, 0xEF] + [UInt8](repeating: 0xDE, count: 9)

    private func shows(_ text: String) -> Bool {
        ["222", "0xde", "0xDE", "DE", "de de", "dede", "BEGIN", "PRIVATE KEY", "storage", "secret"].contains {
            text.contains($0)
        }
    }

    @Test func `keys do not print, describe or dump themselves`() throws {
        let key = try ContentKey(SecretBytes(copying: canary.span), algorithm: .aes128GCM, reference: [1])
        let privateKey = try PrivateKey.generateP256()
        for value in [key as Any, privateKey, Optional(key) as Any, [key], ["k": privateKey]] {
            var dumped = ""
            dump(value, to: &dumped)
            for text in [String(describing: value), String(reflecting: value), dumped] {
                #expect(!shows(text), "\(text)")
            }
        }
        #expect(String(describing: key) == "ContentKey")
        #expect(String(describing: privateKey) == "PrivateKey")
    }

    @Test func `what is opened and what carries keys dumps without them`() throws {
        let sealer = try EnvelopeSealer()
        let key = try ContentKey(SecretBytes(copying: canary.span), algorithm: .aes128GCM, reference: [1])
        let der = try sealer.seal(canary, algorithm: .aes128GCM, recipients: [.contentKey(key)]).der
        let opened = try EnvelopeOpener().open(der, identities: [], contentKeys: [key])
        for value in [opened as Any, Recipient.contentKey(key), Identity(key: try .generateP256()).key] {
            var dumped = ""
            dump(value, to: &dumped)
            #expect(!shows(dumped), "\(dumped)")
        }
    }

    @Test func `errors about keys carry nothing of them`() throws {
        let pem = try PrivateKey.generateP256().pem()
        var text = octets(pem)
        text[60] = UInt8(ascii: "*")
        do {
            _ = try PrivateKey(pem: text.span)
            Issue.record("a broken key was read")
        } catch {
            let secret = String(decoding: text[70..<80], as: UTF8.self)
            #expect(!error.description.contains(secret))
            #expect(!"\(error)".contains("BEGIN"))
        }
        #expect(String(describing: EnvelopeError.undecipherable) == "undecipherable")
    }

    // A value that cannot be copied does not go into #expect: what is asked of it is asked before.
    @Test func `secret octets compare, reverse, lend and wipe`() throws {
        var secret = SecretBytes(copying: canary.span)
        let same = SecretBytes(copying: canary.span)
        let reversed = secret.reversed()
        let beginning = Array(canary.dropLast())
        let shorter = SecretBytes(copying: beginning.span)
        let answers = [secret.equals(same), secret.equals(reversed), secret.equals(shorter)]
        #expect(answers == [true, false, false])
        #expect(octets(secret) == canary)
        #expect(octets(reversed) == canary.reversed())
        let one = try SecretBytes(randomCount: 32)
        let two = try SecretBytes(randomCount: 32)
        let isRepeated = one.equals(two)
        #expect(!isRepeated)
        secret.wipe()
        #expect(octets(secret) == [UInt8](repeating: 0, count: 16))
        let empty = try SecretBytes(randomCount: 0)
        #expect(octets(empty).isEmpty)
        #expect(octets(empty.reversed()).isEmpty)
    }

    private func octets(_ secret: borrowing SecretBytes) -> [UInt8] { (0..<secret.count).map { secret.bytes[$0] } }

    @Test func `wiping a key overwrites its octets where they are`() throws {
        let key = try ContentKey(SecretBytes(copying: canary.span), algorithm: .aes128GCM)
        let address = key.withSecret { $0.pointer }
        let pointer = try #require(address ?? nil)
        #expect(pointer[0] == 0xDE)
        key.wipe()
        #expect((0..<16).allSatisfy { pointer[$0] == 0 })
    }

    @Test func `a key of the wrong length is refused`() {
        for length in [0, 15, 17, 32] {
            #expect(throws: CryptoError(.outOfRange, while: "", "")) {
                try ContentKey(SecretBytes(randomCount: length), algorithm: .aes128GCM)
            }
        }
    }
}
