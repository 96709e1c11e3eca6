import CNetfilter
import GateProtocol
import Glibc

/// What the kernel says of the table as a whole.
struct KernelTable: Hashable {
    /// `ownerFlag` and `persistFlag` among others.
    var flags: UInt32 = 0
    /// Chains, maps and whatever else stands in it.
    var members: UInt32 = 0

    /// Whether it belongs to a socket.
    var hasOwner: Bool { flags & Nft.ownerFlag != 0 }
}

/// A kind of object that a table is made of, with the message that asks for all of them and the one that tells of one.
enum TableMember: CaseIterable {
    case map, chain, rule

    var request: nf_tables_msg_types {
        switch self {
        case .map: NFT_MSG_GETSET
        case .chain: NFT_MSG_GETCHAIN
        case .rule: NFT_MSG_GETRULE
        }
    }

    var answer: nf_tables_msg_types {
        switch self {
        case .map: NFT_MSG_NEWSET
        case .chain: NFT_MSG_NEWCHAIN
        case .rule: NFT_MSG_NEWRULE
        }
    }

    /// The attribute that names the table; each kind has its first for that.
    static let tableName: UInt32 = 1
}

/// Reads what the kernel holds of `table netdev sekisho`.
final class TableReader {
    /// Elements that one request for counters asks for: each answer takes a page of the receive buffer.
    private static let elementsPerRequest = 256

    private let socket: NetlinkSocket
    private let messages = MessageBuffer()
    private var sequence: UInt32 = 1

    init() throws(NetfilterError) { socket = try NetlinkSocket(bus: NETLINK_NETFILTER) }

    // MARK: The table

    /// The number of the kernel's present set of tables, of whatever family and owner: it grows with every change.
    func generation() throws(NetfilterError) -> UInt32 {
        var generation: UInt32?
        try ask(NFT_MSG_GETGEN, flags: 0) { _ in
        } answer: { message in
            guard message.type == Nft.messageType(NFT_MSG_NEWGEN) else { return }
            message.forEachAttribute(after: MemoryLayout<nfgenmsg>.size) { attribute in
                guard UInt32(attribute.type) == NFTA_GEN_ID.rawValue else { return }
                generation = attribute.uint32.map { UInt32(bigEndian: $0) }
            }
        }
        guard let generation else { throw NetfilterError(.readTable, errno: EPROTO) }
        return generation
    }

    /// The table, or nil when there is none of this name.
    func table() throws(NetfilterError) -> KernelTable? {
        var table: KernelTable?
        do throws(NetfilterError) {
            try ask(NFT_MSG_GETTABLE, flags: 0) { message in
                message.put(NFTA_TABLE_NAME.rawValue, Nft.tableLabel)
            } answer: { message in
                guard message.type == Nft.messageType(NFT_MSG_NEWTABLE) else { return }
                var read = KernelTable()
                message.forEachAttribute(after: MemoryLayout<nfgenmsg>.size) { attribute in
                    let number = attribute.uint32.map { UInt32(bigEndian: $0) } ?? 0
                    switch UInt32(attribute.type) {
                    case NFTA_TABLE_FLAGS.rawValue: read.flags = number
                    case NFTA_TABLE_USE.rawValue: read.members = number
                    case _: break
                    }
                }
                table = read
            }
        } catch {
            guard error.errno == ENOENT else { throw error }
        }
        return table
    }

    /// The attributes of every object of a kind, in the kernel's order.
    func members(_ kind: TableMember) throws(NetfilterError) -> [[UInt8]] {
        var members: [[UInt8]] = []
        try ask(kind.request, flags: NLM_F_DUMP) { message in
            message.put(TableMember.tableName, Nft.tableLabel)
        } answer: { message in
            guard message.type == Nft.messageType(kind.answer) else { return }
            let attributes = message.attributes(after: MemoryLayout<nfgenmsg>.size)
            // Chains are listed of all tables, whatever is asked for.
            var isOurs = false
            NetlinkAttribute.forEach(in: attributes) { attribute in
                if UInt32(attribute.type) == TableMember.tableName { isOurs = attribute.isText(Nft.tableLabel) }
            }
            if isOurs { members.append(Array(attributes)) }
        }
        return members
    }

