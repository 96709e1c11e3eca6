import COpenSSL

/// What a verified peer's certificate says of it.
public struct TLSPeer: Hashable, Sendable {
    /// The subject alternative names of type uniformResourceIdentifier, as they stand.
    public let uris: [String]
    /// The subject alternative names of type dNSName, as they stand.
    public let dnsNames: [String]
    /// The SIP domains that it speaks for, in lower case (RFC 5922 section 7.1).
    public let domains: [[UInt8]]

    /// The names of a certificate.
    ///
    /// - Parameter x509: borrowed.
    init(_ x509: OpaquePointer) {
        (dnsNames, uris) = alternativeNames(x509)
        domains = SIPDomainIdentity.domains(uris: uris, dnsNames: dnsNames)
    }
}

/// What is asked of a peer's certificate beyond a chain to a trusted authority.
enum PeerCertificate {
    /// Why it is not taken; nil when it is.
    ///
    /// - Parameters:
    ///   - x509: borrowed; its chain has been verified.
    ///   - name: whom it must speak for; empty for a client, whose names are only noted.
    static func refusal(_ x509: OpaquePointer, _ peer: TLSPeer, name: [UInt8]) -> String? {
        // An authority's key signs certificates and nothing else (RFC 5280 section 4.2.1.9). X509_check_ca says no to one
        // whose key usage forgets that, and yes to some without the extension.
        guard X509_get_extension_flags(x509) & UInt32(EXFLAG_CA) == 0, X509_check_ca(x509) == 0 else {
            return "it is an authority's certificate (CA:TRUE); issue one with CA:FALSE"
        }
        guard SIPDomainIdentity.permits(purposes: purposes(of: x509)) else {
            return "its extended key usage has neither sipDomain (\(SIPDomainIdentity.sipDomainPurpose)) nor "
                + "anyExtendedKeyUsage (RFC 5924); issue one with either, or without the extension"
        }
        // Every cipher suite that is offered has the peer sign (RFC 8446 section 4.4.2.2).
        guard
            X509_get_extension_flags(x509) & UInt32(EXFLAG_KUSAGE) == 0
                || X509_get_key_usage(x509) & UInt32(KU_DIGITAL_SIGNATURE) != 0
        else { return "its key usage has no digitalSignature" }
        guard !name.isEmpty else { return nil }
        guard SIPDomainIdentity.matches(name, domains: peer.domains) else {
            return "none of its SIP domains is \(String(decoding: name, as: UTF8.self)) (RFC 5922: a subject "
                + "alternative name, URI:sip:name or DNS:name; the common name and wildcards do not count)"
        }
        return nil
    }

    /// The extended key usage in dotted form; nil when there is no such extension.
    private static func purposes(of x509: OpaquePointer) -> [String]? {
        guard X509_get_extension_flags(x509) & UInt32(EXFLAG_XKUSAGE) != 0 else { return nil }
        guard let list = X509_get_ext_d2i(x509, NID_ext_key_usage, nil, nil) else { return [] }
        let stack = OpaquePointer(list)
        defer { EXTENDED_KEY_USAGE_free(stack) }
        return (0..<OPENSSL_sk_num(stack)).compactMap { index in
            guard let object = OPENSSL_sk_value(stack, index) else { return nil }
            return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { text in
                // 1: digits, whatever names libcrypto knows.
                let length = OBJ_obj2txt(text.baseAddress, Int32(text.count), OpaquePointer(object), 1)
                guard length > 0, Int(length) < text.count else { return nil }
                return String(decoding: text[..<Int(length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }
    }
}
