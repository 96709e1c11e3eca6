import Glibc

/// What the kernel refused: what was attempted, its error number, and which part of the message it points at.
public struct NetfilterError: Error, Hashable, Sendable {
    /// What was being done.
    public enum Attempt: Hashable, Sendable {
        case openSocket
        case findInterface(String)
        case send
        case receive
        case beginBatch
        case endBatch
        case addTable
        case deleteTable
        case addMap(ElementMap)
        case addChain(String)
        case addRule(String)
        case addElements(ElementMap)
        case deleteElements(ElementMap)
        case getElements(ElementMap)
        case readRoute
        case readAddresses
        case listHelpers
        case readTable
        case claimTable
        case probeFlags
        case bindLog(UInt16)
    }

    /// What the offset of a refused element message points at (NLMSGERR_ATTR_OFFS): an ENOENT means three things.
    public enum Cause: Hashable, Sendable {
        case table
        case map
        case element
        case unknown
    }

    /// What was being done.
    public let attempt: Attempt
    /// The kernel's error number.
    public let errno: Int32
    /// Octets from the start of the message to the attribute at fault, when the kernel gave it.
    public let offset: UInt32?

    /// A failed attempt with the kernel's error number and, when it gave one, the offset.
    public init(_ attempt: Attempt, errno: Int32, offset: UInt32? = nil) {
        self.attempt = attempt
        self.errno = errno
        self.offset = offset
    }

    /// The part of an element message that the offset points at. The message begins with 16 octets of netlink header
    /// and 4 of nfgenmsg; table name, map name and elements follow as attributes in this order, `sekisho` and names of
    /// up to four letters padded to 12 octets each.
    public var cause: Cause {
        switch (attempt, offset) {
        case (.addElements, .some(let offset)), (.deleteElements, .some(let offset)), (.getElements, .some(let offset)):
            if offset < 20 { .unknown } else if offset < 32 { .table } else if offset < 44 { .map } else { .element }
        case (_, .some), (_, .none):
            .unknown
        }
    }
}

extension NetfilterError {
    /// Whether the table is not there, or not whole: somebody else's work.
    var isLostTable: Bool { errno == ENOENT && (cause == .table || cause == .map) }
}

extension NetfilterError: CustomStringConvertible {
    /// The attempt, the error in words with its number, and what it points at.
    public var description: String {
        var text = "\(attempt): \(String(cString: strerror(errno))) (errno \(errno)"
        switch cause {
        case .table: text += ", at the table's name"
        case .map: text += ", at the map's name"
        case .element: text += ", at an element"
        case .unknown:
            if let offset { text += ", at octet \(offset)" }
        }
        return text + ")"
    }
}

extension NetfilterError.Attempt: CustomStringConvertible {
    /// The attempt in words.
    public var description: String {
        switch self {
        case .openSocket: "opening a netlink socket"
        case .findInterface(let name): "looking for interface \(name)"
        case .send: "sending to the kernel"
        case .receive: "receiving from the kernel"
        case .beginBatch: "beginning a batch"
        case .endBatch: "waiting for the end of a batch"
        case .addTable: "adding table netdev sekisho"
        case .deleteTable: "deleting table netdev sekisho"
        case .addMap(let map): "adding map \(map.name)"
        case .addChain(let name): "adding chain \(name) at the netdev ingress hook"
        case .addRule(let text): "adding rule \(text)"
        case .addElements(let map): "adding elements to map \(map.name)"
        case .deleteElements(let map): "deleting elements from map \(map.name)"
        case .getElements(let map): "reading elements of map \(map.name)"
        case .readRoute: "asking for a route"
        case .readAddresses: "reading the addresses of this machine"
        case .readTable: "reading table netdev sekisho"
        case .claimTable: "taking over table netdev sekisho"
        case .probeFlags: "asking whether tables can be owned"
        case .bindLog(let group): "listening to nflog group \(group)"
        case .listHelpers: "listing the ct helpers of this machine"
        }
    }
}

extension NetfilterError {
    /// What to do about an error at start, in one line; nil when the description says all there is to say.
    public var advice: String? {
        switch (attempt, errno) {
        case (.bindLog, EPERM), (.bindLog, EBUSY):
            "another program has that nflog group; give the gate another one (near_misses: { nflog_group: NUMBER })"
        case (_, EPERM), (_, EACCES):
            "CAP_NET_ADMIN is missing, or another process owns table netdev sekisho"
        case (.openSocket, EPROTONOSUPPORT), (.openSocket, EAFNOSUPPORT):
            "this kernel has no nfnetlink (CONFIG_NETFILTER_NETLINK)"
        case (.beginBatch, EOPNOTSUPP), (.beginBatch, EINVAL), (.addTable, EOPNOTSUPP), (.addTable, EAFNOSUPPORT):
            "this kernel has no nf_tables for netdev (CONFIG_NF_TABLES, CONFIG_NF_TABLES_NETDEV); try modprobe nf_tables"
        case (.addChain, EOPNOTSUPP), (.addChain, ENOENT):
            "this kernel has no netdev ingress hook (CONFIG_NETFILTER_INGRESS)"
        case (.addRule, ENOENT), (.addRule, EOPNOTSUPP):
            "this kernel lacks an expression of the rule (fwd needs CONFIG_NFT_FWD_NETDEV)"
        case (.findInterface, _):
            "create the interface first, or correct its name in the configuration"
        case (_, _):
            nil
        }
    }
}
