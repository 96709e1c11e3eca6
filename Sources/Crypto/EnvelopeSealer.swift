public import CMSText
import COpenSSL
import Wire

/// Seals content into AuthEnvelopedData, EnvelopedData and EncryptedData (RFC 5083, RFC 5652).
///
/// Not thread-safe: make one for each event loop.
public final class EnvelopeSealer {
    private static let operation: StaticString = "sealing an envelope"

    private let ciphers: CipherContext
    private let derivation: KeyDerivation
    private let keyTransport: KeyTransport

    /// - Throws: `library` when libcrypto does not have the algorithms.
    public init() throws(CryptoError) {
        ciphers = try CipherContext()
        derivation = try KeyDerivation()
        keyTransport = KeyTransport(digests: derivation)
    }

    /// Seals content under a new key for some recipients.
    ///
    /// - Parameters:
    ///   - algorithm: GCM makes AuthEnvelopedData, CBC EnvelopedData.
    ///   - recipients: 1 to `CMSLimits.recipients`, at most `CMSLimits.keyEncryptionKeyRecipients` of them content keys.
    ///   - reference: the CEKReference that later messages may name the new key by.
    ///   - maxDecrypts: the CEKMaxDecrypts that goes with it.
    /// - Returns: the ContentInfo in DER and the new key, with the reference and the count.
    /// - Throws: `outOfRange` for what is over a limit, `wiped` and `mismatch` for a content key that cannot be used.
    public func seal(
        _ plaintext: [UInt8], algorithm: ContentAlgorithm, recipients: [Recipient], reference: [UInt8]? = nil,
        maxDecrypts: Int? = nil
    ) throws(CryptoError) -> (der: [UInt8], contentKey: ContentKey) {
        ERR_clear_error()
        defer { ERR_clear_error() }
        let attributes = try Self.attributes(reference, maxDecrypts)
        let keyEncryptionKeys = recipients.count {
            switch $0 {
            case .certificate, .publicKey: false
            case .contentKey: true
            }
        }
        guard (1...CMSLimits.recipients).contains(recipients.count),
            keyEncryptionKeys <= CMSLimits.keyEncryptionKeyRecipients
        else { throw CryptoError(.outOfRange, while: Self.operation, "\(recipients.count) recipients") }
        let secret = try SecretBytes(randomCount: algorithm.keyLength)
        var infos: [RecipientInfo] = []
        for recipient in recipients { infos.append(try wrap(secret, for: recipient)) }
        let (content, tag) = try encrypt(plaintext, algorithm, secret)
        let message: ProtectedContent
        if let tag {
            message = .authEnveloped(
                AuthEnvelopedData(
                    recipientInfos: infos, encryptedContentInfo: content, mac: tag,
                    unauthenticatedAttributes: attributes))
        } else {
            message = .enveloped(
                EnvelopedData(
                    recipientInfos: infos, encryptedContentInfo: content, unprotectedAttributes: attributes))
        }
        let der = try Self.encoded(message)
        return (
            der, ContentKey(checked: secret, algorithm: algorithm, reference: reference, maxDecrypts: maxDecrypts)
        )
    }

    /// Seals content directly under a key of an earlier message, named by its reference if it has one.
    ///
    /// - Parameter key: for AES-CBC. EncryptedData has no form for GCM, and a key never changes its algorithm.
    /// - Returns: the ContentInfo in DER.
    /// - Throws: `unsupported` for a key of GCM, `wiped`, `outOfRange`.
    public func sealEncryptedData(_ plaintext: [UInt8], under key: ContentKey) throws(CryptoError) -> [UInt8] {
        ERR_clear_error()
        defer { ERR_clear_error() }
        guard !key.algorithm.isAuthenticated else {
            throw CryptoError(
                .unsupported, while: Self.operation,
                "EncryptedData has no form for AES-GCM; begin the session with AES-CBC or wrap under the key instead")
        }
        let attributes = try Self.attributes(key.reference, nil)
        var content: EncryptedContentInfo?
        var failure = CryptoError(.wiped, while: Self.operation, "the session's key has been wiped")
        key.withSecret { secret in
            do throws(CryptoError) { content = try encrypt(plaintext, key.algorithm, secret).content } catch {
                failure = error
            }
        }
        guard let content else { throw failure }
        return try Self.encoded(
            .encrypted(EncryptedData(encryptedContentInfo: content, unprotectedAttributes: attributes)))
    }

    private static func attributes(
        _ reference: [UInt8]?, _ maxDecrypts: Int?
    ) throws(CryptoError) -> UnprotectedAttributes {
        do { return try UnprotectedAttributes(cekReference: reference?[...], cekMaxDecrypts: maxDecrypts) } catch {
            throw CryptoError(.outOfRange, while: operation, error.description)
        }
    }

