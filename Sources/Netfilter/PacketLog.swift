import CNetfilter
import Glibc
public import Wire

/// Hears of packets that a rule with `log group` saw (nfnetlink_log): their first octets, not their contents.
public final class PacketLog {
    /// Octets of a packet that are looked at: an IPv4 header with all its options, and the ports; IPv6's is shorter (RFC 791
    /// section 3.1, RFC 8200 section 3, RFC 768).
    static let octets: UInt32 = 64

    private let socket: NetlinkSocket

    /// - Parameter group: the number that the rule names; one socket of the machine may have it.
    /// - Throws: EPERM when another program has the group.
    public init(group: UInt16) throws(NetfilterError) {
        socket = try NetlinkSocket(bus: NETLINK_NETFILTER)
        let messages = MessageBuffer()
        let type = UInt16(NFNL_SUBSYS_ULOG) << 8 | UInt16(NFULNL_MSG_CONFIG.rawValue)
        messages.append(type, flags: NLM_F_ACK, sequence: 1, family: UInt16(AF_UNSPEC), resource: group) { message in
            message.put(NFULA_CFG_CMD.rawValue, octets: MemoryLayout<nfulnl_msg_config_cmd>.size) { place in
                place.storeBytes(
                    of: nfulnl_msg_config_cmd(command: UInt8(NFULNL_CFG_CMD_BIND.rawValue)),
                    as: nfulnl_msg_config_cmd.self)
            }
            // The structure is packed: range, mode, padding.
            message.put(NFULA_CFG_MODE.rawValue, octets: MemoryLayout<nfulnl_msg_config_mode>.size) { place in
                place.storeBytes(of: Self.octets.bigEndian, as: UInt32.self)
                place.storeBytes(of: UInt8(NFULNL_COPY_PACKET), toByteOffset: 4, as: UInt8.self)
                place.storeBytes(of: 0, toByteOffset: 5, as: UInt8.self)
            }
        }
        try messages.send(on: socket)
        var status: NetlinkMessage.Status?
        try socket.receive { message in if message.sequence == 1, status == nil { status = message.status } }
        guard let status, status.errno == 0 else {
            throw NetfilterError(.bindLog(group), errno: status?.errno ?? EPROTO)
        }
    }

    /// Readable when there are packets.
    public var descriptor: Int32 { socket.descriptor }

    /// Takes what has been seen by now: the two ends of each UDP packet. What the kernel had to drop is none.
    public func read(_ body: (_ source: Endpoint, _ destination: Endpoint) -> Void) {
        let type = UInt16(NFNL_SUBSYS_ULOG) << 8 | UInt16(NFULNL_MSG_PACKET.rawValue)
        do throws(NetfilterError) {
            try socket.receive { message in
                guard message.type == type else { return }
                message.forEachAttribute(after: MemoryLayout<nfgenmsg>.size) { attribute in
                    guard UInt32(attribute.type) == NFULA_PAYLOAD.rawValue else { return }
                    if let ends = DatagramEnds(Array(attribute.octets).span) {
                        body(ends.source, ends.destination)
                    }
                }
            }
        } catch {
            // ENOBUFS: it is a sample, and stays one.
        }
    }
}

/// The two ends of a UDP packet, from its first octets.
struct DatagramEnds: Hashable {
    let source: Endpoint
    let destination: Endpoint

    /// IANA's number of UDP, in both headers.
    private static let udp: UInt8 = 17

    /// - Parameter packet: from the IP header on. Nil for what is no UDP, a fragment without ports, behind IPv6 extension
    ///   headers, or too short.
    init?(_ packet: Span<UInt8>) {
        guard packet.count >= 20 else { return nil }
        let addresses: Int
        let width: Int
        let ports: Int
        switch packet[0] >> 4 {
        case 4:
            // Header length in words; bits of flags and fragment offset (RFC 791 section 3.1).
            ports = 4 * Int(packet[0] & 0x0F)
            guard packet[9] == Self.udp, ports >= 20, packet[6] & 0x1F == 0, packet[7] == 0 else { return nil }
            (addresses, width) = (12, 4)
        case 6:
            guard packet.count >= 40, packet[6] == Self.udp else { return nil }
            (addresses, width, ports) = (8, 16, 40)
        case _: return nil
        }
        guard packet.count >= ports + 4,
            let source = IPAddress(octets: packet.extracting(addresses..<addresses + width)),
            let destination = IPAddress(octets: packet.extracting(addresses + width..<addresses + 2 * width))
        else { return nil }
        func port(_ place: Int) -> UInt16 { UInt16(packet[place]) << 8 | UInt16(packet[place + 1]) }
        self.source = Endpoint(source, port(ports))
        self.destination = Endpoint(destination, port(ports + 2))
    }
}
