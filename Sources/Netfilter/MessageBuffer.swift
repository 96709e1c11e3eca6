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

    /// Appends a message to a part of nfnetlink.
    ///
    /// - Parameters:
    ///   - resource: what the headers say for `res_id`.
    ///   - write: puts the attributes after the headers.
    func append(
        _ type: UInt16, flags: Int32 = 0, sequence: UInt32, family: UInt16 = Nft.family, resource: UInt16 = 0,
        _ write: (inout MessageWriter) -> Void = { _ in }
    ) {
        if capacity - used < Self.messageOctets { grow() }
        var message = MessageWriter(
            at: storage + used, type, flags: flags, sequence: sequence, family: family, resource: resource)
        write(&message)
        message.finish()
        lastMessage = used
        used += message.length
    }

    /// Appends a message to nf_tables that libnftnl writes.
    ///
    /// - Parameter build: puts the attributes after the header.
    func append(
        _ type: nf_tables_msg_types, flags: Int32, sequence: UInt32, _ build: (UnsafeMutablePointer<nlmsghdr>) -> Void
    ) {
        if capacity - used < Self.messageOctets { grow() }
        let place = (storage + used).assumingMemoryBound(to: CChar.self)
        guard let header = nftnl_nlmsg_build_hdr(place, UInt16(type.rawValue), Nft.family, UInt16(flags), sequence)
        else { return }
        build(header)
        lastMessage = used
        used += Int(header.pointee.nlmsg_len + 3) & ~3
    }

    /// Lets the kernel acknowledge the message appended last.
    func acknowledgeLast() {
        (storage + lastMessage).assumingMemoryBound(to: nlmsghdr.self).pointee.nlmsg_flags |= UInt16(NLM_F_ACK)
    }

    /// Gives every message to the closure.
    func forEach(_ body: (NetlinkMessage) -> Void) {
        var place = 0
        while place < used {
            let message = NetlinkMessage(header: (storage + place).assumingMemoryBound(to: nlmsghdr.self))
            body(message)
            place += Int(message.header.pointee.nlmsg_len + 3) & ~3
        }
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
