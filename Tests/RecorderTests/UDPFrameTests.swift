import Testing

@testable import sekisho_recorderd

@Suite struct UDPFrameTests {
    private static let addresses = [UInt8](repeating: 2, count: 12)
    private static let udp: [UInt8] = [0x0F, 0xA0, 0x13, 0x88, 0, 8, 0, 0]

    private static func v4(_ proto: UInt8) -> [UInt8] {
        [0x08, 0x00, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, proto, 0, 0, 10, 1, 0, 2, 10, 2, 0, 2] + udp
    }

    private static func v6(_ next: UInt8, _ rest: [UInt8] = []) -> [UInt8] {
        [0x86, 0xDD, 0x60, 0, 0, 0, 0, 8, next, 64] + [UInt8](repeating: 0xFD, count: 32) + rest + udp
    }

    /// An extension header of eight octets.
    private static func shortExtension(_ next: UInt8) -> [UInt8] { [next, 0, 0, 0, 0, 0, 0, 0] }

    private func isUDP(_ frame: [UInt8]) -> Bool { UDPFrame.isUDP(frame.span) }

    private static let tag: [UInt8] = [0x81, 0x00, 0, 5]
    private static let serviceTag: [UInt8] = [0x88, 0xA8, 0, 7]

    @Test(arguments: [
        ("UDP over IPv4", v4(17), true), ("TCP over IPv4", v4(6), false), ("ICMP", v4(1), false),
        ("UDP over IPv6", v6(17), true), ("TCP over IPv6", v6(6), false), ("ICMPv6", v6(58), false),
        ("hop-by-hop options, UDP", v6(0, shortExtension(17)), true),
        ("a fragment of UDP, its second octet no length", v6(44, [17, 9, 0, 1, 0, 0, 0, 1]), true),
        ("a fragment of TCP", v6(44, [6, 0, 0, 1, 0, 0, 0, 1]), false),
        ("destination options of 16 octets, UDP", v6(60, [17, 1] + [UInt8](repeating: 0, count: 14)), true),
        ("no next header", v6(59), false), ("one tag", tag + v4(17), true),
        ("two tags", serviceTag + tag + v6(17), true),
        ("three tags", tag + tag + tag + v4(17), false), ("ARP", [0x08, 0x06] + udp, false),
        ("IPv4 by its type, IPv6 by its version", [0x08, 0x00, 0x60] + v4(17).dropFirst(3), false),
        ("an empty frame", [], false), ("a length instead of a type", [0x00, 0x26] + udp, false),
    ])
    func `A frame is told by its headers`(_ name: String, _ rest: [UInt8], _ isUDP: Bool) {
        let frame = Self.addresses + rest
        #expect(self.isUDP(frame) == isUDP)
    }

    @Test func `Eight extension headers may stand before UDP and not nine`() {
        func frame(_ extensions: Int) -> [UInt8] {
            let headers = (0..<extensions).flatMap { Self.shortExtension($0 == extensions - 1 ? 17 : 60) }
            return Self.addresses + Self.v6(60, headers)
        }
        #expect(isUDP(frame(8)))
        #expect(!isUDP(frame(9)))
    }

    @Test func `A frame cut short at any octet is no fault`() {
        for whole in [Self.tag + Self.v4(17), Self.v6(0, Self.shortExtension(60) + Self.shortExtension(17))] {
            let frame = Self.addresses + whole
            for count in 0..<frame.count { _ = isUDP(Array(frame.prefix(count))) }
            #expect(!isUDP(Array(frame.prefix(20))))
        }
    }
}
