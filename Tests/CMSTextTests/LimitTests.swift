import CMSText
import Corpus
import Testing
import Wire

@Suite struct LimitTests {
    private func repeated(_ count: Int, _ value: [UInt8]) -> [UInt8] {
        [[UInt8]](repeating: value, count: count).flatMap { $0 }
    }

    @Test func `a message has 48 KiB and not an octet more`() {
        // The content fills the message to the octet: three octets of length field from 256 octets on.
        let empty = Handmade.authEnveloped(
            content: Handmade.content(Handmade.gcm(), [UInt8](repeating: 0, count: 1000)))
        let room = CMSLimits.messageSize - (empty.count - 1000)
        for (extra, code) in [(0, nil), (1, ParseError.Code.tooLong)] {
            let content = Handmade.content(Handmade.gcm(), [UInt8](repeating: 0, count: room + extra))
            let message = Handmade.authEnveloped(content: content)
            #expect(message.count == CMSLimits.messageSize + extra)
            #expect(fault(message)?.code == code)
        }
    }

    @Test func `recipients are 8 and not 9, however they are grouped`() {
        let n = CMSLimits.recipients
        func code(_ recipients: [UInt8]) -> ParseError.Code? { fault(Handmade.enveloped(recipients: recipients))?.code }
        #expect(code(repeated(n, Handmade.keyTransport())) == nil)
        #expect(code(repeated(n + 1, Handmade.keyTransport())) == .tooMany)
        #expect(code(Handmade.keyAgreement(recipients: n)) == nil)
        #expect(code(Handmade.keyAgreement(recipients: n + 1)) == .tooMany)
        #expect(code(Handmade.keyAgreement(recipients: n - 1) + Handmade.keyTransport()) == nil)
        #expect(code(Handmade.keyAgreement(recipients: n) + Handmade.keyTransport()) == .tooMany)
        // An agreement with nobody is a structure still.
        #expect(code(repeated(n, Handmade.keyAgreement(recipients: 0))) == nil)
        #expect(code(repeated(n + 1, Handmade.keyAgreement(recipients: 0))) == .tooMany)
        #expect(code([]) == .missing)
    }

    @Test func `key encryption keys among the recipients are 2 and not 3`() {
        let n = CMSLimits.keyEncryptionKeyRecipients
        #expect(fault(Handmade.enveloped(recipients: repeated(n, Handmade.keyEncryptionKey()))) == nil)
        #expect(
            fault(Handmade.enveloped(recipients: repeated(n + 1, Handmade.keyEncryptionKey())))?.code == .tooMany)
    }

    @Test func `passwords among the recipients are 1 and not 2`() {
        let n = CMSLimits.passwordRecipients
        #expect(fault(Handmade.enveloped(recipients: repeated(n, Handmade.password))) == nil)
        #expect(fault(Handmade.enveloped(recipients: repeated(n + 1, Handmade.password)))?.code == .tooMany)
    }

    @Test func `attributes are 4 and not 5 in every set`() {
        let n = CMSLimits.attributes
        let attribute = Handmade.attribute(OID.signingTime, Handmade.null)
        for (count, code) in [(n, nil), (n + 1, ParseError.Code.tooMany)] {
            let set = repeated(count, attribute)
            #expect(fault(Handmade.enveloped(attributes: tlv(0xA1, set)))?.code == code)
            #expect(fault(Handmade.encrypted(attributes: tlv(0xA1, set)))?.code == code)
            #expect(fault(Handmade.authEnveloped(authAttrs: tlv(0xA1, set)))?.code == code)
            #expect(fault(Handmade.authEnveloped(unauthAttrs: tlv(0xA2, set)))?.code == code)
        }
    }

    @Test func `key references have 255 octets and not 256`() throws {
        for (length, code) in [
            (CMSLimits.keyReferenceLength, nil), (CMSLimits.keyReferenceLength + 1, ParseError.Code.tooLong),
        ] {
            let reference = [UInt8](repeating: 0x61, count: length)
            let attributes = tlv(0xA1, Handmade.attribute(OID.cekReference, tlv(0x04, reference)))
            #expect(fault(Handmade.enveloped(attributes: attributes))?.code == code)
            let recipient = Handmade.keyEncryptionKey(identifier: reference)
            #expect(fault(Handmade.enveloped(recipients: recipient))?.code == code)
            do {
                _ = try UnprotectedAttributes(cekReference: reference[...], cekMaxDecrypts: nil)
                #expect(code == nil)
            } catch { #expect(error.code == code) }
        }
        #expect(fault(Handmade.enveloped(recipients: Handmade.keyEncryptionKey(identifier: [])))?.code == .missing)
    }

    @Test(arguments: [
        ([0x00], false), ([0x01], true), ([0x7F, 0xFF, 0xFF, 0xFF], true), ([0x00, 0x80, 0x00, 0x00, 0x00], false),
    ])
    func `CEKMaxDecrypts is 1 to 2147483647`(octets: [UInt8], isTaken: Bool) {
        let attributes = tlv(
            0xA1, Handmade.attribute(OID.cekReference, tlv(0x04, [1])),
            Handmade.attribute(OID.cekMaxDecrypts, tlv(0x02, octets)))
        #expect(fault(Handmade.enveloped(attributes: attributes))?.code == (isTaken ? nil : .badNumber))
        var number = 0
        for octet in octets { number = number << 8 | Int(octet) }
        #expect(
            ((try? UnprotectedAttributes(cekReference: [1], cekMaxDecrypts: number)) != nil) == isTaken)
    }

    @Test func `values nest 50 deep and not 51`() {
        // ContentInfo, [0], EnvelopedData, recipientInfos, [4], then the nest.
        for (depth, isTaken) in [(CMSLimits.depth, true), (CMSLimits.depth + 1, false)] {
            var nest = Handmade.null
            for _ in 0..<depth - 6 { nest = tlv(0x30, nest) }
            let recipient = tlv(0xA4, OID.data, nest)
            #expect((fault(Handmade.enveloped(recipients: recipient)) == nil) == isTaken)
        }
    }

    @Test func `originator certificates are 4 and not 5`() {
        let n = CMSLimits.originatorCertificates
        for (count, code) in [(n, nil), (n + 1, ParseError.Code.tooMany)] {
            let originatorInfo = tlv(0xA0, tlv(0xA0, repeated(count, tlv(0x30))))
            #expect(fault(Handmade.enveloped(originatorInfo: originatorInfo))?.code == code)
            #expect(fault(Handmade.authEnveloped(originatorInfo: originatorInfo))?.code == code)
        }
    }
}
