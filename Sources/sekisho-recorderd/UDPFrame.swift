/// Tells frames with UDP from all others.
enum UDPFrame {
    /// VLAN tags before the type; two is what IEEE 802.1ad stacks.
    static let maximumTags = 2
    /// IPv6 extension headers before UDP. RFC 8200 section 4.1 lists seven kinds, one of which may come twice.
    static let maximumExtensions = 8

    /// Whether an Ethernet frame carries UDP over IPv4 or IPv6; also whether it carries a later fragment of UDP.
    static func isUDP(_ frame: Span<UInt8>) -> Bool {
        // Two addresses of six octets come first.
        var offset = 12
        for _ in 0...maximumTags {
            guard offset + 2 <= frame.count else { return false }
            let type = UInt16(frame[offset]) << 8 | UInt16(frame[offset + 1])
            offset += 2
            switch type {
            case 0x8100, 0x88A8: offset += 2
            case 0x0800: return isUDPOverIPv4(frame, at: offset)
            case 0x86DD: return isUDPOverIPv6(frame, at: offset)
            case _: return false
            }
        }
        return false
    }

    private static let udp: UInt8 = 17

    /// RFC 791 section 3.1: the protocol is the tenth octet of the header.
    private static func isUDPOverIPv4(_ frame: Span<UInt8>, at start: Int) -> Bool {
        start + 20 <= frame.count && frame[start] >> 4 == 4 && frame[start + 9] == udp
    }

    /// RFC 8200 section 3: the next header is the seventh octet of 40; section 4: what may stand before UDP.
    private static func isUDPOverIPv6(_ frame: Span<UInt8>, at start: Int) -> Bool {
        guard start + 40 <= frame.count, frame[start] >> 4 == 6 else { return false }
        var next = frame[start + 6]
        var offset = start + 40
        for _ in 0..<maximumExtensions {
            guard isExtension(next), offset + 2 <= frame.count else { break }
            // The length does not count the first eight octets; a fragment header has no others.
            let length = next == 44 ? 8 : 8 + 8 * Int(frame[offset + 1])
            next = frame[offset]
            offset += length
        }
        return next == udp
    }

    /// Hop-by-hop options, routing, fragment and destination options.
    private static func isExtension(_ header: UInt8) -> Bool {
        header == 0 || header == 43 || header == 44 || header == 60
    }
}
