public import CMSText
import Crypto
import Wire

/// Seals, opens and judges for the calls of one device. The octets of keys are here and nowhere else in this module.
final class EnvelopeDesk {
    private let identity: Identity?
    private let policy: DisclosurePolicy
    private let sealer: EnvelopeSealer
    private let opener: EnvelopeOpener
    private var recipients: [RecipientID: Certificate] = [:]
    private var keys: [KeyHandle: ContentKey] = [:]
    private var lastKey = 0

    /// - Throws: when libcrypto does not have the algorithms.
    init(identity: Identity?, policy: DisclosurePolicy) throws(CryptoError) {
        self.identity = identity
        self.policy = policy
        sealer = try EnvelopeSealer()
        opener = try EnvelopeOpener()
    }

    deinit {
        for key in keys.values { key.wipe() }
    }

    /// Keys that are held; none when every call is over.
    var keyCount: Int { keys.count }

    /// Takes a certificate to encrypt to.
    func add(_ certificate: Certificate) -> RecipientID {
        let id = RecipientID(value: recipients.count + 1)
        recipients[id] = certificate
        return id
    }

    func forget(_ handle: KeyHandle) { keys.removeValue(forKey: handle)?.wipe() }

    private func keep(_ key: ContentKey) -> HeldKey {
        lastKey += 1
        let handle = KeyHandle(value: lastKey)
        keys[handle] = key
        return HeldKey(
            handle: handle, algorithm: key.algorithm, reference: key.reference, usesLeft: key.maxDecrypts)
    }

    // MARK: Sealing

    func seal(_ request: SealRequest) -> SealOutcome {
        do throws(CryptoError) {
            switch request.method {
            case .recipients(let ids, let algorithm, let reference):
                let certificates = ids.compactMap { recipients[$0] }
                guard !certificates.isEmpty else { return .failed("there is nobody to encrypt to") }
                let (der, key) = try sealer.seal(
                    request.plaintext, algorithm: algorithm, recipients: certificates.map { .certificate($0) },
                    reference: reference)
                return .sealed(der, Self.form(algorithm), newKey: keep(key))
            case .wrapped(let handle):
                guard let held = keys[handle] else { return .failed("the key of the call is gone") }
                let (der, key) = try sealer.seal(
                    request.plaintext, algorithm: held.algorithm, recipients: [.contentKey(held)])
                // It was for this message only.
                key.wipe()
                return .sealed(der, Self.form(held.algorithm), newKey: nil)
            case .direct(let handle):
                guard let held = keys[handle] else { return .failed("the key of the call is gone") }
                let der = try sealer.sealEncryptedData(request.plaintext, under: held)
                return .sealed(der, BodyForm(kind: .encrypted, cipher: held.algorithm.name), newKey: nil)
            }
        } catch {
            return .failed("\(error)")
        }
    }

    private static func form(_ algorithm: ContentAlgorithm) -> BodyForm {
        BodyForm(kind: algorithm.isAuthenticated ? .authEnveloped : .enveloped, cipher: algorithm.name)
    }

    // MARK: Opening

    func open(_ contents: [[UInt8]], _ handles: [KeyHandle]) -> OpenOutcome {
        let identities = identity.map { [$0] } ?? []
        var outcome = OpenOutcome.undecipherable
        for content in contents {
            do throws(EnvelopeError) {
                let held = handles.compactMap { keys[$0] }
                return .opened(opened(try opener.open(content, identities: identities, contentKeys: held)))
            } catch {
                switch error {
                case .malformed(let fault): outcome = .malformed(fault)
                case .undecipherable: outcome = .undecipherable
                }
            }
        }
        return outcome
    }

    private func opened(_ envelope: OpenedEnvelope) -> OpenedBody {
        let used = envelope.usedKey.flatMap { key in keys.first { $0.value === key }?.key }
        var newKey: HeldKey?
        let origin: KeyOrigin
        let form: BodyForm
        let algorithm = envelope.contentKey.algorithm
        switch envelope.openedBy {
        case .publicKey:
            origin = .publicKey
            form = Self.form(algorithm)
            newKey = keep(envelope.contentKey)
        case .contentKey:
            origin = .referenced
            form = Self.form(algorithm)
            // Without a reference of its own the key was for that message only (RFC 3185 section 3).
            if envelope.reference != nil { newKey = keep(envelope.contentKey) } else { envelope.contentKey.wipe() }
        case .encryptedData:
            origin = .held
            form = BodyForm(kind: .encrypted, cipher: algorithm.name)
        }
        return OpenedBody(
            plaintext: envelope.plaintext, form: form, origin: origin,
            reference: envelope.reference ?? envelope.usedKey?.reference, newKey: newKey, usedKey: used)
    }

    // MARK: Judging

    func examine(_ der: [UInt8], host: [UInt8]?, now: Int64) -> CertificateVerdict {
        let certificate: Certificate
        do throws(CryptoError) {
            certificate = try Certificate(der: der)
        } catch {
            return .refused("the server's certificate cannot be read: \(error)")
        }
        switch policy.judge(certificate, host: host.map { String(decoding: $0, as: UTF8.self) }, now: now) {
        case .refused(let why): return .refused(why)
        case .trusted(let name): return .trusted(Disclosure(host: Array(name.utf8), recipient: add(certificate)))
        }
    }
}

extension ContentAlgorithm {
    /// As the command line and reports write it.
    public var name: String {
        switch self {
        case .aes128GCM: "aes128-gcm"
        case .aes256GCM: "aes256-gcm"
        case .aes128CBC: "aes128-cbc"
        case .aes256CBC: "aes256-cbc"
        }
    }
}
