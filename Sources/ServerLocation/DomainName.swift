import Wire

/// A domain name as text: lower case, without the final dot, 1 to 253 octets; the root is the empty text.
///
/// Labels hold letters, digits, hyphens and underscores only. Names with other octets are legal in the DNS (RFC 2181
/// section 11) but name no SIP server.
public struct DomainName: Hashable, Sendable {
    /// The text; empty for the root.
    public let octets: [UInt8]

    /// The root of the DNS. As the target of an SRV record: the service is not offered (RFC 2782).
    public static let root = DomainName(checked: [])

    /// Reads a name; one final dot is taken off.
    ///
    /// - Returns: nil when it is empty, too long, or has a label that is empty, too long or holds another octet.
    public init?(_ text: Span<UInt8>) {
        var count = text.count
        if count > 1, text[count - 1] == ASCII.dot { count -= 1 }
        guard count > 0, count <= LookupLimits.nameOctets else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(count)
        var label = 0
        for index in 0..<count {
            let octet = text[index]
            if octet == ASCII.dot {
                guard label > 0 else { return nil }
                label = 0
            } else {
                guard Self.isLabelOctet(octet) else { return nil }
                label += 1
                guard label <= LookupLimits.labelOctets else { return nil }
            }
            octets.append(ASCII.lowercase(octet))
        }
        guard label > 0 else { return nil }
        self.octets = octets
    }

    private init(checked octets: [UInt8]) { self.octets = octets }

    /// Whether this is the root.
    public var isRoot: Bool { octets.isEmpty }

    /// Whether it may name a host (RFC 3261 section 25.1, `hostname`): no underscore, no hyphen at either end of a label,
    /// and a last label that begins with a letter. The last keeps every spelling of an IPv4 address out: `127.1`, `0x7F.1`.
    public var isHostName: Bool {
        guard !isRoot else { return false }
        var lastLabel = 0
        for index in octets.indices {
            let octet = octets[index]
            if octet == Self.underscore { return false }
            if octet == ASCII.dot { lastLabel = index + 1 }
            let isFirst = index == 0 || octets[index - 1] == ASCII.dot
            let isLast = index == octets.count - 1 || octets[index + 1] == ASCII.dot
            if octet == ASCII.hyphen, isFirst || isLast { return false }
        }
        return ASCII.isAlpha(octets[lastLabel])
    }

    /// The name below this one: `_sip._udp` and `example.com` make `_sip._udp.example.com`.
    ///
    /// - Returns: nil when that is too long.
    public func prefixed(by labels: StaticString) -> DomainName? {
        var text = Array(UnsafeBufferPointer(start: labels.utf8Start, count: labels.utf8CodeUnitCount))
        if !isRoot { text.append(ASCII.dot) }
        text += octets
        return DomainName(text.span)
    }

    private static let underscore: UInt8 = 0x5F

    static func isLabelOctet(_ octet: UInt8) -> Bool {
        ASCII.isAlpha(octet) || ASCII.isDigit(octet) || octet == ASCII.hyphen || octet == underscore
    }
}

extension DomainName: CustomStringConvertible {
    /// The name as text; `.` for the root.
    public var description: String { isRoot ? "." : String(decoding: octets, as: UTF8.self) }
}
