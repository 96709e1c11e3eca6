import CMSText
import COpenSSL

/// One cipher context of libcrypto and the algorithms that are used with it, looked up once: a look-up by name takes
/// longer than the encryption of an SDP body.
///
/// The context is reset after each use, which overwrites the key schedule. Not thread-safe.
final class CipherContext {
    private let context: OpaquePointer
    private let aes128GCM: OpaquePointer
    private let aes256GCM: OpaquePointer
    private let aes128CBC: OpaquePointer
    private let aes256CBC: OpaquePointer
    private let aes128Wrap: OpaquePointer
    private let aes192Wrap: OpaquePointer
    private let aes256Wrap: OpaquePointer

    init() throws(CryptoError) {
        let operation: StaticString = "looking up AES in libcrypto"
        ERR_clear_error()
        let names = [
            "AES-128-GCM", "AES-256-GCM", "AES-128-CBC", "AES-256-CBC", "AES-128-WRAP", "AES-192-WRAP", "AES-256-WRAP",
        ]
        let ciphers = names.compactMap { EVP_CIPHER_fetch(nil, $0, nil) }
        guard ciphers.count == names.count, let context = EVP_CIPHER_CTX_new() else {
            for cipher in ciphers { EVP_CIPHER_free(cipher) }
            throw .library(operation)
        }
        self.context = context
        (aes128GCM, aes256GCM, aes128CBC, aes256CBC) = (ciphers[0], ciphers[1], ciphers[2], ciphers[3])
        (aes128Wrap, aes192Wrap, aes256Wrap) = (ciphers[4], ciphers[5], ciphers[6])
    }

    deinit {
        EVP_CIPHER_CTX_free(context)
        for cipher in [aes128GCM, aes256GCM, aes128CBC, aes256CBC, aes128Wrap, aes192Wrap, aes256Wrap] {
            EVP_CIPHER_free(cipher)
        }
    }

    private func cipher(_ algorithm: ContentAlgorithm) -> OpaquePointer {
        switch algorithm {
        case .aes128GCM: aes128GCM
        case .aes256GCM: aes256GCM
        case .aes128CBC: aes128CBC
        case .aes256CBC: aes256CBC
        }
    }

    private func cipher(_ algorithm: KeyWrapAlgorithm) -> OpaquePointer {
        switch algorithm {
        case .aes128: aes128Wrap
        case .aes192: aes192Wrap
        case .aes256: aes256Wrap
        }
    }
}

// MARK: - Content

extension CipherContext {
    /// Encrypts content.
    ///
    /// - Parameters:
    ///   - key: `algorithm.keyLength` octets.
    ///   - nonce: `algorithm.nonceLength` octets.
    /// - Returns: the encrypted content; for GCM with its tag of `CMSLimits.gcmTagLength` octets at the end.
    func encrypt(
        _ plaintext: [UInt8], _ algorithm: ContentAlgorithm, key: borrowing SecretBytes, nonce: ArraySlice<UInt8>
    ) throws(CryptoError) -> [UInt8] {
        defer { EVP_CIPHER_CTX_reset(context) }
        // CBC pads to the next whole block, GCM appends its tag: 16 octets more at most.
        let output = [UInt8](unsafeUninitializedCapacity: plaintext.count + 16) { output, count in
            var written: Int32 = 0
            var rest: Int32 = 0
            guard
                nonce.withUnsafeBufferPointer({
                    EVP_EncryptInit_ex2(context, cipher(algorithm), key.pointer, $0.baseAddress, nil)
                }) == 1,
                EVP_EncryptUpdate(context, output.baseAddress, &written, plaintext, Int32(plaintext.count)) == 1,
                EVP_EncryptFinal_ex(context, output.baseAddress.map { $0 + Int(written) }, &rest) == 1
            else { return }
            let length = Int(written + rest)
            if algorithm.isAuthenticated {
                guard
                    EVP_CIPHER_CTX_ctrl(
                        context, EVP_CTRL_AEAD_GET_TAG, Int32(CMSLimits.gcmTagLength),
                        output.baseAddress.map { $0 + length }) == 1
                else { return }
                count = length + CMSLimits.gcmTagLength
            } else {
                count = length
            }
        }
        // Both modes write 16 octets or more, whatever the content.
        guard !output.isEmpty else { throw .library("encrypting content") }
        return output
    }