    // MARK: Elements

    /// What the maps hold, whoever put it there.
    func elements(of maps: [ElementMap]) throws(NetfilterError) -> [HeldElement] {
        var elements: [HeldElement] = []
        for map in maps {
            try ask(NFT_MSG_GETSETELEM, flags: NLM_F_DUMP) { message in
                message.put(NFTA_SET_ELEM_LIST_TABLE.rawValue, Nft.tableLabel)
                message.put(NFTA_SET_ELEM_LIST_SET.rawValue, map.label)
            } answer: { message in
                ElementMessages.read(message, into: &elements)
            }
        }
        return elements
    }

    /// What the elements have counted; those that the kernel does not hold are left out.
    func counters(of keys: [ElementKey]) throws(NetfilterError) -> [ElementKey: Traffic] {
        var counts: [ElementKey: Traffic] = [:]
        var rest = keys[...]
        while !rest.isEmpty {
            try readCounters(of: rest.prefix(Self.elementsPerRequest), into: &counts)
            rest = rest.dropFirst(Self.elementsPerRequest)
        }
        return counts
    }

    /// Asks for each element by a message of its own: the kernel stops at the first one that is missing in a message.
    private func readCounters(
        of keys: ArraySlice<ElementKey>, into counts: inout [ElementKey: Traffic]
    ) throws(NetfilterError) {
        let first = sequence
        messages.removeAll()
        for (index, key) in keys.enumerated() {
            messages.append(Nft.messageType(NFT_MSG_GETSETELEM), sequence: first &+ UInt32(index)) { message in
                ElementMessages.put(key.map, into: &message) { ElementMessages.put(key, into: &$0) }
            }
        }
        sequence &+= UInt32(keys.count)
        try messages.send(on: socket)
        var failure: NetfilterError?
        try socket.receive { message in
            let index = Int(message.sequence &- first)
            guard index < keys.count else { return }
            guard let status = message.status else { return ElementMessages.read(message, into: &counts) }
            guard status.errno != 0 else { return }
            let map = keys[keys.startIndex + index].map
            let error = NetfilterError(.getElements(map), errno: status.errno, offset: status.offset)
            // An element that is not there has no count; a map or a table that is not there is a fault.
            if error.errno != ENOENT || error.cause == .table || error.cause == .map { failure = error }
        }
        if let failure { throw failure }
    }

    // MARK: Asking

    /// Sends one request and gives every message of the answer to the closure. Of a dump the kernel makes the next part when
    /// the one before is read.
    private func ask(
        _ request: nf_tables_msg_types, flags: Int32, _ write: (inout MessageWriter) -> Void,
        answer: (NetlinkMessage) -> Void
    ) throws(NetfilterError) {
        let number = sequence
        sequence &+= 1
        messages.removeAll()
        messages.append(Nft.messageType(request), flags: flags, sequence: number, write)
        try messages.send(on: socket)
        var failure: NetfilterError?
        var isDone = false
        var isSilent = false
        while !isDone, !isSilent {
            isSilent = true
            try socket.receive(until: { isDone }) { message in
                guard message.sequence == number else { return }
                isSilent = false
                if let status = message.status {
                    if status.errno != 0 {
                        failure = NetfilterError(.readTable, errno: status.errno, offset: status.offset)
                    }
                    isDone = true
                } else if message.type == UInt16(NLMSG_DONE) {
                    isDone = true
                } else {
                    answer(message)
                    if flags & NLM_F_DUMP == 0 { isDone = true }
                }
            }
        }
        if let failure { throw failure }
        guard isDone else { throw NetfilterError(.readTable, errno: EPROTO) }
    }
}
