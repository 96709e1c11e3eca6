import CLinux
import Glibc
public import Wire

/// A UDP datagram over IPv4 whose header the test writes, checksum and all: a network adapter puts such ones on the wire, a
/// socket of the kernel leaves them unfinished.
public enum RawDatagram {
    /// What stands in the checksum's place (RFC 768).
    public enum Checksum: CaseIterable, Sendable {
        case right
        /// Zero: the sender made none.
        case none
        case wrong
    }

    /// Sends a numbered packet as `PacketPump` receives them.
    public static func send(
        _ number: UInt32, from source: Endpoint, to destination: Endpoint, _ checksum: Checksum, in namespace: Namespace
    ) throws {
        var packet = header(from: source, to: destination)
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            packet.append(UInt8(truncatingIfNeeded: number >> shift))
        }
        packet += [UInt8](repeating: 0x55, count: Self.payload - 4)
        let right = sum(packet, from: source, to: destination)
        let value: UInt16 =
            switch checksum {
            case .right: right
            case .none: 0
            case .wrong: right ^ 0x0100
            }
        packet[6] = UInt8(value >> 8)
        packet[7] = UInt8(truncatingIfNeeded: value)
        try namespace.run {
            let descriptor = socket(AF_INET, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), Int32(IPPROTO_UDP))
            guard descriptor >= 0 else { throw Command.Failure(description: "raw socket: errno \(errno)") }
            defer { close(descriptor) }
            let count = SocketAddress(Endpoint(destination.address, 0)).withPointer {
                sendto(descriptor, packet, packet.count, 0, $0, $1)
            }
            guard count == packet.count else { throw Command.Failure(description: "raw send: errno \(errno)") }
        }
    }

    /// Octets after the UDP header.
    private static let payload = 172

    private static func header(from source: Endpoint, to destination: Endpoint) -> [UInt8] {
        let length = UInt16(8 + payload)
        return [source.port, destination.port, length, 0].flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    }

    /// The checksum over pseudo-header, header and payload.
    private static func sum(_ packet: [UInt8], from source: Endpoint, to destination: Endpoint) -> UInt16 {
        var octets: [UInt8] = []
        source.address.appendOctets(to: &octets)
        destination.address.appendOctets(to: &octets)
        octets += [0, 17, UInt8(packet.count >> 8), UInt8(packet.count & 0xFF)] + packet
        var sum: UInt32 = 0
        for index in stride(from: 0, to: octets.count, by: 2) {
            sum += UInt32(octets[index]) << 8 | UInt32(index + 1 < octets.count ? octets[index + 1] : 0)
        }
        while sum > 0xFFFF { sum = (sum & 0xFFFF) + sum >> 16 }
        let value = ~UInt16(truncatingIfNeeded: sum)
        return value == 0 ? 0xFFFF : value
    }
}
