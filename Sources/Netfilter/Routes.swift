import CNetfilter
import Glibc
import Wire

/// Asks the kernel's routing table (rtnetlink(7), RTM_GETROUTE), and again only after the kernel told of a change.
final class Routes {
    /// Answers that are kept: those for the phones and their peers at one time.
    private static let mostKnown = 16_384
    /// Seconds after which all are asked for again: an ICMP redirect changes a route and nobody is told.
    private static let lifetime = 10

    private let events: RoutingEvents
    private var known: [IPAddress: Route] = [:]
    /// That of the events when the first of the known routes was asked for, and the time, in seconds.
    private var generation: UInt64 = 0
    private var askedAt = 0

    private let socket: NetlinkSocket
    private var sequence: UInt32 = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 8)

    /// - Parameter events: heard since before the first question.
    init(_ events: RoutingEvents) throws(NetfilterError) {
        self.events = events
        socket = try NetlinkSocket(bus: NETLINK_ROUTE)
    }

    deinit { buffer.deallocate() }

    /// The way that a packet of this machine to the address would have taken when the events were last updated, or later.
    func route(to address: IPAddress) throws(NetfilterError) -> Route {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &now)
        if generation != events.generation || now.tv_sec - askedAt > Self.lifetime || known.count >= Self.mostKnown {
            known.removeAll(keepingCapacity: true)
            generation = events.generation
            askedAt = now.tv_sec
        }
        if let route = known[address] { return route }
        let route = try ask(address)
        // That there is none is asked each time, as after a failure.
        if route != .none { known[address] = route }
        return route
    }

    private func ask(_ address: IPAddress) throws(NetfilterError) -> Route {
        var octets: [UInt8] = []
        address.appendOctets(to: &octets)
        sequence &+= 1
        guard let base = buffer.baseAddress, let header = mnl_nlmsg_put_header(base) else {
            throw NetfilterError(.readRoute, errno: ENOMEM)
        }
        header.pointee.nlmsg_type = UInt16(RTM_GETROUTE)
        header.pointee.nlmsg_flags = UInt16(NLM_F_REQUEST)
        header.pointee.nlmsg_seq = sequence
        let fixed = mnl_nlmsg_put_extra_header(header, MemoryLayout<rtmsg>.size)
        fixed?.assumingMemoryBound(to: rtmsg.self).pointee.rtm_family = UInt8(address.isIPv6 ? AF_INET6 : AF_INET)
        fixed?.assumingMemoryBound(to: rtmsg.self).pointee.rtm_dst_len = UInt8(address.bitWidth)
        mnl_attr_put(header, UInt16(RTA_DST.rawValue), octets.count, octets)
        try socket.send(UnsafeRawBufferPointer(start: base, count: Int(header.pointee.nlmsg_len)))

        var route: Route?
        var failure: Int32 = 0
        try socket.receive(until: { route != nil }) { message in
            guard message.sequence == sequence else { return }
            if let status = message.status {
                failure = status.errno
            } else if message.type == UInt16(RTM_NEWROUTE) {
                route = Self.read(message, to: address)
            }
        }
        switch failure {
        case 0: break
        // No route, and what unreachable, prohibit and blackhole routes answer.
        case ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, EAGAIN: return .none
        default: throw NetfilterError(.readRoute, errno: failure)
        }
        guard let route else { throw NetfilterError(.readRoute, errno: EPROTO) }
        return route
    }

    private static func read(_ message: NetlinkMessage, to address: IPAddress) -> Route {
        guard let fixed = message.fixedPart(rtmsg.self), fixed.rtm_type == UInt8(RTN_UNICAST) else {
            return .none
        }
        var interface: UInt32?
        var hop: IPAddress? = address
        message.forEachAttribute(after: MemoryLayout<rtmsg>.size) { attribute in
            switch attribute.type {
            case UInt16(RTA_OIF.rawValue):
                interface = attribute.uint32
            case UInt16(RTA_GATEWAY.rawValue):
                hop = IPAddress(network: attribute.octets)
            case UInt16(RTA_VIA.rawValue):
                // A gateway of the other family: the forward rule hands packets to neighbours of their own family only.
                hop = nil
            default:
                break
            }
        }
        guard let interface, let hop else { return .none }
        return .via(hop, interface: interface)
    }
}
