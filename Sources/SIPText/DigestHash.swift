/// A hash function of Digest authentication (RFC 7616 section 3.3, RFC 8760 section 2.2), without its session variant.
///
/// SHA-512/256 is not among them: no phone sends it, and a server that offers SHA-256 need not (RFC 8760 section 2.3).
public enum DigestHash: UInt8, Hashable, Sendable, CaseIterable {
    case sha256, md5

    /// The name in the `algorithm` parameter.
    public var name: StaticString {
        switch self {
        case .sha256: "SHA-256"
        case .md5: "MD5"
        }
    }

    /// Octets in a hash; in credentials it is written in twice as many hexadecimal digits.
    public var octets: Int {
        switch self {
        case .sha256: 32
        case .md5: 16
        }
    }
}

/// What Digest credentials may cost before they are understood. RFC 7616 states no limits; these are several times what
/// phones send.
public enum DigestLimits {
    /// Octets in one Authorization value.
    public static let valueOctets = 4_096
    /// Parameters in one value; the grammar of RFC 7616 section 3.4 names twelve.
    public static let parameters = 24
    /// Octets in each of `username`, `realm`, `nonce`, `cnonce` and `opaque`.
    public static let textOctets = 256
    /// Octets in `uri`.
    public static let uriOctets = 1_024
    /// Digits in `nc` (RFC 7616 section 3.4: `8LHEX`).
    public static let nonceCountDigits = 8
}
