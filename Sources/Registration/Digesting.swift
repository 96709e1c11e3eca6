/// The hash functions that the shell lends to the core: each a pure function of its arguments.
///
/// A class, so that holding one costs a pointer and calling it allocates nothing. A function that fails appends nothing;
/// whoever compares results compares their lengths first, so a failure never authenticates anyone.
public protocol Digesting: AnyObject {
    /// Appends the 32 octets of SHA-256 (FIPS 180-4).
    func append(sha256 octets: Span<UInt8>, to output: inout [UInt8])
    /// Appends the 16 octets of MD5 (RFC 1321).
    func append(md5 octets: Span<UInt8>, to output: inout [UInt8])
    /// Appends the 32 octets of HMAC with SHA-256 (RFC 2104).
    func append(hmacSHA256 octets: Span<UInt8>, key: Span<UInt8>, to output: inout [UInt8])
}

/// Comparison that takes as long whether the first octet differs or the last.
enum ConstantTime {
    /// Whether both hold the same octets; the lengths may be seen from outside.
    static func equal(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        var difference: UInt8 = 0
        for index in 0..<a.count { difference |= a[index] ^ b[index] }
        return difference == 0
    }
}
