import COpenSSL

/// An X.509 certificate (RFC 5280), read once; whether it is trusted is for others to say.
// Unchecked: nothing changes the X509 after init, and libcrypto counts its references atomically.
/// An X.509 certificate that never changes once it is read, so threads may share it.
public final class Certificate: @unchecked Sendable {
    let x509: OpaquePointer
    /// The certificate in DER.
    public let der: [UInt8]
    /// The subject's key.
    public let publicKey: PublicKey
    /// The issuer's Name in DER.
    public let issuer: [UInt8]
    /// The subject's Name in DER.
    public let subject: [UInt8]
    /// The serial number as an INTEGER in DER, tag and length included.
    public let serialNumber: [UInt8]
    /// IssuerAndSerialNumber (RFC 5652 section 10.2.4) in DER: how CMS names the certificate.
    public let issuerAndSerialNumber: [UInt8]
    /// The octets of the subject key identifier extension; nil when there is none.
    public let subjectKeyIdentifier: [UInt8]?
    /// The subject alternative names of type dNSName, as they stand.
    public let dnsNames: [String]
    /// The subject alternative names of type uniformResourceIdentifier, as they stand.
    public let uris: [String]
    /// The first second, counted from 1970-01-01 UTC, at which it is valid.
    public let notBefore: Int64
    /// The last second, counted from 1970-01-01 UTC, at which it is valid.
    public let notAfter: Int64

    /// Reads a certificate in DER and nothing after it.
    public convenience init(der: [UInt8]) throws(CryptoError) {
        let operation: StaticString = "reading a certificate in DER"
        ERR_clear_error()
        var consumed = 0
        let x509 = der.withUnsafeBufferPointer { octets -> OpaquePointer? in
            var position = octets.baseAddress
            let certificate = d2i_X509(nil, &position, octets.count)
            if let start = octets.baseAddress, let position { consumed = position - start }
            return certificate
        }
        guard let x509 else { throw .library(operation) }
        guard consumed == der.count else {
            X509_free(x509)
            throw CryptoError(.mismatch, while: operation, "\(der.count - consumed) octets are left over")
        }
        try self.init(owning: x509, while: operation)
    }

    /// Reads the first certificate of a PEM file.
    public convenience init(pem: Span<UInt8>) throws(CryptoError) {
        let operation: StaticString = "reading a certificate in PEM"
        ERR_clear_error()
        let x509 = pem.withUnsafeBufferPointer { octets -> OpaquePointer? in
            guard let bio = BIO_new_mem_buf(octets.baseAddress, Int32(clamping: octets.count)) else { return nil }
            defer { BIO_free(bio) }
            return PEM_read_bio_X509(bio, nil, { _, _, _, _ in -1 }, nil)
        }
        guard let x509 else { throw .library(operation) }
        try self.init(owning: x509, while: operation)
    }

    /// - Parameter x509: an owned reference, freed on any error.
    init(owning x509: OpaquePointer, while operation: StaticString) throws(CryptoError) {
        do throws(CryptoError) {
            guard let der = encoded({ i2d_X509(x509, $0) }),
                let issuer = encoded({ i2d_X509_NAME(X509_get_issuer_name(x509), $0) }),
                let subject = encoded({ i2d_X509_NAME(X509_get_subject_name(x509), $0) }),
                let serialNumber = encoded({ i2d_ASN1_INTEGER(X509_get0_serialNumber(x509), $0) }),
                let notBefore = secondsSince1970(X509_get0_notBefore(x509)),
                let notAfter = secondsSince1970(X509_get0_notAfter(x509)),
                // Last: from here on the reference is PublicKey's to free.
                let key = X509_get_pubkey(x509)
            else { throw CryptoError.library(operation) }
            publicKey = try PublicKey(owning: key, while: operation)
            self.der = der
            self.issuer = issuer
            self.subject = subject
            self.serialNumber = serialNumber
            self.notBefore = notBefore
            self.notAfter = notAfter
        } catch {
            X509_free(x509)
            throw error
        }
        issuerAndSerialNumber = derSequence(issuer + serialNumber)
        if let identifier = X509_get0_subject_key_id(x509) {
            subjectKeyIdentifier = Array(
                UnsafeBufferPointer(
                    start: ASN1_STRING_get0_data(identifier), count: Int(ASN1_STRING_length(identifier))))
        } else {
            subjectKeyIdentifier = nil
        }
        (dnsNames, uris) = alternativeNames(x509)
        self.x509 = x509
        ERR_clear_error()
    }

