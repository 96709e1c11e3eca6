import CNetfilter
import Glibc

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

    /// The attributes that begin `offset` octets into the payload, as octets.
    func attributes(after offset: Int) -> UnsafeRawBufferPointer {
        let start = MemoryLayout<nlmsghdr>.size + offset
        let length = max(start, Int(header.pointee.nlmsg_len))
        return UnsafeRawBufferPointer(start: UnsafeRawPointer(header) + start, count: length - start)
    }

    /// Walks the attributes that begin `offset` octets into the payload.
    func forEachAttribute(after offset: Int, _ body: (NetlinkAttribute) -> Void) {
        NetlinkAttribute.forEach(in: attributes(after: offset), body)
    }
}

/// An attribute in the receive buffer.
struct NetlinkAttribute {
    /// Without the flags for nests and byte order.
    let type: UInt16
    /// The payload.
    let octets: UnsafeRawBufferPointer
    /// Whether the payload is said to be attributes; the kernel does not say it of all that are.
    let isNested: Bool

    /// Walks the attributes that the payload is made of.
    func forEachAttribute(_ body: (NetlinkAttribute) -> Void) { Self.forEach(in: octets, body) }

    /// Walks the attributes of which these octets are made, as far as they are whole.
    static func forEach(in octets: UnsafeRawBufferPointer, _ body: (NetlinkAttribute) -> Void) {
        let headerOctets = MemoryLayout<nlattr>.size
        var offset = 0
        while octets.count - offset >= headerOctets {
            let header = octets.loadUnaligned(fromByteOffset: offset, as: nlattr.self)
            let length = Int(header.nla_len)
            guard length >= headerOctets, length <= octets.count - offset else { return }
            let payload = UnsafeRawBufferPointer(rebasing: octets[(offset + headerOctets)..<(offset + length)])
            // NLA_TYPE_MASK is a macro that Swift does not see.
            body(
                NetlinkAttribute(
                    type: header.nla_type & ~UInt16(NLA_F_NESTED | NLA_F_NET_BYTEORDER), octets: payload,
                    isNested: header.nla_type & UInt16(NLA_F_NESTED) != 0))
            offset += (length + 3) & ~3
        }
    }

    /// The payload as a number in host byte order; nil when it is shorter.
    var uint32: UInt32? { octets.count >= 4 ? octets.loadUnaligned(as: UInt32.self) : nil }

    /// The payload as a number in host byte order; nil when it is shorter.
    var uint64: UInt64? { octets.count >= 8 ? octets.loadUnaligned(as: UInt64.self) : nil }

    /// Whether the payload is this text with its final zero.
    func isText(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard octets.count == count + 1, octets[count] == 0, let start = octets.baseAddress else { return false }
        return memcmp(start, text.utf8Start, count) == 0
    }
}
