import CMSText
import Corpus
import Testing
import Wire

@Suite struct RefusalTests {
    @Test func `hand-made messages are read when nothing is wrong with them`() {
        #expect(fault(Handmade.authEnveloped()) == nil)
        #expect(fault(Handmade.enveloped()) == nil)
        #expect(fault(Handmade.encrypted()) == nil)
    }

    @Test(arguments: [0, 1, 4, 8, 12, 15, 17, 32])
    func `a tag of another length than 16 octets is refused`(length: Int) {
        let mac = tlv(0x04, [UInt8](repeating: 0, count: length))
        #expect(fault(Handmade.authEnveloped(mac: mac))?.code == .unsupported)
        guard length != 17, length != 32 else { return }
        let parameters = Handmade.gcm(length: tlv(0x02, [UInt8(length)]))
        let both = Handmade.authEnveloped(content: Handmade.content(parameters), mac: mac)
        #expect(fault(both)?.code == .unsupported)
    }

    @Test func `an absent tag length means 12 and is refused`() {
        #expect(
            fault(Handmade.authEnveloped(content: Handmade.content(Handmade.gcm(length: []))))?.code == .unsupported)
    }

    @Test(arguments: [0, 1, 8, 11, 13, 16, 4096])
    func `a nonce of another length than 12 octets is refused`(length: Int) {
        let algorithm = Handmade.gcm(nonce: [UInt8](repeating: 0, count: length))
        #expect(fault(Handmade.authEnveloped(content: Handmade.content(algorithm)))?.code == .unsupported)
    }

    @Test(arguments: [0, 8, 12, 15, 17])
    func `an initialization vector of another length than 16 octets is refused`(length: Int) {
        let content = Handmade.content(Handmade.cbc(iv: [UInt8](repeating: 0, count: length)))
        #expect(fault(Handmade.enveloped(content: content))?.code == .unsupported)
        #expect(fault(Handmade.encrypted(content: content))?.code == .unsupported)
    }

    @Test(arguments: [0, 1, 15, 17, 31])
    func `content of AES-CBC that is not whole blocks is refused`(length: Int) {
        let content = Handmade.content(Handmade.cbc(), [UInt8](repeating: 0, count: length))
        #expect(fault(Handmade.enveloped(content: content))?.code == .inconsistent)
        #expect(fault(Handmade.encrypted(content: content))?.code == .inconsistent)
    }

    @Test func `an algorithm in the wrong structure is refused`() {
        let gcm = Handmade.content(Handmade.gcm())
        let cbc = Handmade.content(Handmade.cbc())
        #expect(fault(Handmade.enveloped(content: gcm))?.code == .unsupported)
        #expect(fault(Handmade.encrypted(content: gcm))?.code == .unsupported)
        #expect(fault(Handmade.authEnveloped(content: cbc))?.code == .unsupported)
        // AES-192-CBC, DES-EDE3-CBC's place in another arc.
        #expect(
            fault(Handmade.enveloped(content: Handmade.content(tlv(0x30, OID.aes(22), tlv(0x04, Handmade.octets16)))))?
                .code == .unsupported)
    }

    @Test func `other content types are refused, with the place`() {
        for type in [OID.data, OID.compressed] {
            #expect(fault(Handmade.message(type, tlv(0x30))) == ParseError(.unsupported, in: "", at: 2))
        }
    }

    @Test func `indefinite lengths are refused`() {
        let body = Handmade.enveloped().dropFirst(Handmade.enveloped().count > 129 ? 3 : 2)
        #expect(fault([0x30, 0x80] + body + [0, 0])?.code == .unsupported)
        // Inside too: the content octets in two segments, as streaming senders cut them.
        let segments: [UInt8] = [0xA0, 0x80] + tlv(0x04, Handmade.octets16) + tlv(0x04, Handmade.octets16) + [0, 0]
        let content = tlv(0x30, OID.data, Handmade.cbc(), segments)
        #expect(fault(Handmade.enveloped(content: content))?.code == .unsupported)
        // And with a definite length.
        let constructed = tlv(0x30, OID.data, Handmade.cbc(), tlv(0xA0, tlv(0x04, Handmade.octets16)))
        #expect(fault(Handmade.enveloped(content: constructed))?.code == .unsupported)
    }

    @Test func `content that is kept elsewhere is refused`() {
        #expect(fault(Handmade.enveloped(content: tlv(0x30, OID.data, Handmade.cbc())))?.code == .missing)
    }

    @Test func `every beginning of a message is refused, and everything after its end`() {
        for message in [
            Handmade.authEnveloped(recipients: Handmade.keyAgreement() + Handmade.keyEncryptionKey()),
            Handmade.enveloped(), Handmade.encrypted(),
        ] {
            for length in message.indices { #expect(fault(Array(message[..<length])) != nil) }
            #expect(fault(message + [0]) != nil)
        }
    }

    @Test func `OAEP without parameters is refused`() {
        let recipient = Handmade.keyTransport(algorithm: tlv(0x30, OID.oaep))
        #expect(fault(Handmade.enveloped(recipients: recipient))?.code == .missing)
    }

    @Test func `the attributes of RFC 3185 are there once, with one value, and in range`() {
        let reference = Handmade.attribute(OID.cekReference, tlv(0x04, [1]))
        func code(_ attributes: [UInt8]...) -> ParseError.Code? {
            fault(Handmade.enveloped(attributes: tlv(0xA1, attributes.flatMap { $0 })))?.code
        }
        #expect(code(reference) == nil)
        #expect(code() == .missing)
        #expect(code(reference, reference) == .duplicate)
        #expect(code(Handmade.attribute(OID.cekReference, tlv(0x04, [1]), tlv(0x04, [2]))) == .duplicate)
        #expect(code(Handmade.attribute(OID.cekReference)) == .missing)
        #expect(code(Handmade.attribute(OID.cekReference, tlv(0x04))) == .missing)
        #expect(code(Handmade.attribute(OID.cekReference, tlv(0x0C, [1]))) == .unexpectedOctet)
        #expect(code(Handmade.attribute(OID.cekMaxDecrypts, tlv(0x02, [1]))) == .missing)
        #expect(code(reference, Handmade.attribute(OID.cekMaxDecrypts, tlv(0x02, [0xFF]))) == .badNumber)
        #expect(code(reference, Handmade.attribute(OID.cekMaxDecrypts, tlv(0x04, [1]))) == .badNumber)
    }

    @Test func `a fault is reported at its octet`() {
        let message = Handmade.authEnveloped(mac: tlv(0x04, [1, 2, 3, 4]))
        #expect(fault(message) == ParseError(.unsupported, in: "", at: message.count - 4))
    }

    @Test func `revocation lists and odd versions are refused`() {
        let originatorInfo = tlv(0xA0, tlv(0xA1, tlv(0x30)))
        #expect(fault(Handmade.enveloped(originatorInfo: originatorInfo))?.code == .unsupported)
        let version = tlv(0x30, Handmade.version(6), Handmade.content(Handmade.cbc()))
        #expect(fault(Handmade.message(OID.encrypted, version))?.code == .badNumber)
        let huge = tlv(0x30, tlv(0x02, [UInt8](repeating: 1, count: 20)), Handmade.content(Handmade.cbc()))
        #expect(fault(Handmade.message(OID.encrypted, huge))?.code == .badNumber)
    }
}
