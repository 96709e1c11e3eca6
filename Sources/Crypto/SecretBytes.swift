import COpenSSL

/// Octets that must not outlive their use: key material.
///
/// There is one owner; the octets are overwritten when it goes. The value has no description and cannot be copied,
/// logged or compared other than in constant time.
// Unchecked: the storage is owned by this value alone, and a value that cannot be copied is in one place at a time.
/// Key material with a single owner, overwritten when the owner lets go of it.
public struct SecretBytes: ~Copyable, @unchecked Sendable {
    private let storage: UnsafeMutableBufferPointer<UInt8>

    /// Takes a copy; the caller's octets are the caller's to overwrite.
    public init(copying octets: Span<UInt8>) {
        self.init(count: octets.count)
        for index in 0..<octets.count { storage[index] = octets[index] }
    }

    /// Octets from libcrypto's random generator for private values (RAND_priv_bytes).
    ///
    /// - Throws: when the generator has no entropy.
    public init(randomCount count: Int) throws(CryptoError) {
        self.init(count: count)
        guard RAND_priv_bytes(storage.baseAddress, Int32(count)) == 1 else {
            throw .library("drawing random octets")
        }
    }

    /// Zeroes, for a C function to write into.
    init(count: Int) {
        // At least one octet: an empty allocation has no address, and C functions want one.
        storage = .allocate(capacity: max(count, 1))
        storage.initialize(repeating: 0)
        self.count = count
    }

    deinit {
        OPENSSL_cleanse(storage.baseAddress, storage.count)
        storage.deallocate()
    }

    /// The number of octets.
    public let count: Int

    /// The octets, lent for as long as the owner lives.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        borrowing get {
            let octets = Span(_unsafeElements: UnsafeBufferPointer(rebasing: storage[..<count]))
            return _overrideLifetime(octets, borrowing: self)
        }
    }

    /// The octets for a C function to read, for the length of the call.
    var pointer: UnsafePointer<UInt8>? { UnsafePointer(storage.baseAddress) }

    /// The octets for a C function to write, for the length of the call.
    var mutablePointer: UnsafeMutablePointer<UInt8>? {
        mutating get { storage.baseAddress }
    }

    /// Whether both hold the same octets. Takes the same time wherever they differ.
    public borrowing func equals(_ other: borrowing SecretBytes) -> Bool {
        count == other.count && CRYPTO_memcmp(storage.baseAddress, other.storage.baseAddress, count) == 0
    }

    /// The octets from last to first: how RFC 3185 section 4 makes a key encryption key of a content encryption key.
    public borrowing func reversed() -> SecretBytes {
        let result = SecretBytes(count: count)
        for index in 0..<count { result.storage[index] = storage[count - 1 - index] }
        return result
    }

    /// The first octets, the rest left behind.
    borrowing func prefix(_ length: Int) -> SecretBytes {
        let result = SecretBytes(count: min(length, count))
        for index in 0..<result.count { result.storage[index] = storage[index] }
        return result
    }

    /// Overwrites the octets at once.
    public mutating func wipe() { OPENSSL_cleanse(storage.baseAddress, storage.count) }
}
