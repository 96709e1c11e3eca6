import CNetfilter
import Glibc
import Wire

/// The addresses of every interface, kept up to date: read once, and again after the kernel told of a change.
final class OwnAddresses {
    /// A dump that others changed meanwhile is repeated at most this often.
    private static let attempts = 10

    private let events: RoutingEvents
    private let dumps: NetlinkSocket
    private var sequence: UInt32 = 0
    private var known: Set<IPAddress>?
    /// That of the events when the dump began.
    private var generation: UInt64 = 0

    /// - Parameter events: heard since before the first dump, so that no change is missed.
    init(_ events: RoutingEvents) throws(NetfilterError) {
        self.events = events
        dumps = try NetlinkSocket(bus: NETLINK_ROUTE)
    }

    /// The addresses when the events were last updated, or later.
    func current() throws(NetfilterError) -> Set<IPAddress> {
        if let known, generation == events.generation { return known }
        known = nil
        generation = events.generation
        for _ in 0..<Self.attempts {
            guard let addresses = try dump() else { continue }
            known = addresses
            return addresses
        }
        throw NetfilterError(.readAddresses, errno: EINTR)
    }

    /// One dump, or nil when the kernel says that it is inconsistent.
    private func dump() throws(NetfilterError) -> Set<IPAddress>? {
        sequence &+= 1
        var storage = [UInt64](repeating: 0, count: 8)
        let length: Int = storage.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress, let header = mnl_nlmsg_put_header(base) else { return 0 }
            header.pointee.nlmsg_type = UInt16(RTM_GETADDR)
            header.pointee.nlmsg_flags = UInt16(NLM_F_REQUEST | NLM_F_DUMP)
            header.pointee.nlmsg_seq = sequence
            mnl_nlmsg_put_extra_header(header, MemoryLayout<ifaddrmsg>.size)
            return Int(header.pointee.nlmsg_len)
        }
        try storage.span.withUnsafeBytes { (bytes) throws(NetfilterError) in
            try dumps.send(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        }
        var addresses: Set<IPAddress> = []
        var isDone = false
        var isConsistent = true
        try dumps.receive { message in
            guard message.sequence == sequence else { return }
            if message.header.pointee.nlmsg_flags & UInt16(NLM_F_DUMP_INTR) != 0 { isConsistent = false }
            if message.type == UInt16(NLMSG_DONE) { isDone = true }
            guard message.type == UInt16(RTM_NEWADDR) else { return }
            message.forEachAttribute(after: MemoryLayout<ifaddrmsg>.size) { attribute in
                // IFA_ADDRESS is the far end on a point-to-point link; IFA_LOCAL is then our own. Both may not be used.
                guard attribute.type == UInt16(IFA_ADDRESS) || attribute.type == UInt16(IFA_LOCAL),
                    let address = IPAddress(network: attribute.octets)
                else { return }
                addresses.insert(address)
            }
        }
        return isDone && isConsistent ? addresses : nil
    }
}
