import CNetfilter
import Glibc

/// An interface of this machine, as the kernel told of it (rtnetlink(7), RTM_GETLINK).
struct Link: Hashable {
    let index: UInt32
    /// The longest packet that it sends, without the header of the link.
    let mtu: UInt32
    /// What its packets look like (ARPHRD_*, linux/if_arp.h).
    let type: UInt16

    /// ARPHRD_ETHER.
    private static let ethernet: UInt16 = 1

    /// Whether a packet that it sends can be handed to a neighbour by an Ethernet address: not on a tunnel.
    var hasNeighbours: Bool { type == Self.ethernet }
}

/// Asks the kernel for interfaces.
final class Links {
    private let socket: NetlinkSocket
    private var sequence: UInt32 = 0

    init() throws(NetfilterError) { socket = try NetlinkSocket(bus: NETLINK_ROUTE) }

    /// The interface of this name.
    ///
    /// - Throws: `.findInterface` when there is none.
    func link(_ name: String) throws(NetfilterError) -> Link {
        let index = if_nametoindex(name)
        guard index > 0 else { throw NetfilterError(.findInterface(name), errno: errno) }
        sequence &+= 1
        var storage = [UInt64](repeating: 0, count: 8)
        let length: Int = storage.withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress, let header = mnl_nlmsg_put_header(base) else { return 0 }
            header.pointee.nlmsg_type = UInt16(RTM_GETLINK)
            header.pointee.nlmsg_flags = UInt16(NLM_F_REQUEST)
            header.pointee.nlmsg_seq = sequence
            let fixed = mnl_nlmsg_put_extra_header(header, MemoryLayout<ifinfomsg>.size)
            fixed?.assumingMemoryBound(to: ifinfomsg.self).pointee.ifi_index = Int32(bitPattern: index)
            return Int(header.pointee.nlmsg_len)
        }
        try storage.span.withUnsafeBytes { (octets) throws(NetfilterError) in
            try socket.send(UnsafeRawBufferPointer(rebasing: octets[..<length]))
        }
        var link: Link?
        var failure: Int32 = EPROTO
        try socket.receive { message in
            guard message.sequence == sequence else { return }
            if let status = message.status { failure = status.errno }
            guard message.type == UInt16(RTM_NEWLINK), let fixed = message.fixedPart(ifinfomsg.self) else { return }
            message.forEachAttribute(after: MemoryLayout<ifinfomsg>.size) { attribute in
                guard attribute.type == UInt16(IFLA_MTU), let mtu = attribute.uint32 else { return }
                link = Link(index: index, mtu: mtu, type: fixed.ifi_type)
            }
        }
        guard let link else { throw NetfilterError(.findInterface(name), errno: failure) }
        return link
    }
}
