public import CMSText
import COpenSSL
import Wire

/// Opens EnvelopedData, AuthEnvelopedData and EncryptedData (RFC 5652, RFC 5083) with keys that it is lent.
///
/// What it looks up and prepares once, algorithms and key agreements, is worth keeping: make one for each event loop.
/// Not thread-safe.
public final class EnvelopeOpener {
    /// Keys tried for EncryptedData that names none: those of one session and peer, of which there are two for the
    /// short time in which one replaces the other.
    public static let maximumUnnamedKeys = 4

    /// Key agreements kept ready; a server has one or two certificates at a time.
    private static let maximumAgreements = 8

    private let ciphers: CipherContext
    private let derivation: KeyDerivation
    private let keyTransport: KeyTransport
    private var agreements: [StaticAgreement] = []

    /// - Throws: `library` when libcrypto does not have the algorithms.
    public init() throws(CryptoError) {
        ciphers = try CipherContext()
        derivation = try KeyDerivation()
        keyTransport = KeyTransport(digests: derivation)
    }

    /// Whether some key of ours is named in the message. Compares names; uses no key.
    public static func isRecipient(
        of content: ProtectedContent, identities: [Identity], contentKeys: [ContentKey]
    ) -> Bool {
        switch content {
        case .enveloped(let data):
            !RecipientMatch.all(in: data.recipientInfos, identities: identities, contentKeys: contentKeys).isEmpty
        case .authEnveloped(let data):
            !RecipientMatch.all(in: data.recipientInfos, identities: identities, contentKeys: contentKeys).isEmpty
        case .encrypted(let data):
            !candidates(for: data, among: contentKeys).isEmpty
        case .signed:
            false
        }
    }

    /// Opens a message.
    ///
    /// - Parameters:
    ///   - der: the whole ContentInfo in DER.
    ///   - identities: our key pairs.
    ///   - contentKeys: the keys held for this session and peer and no others, the newest first.
    /// - Throws: `malformed` for what can be seen without a key, `undecipherable` for everything else.
    public func open(
        _ der: [UInt8], identities: [Identity], contentKeys: [ContentKey]
    ) throws(EnvelopeError) -> OpenedEnvelope {
        let content: ProtectedContent
        do { content = try ProtectedContent(der: der) } catch { throw .malformed(error) }
        return try open(content, identities: identities, contentKeys: contentKeys)
    }

    /// Opens a message that has been parsed already.
    public func open(
        _ content: ProtectedContent, identities: [Identity], contentKeys: [ContentKey]
    ) throws(EnvelopeError) -> OpenedEnvelope {
        ERR_clear_error()
        defer { ERR_clear_error() }
        let opened: OpenedEnvelope?
        switch content {
        case .enveloped(let data):
            let match = try Self.onlyMatch(data.recipientInfos, identities, contentKeys)
            opened = open(
                match, data.encryptedContentInfo, additionalData: [], tag: nil, data.unprotectedAttributes, contentKeys)
        case .authEnveloped(let data):
            let match = try Self.onlyMatch(data.recipientInfos, identities, contentKeys)
            opened = open(
                match, data.encryptedContentInfo, additionalData: data.additionalAuthenticatedData, tag: data.mac,
                data.unauthenticatedAttributes, contentKeys)
        case .encrypted(let data):
            opened = open(data, contentKeys)
        case .signed:
            throw .malformed(ParseError(.unsupported, in: "SignedData where an envelope should be", at: 0))
        }
        guard let opened else { throw .undecipherable }
        return opened
    }

    /// The one recipient that is ours. Two would let a sender compare what happens to them (CVE-2019-1563).
    private static func onlyMatch(
        _ recipients: [RecipientInfo], _ identities: [Identity], _ contentKeys: [ContentKey]
    ) throws(EnvelopeError) -> RecipientMatch {
        let matches = RecipientMatch.all(in: recipients, identities: identities, contentKeys: contentKeys)
        guard let match = matches.first, matches.count == 1 else { throw .undecipherable }
        return match
    }
}

// MARK: - Envelopes

