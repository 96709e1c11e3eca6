import CMSText
import Crypto
import Testing

/// One key for a session (RFC 3185), among ourselves and against `openssl cms`.
@Suite struct KeyReuseTests {
    let peers: Peers
    let opener: EnvelopeOpener
    let sealer: EnvelopeSealer
    let reference = Array("call-1@a.example.net".utf8)

    init() throws {
        peers = try Peers.shared.get()
        opener = try EnvelopeOpener()
        sealer = try EnvelopeSealer()
    }

    /// A key whose octets the test knows.
    private func key(_ algorithm: ContentAlgorithm, from first: UInt8 = 1, reference: [UInt8]? = nil) throws -> (
        key: ContentKey, octets: [UInt8]
    ) {
        let octets = (0..<algorithm.keyLength).map { first &+ UInt8($0) }
        let key = try ContentKey(
            SecretBytes(copying: octets.span), algorithm: algorithm, reference: reference ?? self.reference)
        return (key, octets)
    }

    private func hex(_ octets: some Sequence<UInt8>) -> String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test(arguments: ContentAlgorithm.allCases)
    func `a key from the first message opens the second, and the third that names it again`(
        algorithm: ContentAlgorithm
    ) throws {
        let recipient = try RecipientKind.ecdhSHA256.recipient(peers)
        let first = try sealer.seal(
            sdp, algorithm: algorithm, recipients: [recipient], reference: reference, maxDecrypts: 7)
        let opened = try opener.open(first.der, identities: [peers.p256], contentKeys: [])
        #expect(opened.reference == reference)
        #expect(opened.maxDecrypts == 7)
        #expect(opened.contentKey.reference == reference)
        #expect(opened.contentKey.maxDecrypts == 7)
        // The callee answers, the caller sends again: either side's copy of the key.
        for held in [first.contentKey, opened.contentKey] {
            let other = held === first.contentKey ? opened.contentKey : first.contentKey
            let next = try sealer.seal(sdp, algorithm: algorithm, recipients: [.contentKey(held)])
            let second = try opener.open(next.der, identities: [], contentKeys: [other])
            #expect(second.plaintext == sdp)
            #expect(second.openedBy == .contentKey)
            #expect(second.usedKey === other)
            #expect(second.reference == nil)
        }
    }

