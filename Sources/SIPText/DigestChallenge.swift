import Wire

/// The value of WWW-Authenticate and Proxy-Authenticate with the Digest scheme (RFC 7616 section 3.3, RFC 8760).
public struct DigestChallenge: Hashable, Sendable {
    /// The protection space, as a person reads it.
    public var realm: [UInt8]
    /// What the client must answer; octets that need no escape in a quoted string.
    public var nonce: [UInt8]
    /// The hash function to answer with.
    public var hash: DigestHash
    /// Whether the credentials were right and only their nonce was not: the client need not ask its user again.
    public var isStale: Bool

    /// A challenge for `qop` `auth`.
    public init(realm: [UInt8], nonce: [UInt8], hash: DigestHash, isStale: Bool = false) {
        self.realm = realm
        self.nonce = nonce
        self.hash = hash
        self.isStale = isStale
    }

    /// The field value.
    ///
    /// `qop` is always there (RFC 3261 section 22.4, item 8) and quoted, `algorithm` and `stale` are not (RFC 7616
    /// section 3.3).
    public func value() -> [UInt8] {
        var value: [UInt8] = []
        value.reserveCapacity(96 + realm.count + nonce.count)
        value.append(literal: "Digest realm=\"")
        QuotedText.append(escaping: realm.span, to: &value)
        value.append(literal: "\", nonce=\"")
        value.append(contentsOf: nonce)
        value.append(literal: "\", algorithm=")
        value.append(literal: hash.name)
        value.append(literal: ", qop=\"auth\"")
        if isStale { value.append(literal: ", stale=true") }
        return value
    }
}

/// What stands between the quotes of a `quoted-string` (RFC 3261 section 25.1).
public enum QuotedText {
    /// Appends the octets with a backslash before each quote and backslash.
    public static func append(escaping octets: Span<UInt8>, to output: inout [UInt8]) {
        for index in 0..<octets.count {
            if octets[index] == ASCII.quote || octets[index] == ASCII.backslash { output.append(ASCII.backslash) }
            output.append(octets[index])
        }
    }

    /// The octets with their escapes resolved.
    public static func unescaped(_ octets: Span<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(octets.count)
        var index = 0
        while index < octets.count {
            if octets[index] == ASCII.backslash, index + 1 < octets.count { index += 1 }
            output.append(octets[index])
            index += 1
        }
        return output
    }
}
