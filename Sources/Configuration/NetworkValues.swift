internal import Wire

/// Addresses, ports and names of the network as values of a configuration file.
extension Field {
    /// An address, IPv4 or IPv6, that a packet can have as source or destination of one host.
    ///
    /// Loopback is allowed because a test bed lives there; what media may reach is decided elsewhere.
    func hostAddress() throws(ConfigurationError) -> IPAddress {
        let allowed = "an IPv4 or IPv6 address of one host, such as 192.0.2.1 or 2001:db8::1"
        guard let address = IPAddress(try text(allowed)) else { throw error("not an address", allowed: allowed) }
        switch address.scope {
        case .unicast, .loopback: return address
        case .unspecified, .linkLocal, .multicast, .reserved, .embedded:
            throw error("not the address of one host", allowed: allowed)
        }
    }

    /// An address range.
    func prefix() throws(ConfigurationError) -> Prefix {
        let text = try text(Self.prefixes)
        // Digits only after the slash: Swift's Int also reads "+24" and "024".
        let length = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).dropFirst().first
        guard length.map({ $0.utf8.allSatisfy(ASCII.isDigit) && ($0 == "0" || !$0.hasPrefix("0")) }) ?? true,
            let prefix = Prefix(text)
        else { throw error("not an address range", allowed: Self.prefixes) }
        return prefix
    }

    func prefixList(atLeast minimum: Int = 0) throws(ConfigurationError) -> [Prefix] {
        try list(of: Self.prefixes, atLeast: minimum) { field throws(ConfigurationError) in try field.prefix() }
    }

    private static var prefixes: String { "ADDRESS/LENGTH with no bit set after the length, such as 10.1.0.0/24" }

    /// A port of UDP or TCP; 0 means none on the wire.
    func port() throws(ConfigurationError) -> UInt16 {
        UInt16(truncatingIfNeeded: try number(1...65535))
    }

    /// One port, or the first and the last of a range with a hyphen between them.
    func portRange(from lowest: UInt16) throws(ConfigurationError) -> ClosedRange<UInt16> {
        let allowed = "a port or FIRST-LAST between \(lowest) and 65535"
        let ends = try text(allowed).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(ASCII.isDigit) }) else {
            throw error("not a port range", allowed: allowed)
        }
        let ports = ends.compactMap { UInt16($0) }
        guard ports.count == ends.count, let first = ports.first, let last = ports.last, first >= lowest else {
            throw error("out of range", allowed: allowed)
        }
        guard first <= last else { throw error("the last port is below the first", allowed: allowed) }
        return first...last
    }

    /// A DNS host name (RFC 1123 section 2.1), in lower case: names compare without regard to case.
    func hostName() throws(ConfigurationError) -> String {
        let name = try text(Self.hostNames)
        guard Self.isHostName(name) else { throw error("not a host name", allowed: Self.hostNames) }
        return name.lowercased()
    }

    /// A host name, or an address in its one canonical spelling: what the host part of a SIP URI can be.
    func host() throws(ConfigurationError) -> String {
        if let address = IPAddress(try text(Self.hostNames)) { return address.description }
        return try hostName()
    }

    private static var hostNames: String { "letters, digits, hyphens and dots, such as gw.example.net" }

    private static func isHostName(_ name: String) -> Bool {
        // RFC 1035 section 2.3.4: labels of 1 to 63 octets; 253 characters are what fits 255 octets on the wire.
        guard name.utf8.count <= 253 else { return false }
        let labels = name.utf8.split(separator: ASCII.dot, omittingEmptySubsequences: false)
        // A last label of digits alone would be an address that is none (RFC 3696 section 2).
        guard let last = labels.last, !last.allSatisfy(ASCII.isDigit) else { return false }
        return labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != ASCII.hyphen && label.last != ASCII.hyphen
                && label.allSatisfy { ASCII.isAlpha($0) || ASCII.isDigit($0) || $0 == ASCII.hyphen }
        }
    }
}
