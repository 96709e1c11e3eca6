import CMSText
import COpenSSL

/// RSA key transport, both paddings and both directions.
struct KeyTransport {
    let digests: KeyDerivation

    /// Decrypts a content encryption key.
    ///
    /// For RSAES-PKCS1-v1_5 a wrong padding must not show (RFC 3218): random octets take the key's place, chosen
    /// without a branch, and fail later as a wrong key does. RFC 8017 section 7.1.2 asks the same silence of OAEP,
    /// whose failures go the same way.
    ///
    /// - Parameter length: octets of the key that is expected.
    /// - Returns: nil only when libcrypto cannot start, which depends on no secret.
    func decrypt(
        _ encrypted: ArraySlice<UInt8>, _ algorithm: KeyTransRecipientInfo.Algorithm, with key: PrivateKey, length: Int
    ) -> SecretBytes? {
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, key.evp, nil) else { return nil }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_decrypt_init(context) == 1, configure(context, algorithm),
            let random = try? SecretBytes(randomCount: length)
        else { return nil }
        // The buffer takes whatever a padding may leave of the modulus.
        var output = SecretBytes(count: Int(EVP_PKEY_get_size(key.evp)))
        var written = output.count
        let pointer = output.mutablePointer
        let result = encrypted.withUnsafeBufferPointer {
            EVP_PKEY_decrypt(context, pointer, &written, $0.baseAddress, $0.count)
        }
        let mask = Self.mask(result, 1) & Self.mask(Int32(truncatingIfNeeded: written), Int32(length))
        var chosen = SecretBytes(count: length)
        if let target = chosen.mutablePointer, let good = output.pointer, let bad = random.pointer {
            for index in 0..<length { target[index] = (good[index] & mask) | (bad[index] & ~mask) }
        }
        return chosen
    }

    /// Encrypts a content encryption key.
    func encrypt(
        _ contentKey: borrowing SecretBytes, _ algorithm: KeyTransRecipientInfo.Algorithm, for key: PublicKey
    ) throws(CryptoError) -> [UInt8] {
        let operation: StaticString = "encrypting a key for an RSA recipient"
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, key.evp, nil) else { throw .library(operation) }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_encrypt_init(context) == 1, configure(context, algorithm) else { throw .library(operation) }
        let encrypted = [UInt8](unsafeUninitializedCapacity: Int(EVP_PKEY_get_size(key.evp))) { output, count in
            var written = output.count
            let done = EVP_PKEY_encrypt(context, output.baseAddress, &written, contentKey.pointer, contentKey.count)
            count = done == 1 ? written : 0
        }
        guard !encrypted.isEmpty else { throw .library(operation) }
        return encrypted
    }

    private func configure(_ context: OpaquePointer, _ algorithm: KeyTransRecipientInfo.Algorithm) -> Bool {
        switch algorithm {
        case .rsaPKCS1v15:
            return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1
        case .rsaOAEP(let parameters):
            return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1
                && EVP_PKEY_CTX_set_rsa_oaep_md(context, digests.digest(parameters.hash)) == 1
                && EVP_PKEY_CTX_set_rsa_mgf1_md(context, digests.digest(parameters.maskGenerationHash)) == 1
        case .unsupported:
            return false
        }
    }

    /// 0xFF when both are equal, else 0, without a branch.
    private static func mask(_ a: Int32, _ b: Int32) -> UInt8 {
        let difference = UInt32(bitPattern: a ^ b)
        let isDifferent = (difference | (0 &- difference)) >> 31
        return UInt8(truncatingIfNeeded: isDifferent) &- 1
    }
}
