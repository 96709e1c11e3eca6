import Crypto
import Gateway
import NIOCore
import NIOPosix

/// Opens envelopes on a thread of its own, so that private-key work does not stall the event loop, and keeps the
/// sessions' content-encryption keys there: no other thread ever sees one.
///
/// `@unchecked Sendable`: the mutable state is touched by the one thread of the pool only.
final class EnvelopeWorker: @unchecked Sendable {
    private let eventLoop: any EventLoop
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let identities: [Identity]
    private let opener: EnvelopeOpener
    private var keys: [KeyHandle: ContentKey] = [:]
    private var nextHandle: UInt64 = 0

    init(identities: [Identity], eventLoop: any EventLoop) throws {
        self.identities = identities
        self.eventLoop = eventLoop
        opener = try EnvelopeOpener()
        pool.start()
    }

    /// Tries the envelopes in order; the completion runs on the event loop.
    func open(_ request: EnvelopeRequest, completion: @escaping (EnvelopeOutcome) -> Void) {
        let result = pool.runIfActive(eventLoop: eventLoop) { self.open(request) }
        result.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let outcome): completion(outcome)
            case .failure: completion(.undecipherable)
            }
        }
    }

    /// Overwrites a key.
    func forget(_ handle: KeyHandle) {
        pool.submit { _ in self.keys.removeValue(forKey: handle)?.wipe() }
    }

    private func open(_ request: EnvelopeRequest) -> EnvelopeOutcome {
        let held = request.keys.compactMap { handle in keys[handle].map { (handle, $0) } }
        var outcome = EnvelopeOutcome.undecipherable
        for content in request.contents {
            do throws(EnvelopeError) {
                let opened = try opener.open(content, identities: identities, contentKeys: held.map(\.1))
                return .opened(keep(opened, held))
            } catch {
                switch error {
                case .malformed(let fault): outcome = .malformed(fault)
                case .undecipherable: outcome = .undecipherable
                }
            }
        }
        return outcome
    }

    /// Decides which key the session keeps (RFC 3185): that of a message under a public key, or under a held key with a
    /// reference of its own.
    private func keep(_ opened: OpenedEnvelope, _ held: [(KeyHandle, ContentKey)]) -> OpenedBody {
        let used = held.first { $0.1 === opened.usedKey }?.0
        let isNew: Bool =
            switch opened.openedBy {
            case .publicKey: true
            case .contentKey: opened.reference != nil && opened.reference != opened.usedKey?.reference
            case .encryptedData: false
            }
        var handle: KeyHandle?
        if isNew {
            nextHandle += 1
            let new = KeyHandle(value: nextHandle)
            keys[new] = opened.contentKey
            handle = new
        } else if opened.openedBy == .contentKey {
            opened.contentKey.wipe()
        }
        return OpenedBody(
            plaintext: opened.plaintext, isAuthenticated: opened.isAuthenticated, newKey: handle,
            newKeyUses: isNew ? opened.maxDecrypts : nil, usedKey: used)
    }
}
