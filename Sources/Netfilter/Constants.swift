import CNetfilter

/// Numbers of the kernel interface that its headers hide from Swift, or that stand in no installed header.
enum Nft {
    /// The table; the only one that is ever touched.
    static let table = "\(tableLabel)"
    /// Its name as messages carry it.
    static let tableLabel: StaticString = "sekisho"
    static let family = UInt16(NFPROTO_NETDEV)

    /// Flags of a table (linux/nf_tables.h): it belongs to the socket that made it; and, since Linux 6.9, it stays when that
    /// socket closes, and another may then make it its own.
    static let ownerFlag: UInt32 = 0x2
    static let persistFlag: UInt32 = 0x4

    /// Chains of the table, by the side whose packets they judge.
    static let insideChain = "inside"
    static let outsideChain = "outside"
    /// Where those send what the fast path cannot carry.
    static let insideRoutedChain = "inside_routed"
    static let outsideRoutedChain = "outside_routed"
    /// What leaves toward the outside, after routing.
    static let leavingChain = "leaving"

    /// Before every other user of the hook that keeps to the priorities of nft(8); the site's own tables come later.
    static let ingressPriority: Int32 = -100

    /// Data types as nft numbers them (nftables, include/datatype.h); the kernel stores them for `nft list` to read.
    static let ipv4Address: UInt32 = 7
    static let ipv6Address: UInt32 = 8
    static let inetService: UInt32 = 13

    /// A concatenation is the types six bits each, the last one lowest (nftables, TYPE_BITS).
    static func concatenation(_ types: [UInt32]) -> UInt32 { types.reduce(0) { $0 << 6 | $1 } }

    /// `nlmsg_type` of an nf_tables message.
    static func messageType(_ message: nf_tables_msg_types) -> UInt16 {
        UInt16(NFNL_SUBSYS_NFTABLES) << 8 | UInt16(message.rawValue)
    }
}

/// The 32-bit registers of the nf_tables machine (linux/nf_tables.h, NFT_REG32_00 to NFT_REG32_15).
struct Register {
    private let slot: UInt32

    private init(slot: UInt32) { self.slot = slot }

    /// As the kernel itself numbers it when it is asked for a rule (nft_dump_register): a register that begins one of 16
    /// octets has that one's number.
    var number: UInt32 {
        slot.isMultiple(of: 4) ? UInt32(NFT_REG_1.rawValue) + slot / 4 : UInt32(NFT_REG32_00.rawValue) + slot
    }

    /// The verdict register.
    static let verdict = UInt32(NFT_REG_VERDICT.rawValue)
    /// The first 16-octet register, where nft puts what a match compares.
    static let first = Register(slot: 0)
    /// The second 16-octet register, where nft puts the key of a look-up when the first one is taken.
    static let second = Register(slot: 4)

    /// The register that lies `octets` after this one.
    func advanced(octets: Int) -> Register { Register(slot: slot + UInt32(octets / 4)) }
}
