import CMSText
import COpenSSL
import Testing

@testable import Crypto

/// Messages with authAttrs, which nobody here writes: made by hand and opened here and at `openssl cms`.
@Suite struct AuthenticatedAttributeTests {
    private let held = [UInt8](0x10..<0x20)
    private let contentKey = [UInt8](0x40..<0x50)
    private let nonce = [UInt8](0..<12)

    private func tlv(_ tag: UInt8, _ parts: [UInt8]...) -> [UInt8] {
        let content = parts.flatMap { $0 }
        let length =
            switch content.count {
            case ..<0x80: [UInt8(content.count)]
            case ..<0x100: [0x81, UInt8(content.count)]
            default: [0x82, UInt8(content.count >> 8), UInt8(content.count & 0xFF)]
            }
        return [tag] + length + content
    }

    private func aes(_ number: UInt8) -> [UInt8] {
        tlv(0x06, [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, number])
    }

    private func pkcs(_ numbers: UInt8...) -> [UInt8] {
        tlv(0x06, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01] + numbers)
    }

    /// AES-128-GCM by libcrypto itself.
    private func encrypt(_ text: [UInt8], additionalData: [UInt8]) -> (content: [UInt8], tag: [UInt8]) {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var content = [UInt8](repeating: 0, count: text.count)
        var tag = [UInt8](repeating: 0, count: 16)
        var length: Int32 = 0
        EVP_EncryptInit_ex2(context, EVP_aes_128_gcm(), contentKey, nonce, nil)
        EVP_EncryptUpdate(context, nil, &length, additionalData, Int32(additionalData.count))
        EVP_EncryptUpdate(context, &content, &length, text, Int32(text.count))
        EVP_EncryptFinal_ex(context, nil, &length)
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, &tag)
        return (content, tag)
    }

    private func message(authenticating covered: [UInt8], carrying carried: [UInt8]) throws -> [UInt8] {
        let (content, tag) = encrypt(sdp, additionalData: tlv(0x31, covered))
        let keyEncryptionKey = SecretBytes(copying: held.span).reversed()
        let wrapped = try CipherContext().wrap(
            SecretBytes(copying: contentKey.span), .aes128, under: keyEncryptionKey)
        let recipient = tlv(
            0xA2, tlv(0x02, [4]), tlv(0x30, tlv(0x04, [0xAA])), tlv(0x30, aes(5)), tlv(0x04, wrapped))
        let info = tlv(
            0x30, pkcs(7, 1), tlv(0x30, aes(6), tlv(0x30, tlv(0x04, nonce), tlv(0x02, [16]))), tlv(0x80, content))
        return tlv(
            0x30, pkcs(9, 16, 1, 23),
            tlv(
                0xA0, tlv(0x30, tlv(0x02, [0]), tlv(0x31, recipient), info, tlv(0xA1, carried), tlv(0x04, tag))))
    }

    private func signingTime(_ text: String) -> [UInt8] {
        tlv(0x30, pkcs(9, 5), tlv(0x31, tlv(0x17, Array(text.utf8))))
    }

    @Test func `authenticated attributes are covered by the tag`() throws {
        let key = try ContentKey(SecretBytes(copying: held.span), algorithm: .aes128GCM, reference: [0xAA])
        let opener = try EnvelopeOpener()
        let openssl = try OpenSSLCommand()
        let time = signingTime("261124150000Z")
        let other = signingTime("261124150001Z")
        for (carried, isGood) in [(time, true), (other, false)] {
            let der = try message(authenticating: time, carrying: carried)
            let opened = try? opener.open(der, identities: [], contentKeys: [key])
            #expect(opened?.plaintext == (isGood ? sdp : nil))
            try openssl.write(der, to: "message.der")
            let status = try openssl.status(of: [
                "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "message.der", "-out", "content", "-secretkey",
                "1f1e1d1c1b1a19181716151413121110", "-secretkeyid", "aa",
            ])
            #expect((status == 0) == isGood)
        }
    }
}
