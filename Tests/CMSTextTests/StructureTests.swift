import CMSText
import Corpus
import Testing
import Wire

@Suite struct StructureTests {
    @Test func `all five kinds of recipients are read from one message`() throws {
        let data = try authEnvelopedData(
            Handmade.authEnveloped(
                recipients: Handmade.keyTransport() + Handmade.keyAgreement(recipients: 2)
                    + Handmade.keyEncryptionKey() + Handmade.password + Handmade.other))
        try #require(data.recipientInfos.count == 5)
        guard case .keyTransport(let transport) = data.recipientInfos[0],
            case .keyAgreement(let agreement) = data.recipientInfos[1],
            case .keyEncryptionKey(let key) = data.recipientInfos[2],
            case .password(let password) = data.recipientInfos[3], case .other(let other) = data.recipientInfos[4]
        else { throw Unexpected() }
        #expect(transport.recipient == .issuerAndSerialNumber(Handmade.issuerAndSerial[...]))
        #expect(transport.algorithm == .rsaPKCS1v15)
        #expect(transport.encryptedKey == [1, 2, 3])
        #expect(agreement.originatorKey?.isEllipticCurve == true)
        #expect(agreement.originatorKey?.publicKey.count == 65)
        #expect(agreement.userKeyingMaterial == nil)
        #expect(agreement.encryptedKeys.map(\.encryptedKey) == [[4, 5, 6], [4, 5, 6]])
        guard case .standardECDH(.sha256, .aes128, let wrap) = agreement.algorithm else { throw Unexpected() }
        #expect(Array(wrap) == tlv(0x30, OID.aes(5)))
        #expect(key.keyIdentifier == [0x6B])
        #expect(key.algorithm == .aes128)
        #expect(!key.namesKEKDerivation)
        #expect(Array(password) == Handmade.password)
        #expect(Array(other) == Handmade.other)
        #expect(data.encryptedContentInfo.algorithm == .init(.aes128GCM, nonce: ([UInt8](0..<12))[...]))
        #expect(Array(data.mac) == Handmade.octets16)
    }

    @Test func `recipients are named by key identifier too`() throws {
        let data = try envelopedData(
            Handmade.enveloped(recipients: Handmade.keyTransport(rid: tlv(0x80, [0xAB, 0xCD]))))
        guard case .keyTransport(let info) = data.recipientInfos[0] else { throw Unexpected() }
        #expect(info.recipient == .subjectKeyIdentifier([0xAB, 0xCD]))

        let date = tlv(0x18, Array("20261124150000Z".utf8))
        let key = tlv(0x30, tlv(0xA0, tlv(0x04, [0xEF]), date), tlv(0x04, [1]))
        let originator = tlv(0xA0, tlv(0x80, [0x11]))
        let agreement = tlv(
            0xA1, Handmade.version(3), originator, tlv(0x30, OID.stdDHSHA256, tlv(0x30, OID.aes(5))), tlv(0x30, key))
        guard
            case .keyAgreement(let second) = try envelopedData(Handmade.enveloped(recipients: agreement))
                .recipientInfos[0]
        else { throw Unexpected() }
        #expect(second.originatorKey == nil)
        #expect(second.encryptedKeys[0].recipient == .subjectKeyIdentifier([0xEF]))
    }

