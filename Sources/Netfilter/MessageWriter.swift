import CNetfilter

/// Writes one message to a part of nfnetlink where `MessageBuffer` has room for it: it trusts its caller that the message
/// and each of its attributes stay below 64 KiB.
struct MessageWriter {
    /// Headers and payloads begin at multiples of four octets.
    private static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }

    private let start: UnsafeMutableRawPointer
    /// Octets that are written; a multiple of four.
    private(set) var length: Int

    /// Writes the headers.
    ///
    /// - Parameter resource: `res_id` of nfgenmsg, in host byte order.
    init(
        at start: UnsafeMutableRawPointer, _ type: UInt16, flags: Int32, sequence: UInt32, family: UInt16,
        resource: UInt16 = 0
    ) {
        self.start = start
        let header = nlmsghdr(
            nlmsg_len: 0, nlmsg_type: type, nlmsg_flags: UInt16(NLM_F_REQUEST | flags), nlmsg_seq: sequence,
            nlmsg_pid: 0)
        start.storeBytes(of: header, as: nlmsghdr.self)
        length = MemoryLayout<nlmsghdr>.size
        let part = nfgenmsg(nfgen_family: UInt8(family), version: UInt8(NFNETLINK_V0), res_id: resource.bigEndian)
        (start + length).storeBytes(of: part, as: nfgenmsg.self)
        length += MemoryLayout<nfgenmsg>.size
    }

    /// Writes the length into the header.
    func finish() { start.storeBytes(of: UInt32(length), as: UInt32.self) }

    /// Appends an attribute of a text with its final zero.
    mutating func put(_ attribute: UInt32, _ text: StaticString) {
        let count = text.utf8CodeUnitCount
        put(attribute, octets: count + 1) { place in
            place.copyMemory(from: text.utf8Start, byteCount: count)
            place.storeBytes(of: 0, toByteOffset: count, as: UInt8.self)
        }
    }

    /// Appends an attribute of a number in network byte order.
    mutating func put(_ attribute: UInt32, _ number: UInt32) {
        put(attribute, octets: 4) { $0.storeBytes(of: number.bigEndian, as: UInt32.self) }
    }

    /// Appends an attribute of a number in network byte order.
    mutating func put(_ attribute: UInt32, _ number: UInt64) {
        put(attribute, octets: 8) { $0.storeBytes(of: number.bigEndian, as: UInt64.self) }
    }

    /// Appends an attribute.
    ///
    /// - Parameter store: writes as many octets as were said.
    mutating func put(_ attribute: UInt32, octets: Int, _ store: (UnsafeMutableRawPointer) -> Void) {
        putHeader(attribute, octets: MemoryLayout<nlattr>.size + octets, at: length)
        length += MemoryLayout<nlattr>.size
        // The padding is sent, too: nothing that stood here before goes out with it.
        if octets & 3 != 0 { (start + length).storeBytes(of: 0, toByteOffset: octets & ~3, as: UInt32.self) }
        store(start + length)
        length += Self.aligned(octets)
    }

    /// Appends an attribute of the attributes that the closure appends.
    mutating func nest(_ attribute: UInt32, _ body: (inout MessageWriter) -> Void) {
        let place = length
        length += MemoryLayout<nlattr>.size
        body(&self)
        putHeader(attribute | UInt32(NLA_F_NESTED), octets: length - place, at: place)
    }

    private func putHeader(_ attribute: UInt32, octets: Int, at place: Int) {
        let header = nlattr(nla_len: UInt16(octets), nla_type: UInt16(attribute))
        (start + place).storeBytes(of: header, as: nlattr.self)
    }
}
