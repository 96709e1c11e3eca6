/// An address and a port.
public struct Endpoint: Hashable, Sendable {
    /// The address.
    public var address: IPAddress
    /// The port, 0 to 65535.
    public var port: UInt16

    /// An endpoint of this address and port.
    public init(_ address: IPAddress, _ port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Reads `192.0.2.1:5060` or `[2001:db8::1]:5060`; nil when it is neither.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard let address = IPAddress(String(host)) else { return nil }
        self.init(address, port)
    }

    /// Appends `192.0.2.1:5060` or `[2001:db8::1]:5060`.
    public func appendText(to output: inout [UInt8]) {
        if address.isIPv6 { output.append(ASCII.leftBracket) }
        address.appendText(to: &output)
        if address.isIPv6 { output.append(ASCII.rightBracket) }
        output.append(ASCII.colon)
        ASCII.append(decimal: UInt64(port), to: &output)
    }
}

extension Endpoint {
    /// Feeds one word for IPv4 and three for IPv6: tables of endpoints are looked into for every call, and what the
    /// compiler makes feeds each part by itself.
    public func hash(into hasher: inout Hasher) {
        switch address {
        case .v4(let value):
            hasher.combine(UInt64(value) << 16 | UInt64(port))
        case .v6(let high, let low):
            hasher.combine(high)
            hasher.combine(low)
            hasher.combine(UInt64(port))
        }
    }
}

extension Endpoint: CustomStringConvertible {
    /// The endpoint as text: `192.0.2.1:5060` or `[2001:db8::1]:5060`.
    public var description: String {
        var output: [UInt8] = []
        appendText(to: &output)
        return String(decoding: output, as: UTF8.self)
    }
}

/// A range of addresses: those whose first `length` bits are the prefix's.
public struct Prefix: Hashable, Sendable {
    /// The lowest address of the range; all bits after the prefix are 0.
    public let address: IPAddress
    /// Bits that count: 0 to 32 or 0 to 128.
    public let length: Int

    /// - Returns: nil when the length is out of the family's range or a bit after it is set.
    public init?(_ address: IPAddress, length: Int) {
        guard length >= 0, length <= address.bitWidth else { return nil }
        self.address = address
        self.length = length
        guard Self.mask(address, to: length) == address else { return nil }
    }

    /// Reads `10.1.0.0/24`, `2001:db8::/32`, or an address alone, which is the prefix of full length.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
        if parts.count == 1 {
            self.init(address, length: address.bitWidth)
        } else {
            guard let length = Int(parts[1]) else { return nil }
            self.init(address, length: length)
        }
    }

    /// Whether the address lies in the range; an address of the other family never does.
    public func contains(_ candidate: IPAddress) -> Bool {
        candidate.isIPv6 == address.isIPv6 && Self.mask(candidate, to: length) == address
    }

    private static func mask(_ address: IPAddress, to length: Int) -> IPAddress {
        switch address {
        case .v4(let value):
            .v4(length == 0 ? 0 : value & (~0 << UInt32(32 - length)))
        case .v6(let high, let low):
            if length <= 64 {
                .v6(length == 0 ? 0 : high & (~0 << UInt64(64 - length)), 0)
            } else {
                .v6(high, low & (~0 << UInt64(128 - length)))
            }
        }
    }
}

extension Prefix: CustomStringConvertible {
    /// The prefix as text: `10.1.0.0/24`.
    public var description: String { "\(address)/\(length)" }
}
