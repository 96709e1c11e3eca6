import CMSText
import Corpus
import Testing
import Wire

@Suite struct WritingTests {
    private let attributes = Result { try UnprotectedAttributes(cekReference: [1, 2], cekMaxDecrypts: 200) }

    private func transport(_ identifier: RecipientIdentifier) -> RecipientInfo {
        .keyTransport(.init(recipient: identifier, algorithm: .rsaPKCS1v15, encryptedKey: [1, 2, 3]))
    }

    private func cbc() -> EncryptedContentInfo {
        .init(algorithm: .init(.aes128CBC, nonce: Handmade.octets16[...]), encryptedContent: Handmade.octets16[...])
    }

    @Test func `EnvelopedData is written octet by octet as by hand`() throws {
        let message = ProtectedContent.enveloped(
            .init(
                recipientInfos: [transport(.issuerAndSerialNumber(Handmade.issuerAndSerial[...]))],
                encryptedContentInfo: cbc(),
                unprotectedAttributes: try UnprotectedAttributes(cekReference: nil, cekMaxDecrypts: nil)))
        #expect(try message.der() == Handmade.enveloped())
    }

    @Test func `AuthEnvelopedData is written octet by octet as by hand`() throws {
        let point: [UInt8] = [0x04] + [UInt8](repeating: 9, count: 64)
        let agreement = KeyAgreeRecipientInfo(
            originatorKey: .init(ecPoint: point[...]), algorithm: try .init(hash: .sha256, wrap: .aes128),
            encryptedKey: .init(
                recipient: .issuerAndSerialNumber(Handmade.issuerAndSerial[...]), encryptedKey: [4, 5, 6]))
        let message = ProtectedContent.authEnveloped(
            .init(
                recipientInfos: [.keyAgreement(agreement)],
                encryptedContentInfo: .init(
                    algorithm: .init(.aes128GCM, nonce: ([UInt8](0..<12))[...]),
                    encryptedContent: Handmade.octets16[...]), mac: Handmade.octets16[...],
                unauthenticatedAttributes: try attributes.get()))
        let expected = Handmade.authEnveloped(
            recipients: Handmade.keyAgreement(),
            unauthAttrs: tlv(
                0xA2, Handmade.attribute(OID.cekMaxDecrypts, tlv(0x02, [0x00, 200])),
                Handmade.attribute(OID.cekReference, tlv(0x04, [1, 2]))))
        // Both attributes have the same length; the set is sorted by what follows: 02 1E before 02 1F.
        let sorted = Handmade.authEnveloped(
            recipients: Handmade.keyAgreement(),
            unauthAttrs: tlv(
                0xA2, Handmade.attribute(OID.cekReference, tlv(0x04, [1, 2])),
                Handmade.attribute(OID.cekMaxDecrypts, tlv(0x02, [0x00, 200]))))
        #expect(try message.der() == sorted)
        #expect(try message.der() != expected)
    }

    @Test func `EncryptedData has version 0 without attributes and 2 with them`() throws {
        let none = try UnprotectedAttributes(cekReference: nil, cekMaxDecrypts: nil)
        let plain = ProtectedContent.encrypted(.init(encryptedContentInfo: cbc(), unprotectedAttributes: none))
        #expect(try plain.der() == Handmade.encrypted())
        let named = ProtectedContent.encrypted(
            .init(encryptedContentInfo: cbc(), unprotectedAttributes: try attributes.get()))
        let der = try named.der()
        #expect(der.firstRange(of: Handmade.version(2) + Handmade.content(Handmade.cbc())) != nil)
        #expect(try encryptedData(der).unprotectedAttributes.cekMaxDecrypts == 200)
    }

    @Test func `a set of recipients is sorted by encoding, and its version follows what is in it`() throws {
        let none = try UnprotectedAttributes(cekReference: nil, cekMaxDecrypts: nil)
        let infos = [transport(.subjectKeyIdentifier([9])), transport(.subjectKeyIdentifier([3]))]
        let forward = ProtectedContent.enveloped(
            .init(recipientInfos: infos, encryptedContentInfo: cbc(), unprotectedAttributes: none))
        let backward = ProtectedContent.enveloped(
            .init(recipientInfos: infos.reversed(), encryptedContentInfo: cbc(), unprotectedAttributes: none))
        #expect(try forward.der() == backward.der())
        let read = try envelopedData(try forward.der())
        guard case .keyTransport(let first) = read.recipientInfos[0] else { throw Unexpected() }
        #expect(first.recipient == .subjectKeyIdentifier([3]))
        // 30 len 06 oid A0 len 30 len 02 01 version
        #expect(try forward.der().firstRange(of: Handmade.version(2)) != nil)
    }

    @Test(arguments: [
        Handmade.keyTransport(), Handmade.keyTransport(rid: tlv(0x80, [1])), Handmade.keyAgreement(),
        Handmade.keyAgreement(ukm: tlv(0xA1, tlv(0x04, [1, 2, 3]))), Handmade.keyEncryptionKey(),
        Handmade.keyTransport(
            algorithm: tlv(
                0x30, OID.oaep,
                tlv(
                    0x30, tlv(0xA0, tlv(0x30, OID.sha256, Handmade.null)),
                    tlv(0xA1, tlv(0x30, OID.mgf1, tlv(0x30, OID.sha256, Handmade.null)))))),
    ])
    func `a recipient that was read is written as it was`(recipient: [UInt8]) throws {
        let der = try ProtectedContent(der: Handmade.enveloped(recipients: recipient)).der()
        // The version of KeyTransRecipientInfo is corrected, so that it is compared after its rid begins.
        #expect(der.firstRange(of: recipient.dropFirst(6)) != nil)
    }

    @Test func `what can only be read is not written`() throws {
        let unsupported = Handmade.keyTransport(algorithm: tlv(0x30, OID.x25519))
        let message = try ProtectedContent(der: Handmade.enveloped(recipients: unsupported))
        #expect(throws: ParseError(.unsupported, in: "", at: 0)) { try message.der() }
        #expect(throws: ParseError(.unsupported, in: "", at: 0)) { try ProtectedContent.signed.der() }
    }
}
