/// Someone who may authenticate: a name and what their password hashes to.
///
/// HA1 is as good as the password within its realm (RFC 7616 section 5.13), so no description shows it.
public struct RegisteredUser: Hashable, Sendable {
    /// The name, which is also the user part of the address-of-record.
    public var name: [UInt8]
    /// SHA-256 of `name:realm:password`, 32 octets.
    public var ha1SHA256: [UInt8]
    /// MD5 of the same, 16 octets; nil when none is kept.
    public var ha1MD5: [UInt8]?

    /// A user by name and hashes.
    public init(name: [UInt8], ha1SHA256: [UInt8], ha1MD5: [UInt8]? = nil) {
        self.name = name
        self.ha1SHA256 = ha1SHA256
        self.ha1MD5 = ha1MD5
    }

    /// What `user add` keeps of a password.
    public init(
        name: [UInt8], realm: [UInt8], password: Span<UInt8>, keepsMD5: Bool, digests: any Digesting
    ) {
        var text = name
        text.append(UInt8(ascii: ":"))
        text.append(contentsOf: realm)
        text.append(UInt8(ascii: ":"))
        for index in 0..<password.count { text.append(password[index]) }
        self.name = name
        ha1SHA256 = []
        digests.append(sha256: text.span, to: &ha1SHA256)
        if keepsMD5 {
            var hash: [UInt8] = []
            digests.append(md5: text.span, to: &hash)
            ha1MD5 = hash
        }
        // The one copy of the password that is made here.
        for index in text.indices { text[index] = 0 }
    }

    /// Whether a name can be a user's: 1 to 64 octets of UTF-8 without control characters, blanks and what has a meaning of
    /// its own in HA1, in quoted strings and in URIs.
    public static func isName(_ name: Span<UInt8>) -> Bool {
        guard (1...RegistrationLimits.userOctets).contains(name.count) else { return false }
        var octets: [UInt8] = []
        for index in 0..<name.count {
            switch name[index] {
            case 0...0x20, 0x7F, UInt8(ascii: ":"), UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "@"),
                UInt8(ascii: "<"), UInt8(ascii: ">"):
                return false
            default: octets.append(name[index])
            }
        }
        return String(validating: octets, as: UTF8.self) != nil
    }
}

extension RegisteredUser: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The name alone.
    public var description: String { "user \(String(decoding: name, as: UTF8.self))" }
    /// The name alone.
    public var debugDescription: String { description }
    /// Nothing to look into.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
