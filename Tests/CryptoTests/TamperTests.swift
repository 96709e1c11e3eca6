import CMSText
import COpenSSL
import Testing
import Wire

@testable import Crypto

@Suite struct TamperTests {
    let peers: Peers
    let opener: EnvelopeOpener
    let sealer: EnvelopeSealer

    init() throws {
        peers = try Peers.shared.get()
        opener = try EnvelopeOpener()
        sealer = try EnvelopeSealer()
    }

    private func seal(_ algorithm: ContentAlgorithm, _ kind: RecipientKind) throws -> [UInt8] {
        try sealer.seal(sdp, algorithm: algorithm, recipients: [kind.recipient(peers)], reference: [0xAA]).der
    }

    /// Whether the content still comes out; anything but a refusal or the content itself is a failure.
    private func opens(_ der: [UInt8]) -> Bool {
        do {
            let opened = try opener.open(der, identities: [peers.p256, peers.rsa], contentKeys: [])
            #expect(opened.plaintext == sdp)
            return true
        } catch { return false }
    }

    @Test(arguments: RecipientKind.allCases)
    func `a flipped bit in any octet that matters is refused`(kind: RecipientKind) throws {
        let der = try seal(.aes128GCM, kind)
        guard case .authEnveloped(let data) = try ProtectedContent(der: der) else { throw Unexpected() }
        var regions: [ArraySlice<UInt8>] = [
            data.mac, data.encryptedContentInfo.encryptedContent, data.encryptedContentInfo.algorithm.nonce,
        ]
        switch data.recipientInfos[0] {
        case .keyTransport(let info): regions += [info.encryptedKey]
        case .keyAgreement(let info):
            regions += [info.encryptedKeys[0].encryptedKey]
            if let key = info.originatorKey { regions += [key.publicKey] }
        case .keyEncryptionKey, .password, .other: throw Unexpected()
        }
        for region in regions {
            #expect(!region.isEmpty)
            // RSA is slow: every eighth octet there.
            let step = region.count == 256 ? 8 : 1
            for index in stride(from: region.startIndex, to: region.endIndex, by: step) {
                var altered = der
                altered[index] ^= 1 << UInt8(index % 8)
                #expect(throws: EnvelopeError.undecipherable) {
                    try opener.open(altered, identities: [peers.p256, peers.rsa], contentKeys: [])
                }
            }
        }
    }

    @Test func `a flipped bit anywhere changes nothing or is refused`() throws {
        let der = try seal(.aes256GCM, .ecdhSHA256)
        var opened = 0
        for index in der.indices {
            var altered = der
            altered[index] ^= 1 << UInt8(index % 8)
            if opens(altered) { opened += 1 }
        }
        // Versions, eContentType and the unauthenticated attributes are protected by nothing.
        #expect(opened < 60)
    }

    @Test func `an authentication tag that is cut is malformed`() throws {
        let der = try seal(.aes128GCM, .ecdhSHA256)
        guard case .authEnveloped(let data) = try ProtectedContent(der: der) else { throw Unexpected() }
        for length in [4, 8, 12, 15] {
            let cut = ProtectedContent.authEnveloped(
                .init(
                    recipientInfos: data.recipientInfos, encryptedContentInfo: data.encryptedContentInfo,
                    mac: data.mac.prefix(length), unauthenticatedAttributes: data.unauthenticatedAttributes))
            #expect {
                try opener.open(cut.der(), identities: [peers.p256], contentKeys: [])
            } throws: { error in
                guard case .malformed(let fault) = error as? EnvelopeError else { return false }
                return fault.code == .unsupported
            }
        }
    }

    @Test func `a message for another key under our name is undecipherable`() throws {
        for kind in RecipientKind.allCases {
            let mine = kind.identity(peers)
            let key: PrivateKey = try mine === peers.rsa ? .generateRSA() : .generateP256()
            let twin = try Peers.identity("twin", key)
            let certificate = try #require(mine.certificate)
            let other = try #require(twin.certificate)
            for algorithm in [ContentAlgorithm.aes128GCM, .aes128CBC] {
                let der = try sealer.seal(sdp, algorithm: algorithm, recipients: [.certificate(other)]).der
                let renamed = try rename(der, to: .issuerAndSerialNumber(certificate.issuerAndSerialNumber[...]))
                guard algorithm.isAuthenticated else {
                    // One in 256 of CBC comes out as noise, and is said not to be authenticated.
                    let opened = try? opener.open(renamed, identities: [mine], contentKeys: [])
                    #expect(opened == nil || (opened?.plaintext != sdp && opened?.isAuthenticated == false))
                    continue
                }
                #expect(throws: EnvelopeError.undecipherable) {
                    try opener.open(renamed, identities: [mine], contentKeys: [])
                }
            }
        }
    }

    /// The message with its first recipient under another name.
    private func rename(_ der: [UInt8], to name: RecipientIdentifier) throws -> [UInt8] {
        try replaceRecipient(of: der) { info in
            switch info {
            case .keyTransport(let info):
                .keyTransport(.init(recipient: name, algorithm: info.algorithm, encryptedKey: info.encryptedKey))
            case .keyAgreement(let info):
                .keyAgreement(
                    .init(
                        originatorKey: try #require(info.originatorKey), algorithm: info.algorithm,
                        encryptedKey: .init(recipient: name, encryptedKey: info.encryptedKeys[0].encryptedKey)))
            case .keyEncryptionKey, .password, .other: throw Unexpected()
            }
        }
    }

    private func replaceRecipient(
        of der: [UInt8], _ replace: (RecipientInfo) throws -> RecipientInfo
    ) throws -> [UInt8] {
        switch try ProtectedContent(der: der) {
        case .authEnveloped(let data):
            try ProtectedContent.authEnveloped(
                .init(
                    recipientInfos: [replace(data.recipientInfos[0])], encryptedContentInfo: data.encryptedContentInfo,
                    mac: data.mac, unauthenticatedAttributes: data.unauthenticatedAttributes)
            ).der()
        case .enveloped(let data):
            try ProtectedContent.enveloped(
                .init(
                    recipientInfos: [replace(data.recipientInfos[0])], encryptedContentInfo: data.encryptedContentInfo,
                    unprotectedAttributes: data.unprotectedAttributes)
            ).der()
        case .encrypted, .signed: throw Unexpected()
        }
    }

    @Test(arguments: [
        KeyTransRecipientInfo.Algorithm.rsaPKCS1v15, .rsaOAEP(.init(hash: .sha256, maskGenerationHash: .sha256)),
    ])
    func `an RSA block that does not unpad, or to another length, is undecipherable`(
        algorithm: KeyTransRecipientInfo.Algorithm
    ) throws {
        let certificate = try #require(peers.rsa.certificate)
        let options = Recipient.Options(keyTransport: algorithm)
        let der = try sealer.seal(sdp, algorithm: .aes128GCM, recipients: [.certificate(certificate, options)]).der
        let long = try sealer.seal(sdp, algorithm: .aes256GCM, recipients: [.certificate(certificate, options)]).der
        guard case .authEnveloped(let data) = try ProtectedContent(der: long),
            case .keyTransport(let longKey) = data.recipientInfos[0]
        else { throw Unexpected() }
        let blocks: [[UInt8]] = [
            Array(longKey.encryptedKey), [], [0], [UInt8](repeating: 0, count: 256), [UInt8](repeating: 1, count: 256),
            [UInt8](repeating: 0xFF, count: 256), [UInt8](repeating: 1, count: 255), [UInt8](repeating: 1, count: 257),
        ]
        for block in blocks {
            let altered = try replaceRecipient(of: der) { info in
                guard case .keyTransport(let info) = info else { throw Unexpected() }
                return .keyTransport(
                    .init(recipient: info.recipient, algorithm: info.algorithm, encryptedKey: block[...]))
            }
            #expect(throws: EnvelopeError.undecipherable) {
                try opener.open(altered, identities: [peers.rsa], contentKeys: [])
            }
        }
    }

    @Test(arguments: [
        KeyTransRecipientInfo.Algorithm.rsaPKCS1v15, .rsaOAEP(.init(hash: .sha256, maskGenerationHash: .sha256)),
    ])
    func `an RSA block that does not unpad gives a random key, not one that a sender knows`(
        algorithm: KeyTransRecipientInfo.Algorithm
    ) throws {
        let transport = KeyTransport(digests: try KeyDerivation())
        func decrypt(_ block: [UInt8]) -> [UInt8] {
            guard let key = transport.decrypt(block[...], algorithm, with: peers.rsa.key, length: 16) else { return [] }
            return (0..<key.count).map { key.bytes[$0] }
        }
        let known = [UInt8](0..<32)
        func encrypt(_ key: [UInt8]) throws -> [UInt8] {
            let secret = SecretBytes(copying: key.span)
            return try transport.encrypt(secret, algorithm, for: peers.rsa.key.publicKey)
        }
        let right = Array(known.prefix(16))
        #expect(try decrypt(encrypt(right)) == right)
        // Too long, too short, no padding at all.
        for block in [
            try encrypt(known), try encrypt(Array(known.prefix(15))), [UInt8](repeating: 1, count: 256), [1, 2, 3],
        ] {
            let (first, second) = (decrypt(block), decrypt(block))
            #expect(first.count == 16)
            #expect(first != second)
            #expect(first.prefix(8) != known.prefix(8))
            #expect(first != [UInt8](repeating: 0, count: 16))
        }
    }

    @Test func `the paddings are not mixed up`() throws {
        let oaep = try seal(.aes128GCM, .rsaOAEPSHA256)
        let altered = try replaceRecipient(of: oaep) { info in
            guard case .keyTransport(let info) = info else { throw Unexpected() }
            return .keyTransport(
                .init(recipient: info.recipient, algorithm: .rsaPKCS1v15, encryptedKey: info.encryptedKey))
        }
        #expect(throws: EnvelopeError.undecipherable) {
            try opener.open(altered, identities: [peers.rsa], contentKeys: [])
        }
    }

    @Test func `points that are not on the curve are refused`() throws {
        let agreement = try StaticAgreement(peers.p256.key)
        let good = try EphemeralAgreement(with: peers.p256.key.publicKey).point
        func isTaken(_ point: [UInt8]) -> Bool { agreement.secret(with: point[...]) != nil }
        #expect(isTaken(good))
        var offCurve = good
        offCurve[64] ^= 1
        // x and y of p and above: p = FFFFFFFF 00000001 00000000 00000000 00000000 FFFFFFFF FFFFFFFF FFFFFFFF.
        let tooLarge: [UInt8] = [0x04] + [UInt8](repeating: 0xFF, count: 64)
        var hybrid = good
        hybrid[0] = 0x06 | (good[64] & 1)
        let compressed = [0x02 | (good[64] & 1)] + good[1...32]
        let zero = [0x04] + [UInt8](repeating: 0, count: 64)
        for point in [offCurve, tooLarge, hybrid, compressed, zero, [0x00], [], Array(good.dropLast()), good + [0]] {
            #expect(!isTaken(point))
        }
        // A refused point leaves nothing behind.
        #expect(isTaken(good))
    }

    @Test func `GCM recast as CBC under the same key is refused when the key is remembered`() throws {
        let sealed = try sealer.seal(
            sdp, algorithm: .aes128GCM, recipients: [RecipientKind.ecdhSHA256.recipient(peers)], reference: [0xAA])
        guard case .authEnveloped(let data) = try ProtectedContent(der: sealed.der) else { throw Unexpected() }
        let nonce = [UInt8](repeating: 3, count: 16)
        // The attack at its best: the CBC content decrypts without a fault.
        let ciphers = try CipherContext()
        let recast = sealed.contentKey.withSecret { secret in
            try? ciphers.encrypt(sdp, .aes128CBC, key: secret, nonce: nonce[...])
        }
        let message = try ProtectedContent.enveloped(
            .init(
                recipientInfos: data.recipientInfos,
                encryptedContentInfo: .init(
                    algorithm: .init(.aes128CBC, nonce: nonce[...]), encryptedContent: try #require(recast ?? nil)[...]),
                unprotectedAttributes: data.unauthenticatedAttributes)
        ).der()
        #expect(throws: EnvelopeError.undecipherable) {
            try opener.open(message, identities: [peers.p256], contentKeys: [sealed.contentKey])
        }
        // To one who has never seen the key it is a message in CBC, and is said not to be authenticated.
        #expect(try !opener.open(message, identities: [peers.p256], contentKeys: []).isAuthenticated)
    }

    @Test func `a refusal leaves nothing on libcrypto's error queue`() throws {
        for kind in RecipientKind.allCases {
            for algorithm in ContentAlgorithm.allCases {
                var der = try seal(algorithm, kind)
                der[der.count - 40] ^= 1
                _ = try? opener.open(der, identities: [peers.p256, peers.rsa], contentKeys: [])
                #expect(ERR_peek_error() == 0)
            }
        }
    }

    @Test func `SignedData is no envelope`() throws {
        #expect {
            try opener.open(ProtectedContent.signed, identities: [], contentKeys: [])
        } throws: { error in
            guard case .malformed(let fault) = error as? EnvelopeError else { return false }
            return fault.code == .unsupported
        }
    }
}

struct Unexpected: Error {}
