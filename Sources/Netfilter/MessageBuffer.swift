import CNetfilter

/// Netlink messages one after the other, as one send takes them.
final class MessageBuffer {
    /// A message may be as long as its attributes' 16-bit lengths can say; that much room is kept before each.
    private static let messageOctets = 65_536 + 4_096

    private var storage: UnsafeMutableRawPointer
    private var capacity = 2 * messageOctets
    private var used = 0
    private var lastMessage = 0

    init() { storage = .allocate(byteCount: capacity, alignment: 8) }

    deinit { storage.deallocate() }

    /// Forgets the messages and keeps the room.
    func removeAll() {
        used = 0
        lastMessage = 0
    }

    /// Appends the message that the closure writes.
    ///
    /// - Parameter write: begins a message at the place given, with libmnl or libnftnl, and gives its header.
    func append(_ write: (UnsafeMutablePointer<CChar>) -> UnsafeMutablePointer<nlmsghdr>?) {
        if capacity - used < Self.messageOctets { grow() }
        guard let header = write((storage + used).assumingMemoryBound(to: CChar.self)) else { return }
        lastMessage = used
        used += Int(header.pointee.nlmsg_len + 3) & ~3
    }

    /// Appends a message to nf_tables.
    ///
    /// - Parameter build: puts the attributes after the header.
    func append(
        _ type: nf_tables_msg_types, flags: Int32, sequence: UInt32, _ build: (UnsafeMutablePointer<nlmsghdr>) -> Void
    ) {
        append { place in
            let header = nftnl_nlmsg_build_hdr(place, UInt16(type.rawValue), Nft.family, UInt16(flags), sequence)
            if let header { build(header) }
            return header
        }
    }

    /// Lets the kernel acknowledge the message appended last.
    func acknowledgeLast() {
        (storage + lastMessage).assumingMemoryBound(to: nlmsghdr.self).pointee.nlmsg_flags |= UInt16(NLM_F_ACK)
    }

    func send(on socket: NetlinkSocket) throws(NetfilterError) {
        try socket.send(UnsafeRawBufferPointer(start: storage, count: used))
    }

    private func grow() {
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity * 2, alignment: 8)
        larger.copyMemory(from: storage, byteCount: used)
        storage.deallocate()
        storage = larger
        capacity *= 2
    }
}
