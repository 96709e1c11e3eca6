import COpenSSL

/// ECDH with one private key on P-256 and many peers.
///
/// The context and the peer's key object are made once: making them takes as long as half an agreement. Not
/// thread-safe.
final class StaticAgreement {
    /// Octets of an uncompressed point on P-256 (SEC 1 section 2.3.3): 04, x, y.
    static let pointLength = 65
    /// Octets of the shared secret: the x coordinate.
    static let secretLength = 32

    let key: PrivateKey
    private let context: OpaquePointer
    /// A key object on the same curve that takes the peer's point.
    private let peer: OpaquePointer

    /// - Parameter key: on P-256.
    init(_ key: PrivateKey) throws(CryptoError) {
        let operation: StaticString = "preparing a key agreement"
        ERR_clear_error()
        guard let peer = EVP_PKEY_new() else { throw .library(operation) }
        guard EVP_PKEY_copy_parameters(peer, key.evp) == 1, let context = EVP_PKEY_CTX_new_from_pkey(nil, key.evp, nil)
        else {
            EVP_PKEY_free(peer)
            throw .library(operation)
        }
        guard EVP_PKEY_derive_init(context) == 1 else {
            EVP_PKEY_CTX_free(context)
            EVP_PKEY_free(peer)
            throw .library(operation)
        }
        self.key = key
        self.context = context
        self.peer = peer
    }

    deinit {
        EVP_PKEY_CTX_free(context)
        EVP_PKEY_free(peer)
    }

    /// The secret shared with the holder of the point.
    ///
    /// - Returns: nil for anything but an uncompressed point on the curve. EVP_PKEY_set1_encoded_public_key checks that
    ///   both coordinates are below p and that the point is on the curve; P-256 has cofactor 1, so that such a point,
    ///   infinity excluded by its length, is a valid public key (NIST SP 800-56A section 5.6.2.3.3). The full check
    ///   that libcrypto would add multiplies the point by the group's order, which takes as long as the agreement.
    func secret(with point: ArraySlice<UInt8>) -> SecretBytes? {
        guard point.count == Self.pointLength, point.first == 0x04 else { return nil }
        let isValid = point.withUnsafeBufferPointer {
            EVP_PKEY_set1_encoded_public_key(peer, $0.baseAddress, $0.count)
        }
        guard isValid == 1, EVP_PKEY_derive_set_peer_ex(context, peer, 0) == 1 else { return nil }
        var secret = SecretBytes(count: Self.secretLength)
        var length = secret.count
        guard EVP_PKEY_derive(context, secret.mutablePointer, &length) == 1, length == secret.count else { return nil }
        return secret
    }
}
