/// What came out of an envelope.
public struct OpenedEnvelope {
    /// What the content encryption key was found with.
    public enum Opener: Hashable, Sendable {
        /// One of the identities: ktri or kari.
        case publicKey
        /// A key held, as key encryption key: kekri (RFC 3185).
        case contentKey
        /// A key held, itself: EncryptedData.
        case encryptedData
    }

    /// The content. When `isAuthenticated` is false it may be noise: AES-CBC shows a wrong key or altered content only
    /// by a bad padding, which noise has with 255 in 256. What cannot be parsed is then to be answered like
    /// `undecipherable`.
    public let plaintext: [UInt8]
    /// The key of this message, with the reference and the count that came with it; for EncryptedData the key held.
    public let contentKey: ContentKey
    /// The CEKReference of this message.
    public let reference: [UInt8]?
    /// The CEKMaxDecrypts of this message.
    public let maxDecrypts: Int?
    /// What the content encryption key was found with.
    public let openedBy: Opener
    /// The key held that this message has used: the one whose use the caller counts. Nil after a public key.
    public let usedKey: ContentKey?
    /// Whether the content is what the holder of its key wrote (GCM).
    public let isAuthenticated: Bool
}

extension OpenedEnvelope: CustomStringConvertible, CustomReflectable {
    /// The name of the type and nothing else.
    public var description: String { "OpenedEnvelope" }
    /// Nothing: the content holds the media's keys (RFC 4568), and a dump would show it.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
