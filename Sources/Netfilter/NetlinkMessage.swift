import CNetfilter

/// A message in the receive buffer; valid only inside the closure that it is given to.
struct NetlinkMessage {
    let header: UnsafePointer<nlmsghdr>

    var type: UInt16 { header.pointee.nlmsg_type }
    var sequence: UInt32 { header.pointee.nlmsg_seq }

    /// What an NLMSG_ERROR says; nil for other messages.
    struct Status {
        /// 0 is an acknowledgement.
        let errno: Int32
        /// NLMSGERR_ATTR_OFFS.
        let offset: UInt32?
    }

    var status: Status? {
        guard type == UInt16(NLMSG_ERROR), mnl_nlmsg_get_payload_len(header) >= MemoryLayout<nlmsgerr>.size else {
            return nil
        }
        let payload = UnsafeRawPointer(mnl_nlmsg_get_payload(header))
        guard let payload else { return nil }
        let report = payload.loadUnaligned(as: nlmsgerr.self)
        var offset: UInt32?
        if header.pointee.nlmsg_flags & UInt16(NLM_F_ACK_TLVS) != 0 {
            // After the header of the message at fault, and its payload where that was not capped.
            var skip = MemoryLayout<nlmsgerr>.size
            if header.pointee.nlmsg_flags & UInt16(NLM_F_CAPPED) == 0 {
                skip += Int(report.msg.nlmsg_len) - MemoryLayout<nlmsghdr>.size
            }
            forEachAttribute(after: skip) { attribute in
                if attribute.type == UInt16(NLMSGERR_ATTR_OFFS.rawValue) { offset = attribute.uint32 }
            }
        }
        return Status(errno: -report.error, offset: offset)
    }

    /// The fixed part that follows the header: `rtmsg`, `ifaddrmsg` and such.
    func fixedPart<Part: BitwiseCopyable>(_ type: Part.Type) -> Part? {
        guard mnl_nlmsg_get_payload_len(header) >= MemoryLayout<Part>.size else { return nil }
        return UnsafeRawPointer(mnl_nlmsg_get_payload(header))?.loadUnaligned(as: Part.self)
    }

    /// Walks the attributes that begin `offset` octets into the payload.
    func forEachAttribute(after offset: Int, _ body: (NetlinkAttribute) -> Void) {
        let length = mnl_nlmsg_get_payload_len(header)
        guard length >= offset, let start = mnl_nlmsg_get_payload_offset(header, offset) else { return }
        let end = UnsafeRawPointer(start) + (length - (offset + 3) & ~3)
        var next = UnsafePointer(start.assumingMemoryBound(to: nlattr.self))
        while mnl_attr_ok(next, Int32(end - UnsafeRawPointer(next))) {
            body(NetlinkAttribute(pointer: next))
            guard let following = mnl_attr_next(next) else { return }
            next = UnsafePointer(following)
        }
    }
}

/// An attribute in the receive buffer.
struct NetlinkAttribute {
    let pointer: UnsafePointer<nlattr>

    var type: UInt16 { mnl_attr_get_type(pointer) }

    /// The payload.
    var octets: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: mnl_attr_get_payload(pointer), count: Int(mnl_attr_get_payload_len(pointer)))
    }

    /// Walks the attributes that the payload is made of.
    func forEachAttribute(_ body: (NetlinkAttribute) -> Void) {
        guard let start = octets.baseAddress else { return }
        let end = start + octets.count
        var next = start.assumingMemoryBound(to: nlattr.self)
        while mnl_attr_ok(next, Int32(end - UnsafeRawPointer(next))) {
            body(NetlinkAttribute(pointer: next))
            guard let following = mnl_attr_next(next) else { return }
            next = UnsafePointer(following)
        }
    }

    /// The payload as a number in host byte order; nil when it is shorter.
    var uint32: UInt32? { octets.count >= 4 ? octets.loadUnaligned(as: UInt32.self) : nil }
}