    private static func encoded(_ message: ProtectedContent) throws(CryptoError) -> [UInt8] {
        do { return try message.der() } catch { throw CryptoError(.outOfRange, while: operation, error.description) }
    }
}

// MARK: - Parts

extension EnvelopeSealer {
    private func encrypt(
        _ plaintext: [UInt8], _ algorithm: ContentAlgorithm, _ secret: borrowing SecretBytes
    ) throws(CryptoError) -> (content: EncryptedContentInfo, tag: ArraySlice<UInt8>?) {
        // Before the encryption: what is too long would be encrypted for nothing.
        guard plaintext.count <= CMSLimits.messageSize else {
            throw CryptoError(.outOfRange, while: Self.operation, "the content has \(plaintext.count) octets")
        }
        var nonce = [UInt8](repeating: 0, count: algorithm.nonceLength)
        guard RAND_bytes(&nonce, Int32(nonce.count)) == 1 else { throw .library("drawing a nonce") }
        let encrypted = try ciphers.encrypt(plaintext, algorithm, key: secret, nonce: nonce[...])
        let end = encrypted.count - (algorithm.isAuthenticated ? CMSLimits.gcmTagLength : 0)
        let content = EncryptedContentInfo(
            algorithm: ContentEncryptionAlgorithm(algorithm, nonce: nonce[...]), encryptedContent: encrypted[..<end])
        return (content, algorithm.isAuthenticated ? encrypted[end...] : nil)
    }

    private func wrap(
        _ secret: borrowing SecretBytes, for recipient: Recipient
    ) throws(CryptoError) -> RecipientInfo {
        switch recipient {
        case .certificate(let certificate, let options):
            return try wrap(
                secret, for: certificate.publicKey, .issuerAndSerialNumber(certificate.issuerAndSerialNumber[...]),
                options)
        case .publicKey(let key, let options):
            return try wrap(secret, for: key, .subjectKeyIdentifier(key.subjectKeyIdentifier[...]), options)
        case .contentKey(let key):
            guard let reference = key.reference else {
                throw CryptoError(.mismatch, while: Self.operation, "the session's key has no reference to name it by")
            }
            guard let algorithm = KeyWrapAlgorithm(keyLength: key.algorithm.keyLength),
                let keyEncryptionKey = key.keyEncryptionKey()
            else { throw CryptoError(.wiped, while: Self.operation, "the session's key has been wiped") }
            let wrapped = try ciphers.wrap(secret, algorithm, under: keyEncryptionKey)
            return .keyEncryptionKey(
                KEKRecipientInfo(keyIdentifier: reference[...], algorithm: algorithm, encryptedKey: wrapped[...]))
        }
    }

    private func wrap(
        _ secret: borrowing SecretBytes, for key: PublicKey, _ identifier: RecipientIdentifier,
        _ options: Recipient.Options
    ) throws(CryptoError) -> RecipientInfo {
        switch key.kind {
        case .rsa:
            let encrypted = try keyTransport.encrypt(secret, options.keyTransport, for: key)
            return .keyTransport(
                KeyTransRecipientInfo(
                    recipient: identifier, algorithm: options.keyTransport, encryptedKey: encrypted[...]))
        case .p256:
            guard let wrap = options.keyWrap ?? KeyWrapAlgorithm(keyLength: secret.count) else {
                throw CryptoError(.unsupported, while: Self.operation, "no key wrap of \(secret.count) octets")
            }
            let algorithm: KeyAgreementAlgorithm
            do { algorithm = try KeyAgreementAlgorithm(hash: options.keyDerivationHash, wrap: wrap) } catch {
                throw CryptoError(.unsupported, while: Self.operation, error.description)
            }
            return try agree(secret, with: key, identifier, algorithm)
        }
    }

    private func agree(
        _ secret: borrowing SecretBytes, with key: PublicKey, _ identifier: RecipientIdentifier,
        _ algorithm: KeyAgreementAlgorithm
    ) throws(CryptoError) -> RecipientInfo {
        guard case .standardECDH(let hash, let wrap, let wrapIdentifier) = algorithm else {
            throw CryptoError(.unsupported, while: Self.operation, "the key agreement algorithm")
        }
        let agreement = try EphemeralAgreement(with: key)
        let sharedInfo = ECCCMSSharedInfo(keyInfo: wrapIdentifier, userKeyingMaterial: nil, keyLength: wrap.keyLength)
        guard
            let keyEncryptionKey = derivation.derive(
                from: agreement.secret, info: sharedInfo.encoded(), hash, length: wrap.keyLength)
        else { throw .library("deriving a key encryption key") }
        let wrapped = try ciphers.wrap(secret, wrap, under: keyEncryptionKey)
        return .keyAgreement(
            KeyAgreeRecipientInfo(
                originatorKey: OriginatorPublicKey(ecPoint: agreement.point[...]), algorithm: algorithm,
                encryptedKey: .init(recipient: identifier, encryptedKey: wrapped[...])))
    }
}
