import Crypto
import Testing

@Suite struct CertificateTests {
    private let notBefore: Int64 = 1_700_000_000
    private let notAfter: Int64 = 4_102_444_799

    private func builder(_ name: String = "gw.example.net") -> CertificateBuilder {
        CertificateBuilder(commonName: name, notBefore: notBefore, notAfter: notAfter)
    }

    // Spans inside of #expect end the compiler (Swift 6.3.1), so they are made here.
    private func privateKey(_ pem: [UInt8]) throws -> PrivateKey { try PrivateKey(pem: pem.span) }

    private func certificate(_ pem: [UInt8]) throws -> Certificate { try Certificate(pem: pem.span) }

    private func copy(_ key: PrivateKey) throws -> PrivateKey {
        let pem = try key.pem()
        return try PrivateKey(pem: pem.bytes)
    }

    @Test(arguments: [false, true])
    func `a self-signed certificate says what it was told`(isRSA: Bool) throws {
        let key: PrivateKey = try isRSA ? .generateRSA() : .generateP256()
        var builder = builder()
        builder.dnsNames = ["gw.example.net", "a.example.net"]
        builder.uris = ["sip:gw.example.net"]
        builder.extendedKeyUsage = ["1.3.6.1.5.5.7.3.4"]
        let certificate = try builder.selfSigned(by: key)
        #expect(certificate.dnsNames == ["gw.example.net", "a.example.net"])
        #expect(certificate.uris == ["sip:gw.example.net"])
        #expect(certificate.notBefore == notBefore)
        #expect(certificate.notAfter == notAfter)
        #expect(certificate.issuer == certificate.subject)
        #expect(certificate.subjectKeyIdentifier == key.publicKey.subjectKeyIdentifier)
        #expect(certificate.publicKey.kind == key.kind)
        #expect(key.kind == (isRSA ? .rsa(bits: 2048) : .p256))
        #expect(certificate.isSigned(by: certificate))
        // INTEGER of 16 octets, positive.
        #expect(certificate.serialNumber.count == 18)
        #expect(certificate.serialNumber[..<2] == [0x02, 0x10])
        #expect(certificate.serialNumber[2] < 0x80)
        #expect(try builder.selfSigned(by: key).serialNumber != certificate.serialNumber)
    }

    @Test func `DER and PEM are read back`() throws {
        let certificate = try builder().selfSigned(by: .generateP256())
        #expect(try Certificate(der: certificate.der).der == certificate.der)
        #expect(try self.certificate(certificate.pem()).der == certificate.der)
        let pem = String(decoding: try certificate.pem(), as: UTF8.self)
        #expect(pem.hasPrefix("-----BEGIN CERTIFICATE-----\n"))
        let mismatch = CryptoError(.mismatch, while: "", "")
        #expect(throws: mismatch) { try Certificate(der: certificate.der + [0]) }
        let library = CryptoError(.library, while: "", "")
        for length in [0, 1, 100, certificate.der.count - 1] {
            #expect(throws: library) { try Certificate(der: Array(certificate.der[..<length])) }
        }
        #expect(throws: library) { try self.certificate(Array("no certificate".utf8)) }
    }

