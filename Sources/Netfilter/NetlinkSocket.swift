import CNetfilter
import Glibc

/// A netlink socket and its receive buffer. Long-lived: closing one after a delete waits for a grace period of the
/// kernel, 12 to 16 ms.
///
/// The kernel answers while it handles what is sent, so answers are waiting when `send` returns and nothing here blocks.
///
/// Not final: a test puts faults between the gate and the kernel by a kind of its own.
class NetlinkSocket {
    /// A datagram of the kernel is at most 32 KiB and the dump's skb at most 64 KiB (af_netlink.c, netlink_dump).
    private static let datagramOctets = 65_536
    /// Room for the answers to the largest batch (256 acknowledgements fill the default of 208 KiB), and for sending it.
    private static let bufferOctets: Int32 = 4 << 20

    private let handle: OpaquePointer
    private let buffer: UnsafeMutableRawBufferPointer

    /// - Parameters:
    ///   - bus: NETLINK_NETFILTER or NETLINK_ROUTE.
    ///   - groups: the bit mask of multicast groups to hear, for events.
    ///   - filter: which datagrams to hear; all without one.
    init(bus: Int32, groups: UInt32 = 0, filter: [sock_filter] = []) throws(NetfilterError) {
        guard let handle = mnl_socket_open2(bus, Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)) else {
            throw NetfilterError(.openSocket, errno: errno)
        }
        guard Self.attach(filter, to: mnl_socket_get_fd(handle)),
            mnl_socket_bind(handle, groups, MNL_SOCKET_AUTOPID) == 0
        else {
            let error = NetfilterError(.openSocket, errno: errno)
            mnl_socket_close(handle)
            throw error
        }
        self.handle = handle
        buffer = .allocate(byteCount: Self.datagramOctets, alignment: 8)
        var on: Int32 = 1
        let width = socklen_t(MemoryLayout<Int32>.size)
        // Without these two, errors come without an offset and with a copy of the whole message: worse, but usable.
        mnl_socket_setsockopt(handle, NETLINK_EXT_ACK, &on, width)
        mnl_socket_setsockopt(handle, NETLINK_CAP_ACK, &on, width)
        // Without CAP_NET_ADMIN in the first user namespace these fail and the default sizes stay.
        var octets = Self.bufferOctets
        setsockopt(mnl_socket_get_fd(handle), SOL_SOCKET, SO_RCVBUFFORCE, &octets, width)
        setsockopt(mnl_socket_get_fd(handle), SOL_SOCKET, SO_SNDBUFFORCE, &octets, width)
    }

    deinit {
        buffer.deallocate()
        mnl_socket_close(handle)
    }

    /// For `poll`.
    var descriptor: Int32 { mnl_socket_get_fd(handle) }

    /// The number by which the kernel knows the socket.
    var port: UInt32 { mnl_socket_get_portid(handle) }

    private static func attach(_ filter: [sock_filter], to descriptor: Int32) -> Bool {
        guard !filter.isEmpty else { return true }
        var filter = filter
        return filter.withUnsafeMutableBufferPointer { instructions in
            var program = sock_fprog(len: UInt16(instructions.count), filter: instructions.baseAddress)
            let width = socklen_t(MemoryLayout<sock_fprog>.size)
            return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, width) == 0
        }
    }

    /// Makes room for sending so many octets at once, where that is more than there was.
    func makeRoom(for octets: Int) {
        guard octets > Int(Self.bufferOctets) else { return }
        var octets = Int32(clamping: octets)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &octets, socklen_t(MemoryLayout<Int32>.size))
    }

    func send(_ bytes: UnsafeRawBufferPointer) throws(NetfilterError) {
        makeRoom(for: bytes.count)
        guard mnl_socket_sendto(handle, bytes.baseAddress, bytes.count) == bytes.count else {
            throw NetfilterError(.send, errno: errno)
        }
    }

    /// Gives every message that waits to the closure.
    ///
    /// - Parameter isComplete: asked after each datagram: whether nothing that is wanted can follow, so that the call which
    ///   finds nothing more is spared.
    /// - Throws: ENOBUFS when the kernel had to drop answers or events.
    func receive(
        until isComplete: () -> Bool = { false }, _ body: (NetlinkMessage) -> Void
    ) throws(NetfilterError) {
        while true {
            let count = mnl_socket_recvfrom(handle, buffer.baseAddress, buffer.count)
            if count < 0 {
                switch errno {
                case EAGAIN: return
                case EINTR: continue
                case let code: throw NetfilterError(.receive, errno: code)
                }
            }
            var rest = Int32(count)
            var next = buffer.baseAddress.map { UnsafePointer($0.assumingMemoryBound(to: nlmsghdr.self)) }
            while let header = next, mnl_nlmsg_ok(header, rest) {
                body(NetlinkMessage(header: header))
                next = mnl_nlmsg_next(header, &rest).map { UnsafePointer($0) }
            }
            if isComplete() { return }
        }
    }
}
