/// The public key algorithms that this module works with.
public enum KeyKind: Hashable, Sendable {
    /// ECDH and ECDSA on P-256 (RFC 5480 section 2.1.1.1, secp256r1).
    case p256
    /// RSA with a modulus of this many bits: 2048 to 4096.
    case rsa(bits: Int)
}
