public import SIPText
import Wire

/// An address-of-record in the form by which registrations are found (RFC 3261 section 10.3, step 5): no parameters, no
/// escapes. The scheme and the port are left off too: within a domain of ours they tell no two users apart.
public struct AddressOfRecord: Hashable, Sendable {
    /// The user, escapes resolved.
    public let user: [UInt8]
    /// The domain in lower case; an address in its canonical text, without brackets.
    public let domain: [UInt8]

    /// An address-of-record that is canonical already: what a store gives back.
    public init(user: [UInt8], domain: [UInt8]) {
        self.user = user
        self.domain = domain
    }

    /// The canonical form of a URI.
    ///
    /// - Returns: nil when the URI is not `sip` or `sips`, has no user, is malformed, or hides a control character or a
    ///   broken escape in the user: no user of ours is called that.
    public init?(uri octets: Span<UInt8>) {
        guard let uri = try? URI(in: octets, Slice(0..<octets.count)), uri.scheme != .other, !uri.user.isEmpty else {
            return nil
        }
        let text = octets.octets(uri.user)
        var user: [UInt8] = []
        var position = 0
        while position < text.count {
            let isPlain = text[position] != PercentEscape.sign
            let start = position
            let octet = PercentEscape.next(text, &position)
            guard isPlain || position == start + 3, octet >= ASCII.space, octet != 0x7F else { return nil }
            user.append(octet)
        }
        guard user.count <= RegistrationLimits.userOctets else { return nil }
        self.user = user
        domain = Self.domain(of: uri, in: octets)
    }

    /// The host of a `sip` or `sips` URI in canonical form; nil for another URI.
    static func domain(ofURI octets: Span<UInt8>) -> [UInt8]? {
        guard let uri = try? URI(in: octets, Slice(0..<octets.count)), uri.scheme != .other else { return nil }
        return domain(of: uri, in: octets)
    }

    private static func domain(of uri: URI, in octets: Span<UInt8>) -> [UInt8] {
        var domain: [UInt8] = []
        if let address = uri.address(in: octets) {
            address.appendText(to: &domain)
        } else {
            for position in uri.host.range { domain.append(ASCII.lowercase(octets[position])) }
        }
        return domain
    }

    /// The canonical form of the URI in From, To or the like.
    public init?(of name: HeaderName, in message: Message) {
        guard let address = message.address(of: name) else { return nil }
        self.init(uri: message.octets(address.uri))
    }

    /// The canonical form of a request's Request-URI: whom a call is for.
    public init?(target request: Message) {
        guard let slice = request.requestURI else { return nil }
        self.init(uri: request.octets(slice))
    }
}

extension AddressOfRecord: CustomStringConvertible {
    /// The address as people write it.
    public var description: String {
        "\(String(decoding: user, as: UTF8.self))@\(String(decoding: domain, as: UTF8.self))"
    }
}
