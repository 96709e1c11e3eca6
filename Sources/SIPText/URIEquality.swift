import Wire

extension URI {
    /// Whether two `sip` or `sips` URIs are equivalent (RFC 3261 section 19.1.4). URIs of other schemes are when their
    /// octets are equal.
    ///
    /// User information and host count, a port that is not written is none of the others, `user`, `ttl`, `method`, `maddr`
    /// and `transport` count when either has them, every other parameter when both do, headers always. A password counts as
    /// part of the user; escaped characters are equal to themselves unescaped.
    public func isEquivalent(in bytes: Span<UInt8>, to other: URI, in otherBytes: Span<UInt8>) -> Bool {
        guard scheme == other.scheme else { return false }
        guard scheme != .other else { return ASCII.equal(bytes.octets(text), otherBytes.octets(other.text)) }
        return namesSamePlace(in: bytes, as: other, in: otherBytes)
            && parametersAgree(in: bytes, with: other, in: otherBytes)
            && Self.equalUnescaped(bytes.octets(headers), otherBytes.octets(other.headers), ignoringCase: false)
    }

    /// Whether scheme, user, host and port are the same, whatever parameters and headers say.
    public func namesSamePlace(in bytes: Span<UInt8>, as other: URI, in otherBytes: Span<UInt8>) -> Bool {
        scheme == other.scheme && port == other.port
            && Self.equalUnescaped(
                bytes.octets(userInformation(in: bytes)), otherBytes.octets(other.userInformation(in: otherBytes)),
                ignoringCase: false)
            && sameHost(in: bytes, as: other, in: otherBytes)
    }

    /// The user with its password.
    private func userInformation(in bytes: Span<UInt8>) -> Slice {
        guard !user.isEmpty else { return .empty }
        var end = Int(user.end)
        while end < Int(text.end), bytes[end] != ASCII.at { end += 1 }
        return Slice(Int(user.start)..<end)
    }

    private func sameHost(in bytes: Span<UInt8>, as other: URI, in otherBytes: Span<UInt8>) -> Bool {
        if let address = address(in: bytes) { return address == other.address(in: otherBytes) }
        return ASCII.equalIgnoringCase(bytes.octets(host), otherBytes.octets(other.host))
    }

    private func parametersAgree(in bytes: Span<UInt8>, with other: URI, in otherBytes: Span<UInt8>) -> Bool {
        Self.covers(parameters, in: bytes, other.parameters, in: otherBytes)
            && Self.covers(other.parameters, in: otherBytes, parameters, in: bytes)
    }

    /// Whether each parameter of the first has its counterpart in the second, or may lack one.
    private static func covers(
        _ a: Parameters, in bytes: Span<UInt8>, _ b: Parameters, in otherBytes: Span<UInt8>
    ) -> Bool {
        var position = Int(a.slice.start)
        while let parameter = Parameters.next(in: bytes, from: &position, to: Int(a.slice.end)) {
            let name = bytes.octets(parameter.name)
            guard let value = find(name, b, in: otherBytes) else {
                if mustBeInBoth(name) { return false }
                continue
            }
            guard equalUnescaped(bytes.octets(parameter.value), otherBytes.octets(value), ignoringCase: true) else {
                return false
            }
        }
        return true
    }

    private static func find(_ name: Span<UInt8>, _ parameters: Parameters, in bytes: Span<UInt8>) -> Slice? {
        var position = Int(parameters.slice.start)
        while let parameter = Parameters.next(in: bytes, from: &position, to: Int(parameters.slice.end)) {
            if ASCII.equalIgnoringCase(bytes.octets(parameter.name), name) { return parameter.value }
        }
        return nil
    }

    private static func mustBeInBoth(_ name: Span<UInt8>) -> Bool {
        ASCII.equalIgnoringCase(name, "user") || ASCII.equalIgnoringCase(name, "ttl")
            || ASCII.equalIgnoringCase(name, "method") || ASCII.equalIgnoringCase(name, "maddr")
            || ASCII.equalIgnoringCase(name, "transport")
    }

    private static func equalUnescaped(_ a: Span<UInt8>, _ b: Span<UInt8>, ignoringCase: Bool) -> Bool {
        var (i, j) = (0, 0)
        while i < a.count, j < b.count {
            let x = PercentEscape.next(a, &i)
            let y = PercentEscape.next(b, &j)
            guard x == y || ignoringCase && ASCII.lowercase(x) == ASCII.lowercase(y) else { return false }
        }
        return i == a.count && j == b.count
    }
}

/// The `escaped` octets of a URI (RFC 3261 section 25.1): `%` and two hexadecimal digits.
public enum PercentEscape {
    /// The octet at the position, an escape resolved; the position is behind it afterwards. A `%` that begins no escape is
    /// itself.
    public static func next(_ octets: Span<UInt8>, _ position: inout Int) -> UInt8 {
        let octet = octets[position]
        position += 1
        guard octet == sign, position + 1 < octets.count, let high = ASCII.hexValue(octets[position]),
            let low = ASCII.hexValue(octets[position + 1])
        else { return octet }
        position += 2
        return high << 4 | low
    }

    /// The percent sign.
    public static let sign: UInt8 = 0x25
}
