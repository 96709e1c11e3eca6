/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address is a different value until `unmapped` is asked for.
public enum IPAddress: Hashable, Sendable {
    /// Host byte order: 127.0.0.1 is `0x7F00_0001`.
    case v4(UInt32)
    /// The first and the last eight octets, host byte order.
    case v6(UInt64, UInt64)
}

extension IPAddress {
    /// The address family's name as SDP writes it (`addrtype`, RFC 8866 section 5.7).
    public var isIPv6: Bool {
        switch self {
        case .v4: false
        case .v6: true
        }
    }

    /// Bits in an address of this family.
    public var bitWidth: Int { isIPv6 ? 128 : 32 }

    /// The IPv4 address inside `::ffff:a.b.c.d` (RFC 4291 section 2.5.5.2); every other address as it is.
    public var unmapped: IPAddress {
        switch self {
        case .v6(0, let low) where low >> 32 == 0xFFFF: .v4(UInt32(truncatingIfNeeded: low))
        case .v4, .v6: self
        }
    }

    /// Appends the address in network byte order: 4 or 16 octets.
    public func appendOctets(to output: inout [UInt8]) {
        switch self {
        case .v4(let value):
            for shift in stride(from: 24, through: 0, by: -8) {
                output.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        case .v6(let high, let low):
            for half in [high, low] {
                for shift in stride(from: 56, through: 0, by: -8) {
                    output.append(UInt8(truncatingIfNeeded: half >> shift))
                }
            }
        }
    }

    /// Reads 4 or 16 octets in network byte order; nil for any other count.
    public init?(octets: Span<UInt8>) {
        switch octets.count {
        case 4:
            var value: UInt32 = 0
            for index in 0..<4 { value = value << 8 | UInt32(octets[index]) }
            self = .v4(value)
        case 16:
            var high: UInt64 = 0
            var low: UInt64 = 0
            for index in 0..<8 { high = high << 8 | UInt64(octets[index]) }
            for index in 8..<16 { low = low << 8 | UInt64(octets[index]) }
            self = .v6(high, low)
        default:
            return nil
        }
    }

    /// Reads the text form: dotted decimal, or RFC 4291 section 2.2 without brackets and zone. Nil when it is neither.
    public init?(text: Span<UInt8>) {
        var hasColon = false
        for index in 0..<text.count where text[index] == ASCII.colon { hasColon = true }
        if hasColon {
            guard let address = Self.parseV6(text) else { return nil }
            self = address
        } else {
            guard let value = Self.parseV4(text, from: 0) else { return nil }
            self = .v4(value)
        }
    }

    /// Reads the text form of an address.
    public init?(_ text: String) {
        let octets = Array(text.utf8)
        self.init(text: octets.span)
    }

    /// Four decimal octets from `start` to the end; leading zeros are refused, some readers take them for octal.
    private static func parseV4(_ text: Span<UInt8>, from start: Int) -> UInt32? {
        guard text.count - start >= 7, text.count - start <= 15 else { return nil }
        var value: UInt32 = 0
        var position = start
        for group in 0..<4 {
            if group > 0 {
                guard position < text.count, text[position] == ASCII.dot else { return nil }
                position += 1
            }
            let first = position
            var octet: UInt32 = 0
            while position < text.count, position - first < 3, ASCII.isDigit(text[position]) {
                octet = octet * 10 + UInt32(text[position] - ASCII.zero)
                position += 1
            }
            guard position > first, octet < 256, position - first == 1 || text[first] != ASCII.zero else { return nil }
            value = value << 8 | octet
        }
        return position == text.count ? value : nil
    }

    private static func parseV6(_ text: Span<UInt8>) -> IPAddress? {
        guard text.count >= 2, text.count <= 45 else { return nil }
        var groups: [UInt16] = []
        var gap: Int?
        var position = 0
        if text[0] == ASCII.colon {
            guard text[1] == ASCII.colon else { return nil }
            gap = 0
            position = 2
        }
        while position < text.count {
            guard groups.count < 8 else { return nil }
            let first = position
            var value: UInt32 = 0
            while position < text.count, position - first < 4, let digit = ASCII.hexValue(text[position]) {
                value = value << 4 | UInt32(digit)
                position += 1
            }
            if position < text.count, text[position] == ASCII.dot {
                guard groups.count <= 6, let v4 = parseV4(text, from: first) else { return nil }
                groups.append(UInt16(truncatingIfNeeded: v4 >> 16))
                groups.append(UInt16(truncatingIfNeeded: v4))
                position = text.count
                break
            }
            guard position > first else { return nil }
            groups.append(UInt16(truncatingIfNeeded: value))
            guard position < text.count else { break }
            guard text[position] == ASCII.colon else { return nil }
            position += 1
            guard position < text.count else { return nil }
            if text[position] == ASCII.colon {
                guard gap == nil else { return nil }
                gap = groups.count
                position += 1
            }
        }
        if let gap {
            guard groups.count < 8 else { return nil }
            groups.insert(contentsOf: repeatElement(0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for index in 0..<4 { high = high << 16 | UInt64(groups[index]) }
        for index in 4..<8 { low = low << 16 | UInt64(groups[index]) }
        return .v6(high, low)
    }

    /// Appends the text form: dotted decimal or RFC 5952, no brackets.
    public func appendText(to output: inout [UInt8]) {
        switch self {
        case .v4(let value):
            for shift in stride(from: 24, through: 0, by: -8) {
                ASCII.append(decimal: UInt64(value >> UInt32(shift) & 0xFF), to: &output)
                if shift > 0 { output.append(ASCII.dot) }
            }
        case .v6(let high, let low):
            Self.appendV6(high, low, to: &output)
        }
    }

    private static func appendV6(_ high: UInt64, _ low: UInt64, to output: inout [UInt8]) {
        func group(_ index: Int) -> UInt16 {
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(16 * (3 - index & 3)))
        }
        // RFC 5952 section 4.2: the longest run of two or more zero groups, the first of equals, becomes "::".
        var best = 0..<0
        var index = 0
        while index < 8 {
            let start = index
            while index < 8, group(index) == 0 { index += 1 }
            if index - start >= 2, index - start > best.count { best = start..<index }
            if index == start { index += 1 }
        }
        let digits: StaticString = "0123456789abcdef"
        index = 0
        while index < 8 {
            if !best.isEmpty, index == best.lowerBound {
                output.append(ASCII.colon)
                output.append(ASCII.colon)
                index = best.upperBound
                continue
            }
            if index > 0, index != best.upperBound || best.isEmpty { output.append(ASCII.colon) }
            let value = group(index)
            var started = false
            for shift in stride(from: 12, through: 0, by: -4) {
                let digit = Int(value >> UInt16(shift) & 0xF)
                if digit != 0 || started || shift == 0 {
                    output.append(digits.utf8Start[digit])
                    started = true
                }
            }
            index += 1
        }
    }
}

extension IPAddress: CustomStringConvertible {
    /// The address as text: dotted decimal, or as RFC 5952 has it.
    public var description: String {
        var output: [UInt8] = []
        appendText(to: &output)
        return String(decoding: output, as: UTF8.self)
    }
}

/// What an address is for, as far as a firewall must tell.
public enum AddressScope: Hashable, Sendable {
    /// One host somewhere: the only scope that media may go to.
    case unicast
    /// 0.0.0.0/8 or `::`.
    case unspecified
    /// 127.0.0.0/8 or `::1`.
    case loopback
    /// 169.254.0.0/16 or fe80::/10.
    case linkLocal
    /// 224.0.0.0/4 or ff00::/8.
    case multicast
    /// 240.0.0.0/4, broadcast included.
    case reserved
    /// An address that hides an IPv4 one: ::ffff:0:0/96, ::/96, 64:ff9b::/96 and 2002::/16.
    case embedded
}

extension IPAddress {
    /// The scope by the IANA special-purpose registries (RFC 6890), as far as media needs it.
    public var scope: AddressScope {
        switch self {
        case .v4(let value):
            switch value >> 24 {
            case 0: .unspecified
            case 127: .loopback
            case 224...239: .multicast
            case 240...255: .reserved
            default: value >> 16 == 0xA9FE ? .linkLocal : .unicast
            }
        case .v6(0, 0): .unspecified
        case .v6(0, 1): .loopback
        case .v6(0, let low) where low >> 32 == 0xFFFF || low >> 32 == 0: .embedded
        case .v6(let high, _):
            if high >> 54 == 0xFE80 >> 6 {
                .linkLocal
            } else if high >> 56 == 0xFF {
                .multicast
            } else if high >> 48 == 0x2002 || high == 0x0064_FF9B_0000_0000 {
                .embedded
            } else {
                .unicast
            }
        }
    }
}

extension IPAddress {
    /// What counts as one source of traffic: an IPv4 address, or the /64 that an IPv6 host has to itself (RFC 6177).
    public var network: IPAddress {
        switch self {
        case .v4: self
        case .v6(let high, _): .v6(high, 0)
        }
    }
}
