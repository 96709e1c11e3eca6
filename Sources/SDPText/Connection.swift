public import Wire

/// Where media is sent to: `c=<nettype> <addrtype> <connection-address>` (RFC 8866 section 5.7).
public struct Connection: Hashable, Sendable {
    /// An address as written, or a name that would have to be resolved.
    public enum Address: Hashable, Sendable {
        /// An address of the family that the line names.
        case ip(IPAddress)
        /// A host name, as a range of the description's octets.
        case name(Range<Int>)
    }

    /// Without the multicast suffix.
    public let address: Address
    /// `/<ttl>` of an IPv4 multicast address.
    public let timeToLive: UInt8?
    /// `/<number of addresses>` of a multicast address.
    public let addressCount: UInt16?
    /// The name is one that never resolves, RFC 2606 section 2: `.invalid` is how a sender of IPv6 says that it has no
    /// address yet (RFC 6157).
    public let isInvalidName: Bool

    /// Multicast by its address, or by the suffix that only multicast may have.
    public var isMulticast: Bool {
        if timeToLive != nil || addressCount != nil { return true }
        return switch address {
        case .ip(let value): value.unmapped.scope == .multicast
        case .name: false
        }
    }

    /// `0.0.0.0`, `::` or a name under `.invalid`: nothing is to be sent (RFC 3264 section 8.4).
    public var isUnspecified: Bool {
        switch address {
        case .ip(let value): value.unmapped == .v4(0) || value == .v6(0, 0)
        case .name: isInvalidName
        }
    }
}

extension Connection {
    /// Reads the value of a c-line.
    init(_ line: Line, in bytes: Span<UInt8>) throws(ParseError) {
        var fields = try Fields(line, in: bytes, of: "c=")
        let isIPv6 = try AddressType.read(&fields, in: bytes, of: "c=")
        try self.init(fields.require(in: bytes), isIPv6: isIPv6, in: bytes, of: "c=")
        try fields.finish(in: bytes)
    }

    /// Reads a connection-address with its multicast suffix.
    init(_ field: Range<Int>, isIPv6: Bool, in bytes: Span<UInt8>, of production: StaticString) throws(ParseError) {
        let slash = bytes.firstIndex(of: ASCII.slash, in: field) ?? field.upperBound
        let host = field.lowerBound..<slash
        address = try Address(host, isIPv6: isIPv6, in: bytes, of: production)
        isInvalidName = address == .name(host) && HostName.isInvalid(host, in: bytes)
        guard slash < field.upperBound else {
            timeToLive = nil
            addressCount = nil
            return
        }
        guard case .ip = address else { throw ParseError(.badAddress, in: production, at: slash) }
        let suffix = slash + 1..<field.upperBound
        let secondSlash = bytes.firstIndex(of: ASCII.slash, in: suffix)
        if isIPv6 {
            timeToLive = nil
            addressCount = UInt16(try bytes.decimal(suffix, upTo: UInt64(UInt16.max), in: production))
        } else {
            let ttl = suffix.lowerBound..<(secondSlash ?? suffix.upperBound)
            timeToLive = UInt8(try bytes.decimal(ttl, upTo: UInt64(UInt8.max), in: production))
            addressCount =
                if let secondSlash {
                    UInt16(
                        try bytes.decimal(
                            secondSlash + 1..<suffix.upperBound, upTo: UInt64(UInt16.max), in: production))
                } else {
                    nil
                }
        }
    }
}

extension Connection.Address {
    /// Reads an address that must be of the family named, or a host name.
    init(_ field: Range<Int>, isIPv6: Bool, in bytes: Span<UInt8>, of production: StaticString) throws(ParseError) {
        if let value = IPAddress(text: bytes.extracting(field)) {
            guard value.isIPv6 == isIPv6 else { throw ParseError(.inconsistent, in: production, at: field.lowerBound) }
            self = .ip(value)
        } else if HostName.isName(field, in: bytes) {
            self = .name(field)
        } else {
            throw ParseError(.badAddress, in: production, at: field.lowerBound)
        }
    }
}

/// `<nettype> <addrtype>`: `IN IP4` or `IN IP6` (RFC 8866 sections 5.2 and 8.2.6).
enum AddressType {
    /// Reads both fields.
    ///
    /// - Returns: whether the address is of IPv6.
    /// - Throws: `unsupported` for any other network or address type.
    static func read(
        _ fields: inout Fields, in bytes: Span<UInt8>, of production: StaticString
    ) throws(ParseError) -> Bool {
        let network = try fields.require(in: bytes)
        guard bytes.equal(network, "IN") else { throw ParseError(.unsupported, in: production, at: network.lowerBound) }
        let type = try fields.require(in: bytes)
        if bytes.equal(type, "IP4") { return false }
        guard bytes.equal(type, "IP6") else { throw ParseError(.unsupported, in: production, at: type.lowerBound) }
        return true
    }

    /// Appends `IN IP4 192.0.2.1`.
    static func append(_ address: IPAddress, to output: inout [UInt8]) {
        output.append(contentsOf: (address.isIPv6 ? "IN IP6 " : "IN IP4 ").utf8)
        address.appendText(to: &output)
    }
}

/// Host names (`FQDN`, RFC 8866 section 9).
enum HostName {
    /// Octets in a name (RFC 1035 section 2.3.4).
    static let limit = 255

    /// Letters, digits, hyphens, dots and the underscore of some devices, and a last label that does not start with a
    /// digit: `010.1.2.3` and `1.2.3` are addresses to somebody's resolver.
    static func isName(_ field: Range<Int>, in bytes: Span<UInt8>) -> Bool {
        guard !field.isEmpty, field.count <= limit else { return false }
        var label = field.lowerBound
        for index in field {
            let octet = bytes[index]
            if octet == ASCII.dot {
                if index + 1 < field.upperBound { label = index + 1 }
            } else if !ASCII.isDigit(octet), !ASCII.isAlpha(octet), octet != ASCII.hyphen, octet != UInt8(ascii: "_") {
                return false
            }
        }
        return ASCII.isAlpha(bytes[label])
    }

    /// Whether the last label is `invalid`.
    static func isInvalid(_ field: Range<Int>, in bytes: Span<UInt8>) -> Bool {
        let tail: StaticString = ".invalid"
        guard field.count >= tail.utf8CodeUnitCount else { return false }
        return ASCII.equalIgnoringCase(
            bytes.extracting(field.upperBound - tail.utf8CodeUnitCount..<field.upperBound), tail)
    }
}