    /// Decrypts content.
    ///
    /// - Parameters:
    ///   - key: `algorithm.keyLength` octets.
    ///   - tag: of GCM, `CMSLimits.gcmTagLength` octets; nil for CBC.
    /// - Returns: nil when the tag or the padding is wrong; nothing of the content is left behind then.
    func decrypt(
        _ content: ArraySlice<UInt8>, _ algorithm: ContentEncryptionAlgorithm, key: borrowing SecretBytes,
        additionalData: [UInt8], tag: ArraySlice<UInt8>?
    ) -> [UInt8]? {
        defer { EVP_CIPHER_CTX_reset(context) }
        var succeeded = false
        // EVP_DecryptUpdate may write one block more than it returns in the end.
        let output = [UInt8](unsafeUninitializedCapacity: content.count + 16) { output, count in
            let length = content.withUnsafeBufferPointer { content in
                decrypt(content, algorithm, key.pointer, additionalData, tag, into: output)
            }
            if let length {
                succeeded = true
                count = length
            } else {
                OPENSSL_cleanse(output.baseAddress, output.count)
            }
        }
        return succeeded ? output : nil
    }

    private func decrypt(
        _ content: UnsafeBufferPointer<UInt8>, _ algorithm: ContentEncryptionAlgorithm, _ key: UnsafePointer<UInt8>?,
        _ additionalData: [UInt8], _ tag: ArraySlice<UInt8>?, into output: UnsafeMutableBufferPointer<UInt8>
    ) -> Int? {
        var written: Int32 = 0
        var rest: Int32 = 0
        guard
            algorithm.nonce.withUnsafeBufferPointer({
                EVP_DecryptInit_ex2(context, cipher(algorithm.algorithm), key, $0.baseAddress, nil)
            }) == 1
        else { return nil }
        if !additionalData.isEmpty {
            guard EVP_DecryptUpdate(context, nil, &rest, additionalData, Int32(additionalData.count)) == 1 else {
                return nil
            }
        }
        guard EVP_DecryptUpdate(context, output.baseAddress, &written, content.baseAddress, Int32(content.count)) == 1
        else { return nil }
        if let tag {
            let isSet = tag.withUnsafeBufferPointer { tag in
                EVP_CIPHER_CTX_ctrl(
                    context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), UnsafeMutableRawPointer(mutating: tag.baseAddress)
                )
            }
            guard isSet == 1 else { return nil }
        }
        guard EVP_DecryptFinal_ex(context, output.baseAddress.map { $0 + Int(written) }, &rest) == 1 else { return nil }
        return Int(written + rest)
    }
}

// MARK: - Key wrap

extension CipherContext {
    /// Wraps a key (RFC 3394).
    ///
    /// - Parameter keyEncryptionKey: `algorithm.keyLength` octets.
    func wrap(
        _ key: borrowing SecretBytes, _ algorithm: KeyWrapAlgorithm, under keyEncryptionKey: borrowing SecretBytes
    ) throws(CryptoError) -> [UInt8] {
        defer { EVP_CIPHER_CTX_reset(context) }
        // Without the flag libcrypto refuses wrap ciphers: their output is longer than callers may expect.
        EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW)
        let wrapped = [UInt8](unsafeUninitializedCapacity: key.count + 16) { output, count in
            var written: Int32 = 0
            guard EVP_EncryptInit_ex2(context, cipher(algorithm), keyEncryptionKey.pointer, nil, nil) == 1,
                EVP_EncryptUpdate(context, output.baseAddress, &written, key.pointer, Int32(key.count)) == 1
            else { return }
            count = Int(written)
        }
        guard wrapped.count == key.count + 8 else { throw .library("wrapping a key") }
        return wrapped
    }

    /// Unwraps a key (RFC 3394).
    ///
    /// - Parameters:
    ///   - keyEncryptionKey: of another length than `algorithm.keyLength` it unwraps nothing.
    ///   - length: octets of the key that is expected.
    /// - Returns: nil when the wrapped key has another length or was not wrapped under this key.
    func unwrap(
        _ wrapped: ArraySlice<UInt8>, _ algorithm: KeyWrapAlgorithm, under keyEncryptionKey: borrowing SecretBytes,
        length: Int
    ) -> SecretBytes? {
        guard wrapped.count == length + 8, keyEncryptionKey.count == algorithm.keyLength else { return nil }
        defer { EVP_CIPHER_CTX_reset(context) }
        EVP_CIPHER_CTX_set_flags(context, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW)
        var key = SecretBytes(count: wrapped.count)
        var written: Int32 = 0
        let output = key.mutablePointer
        let done = wrapped.withUnsafeBufferPointer { wrapped in
            EVP_DecryptInit_ex2(context, cipher(algorithm), keyEncryptionKey.pointer, nil, nil) == 1
                && EVP_DecryptUpdate(context, output, &written, wrapped.baseAddress, Int32(wrapped.count)) == 1
        }
        guard done, Int(written) == length else { return nil }
        return key.prefix(length)
    }
}
