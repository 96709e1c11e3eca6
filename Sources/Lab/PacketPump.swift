import CLinux
import Glibc
public import Wire

/// A UDP socket of a host in a test, which sends and receives numbered packets of the size of an RTP packet.
public final class PacketPump: Sendable {
    /// A numbered packet that came in.
    public struct Arrival: Hashable, Sendable {
        /// The number that the sender gave it.
        public let number: UInt32
        /// Where it came from.
        public let source: Endpoint
        /// The TTL or hop limit it came with.
        public let hopLimit: Int
    }

    /// G.711, 20 ms: 12 octets of RTP header and 160 of payload.
    public static let packetOctets = 172

    /// Whether routers may cut its packets into pieces: IPv4's DF is clear.
    public enum Fragmentation: Sendable {
        /// As the host does by itself: DF is set, and the host cuts what was too long before.
        case byHost
        /// DF is clear.
        case allowed
        /// DF is set, and stays so whatever comes back.
        case never
    }

    /// Octets of each packet behind the UDP header.
    private let octets: Int
    /// The endpoint that the socket is bound to.
    public let endpoint: Endpoint
    private let descriptor: Int32

    /// Opens and binds the socket.
    ///
    /// - Parameters:
    ///   - isTransparent: the address need not be one of the host (IP_TRANSPARENT): the pump forges its source.
    ///   - octets: of each packet behind the UDP header.
    ///   - hopLimit: the TTL or hop limit of each packet; nil is the host's own.
    public init(
        _ endpoint: Endpoint, in namespace: Namespace, isTransparent: Bool = false, octets: Int = packetOctets,
        hopLimit: Int32? = nil, fragmentation: Fragmentation = .byHost
    ) throws {
        self.endpoint = endpoint
        self.octets = octets
        descriptor = try namespace.run {
            let descriptor = socket(
                endpoint.address.isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw Command.Failure(description: "socket: errno \(errno)") }
            var on: Int32 = 1
            let width = socklen_t(MemoryLayout<Int32>.size)
            // Room for bursts of some thousand packets: what a test finds lost was lost on the way.
            var room: Int32 = 32 << 20
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &room, width)
            if endpoint.address.isIPv6 {
                setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_RECVHOPLIMIT, &on, width)
                if isTransparent { setsockopt(descriptor, Int32(IPPROTO_IPV6), Self.ipv6Transparent, &on, width) }
            } else {
                setsockopt(descriptor, Int32(IPPROTO_IP), IP_RECVTTL, &on, width)
                if isTransparent { setsockopt(descriptor, Int32(IPPROTO_IP), IP_TRANSPARENT, &on, width) }
            }
            let level = Int32(endpoint.address.isIPv6 ? IPPROTO_IPV6 : IPPROTO_IP)
            if var hopLimit {
                setsockopt(descriptor, level, endpoint.address.isIPv6 ? IPV6_UNICAST_HOPS : IP_TTL, &hopLimit, width)
            }
            // IP_PMTUDISC_DONT and IP_PMTUDISC_PROBE (linux/in.h, linux/in6.h).
            let discovery: Int32? =
                switch fragmentation {
                case .byHost: nil
                case .allowed: 0
                case .never: 3
                }
            if var discovery {
                let option = endpoint.address.isIPv6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER
                setsockopt(descriptor, level, option, &discovery, width)
            }
            let code = SocketAddress(endpoint).withPointer { bind(descriptor, $0, $1) }
            guard code == 0 else {
                let code = errno
                close(descriptor)
                throw Command.Failure(description: "bind \(endpoint): errno \(code)")
            }
            return descriptor
        }
    }

    deinit { close(descriptor) }

    /// Sends one packet per number.
    public func send(_ numbers: Range<UInt32>, to destination: Endpoint) throws {
        let address = SocketAddress(destination)
        var packet = [UInt8](repeating: 0x55, count: octets)
        for number in numbers {
            for index in 0..<4 { packet[index] = UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32(index))) }
            let count = address.withPointer { sendto(descriptor, packet, packet.count, 0, $0, $1) }
            guard count == packet.count else {
                throw Command.Failure(description: "send \(endpoint) to \(destination): errno \(errno)")
            }
        }
    }

    /// Sends one packet.
    public func send(_ number: UInt32, to destination: Endpoint) throws {
        try send(number..<number + 1, to: destination)
    }

    /// What came in: ends when `count` packets are there, or when none came for the time of silence.
    public func receive(_ count: Int = .max, silence: Duration = .milliseconds(60)) -> [Arrival] {
        let milliseconds = Int32(truncatingIfNeeded: silence.wholeNanoseconds / 1_000_000)
        var arrivals: [Arrival] = []
        var packet = [UInt8](repeating: 0, count: 2048)
        while arrivals.count < count {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, milliseconds) > 0 else { break }
            var source = sockaddr_storage()
            var hopLimit: Int32 = -1
            let length = CLinux_receive_with_hop_limit(descriptor, &packet, packet.count, &source, &hopLimit)
            guard length == octets, let from = SocketAddress.endpoint(source) else { continue }
            let number = packet[..<4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            arrivals.append(Arrival(number: number, source: from, hopLimit: Int(hopLimit)))
        }
        return arrivals
    }

    /// linux/in6.h; not in Glibc's module.
    private static let ipv6Transparent: Int32 = 75
}