    @Test func `private keys are read back and belong to their certificate`() throws {
        for key in [try PrivateKey.generateP256(), try PrivateKey.generateRSA()] {
            let again = try copy(key)
            let certificate = try builder().selfSigned(by: key)
            #expect(try Identity(key: again, certificate: certificate).subjectKeyIdentifier.count == 20)
        }
        let certificate = try builder().selfSigned(by: .generateP256())
        #expect(throws: CryptoError(.mismatch, while: "", "")) {
            try Identity(key: .generateP256(), certificate: certificate)
        }
    }

    @Test func `an authority signs for another key, and openssl verifies it`() throws {
        let openssl = try OpenSSLCommand()
        var authority = builder("Authority")
        authority.isAuthority = true
        authority.keyUsage = [.keyCertSign, .crlSign]
        let key = try PrivateKey.generateP256()
        let root = try Identity(key: key, certificate: authority.selfSigned(by: key))
        let device = try PrivateKey.generateRSA()
        var leaf = builder("alice")
        leaf.uris = ["sip:alice@a.example.net"]
        leaf.extendedKeyUsage = ["1.3.6.1.5.5.7.3.4"]
        let certificate = try leaf.signed(by: root, for: device.publicKey)
        let rootCertificate = try #require(root.certificate)
        #expect(certificate.issuer == rootCertificate.subject)
        #expect(certificate.isSigned(by: rootCertificate))
        #expect(!rootCertificate.isSigned(by: certificate))
        #expect(!certificate.isSigned(by: try builder("Authority").selfSigned(by: .generateP256())))

        try openssl.write(rootCertificate.pem(), to: "root.pem")
        try openssl.write(certificate.pem(), to: "leaf.pem")
        try openssl.run("verify", "-x509_strict", "-purpose", "smimeencrypt", "-CAfile", "root.pem", "leaf.pem")
        #expect(try openssl.status(of: ["verify", "-CAfile", "leaf.pem", "root.pem"]) != 0)
        try openssl.run("x509", "-in", "leaf.pem", "-noout", "-text")
        let text = String(decoding: try openssl.read("stdout"), as: UTF8.self)
        for line in [
            "Version: 3 (0x2)", "CA:FALSE", "Digital Signature, Key Encipherment, Key Agreement",
            "URI:sip:alice@a.example.net", "E-mail Protection", "Subject: CN = alice", "Issuer: CN = Authority",
            "X509v3 Authority Key Identifier", "X509v3 Key Usage: critical", "X509v3 Basic Constraints: critical",
        ] {
            #expect(text.contains(line), "\(line)")
        }
        #expect(throws: CryptoError(.mismatch, while: "", "")) {
            try leaf.signed(by: Identity(key: key), for: device.publicKey)
        }
    }

    @Test func `a name cannot bring another name with it`() throws {
        var builder = builder()
        builder.dnsNames = ["a.example.net,DNS:b.example.net"]
        #expect(
            try builder.selfSigned(by: .generateP256()).dnsNames == ["a.example.net,DNS:b.example.net"])
        let outOfRange = CryptoError(.outOfRange, while: "", "")
        for name in ["", "a b", "a\0.b", "a\n", "ä.example.net"] {
            builder.dnsNames = [name]
            #expect(throws: outOfRange) { try builder.selfSigned(by: .generateP256()) }
        }
        builder.dnsNames = []
        builder.extendedKeyUsage = ["emailProtection"]
        #expect(throws: outOfRange) { try builder.selfSigned(by: .generateP256()) }
        builder.extendedKeyUsage = []
        builder.notAfter = builder.notBefore - 1
        #expect(throws: outOfRange) { try builder.selfSigned(by: .generateP256()) }
        #expect(throws: CryptoError(.library, while: "", "")) {
            try self.builder(String(repeating: "x", count: 65)).selfSigned(by: .generateP256())
        }
    }

    @Test func `keys of another kind or size are refused`() throws {
        let openssl = try OpenSSLCommand()
        for arguments in [
            ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
            ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4104"],
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            [
                "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1",
            ], ["genpkey", "-algorithm", "ED25519"],
        ] {
            try #require(try openssl.status(of: arguments) == 0)
            let pem = try openssl.read("stdout")
            #expect(throws: CryptoError(.unsupported, while: "", "")) { try privateKey(pem) }
        }
        #expect(throws: CryptoError(.unsupported, while: "", "")) { try PrivateKey.generateRSA(bits: 1024) }
    }

    @Test func `keys in older forms are read, and keys under a passphrase are not asked for`() throws {
        let openssl = try OpenSSLCommand()
        try openssl.run("ecparam", "-name", "prime256v1", "-genkey", "-noout")
        let sec1 = try openssl.read("stdout")
        #expect(try privateKey(sec1).kind == .p256)
        try openssl.write(sec1, to: "key.pem")
        try openssl.run("pkey", "-in", "key.pem", "-aes256", "-passout", "pass:secret")
        let encrypted = try openssl.read("stdout")
        #expect(throws: CryptoError(.library, while: "", "")) { try privateKey(encrypted) }
        #expect(throws: CryptoError(.library, while: "", "")) { try privateKey([]) }
    }

    @Test func `an EC key with explicit parameters is refused`() throws {
        let openssl = try OpenSSLCommand()
        try openssl.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-param_enc", "explicit")
        let pem = try openssl.read("stdout")
        #expect(throws: CryptoError.self) { try privateKey(pem) }
    }
}
