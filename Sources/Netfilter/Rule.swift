import CNetfilter
import Wire

/// A rule under construction: the expressions of the nf_tables machine in the order it runs them.
final class Rule {
    private let handle: OpaquePointer

    init?(chain: String, table: String = Nft.table) {
        guard let handle = nftnl_rule_alloc() else { return nil }
        self.handle = handle
        nftnl_rule_set_str(handle, UInt16(NFTNL_RULE_TABLE.rawValue), table)
        nftnl_rule_set_str(handle, UInt16(NFTNL_RULE_CHAIN.rawValue), chain)
        nftnl_rule_set_u32(handle, UInt16(NFTNL_RULE_FAMILY.rawValue), UInt32(Nft.family))
    }

    deinit { nftnl_rule_free(handle) }

    func put(into header: UnsafeMutablePointer<nlmsghdr>) { nftnl_rule_nlmsg_build_payload(header, handle) }

    /// The comparisons that nft puts before a match on `ip` or `ip6`, and on `udp`, in a netdev chain: the network
    /// protocol (EtherType, network byte order).
    func matchNetworkProtocol(isIPv6: Bool) {
        append("meta") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_META_KEY), UInt32(NFT_META_PROTOCOL.rawValue))
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_META_DREG), Register.first.number)
        }
        compare(.equal, isIPv6 ? [0x86, 0xDD] : [0x08, 0x00])
    }

    /// `meta l4proto udp`.
    func matchUDP() {
        append("meta") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_META_KEY), UInt32(NFT_META_L4PROTO.rawValue))
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_META_DREG), Register.first.number)
        }
        compare(.equal, [17])
    }

    /// `meta mark & $media_mark == $media_mark`, for a mark of one bit.
    func matchMark(_ bit: UInt32) {
        loadMark()
        mask(octets(of: bit))
        compare(.equal, octets(of: bit))
    }

    /// `meta mark set meta mark | $media_mark`: other bits stay as others have set them.
    func setMark(_ bit: UInt32) {
        loadMark()
        mask(octets(of: ~bit), flipping: octets(of: bit))
        append("meta") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_META_KEY), UInt32(NFT_META_MARK.rawValue))
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_META_SREG), Register.first.number)
        }
    }

    private func loadMark() {
        append("meta") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_META_KEY), UInt32(NFT_META_MARK.rawValue))
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_META_DREG), Register.first.number)
        }
    }

    /// A mark is in the machine's byte order.
    private func octets(of mark: UInt32) -> [UInt8] { withUnsafeBytes(of: mark) { Array($0) } }

    /// `meta length > $octets`: of the packet without the header of the link.
    func matchLength(above octets: UInt32) {
        append("meta") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_META_KEY), UInt32(NFT_META_LEN.rawValue))
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_META_DREG), Register.first.number)
        }
        append("byteorder") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_BYTEORDER_SREG), Register.first.number)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_BYTEORDER_DREG), Register.first.number)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_BYTEORDER_OP), UInt32(NFT_BYTEORDER_HTON.rawValue))
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_BYTEORDER_LEN), 4)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_BYTEORDER_SIZE), 4)
        }
        compare(.above, withUnsafeBytes(of: octets.bigEndian) { Array($0) })
    }

    /// Not a fragment: `ip frag-off & 0x3fff == 0`, or `ip6 nexthdr != 44` (RFC 8200 section 4.5).
    func matchWhole(isIPv6: Bool) {
        if isIPv6 {
            load(.nextHeader)
            compare(.notEqual, [44])
        } else {
            load(.fragment)
            mask([0x3F, 0xFF])
            compare(.equal, [0, 0])
        }
    }

    /// Of IPv4: no fragment, and a TTL of more than 1. By words of four octets at multiples of four, for which the kernel has
    /// code without calls (nft_payload_fast_eval, nft_bitwise_fast_eval, nft_cmp_fast_eval): every packet of a call is looked
    /// at so.
    func matchForwardable() {
        load(.identificationAndFragment)
        mask([0, 0, 0x3F, 0xFF])
        compare(.equal, [0, 0, 0, 0])
        load(.hopsAndProtocol)
        mask([0xFE, 0, 0, 0])
        compare(.notEqual, [0, 0, 0, 0])
    }

    /// Goes on with the next rule when the first register is from one value to another, both included.
    func exclude(from: [UInt8], to: [UInt8]) {
        append("range") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_RANGE_SREG), Register.first.number)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_RANGE_OP), UInt32(NFT_RANGE_NEQ.rawValue))
            nftnl_expr_set(expression, UInt16(NFTNL_EXPR_RANGE_FROM_DATA), from, UInt32(from.count))
            nftnl_expr_set(expression, UInt16(NFTNL_EXPR_RANGE_TO_DATA), to, UInt32(to.count))
        }
    }

    enum Comparison { case equal, notEqual, above, atLeast, atMost }

    /// Goes on with the next rule when the first register compares otherwise.
    func compare(_ comparison: Comparison, _ octets: [UInt8]) {
        let code: nft_cmp_ops =
            switch comparison {
            case .equal: NFT_CMP_EQ
            case .notEqual: NFT_CMP_NEQ
            case .above: NFT_CMP_GT
            case .atLeast: NFT_CMP_GTE
            case .atMost: NFT_CMP_LTE
            }
        append("cmp") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_CMP_SREG), Register.first.number)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_CMP_OP), UInt32(code.rawValue))
            nftnl_expr_set(expression, UInt16(NFTNL_EXPR_CMP_DATA), octets, UInt32(octets.count))
        }
    }

    /// Where IPv4's own checksum stands (RFC 791 section 3.1).
    private static let addressChecksumOffset: UInt32 = 10

    enum PacketField {
        case sourceAddress(isIPv6: Bool)
        case destinationAddress(isIPv6: Bool)
        case sourcePort
        case destinationPort
        /// Of IPv4: the reserved bit, DF, MF and the offset of a fragment.
        case fragment
        /// Of IPv4: the TTL.
        case hops
        /// Of IPv4: both.
        case fragmentAndHops
        /// Of IPv4: the word that ends in what tells fragments.
        case identificationAndFragment
        /// Of IPv4: the word that begins with the TTL.
        case hopsAndProtocol
        /// Of IPv6.
        case nextHeader
        /// Of IPv6.
        case hopLimit

        /// Where the field stands: RFC 791 section 3.1, RFC 8200 section 3, RFC 768.
        var place: (base: nft_payload_bases, offset: UInt32, octets: Int) {
            switch self {
            case .sourceAddress(let isIPv6): (NFT_PAYLOAD_NETWORK_HEADER, isIPv6 ? 8 : 12, isIPv6 ? 16 : 4)
            case .destinationAddress(let isIPv6): (NFT_PAYLOAD_NETWORK_HEADER, isIPv6 ? 24 : 16, isIPv6 ? 16 : 4)
            case .sourcePort: (NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2)
            case .destinationPort: (NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2)
            case .fragment: (NFT_PAYLOAD_NETWORK_HEADER, 6, 2)
            case .hops: (NFT_PAYLOAD_NETWORK_HEADER, 8, 1)
            case .fragmentAndHops: (NFT_PAYLOAD_NETWORK_HEADER, 6, 3)
            case .identificationAndFragment: (NFT_PAYLOAD_NETWORK_HEADER, 4, 4)
            case .hopsAndProtocol: (NFT_PAYLOAD_NETWORK_HEADER, 8, 4)
            case .nextHeader: (NFT_PAYLOAD_NETWORK_HEADER, 6, 1)
            case .hopLimit: (NFT_PAYLOAD_NETWORK_HEADER, 7, 1)
            }
        }

        var isAddress: Bool {
            switch self {
            case .sourceAddress, .destinationAddress: true
            case .sourcePort, .destinationPort, .fragment, .hops, .fragmentAndHops, .identificationAndFragment,
                .hopsAndProtocol, .nextHeader, .hopLimit:
                false
            }
        }
    }

    /// Writes a field of an IPv4 packet from a register and brings the checksums up to date that cover it: an address is in
    /// IP's own and in the pseudo-header of UDP's. A packet without a UDP checksum gets none: the kernel looks whether there
    /// is one where it takes what is written for part of the pseudo-header, and a port counts there as much as in the header.
    func write(_ field: PacketField, from register: Register) {
        let place = field.place
        append("payload") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_PAYLOAD_SREG), register.number)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_PAYLOAD_BASE), UInt32(place.base.rawValue))
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_PAYLOAD_OFFSET), place.offset)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_PAYLOAD_LEN), UInt32(place.octets))
            let type = field.isAddress ? NFT_PAYLOAD_CSUM_INET : NFT_PAYLOAD_CSUM_NONE
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_PAYLOAD_CSUM_TYPE), UInt32(type.rawValue))
            nftnl_expr_set_u32(
                expression, UInt16(NFTNL_EXPR_PAYLOAD_CSUM_OFFSET), field.isAddress ? Self.addressChecksumOffset : 0)
            nftnl_expr_set_u32(
                expression, UInt16(NFTNL_EXPR_PAYLOAD_FLAGS), UInt32(NFT_PAYLOAD_L4CSUM_PSEUDOHDR.rawValue))
        }
    }

    /// Loads a field of the packet, or its first octets, into a register.
    func load(_ field: PacketField, octets: Int? = nil, into register: Register = .first) {
        let place = field.place
        append("payload") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_PAYLOAD_DREG), register.number)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_PAYLOAD_BASE), UInt32(place.base.rawValue))
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_PAYLOAD_OFFSET), place.offset)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_PAYLOAD_LEN), UInt32(octets ?? place.octets))
        }
    }

    /// Keeps only the bits of the mask in the first register, and then flips those of the other.
    func mask(_ mask: [UInt8], flipping flipped: [UInt8]? = nil) {
        append("bitwise") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_BITWISE_SREG), Register.first.number)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_BITWISE_DREG), Register.first.number)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_BITWISE_LEN), UInt32(mask.count))
            nftnl_expr_set(expression, UInt16(NFTNL_EXPR_BITWISE_MASK), mask, UInt32(mask.count))
            let flipped = flipped ?? [UInt8](repeating: 0, count: mask.count)
            nftnl_expr_set(expression, UInt16(NFTNL_EXPR_BITWISE_XOR), flipped, UInt32(flipped.count))
        }
    }

    /// Puts an interface index into the first register.
    func setDevice(_ index: UInt32) {
        append("immediate") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_IMM_DREG), Register.first.number)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_IMM_DATA), index)
        }
    }

    /// Looks the key in the second register up and replaces it by the element's data, where it has any; a miss goes on with
    /// the next rule.
    ///
    /// - Parameter isDataOfUse: whether the data is to be loaded.
    func lookUp(_ map: ElementMap, isDataOfUse: Bool = true) {
        append("lookup") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_LOOKUP_SREG), Register.second.number)
            if map.dataOctets > 0, isDataOfUse {
                nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_LOOKUP_DREG), Register.second.number)
            }
            nftnl_expr_set_str(expression, UInt16(NFTNL_EXPR_LOOKUP_SET), map.name)
        }
    }

    /// Sends the packet out of the device in the first register, to a neighbour.
    func forward(isIPv6: Bool, to neighbour: Register) {
        append("fwd") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_FWD_SREG_DEV), Register.first.number)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_FWD_SREG_ADDR), neighbour.number)
            let family = isIPv6 ? NFPROTO_IPV6 : NFPROTO_IPV4
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_FWD_NFPROTO), UInt32(family))
        }
    }

    func count() { append("counter") { _ in } }

    /// `limit rate N/second burst N packets`: goes on with the next rule beyond that.
    func limit(perSecond: UInt32) {
        append("limit") { expression in
            nftnl_expr_set_u64(expression, UInt16(NFTNL_EXPR_LIMIT_RATE), UInt64(perSecond))
            nftnl_expr_set_u64(expression, UInt16(NFTNL_EXPR_LIMIT_UNIT), 1)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_LIMIT_BURST), perSecond)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_LIMIT_TYPE), UInt32(NFT_LIMIT_PKTS.rawValue))
        }
    }

    /// `log group N snaplen N queue-threshold 1`: the first octets of the packet, at once.
    func log(group: UInt16) {
        append("log") { expression in
            nftnl_expr_set_u16(expression, UInt16(NFTNL_EXPR_LOG_GROUP), group)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_LOG_SNAPLEN), PacketLog.octets)
            nftnl_expr_set_u16(expression, UInt16(NFTNL_EXPR_LOG_QTHRESHOLD), 1)
        }
    }

    func goTo(_ chain: String) {
        append("immediate") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_IMM_DREG), Register.verdict)
            nftnl_expr_set_u32(
                expression, UInt16(NFTNL_EXPR_IMM_VERDICT), UInt32(bitPattern: Int32(NFT_GOTO.rawValue)))
            nftnl_expr_set_str(expression, UInt16(NFTNL_EXPR_IMM_CHAIN), chain)
        }
    }

    func drop() { end(with: NF_DROP) }

    func accept() { end(with: NF_ACCEPT) }

    private func end(with verdict: Int32) {
        append("immediate") { expression in
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_IMM_DREG), Register.verdict)
            nftnl_expr_set_u32(expression, UInt16(NFTNL_EXPR_IMM_VERDICT), UInt32(verdict))
        }
    }

    /// Keeps connection tracking from looking at the packet.
    func notrack() { append("notrack") { _ in } }

    /// The rule owns the expression from here on.
    private func append(_ name: String, _ fill: (OpaquePointer) -> Void) {
        guard let expression = nftnl_expr_alloc(name) else { return }
        fill(expression)
        nftnl_rule_add_expr(handle, expression)
    }
}
