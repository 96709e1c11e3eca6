import CMSText
import Crypto
import Testing

@Suite struct RecipientTests {
    let peers: Peers
    let opener: EnvelopeOpener
    let sealer: EnvelopeSealer

    init() throws {
        peers = try Peers.shared.get()
        opener = try EnvelopeOpener()
        sealer = try EnvelopeSealer()
    }

    private func heldKey(_ reference: [UInt8] = [0xAA]) throws -> ContentKey {
        try ContentKey(SecretBytes(randomCount: 16), algorithm: .aes128GCM, reference: reference)
    }

    @Test(arguments: ContentAlgorithm.allCases)
    func `one message is for a callee, a gateway and a session at once`(algorithm: ContentAlgorithm) throws {
        let openssl = try OpenSSLCommand()
        let held = try heldKey()
        let sealed = try sealer.seal(
            sdp, algorithm: algorithm,
            recipients: [
                .contentKey(held), RecipientKind.rsaOAEPSHA256.recipient(peers),
                RecipientKind.ecdhSHA256.recipient(peers),
            ])
        let content = try ProtectedContent(der: sealed.der)
        for (identities, keys) in [([peers.rsa], []), ([peers.p256], []), ([], [held])] {
            #expect(EnvelopeOpener.isRecipient(of: content, identities: identities, contentKeys: keys))
            #expect(try opener.open(sealed.der, identities: identities, contentKeys: keys).plaintext == sdp)
        }
        #expect(
            !EnvelopeOpener.isRecipient(of: content, identities: [peers.stranger], contentKeys: [try heldKey([0xAB])]))
        #expect(throws: EnvelopeError.undecipherable) {
            try opener.open(sealed.der, identities: [peers.stranger], contentKeys: [])
        }
        try openssl.write(sealed.der, to: "message.der")
        for (identity, name) in [(peers.rsa, "rsa"), (peers.p256, "p256")] {
            try openssl.write(identity, as: name)
            try openssl.run(
                "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "message.der", "-inkey", "\(name).key", "-recip",
                "\(name).pem", "-out", "content")
            #expect(try openssl.read("content") == sdp)
        }
    }

    @Test func `openssl's message to three recipients with mixed options opens for each`() throws {
        let openssl = try OpenSSLCommand()
        try openssl.write(sdp, to: "content")
        try openssl.write(peers.rsa, as: "rsa")
        try openssl.write(peers.p256, as: "p256")
        try openssl.run(
            "cms", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", "-in", "content", "-out", "message.der",
            "-keyid", "-recip", "rsa.pem", "-keyopt", "rsa_padding_mode:oaep", "-recip", "p256.pem", "-keyopt",
            "ecdh_kdf_md:sha256", "-secretkey", "000102030405060708090a0b0c0d0e0f", "-secretkeyid", "aa",
            "-pwri_password",
            "secret")
        let key = try ContentKey(
            SecretBytes(copying: Array((0..<16).map { UInt8($0) }.reversed()).span), algorithm: .aes128GCM,
            reference: [0xAA])
        let der = try openssl.read("message.der")
        for (identities, keys) in [([peers.rsa], []), ([peers.p256], []), ([], [key])] {
            #expect(try opener.open(der, identities: identities, contentKeys: keys).plaintext == sdp)
        }
    }

    @Test func `two recipients that are ours are refused`() throws {
        let held = try heldKey()
        let p256 = try RecipientKind.ecdhSHA256.recipient(peers)
        let rsa = try RecipientKind.rsaPKCS1v15.recipient(peers)
        for recipients in [[p256, p256], [rsa, rsa], [p256, rsa], [p256, .contentKey(held)]] {
            let sealed = try sealer.seal(sdp, algorithm: .aes128GCM, recipients: recipients)
            #expect(throws: EnvelopeError.undecipherable) {
                try opener.open(sealed.der, identities: [peers.p256, peers.rsa], contentKeys: [held])
            }
        }
    }

    @Test func `a key without a certificate is named by its identifier`() throws {
        for key in [try PrivateKey.generateP256(), peers.rsa.key] {
            let sealed = try sealer.seal(sdp, algorithm: .aes128GCM, recipients: [.publicKey(key.publicKey)])
            #expect(
                try opener.open(sealed.der, identities: [Identity(key: key)], contentKeys: []).plaintext == sdp)
            // With a certificate whose subject key identifier is the same.
            let identity = try Peers.identity("device", key)
            #expect(try opener.open(sealed.der, identities: [identity], contentKeys: []).plaintext == sdp)
            #expect(throws: EnvelopeError.undecipherable) {
                try opener.open(sealed.der, identities: [peers.stranger], contentKeys: [])
            }
        }
    }

    @Test func `recipients and content are held to the limits when sealing`() throws {
        let p256 = try RecipientKind.ecdhSHA256.recipient(peers)
        let outOfRange = CryptoError(.outOfRange, while: "", "")
        func seal(_ recipients: [Recipient], _ content: [UInt8] = sdp, reference: [UInt8]? = nil, max: Int? = nil)
            throws
        {
            _ = try sealer.seal(
                content, algorithm: .aes128GCM, recipients: recipients, reference: reference, maxDecrypts: max)
        }
        let n = CMSLimits.recipients
        try seal([Recipient](repeating: p256, count: n))
        #expect(throws: outOfRange) { try seal([Recipient](repeating: p256, count: n + 1)) }
        #expect(throws: outOfRange) { try seal([]) }
        let k = CMSLimits.keyEncryptionKeyRecipients
        try seal([Recipient](repeating: .contentKey(heldKey()), count: k))
        #expect(throws: outOfRange) { try seal([Recipient](repeating: .contentKey(heldKey()), count: k + 1)) }
        try seal([p256], [])
        try seal([p256], [UInt8](repeating: 0, count: 48_000))
        #expect(throws: outOfRange) { try seal([p256], [UInt8](repeating: 0, count: CMSLimits.messageSize)) }
        #expect(throws: outOfRange) { try seal([p256], [UInt8](repeating: 0, count: CMSLimits.messageSize + 1)) }
        #expect(throws: outOfRange) { try seal([p256], reference: []) }
        #expect(throws: outOfRange) { try seal([p256], max: 1) }
        #expect(throws: outOfRange) { try seal([p256], reference: [1], max: 0) }
        let length = CMSLimits.keyReferenceLength
        try seal([p256], reference: [UInt8](repeating: 1, count: length))
        #expect(throws: outOfRange) { try seal([p256], reference: [UInt8](repeating: 1, count: length + 1)) }
    }

    @Test(arguments: ContentAlgorithm.allCases, [0, 1, 15, 16, 17, 4096])
    func `content of any length comes out as it went in`(algorithm: ContentAlgorithm, length: Int) throws {
        let content = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        let held = try heldKey()
        let sealed = try sealer.seal(content, algorithm: algorithm, recipients: [.contentKey(held)])
        #expect(try opener.open(sealed.der, identities: [], contentKeys: [held]).plaintext == content)
    }
}