    deinit { X509_free(x509) }

    /// The certificate as a PEM file.
    public func pem() throws(CryptoError) -> [UInt8] {
        let operation: StaticString = "writing a certificate in PEM"
        ERR_clear_error()
        guard let bio = BIO_new(BIO_s_mem()) else { throw .library(operation) }
        defer { BIO_free(bio) }
        guard PEM_write_bio_X509(bio, x509) == 1 else { throw .library(operation) }
        return [UInt8](unsafeUninitializedCapacity: BIO_ctrl_pending(bio)) { text, count in
            count = Int(max(0, BIO_read(bio, text.baseAddress, Int32(text.count))))
        }
    }

    /// Whether its signature was made with the issuer's key. Names, times and what the issuer may do are not looked at.
    public func isSigned(by issuer: Certificate) -> Bool {
        ERR_clear_error()
        defer { ERR_clear_error() }
        return X509_verify(x509, issuer.publicKey.evp) == 1
    }
}

/// Runs one of libcrypto's i2d functions, which say the length first and write then.
private func encoded(_ i2d: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32) -> [UInt8]? {
    let length = i2d(nil)
    guard length > 0 else { return nil }
    return [UInt8](unsafeUninitializedCapacity: Int(length)) { octets, count in
        var position = octets.baseAddress
        count = Int(max(0, i2d(&position)))
    }
}

/// A SEQUENCE around what is encoded already.
private func derSequence(_ content: [UInt8]) -> [UInt8] {
    let length = Int32(clamping: content.count)
    return [UInt8](unsafeUninitializedCapacity: Int(ASN1_object_size(1, length, V_ASN1_SEQUENCE))) { octets, count in
        var position = octets.baseAddress
        ASN1_put_object(&position, 1, length, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL)
        if let start = octets.baseAddress, let position {
            position.update(from: content, count: content.count)
            count = position - start + content.count
        }
    }
}

/// A certificate's time as seconds since 1970.
private func secondsSince1970(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
    guard let epoch = ASN1_TIME_set(nil, 0) else { return nil }
    defer { ASN1_STRING_free(epoch) }
    var days: Int32 = 0
    var seconds: Int32 = 0
    guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return nil }
    return Int64(days) * 86400 + Int64(seconds)
}

/// The dNSName and uniformResourceIdentifier values of the subject alternative name extension. A value with anything
/// but printable ASCII is left out: nothing compares equal to it, and a NUL has fooled readers before.
func alternativeNames(_ x509: OpaquePointer) -> (dns: [String], uris: [String]) {
    guard let names = X509_get_ext_d2i(x509, NID_subject_alt_name, nil, nil) else { return ([], []) }
    let stack = OpaquePointer(names)
    defer { GENERAL_NAMES_free(stack) }
    var dns: [String] = []
    var uris: [String] = []
    for index in 0..<OPENSSL_sk_num(stack) {
        guard let pointer = OPENSSL_sk_value(stack, index) else { continue }
        var type: Int32 = 0
        let value = GENERAL_NAME_get0_value(pointer.assumingMemoryBound(to: GENERAL_NAME.self), &type)
        guard type == GEN_DNS || type == GEN_URI, let value else { continue }
        let string = value.assumingMemoryBound(to: ASN1_STRING.self)
        let octets = UnsafeBufferPointer(start: ASN1_STRING_get0_data(string), count: Int(ASN1_STRING_length(string)))
        guard octets.allSatisfy({ (0x21...0x7E).contains($0) }) else { continue }
        let text = String(decoding: octets, as: UTF8.self)
        if type == GEN_DNS { dns.append(text) } else { uris.append(text) }
    }
    return (dns, uris)
}
