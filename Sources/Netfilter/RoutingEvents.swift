import CNetfilter
import Glibc

/// Hears when addresses, routes, rules or interfaces change, so that what was read of them need not be read again.
///
/// Neighbours are not among it: which of them a route names does not depend on whether they answer, and the kernel looks an
/// Ethernet address up anew for each packet that is handed over.
final class RoutingEvents {
    /// RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, _IPV4_ROUTE, _IPV4_RULE, the same of IPv6, and RTNLGRP_NEXTHOP
    /// (linux/rtnetlink.h). The routes that go with an interface are told of by RTNLGRP_LINK alone.
    private static let groups: UInt32 = [1, 5, 7, 8, 9, 11, 19, 32].reduce(0) { $0 | 1 << ($1 - 1) }

    private let socket: NetlinkSocket
    /// Grows with every change.
    private(set) var generation: UInt64 = 0

    init() throws(NetfilterError) { socket = try NetlinkSocket(bus: NETLINK_ROUTE, groups: Self.groups) }

    /// Readable when something has been told.
    var descriptor: Int32 { socket.descriptor }

    /// Takes what has been told by now.
    func update() {
        var isChanged = false
        do throws(NetfilterError) {
            try socket.receive { _ in isChanged = true }
        } catch {
            // ENOBUFS: events were lost. Never conclude that nothing changed.
            isChanged = true
        }
        if isChanged { generation += 1 }
    }
}