    @Test func `the attributes of RFC 3185 are read wherever they stand`() throws {
        let attributes =
            Handmade.attribute(OID.signingTime, Handmade.null)
            + Handmade.attribute(OID.cekReference, tlv(0x04, [1, 2]))
            + Handmade.attribute(OID.cekMaxDecrypts, tlv(0x02, [0x00, 0xFF]))
        let all = [
            try envelopedData(Handmade.enveloped(attributes: tlv(0xA1, attributes))).unprotectedAttributes,
            try encryptedData(Handmade.encrypted(attributes: tlv(0xA1, attributes))).unprotectedAttributes,
            try authEnvelopedData(Handmade.authEnveloped(unauthAttrs: tlv(0xA2, attributes))).unauthenticatedAttributes,
        ]
        for read in all {
            #expect(read.cekReference == [1, 2])
            #expect(read.cekMaxDecrypts == 255)
            #expect(!read.namesKEKDerivation)
        }
        let derived = Handmade.attribute(OID.kekDerivation, Handmade.null)
        #expect(
            try envelopedData(Handmade.enveloped(attributes: tlv(0xA1, derived))).unprotectedAttributes
                .namesKEKDerivation)
        let other = tlv(0x30, OID.kekDerivation, Handmade.null)
        guard
            case .keyEncryptionKey(let info) = try envelopedData(
                Handmade.enveloped(recipients: Handmade.keyEncryptionKey(more: other))
            ).recipientInfos[0]
        else { throw Unexpected() }
        #expect(info.namesKEKDerivation)
    }

    @Test func `authenticated attributes become additional data under the tag of a set`() throws {
        let attribute = Handmade.attribute(OID.signingTime, Handmade.null)
        let data = try authEnvelopedData(Handmade.authEnveloped(authAttrs: tlv(0xA1, attribute)))
        #expect(data.additionalAuthenticatedData == tlv(0x31, attribute))
        #expect(try authEnvelopedData(Handmade.authEnveloped()).additionalAuthenticatedData.isEmpty)
    }

    @Test func `OAEP parameters are read with and without defaults`() throws {
        func algorithm(_ parameters: [UInt8]) throws -> KeyTransRecipientInfo.Algorithm {
            let data = try envelopedData(
                Handmade.enveloped(recipients: Handmade.keyTransport(algorithm: tlv(0x30, OID.oaep, parameters))))
            guard case .keyTransport(let info) = data.recipientInfos[0] else { throw Unexpected() }
            return info.algorithm
        }
        let sha256 = tlv(0x30, OID.sha256, Handmade.null)
        let hash = tlv(0xA0, sha256)
        let mask = tlv(0xA1, tlv(0x30, OID.mgf1, sha256))
        #expect(try algorithm(tlv(0x30)) == .rsaOAEP(.init(hash: .sha1, maskGenerationHash: .sha1)))
        #expect(try algorithm(tlv(0x30, hash)) == .rsaOAEP(.init(hash: .sha256, maskGenerationHash: .sha1)))
        #expect(try algorithm(tlv(0x30, hash, mask)) == .rsaOAEP(.init(hash: .sha256, maskGenerationHash: .sha256)))
        // Another hash, another mask function, a label: for somebody else.
        #expect(try algorithm(tlv(0x30, tlv(0xA0, tlv(0x30, OID.sha384)))) == .unsupported)
        #expect(try algorithm(tlv(0x30, hash, tlv(0xA1, tlv(0x30, OID.rsa, sha256)))) == .unsupported)
        #expect(try algorithm(tlv(0x30, hash, mask, tlv(0xA2, sha256))) == .unsupported)
    }

    @Test func `an agreement that we do not have is left to its recipient`() throws {
        let agreement = Handmade.keyAgreement(
            originator: tlv(0xA1, tlv(0x30, OID.x25519), tlv(0x03, [0x00] + Handmade.octets16)),
            algorithm: tlv(0x30, OID.x25519, tlv(0x30, OID.aes(5))))
        guard
            case .keyAgreement(let info) = try envelopedData(Handmade.enveloped(recipients: agreement))
                .recipientInfos[0]
        else { throw Unexpected() }
        #expect(info.algorithm == .unsupported)
        #expect(info.originatorKey?.isEllipticCurve == false)
    }

    @Test func `SignedData is recognised by its object identifier`() throws {
        guard case .signed = try ProtectedContent(der: Handmade.message(OID.signedData, tlv(0x30))) else {
            throw Unexpected()
        }
    }

    @Test func `ECC-CMS-SharedInfo is written as RFC 5753 section 7 point 2 has it`() {
        let wrap = tlv(0x30, OID.aes(5))
        #expect(
            ECCCMSSharedInfo(keyInfo: wrap[...], userKeyingMaterial: nil, keyLength: 16).encoded()
                == tlv(0x30, wrap, tlv(0xA2, tlv(0x04, [0, 0, 0, 128]))))
        #expect(
            ECCCMSSharedInfo(keyInfo: wrap[...], userKeyingMaterial: [1, 2], keyLength: 32).encoded()
                == tlv(0x30, wrap, tlv(0xA0, tlv(0x04, [1, 2])), tlv(0xA2, tlv(0x04, [0, 0, 1, 0]))))
    }
}
