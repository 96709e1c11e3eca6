import CNetfilter
import GateProtocol
import Wire

/// A libnftnl set with elements, as a message carries them; freed with its elements.
final class ElementList {
    /// What one element takes in a message at most: key and data with their nests (IPv6: 40 + 16 octets), timeout, flags.
    private static let elementOctets = 128
    /// An attribute's length has 16 bits and libmnl lets it overflow silently.
    static let elementsPerMessage = 60_000 / elementOctets

    private let set: OpaquePointer

    init?(_ map: ElementMap) {
        guard let set = nftnl_set_alloc() else { return nil }
        self.set = set
        nftnl_set_set_str(set, UInt16(NFTNL_SET_TABLE.rawValue), Nft.table)
        nftnl_set_set_str(set, UInt16(NFTNL_SET_NAME.rawValue), map.name)
        nftnl_set_set_u32(set, UInt16(NFTNL_SET_FAMILY.rawValue), UInt32(Nft.family))
    }

    deinit { nftnl_set_free(set) }

    /// Adds a key, and its data and timeout where it is to be added to the kernel's map.
    func append(_ key: ElementKey, nextHop: IPAddress? = nil, timeoutMilliseconds: UInt64? = nil) {
        guard let element = nftnl_set_elem_alloc() else { return }
        nftnl_set_elem_set(element, UInt16(NFTNL_SET_ELEM_KEY), key.octets, UInt32(key.octets.count))
        if let nextHop {
            var octets: [UInt8] = []
            nextHop.appendOctets(to: &octets)
            nftnl_set_elem_set(element, UInt16(NFTNL_SET_ELEM_DATA), octets, UInt32(octets.count))
        }
        if let timeoutMilliseconds {
            nftnl_set_elem_set_u64(element, UInt16(NFTNL_SET_ELEM_TIMEOUT), timeoutMilliseconds)
        }
        nftnl_set_elem_add(set, element)
    }

    func put(into header: UnsafeMutablePointer<nlmsghdr>) { nftnl_set_elems_nlmsg_build_payload(header, set) }
}

/// Reads the counters of the elements in a NEWSETELEM or DELSETELEM message.
enum ElementCounts {
    static func read(_ message: NetlinkMessage, into counts: inout [ElementKey: Traffic]) {
        guard
            message.type == Nft.messageType(NFT_MSG_NEWSETELEM) || message.type == Nft.messageType(NFT_MSG_DELSETELEM),
            let set = nftnl_set_alloc()
        else { return }
        defer { nftnl_set_free(set) }
        guard nftnl_set_elems_nlmsg_parse(message.header, set) >= 0,
            let name = nftnl_set_get_str(set, UInt16(NFTNL_SET_NAME.rawValue)).map({ String(cString: $0) }),
            let map = ElementMap.allCases.first(where: { $0.name == name }),
            let elements = nftnl_set_elems_iter_create(set)
        else { return }
        defer { nftnl_set_elems_iter_destroy(elements) }
        while let element = nftnl_set_elems_iter_next(elements) {
            var length: UInt32 = 0
            guard let key = nftnl_set_elem_get(element, UInt16(NFTNL_SET_ELEM_KEY), &length) else { continue }
            let octets = Array(UnsafeRawBufferPointer(start: key, count: Int(length)))
            counts[ElementKey(map: map, octets: octets)] = traffic(of: element)
        }
    }

    private static func traffic(of element: OpaquePointer) -> Traffic {
        var traffic = Traffic()
        withUnsafeMutablePointer(to: &traffic) { traffic in
            _ = nftnl_set_elem_expr_foreach(
                element,
                { expression, context in
                    guard let expression, let context,
                        let name = nftnl_expr_get_str(expression, UInt16(NFTNL_EXPR_NAME)),
                        String(cString: name) == "counter"
                    else { return 0 }
                    let traffic = context.assumingMemoryBound(to: Traffic.self)
                    traffic.pointee.packets = nftnl_expr_get_u64(expression, UInt16(NFTNL_EXPR_CTR_PACKETS))
                    traffic.pointee.bytes = nftnl_expr_get_u64(expression, UInt16(NFTNL_EXPR_CTR_BYTES))
                    return 0
                }, traffic)
        }
        return traffic
    }
}
