public import CMSText

/// The content encryption key of one message, and what later messages of its session may do with it.
///
/// A class: the session's key table and the code that uses the key share one copy, and `wipe()` ends it for all of
/// them. It shows nothing of itself. Not thread-safe: it stays with the event loop of its session.
public final class ContentKey {
    /// The only algorithm that the key is used with (RFC 9709 says what happens otherwise).
    public let algorithm: ContentAlgorithm
    /// The CEKReference that names the key in later messages; nil when there was none.
    public let reference: [UInt8]?
    /// The CEKMaxDecrypts that came with it. Counting is the caller's.
    public let maxDecrypts: Int?
    /// Whether the octets are gone.
    public private(set) var isWiped = false
    private var secret: SecretBytes

    /// - Parameter secret: `algorithm.keyLength` octets.
    /// - Throws: `outOfRange` for another length.
    public convenience init(
        _ secret: consuming SecretBytes, algorithm: ContentAlgorithm, reference: [UInt8]? = nil, maxDecrypts: Int? = nil
    ) throws(CryptoError) {
        guard secret.count == algorithm.keyLength else {
            throw CryptoError(
                .outOfRange, while: "taking a content encryption key",
                "it has \(secret.count) octets where the algorithm wants \(algorithm.keyLength)")
        }
        self.init(checked: secret, algorithm: algorithm, reference: reference, maxDecrypts: maxDecrypts)
    }

    /// - Parameter secret: known to have `algorithm.keyLength` octets.
    init(
        checked secret: consuming SecretBytes, algorithm: ContentAlgorithm, reference: [UInt8]?, maxDecrypts: Int?
    ) {
        self.secret = secret
        self.algorithm = algorithm
        self.reference = reference
        self.maxDecrypts = maxDecrypts
    }

    /// Overwrites the octets at once. The key opens and seals nothing any more.
    public func wipe() {
        secret.wipe()
        isWiped = true
    }

    /// Lends the octets to the closure; nil when they are gone.
    func withSecret<Result>(_ body: (borrowing SecretBytes) -> Result) -> Result? {
        isWiped ? nil : body(secret)
    }

    /// Whether it holds these octets; false when they are gone.
    func holds(_ other: borrowing SecretBytes) -> Bool { !isWiped && secret.equals(other) }

    /// The key encryption key that RFC 3185 section 4 makes of it: its octets reversed. Nil when they are gone.
    func keyEncryptionKey() -> SecretBytes? { isWiped ? nil : secret.reversed() }
}

extension ContentKey: CustomStringConvertible, CustomReflectable {
    /// The name of the type and nothing else.
    public var description: String { "ContentKey" }
    /// Nothing: a dump must not walk into the key.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
