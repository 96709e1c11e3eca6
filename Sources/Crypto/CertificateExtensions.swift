import COpenSSL

/// Writes the extensions of a certificate that is being made (RFC 5280 section 4.2.1), each from libcrypto's own
/// structure: its text form ("DNS:a,URI:b") would let a comma in a name make another name.
struct CertificateExtensions {
    private static let operation: StaticString = "making a certificate"
    private let x509: OpaquePointer

    /// - Parameter x509: borrowed; it outlives this value.
    init(_ x509: OpaquePointer) { self.x509 = x509 }

    func addBasicConstraints(isAuthority: Bool) throws(CryptoError) {
        guard let constraints = BASIC_CONSTRAINTS_new() else { throw .library(Self.operation) }
        defer { BASIC_CONSTRAINTS_free(constraints) }
        constraints.pointee.ca = isAuthority ? 1 : 0
        try add(NID_basic_constraints, UnsafeMutableRawPointer(constraints), critical: true)
    }

    func addKeyUsage(_ bits: [Int32]) throws(CryptoError) {
        guard let string = ASN1_BIT_STRING_new() else { throw .library(Self.operation) }
        defer { ASN1_BIT_STRING_free(string) }
        for bit in bits where ASN1_BIT_STRING_set_bit(string, bit, 1) != 1 { throw .library(Self.operation) }
        try add(NID_key_usage, UnsafeMutableRawPointer(string), critical: true)
    }

    func addSubjectKeyIdentifier(_ identifier: [UInt8]) throws(CryptoError) {
        let string = try octetString(identifier)
        defer { ASN1_OCTET_STRING_free(string) }
        try add(NID_subject_key_identifier, UnsafeMutableRawPointer(string), critical: false)
    }

    func addAuthorityKeyIdentifier(_ identifier: [UInt8]) throws(CryptoError) {
        guard let authority = AUTHORITY_KEYID_new() else { throw .library(Self.operation) }
        defer { AUTHORITY_KEYID_free(authority) }
        authority.pointee.keyid = try octetString(identifier)
        try add(NID_authority_key_identifier, UnsafeMutableRawPointer(authority), critical: false)
    }

    func addExtendedKeyUsage(_ identifiers: [String]) throws(CryptoError) {
        guard let stack = OPENSSL_sk_new_null() else { throw .library(Self.operation) }
        defer { EXTENDED_KEY_USAGE_free(stack) }
        for identifier in identifiers {
            // 1: the dotted form only, no names.
            guard let object = OBJ_txt2obj(identifier, 1) else {
                ERR_clear_error()
                throw CryptoError(.outOfRange, while: Self.operation, "an extended key usage is no object identifier")
            }
            guard OPENSSL_sk_push(stack, UnsafeRawPointer(object)) > 0 else {
                ASN1_OBJECT_free(object)
                throw .library(Self.operation)
            }
        }
        try add(NID_ext_key_usage, UnsafeMutableRawPointer(stack), critical: false)
    }

    func addAlternativeNames(dns: [String], uris: [String]) throws(CryptoError) {
        guard let stack = OPENSSL_sk_new_null() else { throw .library(Self.operation) }
        defer { GENERAL_NAMES_free(stack) }
        for text in dns { try push(text, type: GEN_DNS, to: stack) }
        for text in uris { try push(text, type: GEN_URI, to: stack) }
        try add(NID_subject_alt_name, UnsafeMutableRawPointer(stack), critical: false)
    }

    private func push(_ text: String, type: Int32, to stack: OpaquePointer) throws(CryptoError) {
        // An IA5String holds ASCII; blanks and controls are in no host name and no URI.
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw CryptoError(
                .outOfRange, while: Self.operation, "a subject alternative name is empty or not printable ASCII")
        }
        guard let string = ASN1_STRING_type_new(V_ASN1_IA5STRING), let name = GENERAL_NAME_new() else {
            throw .library(Self.operation)
        }
        GENERAL_NAME_set0_value(name, type, string)
        guard ASN1_STRING_set(string, text, Int32(clamping: text.utf8.count)) == 1, OPENSSL_sk_push(stack, name) > 0
        else {
            GENERAL_NAME_free(name)
            throw .library(Self.operation)
        }
    }

    private func octetString(
        _ octets: [UInt8]
    ) throws(CryptoError) -> UnsafeMutablePointer<ASN1_OCTET_STRING> {
        guard let string = ASN1_OCTET_STRING_new() else { throw .library(Self.operation) }
        guard ASN1_OCTET_STRING_set(string, octets, Int32(clamping: octets.count)) == 1 else {
            ASN1_OCTET_STRING_free(string)
            throw .library(Self.operation)
        }
        return string
    }

    private func add(_ extension: Int32, _ value: UnsafeMutableRawPointer, critical: Bool) throws(CryptoError) {
        guard X509_add1_ext_i2d(x509, `extension`, value, critical ? 1 : 0, UInt(X509V3_ADD_DEFAULT)) == 1 else {
            throw .library(Self.operation)
        }
    }
}