    @Test func `a second message may bring a reference of its own`() throws {
        let (held, _) = try key(.aes128GCM)
        let next = try sealer.seal(
            sdp, algorithm: .aes128GCM, recipients: [.contentKey(held)], reference: [0xBB], maxDecrypts: 1)
        let opened = try opener.open(next.der, identities: [], contentKeys: [held])
        #expect(opened.reference == [0xBB])
        let third = try sealer.seal(sdp, algorithm: .aes128GCM, recipients: [.contentKey(next.contentKey)])
        #expect(throws: EnvelopeError.undecipherable) {
            try opener.open(third.der, identities: [], contentKeys: [held])
        }
        #expect(try opener.open(third.der, identities: [], contentKeys: [held, opened.contentKey]).plaintext == sdp)
    }

    @Test(arguments: ContentAlgorithm.allCases)
    func `kekri opens at openssl under the reversed key and under no other`(algorithm: ContentAlgorithm) throws {
        let openssl = try OpenSSLCommand()
        let (held, octets) = try key(algorithm)
        let sealed = try sealer.seal(sdp, algorithm: algorithm, recipients: [.contentKey(held)])
        try openssl.write(sealed.der, to: "message.der")
        func status(_ key: some Sequence<UInt8>) throws -> Int32 {
            try openssl.status(of: [
                "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "message.der", "-out", "content", "-secretkey",
                hex(key), "-secretkeyid", hex(reference),
            ])
        }
        #expect(try status(octets) != 0)
        #expect(try status(octets.reversed()) == 0)
        #expect(try openssl.read("content") == sdp)
    }

    @Test(arguments: ContentAlgorithm.allCases)
    func `kekri of openssl opens here`(algorithm: ContentAlgorithm) throws {
        let openssl = try OpenSSLCommand()
        let (held, octets) = try key(algorithm)
        try openssl.write(sdp, to: "content")
        try openssl.run(
            "cms", "-encrypt", "-binary", algorithm.option, "-outform", "DER", "-in", "content", "-out", "message.der",
            "-secretkey", hex(octets.reversed()), "-secretkeyid", hex(reference))
        let opened = try opener.open(openssl.read("message.der"), identities: [peers.p256], contentKeys: [held])
        #expect(opened.plaintext == sdp)
        #expect(opened.openedBy == .contentKey)
    }

    @Test func `a key encryption key that is to be derived is not guessed`() throws {
        let (held, _) = try key(.aes128GCM)
        let sealed = try sealer.seal(
            sdp, algorithm: .aes128GCM, recipients: [.contentKey(held)], reference: Array("next".utf8))
        // id-aa 30, CEKReference, becomes id-aa 32, KEKDerivationAlgorithm. No tag covers the attribute.
        let identifier: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x02, 0x1E]
        let range = try #require(sealed.der.firstRange(of: identifier))
        var der = sealed.der
        der[range.upperBound - 1] = 0x20
        #expect(throws: EnvelopeError.undecipherable) { try opener.open(der, identities: [], contentKeys: [held]) }
        der[range.upperBound - 1] = 0x21
        #expect(try opener.open(der, identities: [], contentKeys: [held]).plaintext == sdp)
    }

    @Test func `a key of another size unwraps nothing`() throws {
        let (held, _) = try key(.aes128GCM)
        let (longer, _) = try key(.aes256GCM)
        let sealed = try sealer.seal(sdp, algorithm: .aes128GCM, recipients: [.contentKey(held)])
        #expect(throws: EnvelopeError.undecipherable) {
            try opener.open(sealed.der, identities: [], contentKeys: [longer])
        }
    }

    @Test(arguments: [ContentAlgorithm.aes128CBC, .aes256CBC])
    func `EncryptedData opens by reference, here and at openssl`(algorithm: ContentAlgorithm) throws {
        let openssl = try OpenSSLCommand()
        let (held, octets) = try key(algorithm)
        let (other, _) = try key(algorithm, from: 100, reference: [0xCC])
        let der = try sealer.sealEncryptedData(sdp, under: held)
        let opened = try opener.open(der, identities: [], contentKeys: [other, held])
        #expect(opened.plaintext == sdp)
        #expect(opened.openedBy == .encryptedData)
        #expect(opened.usedKey === held)
        #expect(opened.contentKey === held)
        #expect(opened.reference == reference)
        #expect(!opened.isAuthenticated)
        #expect(throws: EnvelopeError.undecipherable) { try opener.open(der, identities: [], contentKeys: [other]) }

        try openssl.write(der, to: "message.der")
        try openssl.run(
            "cms", "-EncryptedData_decrypt", "-binary", "-inform", "DER", "-in", "message.der", "-out", "content",
            "-secretkey", hex(octets))
        #expect(try openssl.read("content") == sdp)
    }

    @Test(arguments: [ContentAlgorithm.aes128CBC, .aes256CBC])
    func `EncryptedData of openssl, which names no key, opens with a key of the session`(
        algorithm: ContentAlgorithm
    ) throws {
        let openssl = try OpenSSLCommand()
        let (held, octets) = try key(algorithm)
        let (otherAlgorithm, _) = try key(algorithm == .aes128CBC ? .aes256CBC : .aes128CBC)
        let (gcm, _) = try key(algorithm == .aes128CBC ? .aes128GCM : .aes256GCM)
        try openssl.write(sdp, to: "content")
        try openssl.run(
            "cms", "-EncryptedData_encrypt", "-binary", algorithm.option, "-outform", "DER", "-in", "content", "-out",
            "message.der", "-secretkey", hex(octets))
        let der = try openssl.read("message.der")
        let opened = try opener.open(der, identities: [], contentKeys: [gcm, otherAlgorithm, held])
        #expect(opened.plaintext == sdp)
        #expect(opened.usedKey === held)
        #expect(opened.reference == nil)
        // The same octets remembered for GCM are not used for CBC.
        #expect(throws: EnvelopeError.undecipherable) {
            try opener.open(der, identities: [], contentKeys: [gcm, otherAlgorithm])
        }
    }

    @Test func `without a reference 4 keys are tried and a fifth is not`() throws {
        let octets = [UInt8](repeating: 0x42, count: 16)
        // Without a reference of its own EncryptedData names none.
        let right = try ContentKey(SecretBytes(copying: octets.span), algorithm: .aes128CBC)
        // Keys whose attempt ends in a bad padding, which one in 256 does not.
        let der = try sealer.sealEncryptedData(sdp, under: right)
        var wrong: [ContentKey] = []
        var first: UInt8 = 1
        while wrong.count < EnvelopeOpener.maximumUnnamedKeys {
            let (key, _) = try key(.aes128CBC, from: first)
            if (try? opener.open(der, identities: [], contentKeys: [key])) == nil { wrong.append(key) }
            first += 1
        }
        let last = try opener.open(der, identities: [], contentKeys: Array(wrong.dropLast()) + [right])
        #expect(last.plaintext == sdp)
        #expect(throws: EnvelopeError.undecipherable) {
            try opener.open(der, identities: [], contentKeys: wrong + [right])
        }
    }

    @Test func `EncryptedData under a key of GCM is refused in words`() throws {
        let (held, _) = try key(.aes128GCM)
        #expect(throws: CryptoError(.unsupported, while: "", "")) { try sealer.sealEncryptedData(sdp, under: held) }
    }

    @Test func `a wiped key opens and seals nothing`() throws {
        let (held, _) = try key(.aes128CBC)
        let wrapped = try sealer.seal(sdp, algorithm: .aes128CBC, recipients: [.contentKey(held)])
        let direct = try sealer.sealEncryptedData(sdp, under: held)
        held.wipe()
        #expect(held.isWiped)
        for der in [wrapped.der, direct] {
            #expect(throws: EnvelopeError.undecipherable) { try opener.open(der, identities: [], contentKeys: [held]) }
            #expect(
                !EnvelopeOpener.isRecipient(of: try ProtectedContent(der: der), identities: [], contentKeys: [held]))
        }
        let wiped = CryptoError(.wiped, while: "", "")
        #expect(throws: wiped) { try sealer.sealEncryptedData(sdp, under: held) }
        #expect(throws: wiped) { try sealer.seal(sdp, algorithm: .aes128CBC, recipients: [.contentKey(held)]) }
    }

    @Test func `a key without a reference cannot be a recipient`() throws {
        let key = try ContentKey(SecretBytes(randomCount: 16), algorithm: .aes128GCM)
        #expect(throws: CryptoError(.mismatch, while: "", "")) {
            try sealer.seal(sdp, algorithm: .aes128GCM, recipients: [.contentKey(key)])
        }
    }
}
