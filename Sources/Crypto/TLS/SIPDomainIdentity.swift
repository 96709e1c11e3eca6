/// The SIP domains that a certificate speaks for, and whether one of them is who was wanted (RFC 5922 section 7).
///
/// The common name is never looked at, and no name is a pattern.
public enum SIPDomainIdentity {
    /// id-kp-sipDomain: the key is for a SIP domain (RFC 5924 section 3).
    public static let sipDomainPurpose = "1.3.6.1.5.5.7.3.20"
    /// anyExtendedKeyUsage (RFC 5280 section 4.2.1.12).
    public static let anyPurpose = "2.5.29.37.0"

    /// The domains, in lower case and in the order of the certificate (section 7.1).
    ///
    /// A `sip` URI without a user is one; dNSName values count only when there is no such URI. `sips` URIs and URIs with
    /// a user name no domain, and what has an asterisk in it is a pattern and no name.
    ///
    /// - Parameters:
    ///   - uris: the subject alternative names of type uniformResourceIdentifier.
    ///   - dnsNames: those of type dNSName.
    public static func domains(uris: [String], dnsNames: [String]) -> [[UInt8]] {
        let named = uris.compactMap { domain(ofURI: Array($0.utf8)) }
        let domains = named.isEmpty ? dnsNames.map { Array($0.utf8).map(lowercase) } : named
        return domains.filter { !$0.contains(asterisk) }
    }

    /// Whether one of the domains is the wanted one: whole names, letter case aside (section 7.2).
    ///
    /// - Parameter name: not a pattern either. A name with an asterisk, and an empty one, are never matched.
    public static func matches(_ name: [UInt8], domains: [[UInt8]]) -> Bool {
        guard !name.isEmpty, !name.contains(asterisk) else { return false }
        let wanted = name.map(lowercase)
        return domains.contains(wanted)
    }

    /// Whether the extended key usage lets the key be used for SIP (RFC 5924 section 4).
    ///
    /// - Parameter purposes: object identifiers in dotted form; nil when the certificate has no such extension, which
    ///   restricts nothing.
    public static func permits(purposes: [String]?) -> Bool {
        guard let purposes else { return true }
        return purposes.contains(sipDomainPurpose) || purposes.contains(anyPurpose)
    }

    /// The host of `sip:host`, in lower case; nil for every other URI.
    private static func domain(ofURI uri: [UInt8]) -> [UInt8]? {
        let scheme = Array("sip:".utf8)
        guard uri.count > scheme.count, uri[..<scheme.count].map(lowercase) == scheme, !uri.contains(at) else {
            return nil
        }
        let rest = uri[scheme.count...]
        // What may follow a host: port, parameters, headers. An address in brackets is no domain.
        let host = rest.prefix { $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "?") }
        guard !host.isEmpty, host.first != UInt8(ascii: "[") else { return nil }
        return host.map(lowercase)
    }

    private static let at = UInt8(ascii: "@")
    private static let asterisk = UInt8(ascii: "*")

    private static func lowercase(_ octet: UInt8) -> UInt8 { (0x41...0x5A).contains(octet) ? octet | 0x20 : octet }
}
