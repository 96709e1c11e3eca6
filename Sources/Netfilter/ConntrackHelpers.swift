import CNetfilter
import Glibc

/// What in this machine's kernel may read SIP beside the gateway: the conntrack helper `sip`, which opens ports for what it
/// takes for SIP, and rewrites it. Where it is active, a peer may open by it what the gateway refuses (CVE-2026-23457 is one
/// way). It is looked for once, at the start; what is configured later is not seen.
public struct ConntrackHelpers: Sendable {
    /// The kernel's name of the helper (net/netfilter/nf_conntrack_sip.c).
    private static let helper = "sip"
    /// Where kernels before 6.0 say whether helpers are attached to connections by their ports alone: this namespace's
    /// setting, and the one that namespaces begin with. A unit may hide the first.
    private static let switches = [
        "/proc/sys/net/netfilter/nf_conntrack_helper", "/sys/module/nf_conntrack/parameters/nf_conntrack_helper",
    ]

    /// Findings, one line each; empty when nothing was found.
    public private(set) var findings: [String] = []

    /// Looks at the switch and at the tables of this namespace.
    ///
    /// - Parameter root: goes before the paths of the switch; for tests.
    /// - Throws: when the tables cannot be listed.
    public init(root: String = "") throws(NetfilterError) {
        if let path = Self.switches.first(where: { access(root + $0, R_OK) == 0 }), Self.isOn(root + path) {
            findings.append("\(path) is on: helpers read every connection to their ports; set it to 0")
        }
        findings += try Self.objects().map { "ct helper \($0) is of type sip; take it out of the ruleset" }
    }

    private static func isOn(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // 1, and Y where it is a module's parameter.
        var octet: UInt8 = 0
        return read(descriptor, &octet, 1) == 1 && [UInt8(ascii: "1"), UInt8(ascii: "Y")].contains(octet)
    }

    /// `family table name` of every `ct helper` object of type sip, in tables of every family.
    private static func objects() throws(NetfilterError) -> [String] {
        let socket = try NetlinkSocket(bus: NETLINK_NETFILTER)
        var storage = [UInt64](repeating: 0, count: 16)
        let length: Int = storage.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                let header = nftnl_nlmsg_build_hdr(
                    base, UInt16(NFT_MSG_GETOBJ.rawValue), UInt16(NFPROTO_UNSPEC), UInt16(NLM_F_DUMP), 1)
            else { return 0 }
            mnl_attr_put_u32(header, UInt16(NFTA_OBJ_TYPE.rawValue), UInt32(NFT_OBJECT_CT_HELPER).bigEndian)
            return Int(header.pointee.nlmsg_len)
        }
        try storage.span.withUnsafeBytes { (bytes) throws(NetfilterError) in
            try socket.send(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
        }
        var found: [String] = []
        var failure: NetfilterError?
        var isDone = false
        // The kernel makes the next part of a dump when the one before is read.
        for _ in 0..<maximumParts where !isDone && failure == nil {
            try socket.receive { message in
                if message.type == UInt16(NLMSG_DONE) { isDone = true }
                if let status = message.status, status.errno != 0 {
                    failure = NetfilterError(.listHelpers, errno: status.errno, offset: status.offset)
                }
                if message.type == Nft.messageType(NFT_MSG_NEWOBJ), let text = describe(message) { found.append(text) }
            }
        }
        if let failure { throw failure }
        return found
    }

    /// Parts of a dump that are read, of 32 KiB each; a ruleset has a handful of helpers.
    private static let maximumParts = 64

    /// nil when it is another kind of object or of helper.
    private static func describe(_ message: NetlinkMessage) -> String? {
        guard let part = message.fixedPart(nfgenmsg.self) else { return nil }
        var (table, name, kind, helper) = ("", "", UInt32(0), "")
        message.forEachAttribute(after: MemoryLayout<nfgenmsg>.size) { attribute in
            switch UInt32(attribute.type) {
            case NFTA_OBJ_TABLE.rawValue: table = text(attribute.octets)
            case NFTA_OBJ_NAME.rawValue: name = text(attribute.octets)
            case NFTA_OBJ_TYPE.rawValue: kind = UInt32(bigEndian: attribute.uint32 ?? 0)
            case NFTA_OBJ_DATA.rawValue:
                attribute.forEachAttribute { inner in
                    if UInt32(inner.type) == NFTA_CT_HELPER_NAME.rawValue { helper = text(inner.octets) }
                }
            case _: break
            }
        }
        guard kind == UInt32(NFT_OBJECT_CT_HELPER), helper == Self.helper else { return nil }
        return "\(family(part.nfgen_family)) \(table) \(name)"
    }

    private static func text(_ octets: UnsafeRawBufferPointer) -> String {
        String(decoding: octets.prefix { $0 != 0 }, as: UTF8.self)
    }

    private static func family(_ number: UInt8) -> String {
        switch Int32(number) {
        case Int32(NFPROTO_IPV4): "ip"
        case Int32(NFPROTO_IPV6): "ip6"
        case Int32(NFPROTO_INET): "inet"
        case Int32(NFPROTO_BRIDGE): "bridge"
        case let other: "family \(other)"
        }
    }
}