extension EnvelopeOpener {
    private func open(
        _ match: RecipientMatch, _ content: EncryptedContentInfo, additionalData: [UInt8], tag: ArraySlice<UInt8>?,
        _ attributes: UnprotectedAttributes, _ contentKeys: [ContentKey]
    ) -> OpenedEnvelope? {
        let algorithm = content.algorithm.algorithm
        let opener: OpenedEnvelope.Opener
        let usedKey: ContentKey?
        switch match {
        case .keyTransport, .keyAgreement: (opener, usedKey) = (.publicKey, nil)
        case .keyEncryptionKey(_, let key): (opener, usedKey) = (.contentKey, key)
        }
        let unwrapped = unwrap(match, length: algorithm.keyLength, attributes)
        // A key that could not be unwrapped is replaced by a random one, so that the failure shows where a wrong key
        // does and costs the same.
        guard let secret = unwrapped ?? (try? SecretBytes(randomCount: algorithm.keyLength)) else { return nil }
        // The same key under another algorithm turns one mode into an oracle for the other (RFC 9709 section 1).
        var isMisused = false
        for key in contentKeys where key.algorithm != algorithm && key.holds(secret) { isMisused = true }
        let plaintext = ciphers.decrypt(
            content.encryptedContent, content.algorithm, key: secret, additionalData: additionalData, tag: tag)
        guard let plaintext, !isMisused else { return nil }
        let reference = attributes.cekReference.map { Array($0) }
        return OpenedEnvelope(
            plaintext: plaintext,
            contentKey: ContentKey(
                checked: secret, algorithm: algorithm, reference: reference, maxDecrypts: attributes.cekMaxDecrypts),
            reference: reference, maxDecrypts: attributes.cekMaxDecrypts, openedBy: opener, usedKey: usedKey,
            isAuthenticated: algorithm.isAuthenticated)
    }

    /// The content encryption key, or nil when it cannot be had.
    private func unwrap(_ match: RecipientMatch, length: Int, _ attributes: UnprotectedAttributes) -> SecretBytes? {
        switch match {
        case .keyTransport(let info, let identity):
            guard case .rsa = identity.key.kind else { return nil }
            return keyTransport.decrypt(info.encryptedKey, info.algorithm, with: identity.key, length: length)
        case .keyAgreement(let info, let encryptedKey, let identity):
            return unwrap(info, encryptedKey, identity, length: length)
        case .keyEncryptionKey(let info, let key):
            // A derived key encryption key (RFC 3185 section 4, optional there) is not implemented.
            guard let algorithm = info.algorithm, !info.namesKEKDerivation, !attributes.namesKEKDerivation,
                let keyEncryptionKey = key.keyEncryptionKey()
            else { return nil }
            return ciphers.unwrap(info.encryptedKey, algorithm, under: keyEncryptionKey, length: length)
        }
    }

    private func unwrap(
        _ info: KeyAgreeRecipientInfo, _ encryptedKey: ArraySlice<UInt8>, _ identity: Identity, length: Int
    ) -> SecretBytes? {
        guard case .p256 = identity.key.kind, let originator = info.originatorKey, originator.isEllipticCurve,
            case .standardECDH(let hash, let wrap, let wrapIdentifier) = info.algorithm,
            let agreement = agreement(for: identity.key), let secret = agreement.secret(with: originator.publicKey)
        else { return nil }
        let sharedInfo = ECCCMSSharedInfo(
            keyInfo: wrapIdentifier, userKeyingMaterial: info.userKeyingMaterial, keyLength: wrap.keyLength)
        guard
            let keyEncryptionKey = derivation.derive(
                from: secret, info: sharedInfo.encoded(), hash, length: wrap.keyLength)
        else { return nil }
        return ciphers.unwrap(encryptedKey, wrap, under: keyEncryptionKey, length: length)
    }

    private func agreement(for key: PrivateKey) -> StaticAgreement? {
        if let ready = agreements.first(where: { $0.key === key }) { return ready }
        guard let new = try? StaticAgreement(key) else { return nil }
        if agreements.count == Self.maximumAgreements { agreements.removeFirst() }
        agreements.append(new)
        return new
    }
}

// MARK: - EncryptedData

extension EnvelopeOpener {
    /// The keys that may open it: the one named, else the first few of its algorithm.
    private static func candidates(for data: EncryptedData, among contentKeys: [ContentKey]) -> [ContentKey] {
        let algorithm = data.encryptedContentInfo.algorithm.algorithm
        let usable = contentKeys.filter { !$0.isWiped && $0.algorithm == algorithm }
        guard let reference = data.unprotectedAttributes.cekReference else {
            return Array(usable.prefix(maximumUnnamedKeys))
        }
        return usable.filter { $0.isNamed(by: reference) }
    }

    private func open(_ data: EncryptedData, _ contentKeys: [ContentKey]) -> OpenedEnvelope? {
        let content = data.encryptedContentInfo
        for key in Self.candidates(for: data, among: contentKeys) {
            let plaintext = key.withSecret { secret in
                ciphers.decrypt(content.encryptedContent, content.algorithm, key: secret, additionalData: [], tag: nil)
            }
            guard let plaintext = plaintext ?? nil else { continue }
            return OpenedEnvelope(
                plaintext: plaintext, contentKey: key,
                reference: data.unprotectedAttributes.cekReference.map { Array($0) },
                maxDecrypts: data.unprotectedAttributes.cekMaxDecrypts, openedBy: .encryptedData, usedKey: key,
                isAuthenticated: false)
        }
        return nil
    }
}
