import CMSText
import COpenSSLCMS
import Crypto
import Sampling

/// `envelope.open.*`: AuthEnvelopedData with a session description, from DER to content, beside libcrypto's CMS.
@main struct BenchEnvelopes {
    struct Failure: Error {
        let what: String
    }

    static let content = Array(
        """
        Content-Type: application/sdp\r
        \r
        v=0\r
        o=alice 2890844526 2890844526 IN IP4 192.0.2.101\r
        s=-\r
        c=IN IP4 192.0.2.101\r
        t=0 0\r
        m=audio 49172 RTP/SAVP 0\r
        a=rtpmap:0 PCMU/8000\r
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r

        """.utf8)

    static func main() throws {
        let sealer = try EnvelopeSealer()
        let opener = try EnvelopeOpener()
        for (name, key) in [("p256", try PrivateKey.generateP256()), ("rsa2048", try PrivateKey.generateRSA())] {
            let certificate = try CertificateBuilder(
                commonName: name, notBefore: 1_700_000_000, notAfter: 4_000_000_000
            )
            .selfSigned(by: key)
            let identity = try Identity(key: key, certificate: certificate)
            let message = try sealer.seal(content, algorithm: .aes128GCM, recipients: [.certificate(certificate)]).der
            let theirs = try lend(key.pem()) { key, keyLength in
                try certificate.pem().withUnsafeBufferPointer {
                    COpenSSLCMS_identity(key, keyLength, $0.baseAddress, $0.count)
                }
            }
            try compare(name, message, opener, identities: [identity], contentKeys: [], theirs)
        }
        try keyEncryptionKey(sealer, opener)
    }

    /// RFC 3185: the key of an earlier message, its octets reversed, is the key encryption key.
    static func keyEncryptionKey(_ sealer: EnvelopeSealer, _ opener: EnvelopeOpener) throws {
        let octets: [UInt8] = (1...16).map { $0 }
        let key = try ContentKey(SecretBytes(copying: octets.span), algorithm: .aes128GCM, reference: [1, 2, 3, 4])
        let message = try sealer.seal(content, algorithm: .aes128GCM, recipients: [.contentKey(key)]).der
        let reversed = Array(octets.reversed())
        let theirs = reversed.withUnsafeBufferPointer { COpenSSLCMS_secret($0.baseAddress, $0.count) }
        try compare("kek", message, opener, identities: [], contentKeys: [key], theirs)
    }

    static func compare(
        _ name: String, _ message: [UInt8], _ opener: EnvelopeOpener, identities: [Identity],
        contentKeys: [ContentKey], _ theirs: OpaquePointer?
    ) throws {
        guard let theirs else { throw Failure(what: "libcrypto does not take the key") }
        defer { COpenSSLCMS_free(theirs) }
        try Row("envelope.open.\(name)", unit: "opens/s", .rate, peer: "libcrypto CMS_decrypt").compare {
            try 1
                / secondsPerCall(batch: 50) { count in
                    for _ in 0..<count {
                        let opened = try opener.open(message, identities: identities, contentKeys: contentKeys)
                        guard opened.plaintext == content else { throw Failure(what: "other content") }
                    }
                }
        } peer: {
            try 1
                / secondsPerCall(batch: 50) { count in
                    for _ in 0..<count {
                        let length = message.withUnsafeBufferPointer {
                            COpenSSLCMS_open(theirs, $0.baseAddress, $0.count)
                        }
                        guard Int(length) == content.count else { throw Failure(what: "libcrypto does not open it") }
                    }
                }
        }
    }

    /// Lends secret octets to a C function.
    static func lend<Result>(
        _ secret: borrowing SecretBytes, _ body: (UnsafePointer<UInt8>?, Int) throws -> Result
    ) rethrows -> Result {
        try secret.bytes.withUnsafeBufferPointer { try body($0.baseAddress, $0.count) }
    }
}
