/// One DER value, written without the code under test.
public func tlv(_ tag: UInt8, _ parts: [UInt8]...) -> [UInt8] {
    let content = parts.flatMap { $0 }
    switch content.count {
    case ..<0x80: return [tag, UInt8(content.count)] + content
    case ..<0x100: return [tag, 0x81, UInt8(content.count)] + content
    default: return [tag, 0x82, UInt8(content.count >> 8), UInt8(content.count & 0xFF)] + content
    }
}

/// Object identifiers in DER.
public enum OID {
    public static let data = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01])
    public static let signedData = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02])
    public static let enveloped = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03])
    public static let encrypted = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x06])
    public static let authEnveloped = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x17])
    public static let compressed = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x09])
    public static let rsa = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01])
    public static let oaep = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x07])
    public static let mgf1 = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08])
    public static let sha256 = tlv(0x06, [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01])
    public static let sha384 = tlv(0x06, [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02])
    public static let ecPublicKey = tlv(0x06, [0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01])
    public static let x25519 = tlv(0x06, [0x2B, 0x65, 0x6E])
    public static let stdDHSHA256 = tlv(0x06, [0x2B, 0x81, 0x04, 0x01, 0x0B, 0x01])
    public static let cekReference = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x02, 0x1E])
    public static let cekMaxDecrypts = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x02, 0x1F])
    public static let kekDerivation = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x02, 0x20])
    public static let signingTime = tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x05])

    /// The NIST AES arc by its last number.
    public static func aes(_ number: UInt8) -> [UInt8] {
        tlv(0x06, [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, number])
    }
}

/// Parts of messages, and messages of them.
public enum Handmade {
    public static let null: [UInt8] = [0x05, 0x00]
    public static let name = tlv(0x30, tlv(0x31, tlv(0x30, tlv(0x06, [0x55, 0x04, 0x03]), tlv(0x0C, [0x61]))))
    public static let issuerAndSerial = tlv(0x30, name, tlv(0x02, [0x07]))
    public static let octets16 = [UInt8](0..<16)

    public static func version(_ number: UInt8) -> [UInt8] { tlv(0x02, [number]) }

    public static func keyTransport(
        rid: [UInt8] = issuerAndSerial, algorithm: [UInt8] = tlv(0x30, OID.rsa, null), key: [UInt8] = [1, 2, 3]
    ) -> [UInt8] { tlv(0x30, version(0), rid, algorithm, tlv(0x04, key)) }

    public static func keyAgreement(
        originator: [UInt8] = tlv(
            0xA1, tlv(0x30, OID.ecPublicKey), tlv(0x03, [0x00, 0x04] + [UInt8](repeating: 9, count: 64))),
        ukm: [UInt8] = [], algorithm: [UInt8] = tlv(0x30, OID.stdDHSHA256, tlv(0x30, OID.aes(5))), recipients: Int = 1
    ) -> [UInt8] {
        let recipient = tlv(0x30, issuerAndSerial, tlv(0x04, [4, 5, 6]))
        let keys = [[UInt8]](repeating: recipient, count: recipients).flatMap { $0 }
        return tlv(0xA1, version(3), tlv(0xA0, originator), ukm, algorithm, tlv(0x30, keys))
    }

    public static func keyEncryptionKey(identifier: [UInt8] = [0x6B], more: [UInt8] = []) -> [UInt8] {
        tlv(0xA2, version(4), tlv(0x30, tlv(0x04, identifier), more), tlv(0x30, OID.aes(5)), tlv(0x04, [7, 8, 9]))
    }

    public static let password = tlv(0xA3, version(0), tlv(0x30, OID.aes(5)), tlv(0x04, [1]))
    public static let other = tlv(0xA4, OID.data, null)

    public static func gcm(nonce: [UInt8] = [UInt8](0..<12), length: [UInt8] = tlv(0x02, [16])) -> [UInt8] {
        tlv(0x30, OID.aes(6), tlv(0x30, tlv(0x04, nonce), length))
    }

    public static func cbc(iv: [UInt8] = octets16) -> [UInt8] { tlv(0x30, OID.aes(2), tlv(0x04, iv)) }

    public static func content(_ algorithm: [UInt8], _ content: [UInt8] = octets16) -> [UInt8] {
        tlv(0x30, OID.data, algorithm, tlv(0x80, content))
    }

    public static func attribute(_ type: [UInt8], _ values: [UInt8]...) -> [UInt8] {
        tlv(0x30, type, tlv(0x31, values.flatMap { $0 }))
    }

    public static func authEnveloped(
        originatorInfo: [UInt8] = [], recipients: [UInt8] = keyTransport(), content: [UInt8] = content(gcm()),
        authAttrs: [UInt8] = [], mac: [UInt8] = tlv(0x04, octets16), unauthAttrs: [UInt8] = []
    ) -> [UInt8] {
        message(
            OID.authEnveloped,
            tlv(0x30, version(0), originatorInfo, tlv(0x31, recipients), content, authAttrs, mac, unauthAttrs))
    }

    public static func enveloped(
        originatorInfo: [UInt8] = [], recipients: [UInt8] = keyTransport(), content: [UInt8] = content(cbc()),
        attributes: [UInt8] = []
    ) -> [UInt8] {
        message(
            OID.enveloped, tlv(0x30, version(0), originatorInfo, tlv(0x31, recipients), content, attributes))
    }

    public static func encrypted(content: [UInt8] = content(cbc()), attributes: [UInt8] = []) -> [UInt8] {
        message(OID.encrypted, tlv(0x30, version(0), content, attributes))
    }

    public static func message(_ type: [UInt8], _ content: [UInt8]) -> [UInt8] { tlv(0x30, type, tlv(0xA0, content)) }
}
