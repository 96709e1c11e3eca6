import CNetfilter
import Glibc

/// What in this machine's kernel may read SIP beside the gateway: the conntrack helper `sip`, which opens ports for what it
/// takes for SIP, and rewrites it. Where it is active, a peer may open by it what the gateway refuses (CVE-2026-23457 is one
/// way). It is looked for once, at the start; what is configured later is not seen, nor what is in the tables of
/// iptables-legacy, which are not netlink's.
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
        findings += try Self.list(NFT_MSG_GETOBJ, NFT_MSG_NEWOBJ, Self.object).map {
            "ct helper \($0) is of type sip; take it out of the ruleset"
        }
        findings += try Self.list(NFT_MSG_GETRULE, NFT_MSG_NEWRULE, Self.rule).map {
            "a rule of chain \($0) attaches the helper sip (-j CT --helper sip); take it out of the ruleset"
        }
    }

    private static func isOn(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // 1, and Y where it is a module's parameter.
        var octet: UInt8 = 0
        return read(descriptor, &octet, 1) == 1 && [UInt8(ascii: "1"), UInt8(ascii: "Y")].contains(octet)
    }

    /// What there is of a kind in tables of every family, as `describe` has it.
    private static func list(
        _ request: nf_tables_msg_types, _ answer: nf_tables_msg_types, _ describe: (NetlinkMessage) -> String?
    ) throws(NetfilterError) -> [String] {
        let socket = try NetlinkSocket(bus: NETLINK_NETFILTER)
        var storage = [UInt64](repeating: 0, count: 16)
        let length: Int = storage.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
                let header = nftnl_nlmsg_build_hdr(
                    base, UInt16(request.rawValue), UInt16(NFPROTO_UNSPEC), UInt16(NLM_F_DUMP), 1)
            else { return 0 }
            if request == NFT_MSG_GETOBJ {
                mnl_attr_put_u32(header, UInt16(NFTA_OBJ_TYPE.rawValue), UInt32(NFT_OBJECT_CT_HELPER).bigEndian)
            }
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
                if message.type == Nft.messageType(answer), let text = describe(message) { found.append(text) }
            }
        }
        if let failure { throw failure }
        return found
    }

    /// Parts of a dump that are waited for, of 32 KiB each.
    private static let maximumParts = 64

    /// `family table name` of a `ct helper` object; nil when it is another kind of object or of helper.
    private static func object(_ message: NetlinkMessage) -> String? {
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

    /// `family table chain` of a rule of iptables-nft whose target attaches the helper; nil when it is another rule.
    private static func rule(_ message: NetlinkMessage) -> String? {
        guard let part = message.fixedPart(nfgenmsg.self) else { return nil }
        var (table, chain, helper) = ("", "", "")
        message.forEachAttribute(after: MemoryLayout<nfgenmsg>.size) { attribute in
            switch UInt32(attribute.type) {
            case NFTA_RULE_TABLE.rawValue: table = text(attribute.octets)
            case NFTA_RULE_CHAIN.rawValue: chain = text(attribute.octets)
            case NFTA_RULE_EXPRESSIONS.rawValue:
                attribute.forEachAttribute { helper = self.helper(ofExpression: $0) ?? helper }
            case _: break
            }
        }
        return helper == Self.helper ? "\(family(part.nfgen_family)) \(table) \(chain)" : nil
    }

    /// The helper that the target CT names: what iptables calls a target is an expression `target` with the target's name
    /// and its structure (net/netfilter/nft_compat.c).
    private static func helper(ofExpression element: NetlinkAttribute) -> String? {
        var (kind, target, helper) = ("", "", String?.none)
        element.forEachAttribute { attribute in
            switch UInt32(attribute.type) {
            case NFTA_EXPR_NAME.rawValue: kind = text(attribute.octets)
            case NFTA_EXPR_DATA.rawValue where kind == "target":
                attribute.forEachAttribute { inner in
                    switch UInt32(inner.type) {
                    case NFTA_TARGET_NAME.rawValue: target = text(inner.octets)
                    case NFTA_TARGET_INFO.rawValue: helper = name(inTarget: inner.octets)
                    case _: break
                    }
                }
            case _: break
            }
        }
        return target == "CT" ? helper : nil
    }

    /// `helper` of struct xt_ct_target_info, in every revision of it (linux/netfilter/xt_CT.h): 16 octets behind flags,
    /// zone and two masks.
    private static func name(inTarget octets: UnsafeRawBufferPointer) -> String? {
        guard octets.count >= 12 + 16 else { return nil }
        return text(UnsafeRawBufferPointer(rebasing: octets[12..<28]))
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
