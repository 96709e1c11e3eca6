import COpenSSL

/// What a certificate will say (RFC 5280 section 4), and its making. The key it is for and whose signature it gets are
/// given when it is made.
///
/// Always written: version 3, a random serial number of 16 octets, a subject key identifier, critical basic constraints
/// and key usage. Signatures are with SHA-256.
public struct CertificateBuilder: Sendable {
    /// Bits of the key usage extension (RFC 5280 section 4.2.1.3), by their numbers.
    public enum KeyUsage: Int32, Sendable, CaseIterable {
        case digitalSignature = 0
        case keyEncipherment = 2
        case keyAgreement = 4
        case keyCertSign = 5
        case crlSign = 6
    }

    /// The subject's and, when self-signed, the issuer's commonName: 1 to 64 characters.
    public var commonName: String
    /// Subject alternative names of type dNSName, in ASCII.
    public var dnsNames: [String] = []
    /// Subject alternative names of type uniformResourceIdentifier, in ASCII: a `sip:` URI.
    public var uris: [String] = []
    /// The first second of validity, counted from 1970-01-01 UTC.
    public var notBefore: Int64
    /// The last second of validity, counted from 1970-01-01 UTC.
    public var notAfter: Int64
    /// Whether it may sign certificates: basic constraints with cA.
    public var isAuthority = false
    /// The bits of the key usage extension.
    public var keyUsage: [KeyUsage] = [.digitalSignature, .keyEncipherment, .keyAgreement]
    /// Object identifiers of the extended key usage extension in dotted form; no extension when empty.
    public var extendedKeyUsage: [String] = []

    /// The rest has defaults: an end entity's certificate without alternative names.
    public init(commonName: String, notBefore: Int64, notAfter: Int64) {
        self.commonName = commonName
        self.notBefore = notBefore
        self.notAfter = notAfter
    }

    /// A certificate for the key, signed by the key.
    ///
    /// - Throws: `outOfRange` for a value above that cannot be written, `library` for what libcrypto refuses.
    public func selfSigned(by key: PrivateKey) throws(CryptoError) -> Certificate {
        try make(for: key.publicKey, issuer: nil, signer: key)
    }

    /// A certificate for the key, signed by the issuer.
    ///
    /// - Throws: as above; `mismatch` when the issuer has no certificate.
    public func signed(by issuer: Identity, for key: PublicKey) throws(CryptoError) -> Certificate {
        guard let certificate = issuer.certificate else {
            throw CryptoError(.mismatch, while: Self.operation, "the issuer has a key but no certificate")
        }
        return try make(for: key, issuer: certificate, signer: issuer.key)
    }

    private static let operation: StaticString = "making a certificate"

    private func make(
        for key: PublicKey, issuer: Certificate?, signer: PrivateKey
    ) throws(CryptoError) -> Certificate {
        guard notBefore <= notAfter else {
            throw CryptoError(.outOfRange, while: Self.operation, "notAfter is before notBefore")
        }
        ERR_clear_error()
        guard let x509 = X509_new() else { throw .library(Self.operation) }
        do throws(CryptoError) {
            try fill(x509, for: key, issuer: issuer)
            guard X509_sign(x509, signer.evp, EVP_sha256()) > 0 else { throw CryptoError.library(Self.operation) }
        } catch {
            X509_free(x509)
            throw error
        }
        return try Certificate(owning: x509, while: Self.operation)
    }

    private func fill(_ x509: OpaquePointer, for key: PublicKey, issuer: Certificate?) throws(CryptoError) {
        guard X509_set_version(x509, Int(X509_VERSION_3)) == 1, setSerialNumber(x509) == 1,
            ASN1_TIME_set(X509_getm_notBefore(x509), time_t(notBefore)) != nil,
            ASN1_TIME_set(X509_getm_notAfter(x509), time_t(notAfter)) != nil,
            X509_set_pubkey(x509, key.evp) == 1, let name = X509_get_subject_name(x509),
            X509_NAME_add_entry_by_NID(
                name, NID_commonName, MBSTRING_UTF8, commonName, Int32(clamping: commonName.utf8.count), -1, 0) == 1,
            X509_set_issuer_name(x509, issuer.map { X509_get_subject_name($0.x509) } ?? name) == 1
        else { throw .library(Self.operation) }
        let extensions = CertificateExtensions(x509)
        try extensions.addBasicConstraints(isAuthority: isAuthority)
        try extensions.addKeyUsage(keyUsage.map(\.rawValue))
        try extensions.addSubjectKeyIdentifier(key.subjectKeyIdentifier)
        if let identifier = issuer?.subjectKeyIdentifier { try extensions.addAuthorityKeyIdentifier(identifier) }
        if !extendedKeyUsage.isEmpty { try extensions.addExtendedKeyUsage(extendedKeyUsage) }
        if !dnsNames.isEmpty || !uris.isEmpty { try extensions.addAlternativeNames(dns: dnsNames, uris: uris) }
    }

    /// A random number of 127 bits with the highest set: positive, of one length, never zero, and with more than the
    /// 64 random bits that issuers are held to.
    private func setSerialNumber(_ x509: OpaquePointer) -> Int32 {
        guard let number = BN_new() else { return 0 }
        defer { BN_free(number) }
        guard BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1,
            let serial = BN_to_ASN1_INTEGER(number, nil)
        else { return 0 }
        defer { ASN1_STRING_free(serial) }
        return X509_set_serialNumber(x509, serial)
    }
}
