import CNetfilter
import Glibc

/// Whether the table that the kernel holds is the one that would be built: what a gate before this one has left is taken over
/// with the calls in it, what anybody has changed is not.
///
/// The messages that would build the table are compared with what the kernel says of each of its objects. Whatever is asked
/// for must be there with the same value; beside it the kernel tells handles, counts and defaults.
struct TableMatch {
    /// What would be built: the attributes of each object, in the order of the messages.
    private var wanted: [TableMember: [[UInt8]]] = [:]

    /// - Parameter messages: a batch that builds the table.
    init(_ messages: MessageBuffer) {
        messages.forEach { message in
            for kind in TableMember.allCases where message.type == Nft.messageType(kind.answer) {
                wanted[kind, default: []].append(Array(message.attributes(after: MemoryLayout<nfgenmsg>.size)))
            }
        }
    }

    /// Whether the table holds just what would be built, elements aside.
    func holds(_ reader: TableReader, _ table: KernelTable) throws(NetfilterError) -> Bool {
        // Rules are no members: the kernel counts them to their chains.
        let members = TableMember.allCases.filter { $0 != .rule }.reduce(0) { $0 + (wanted[$1]?.count ?? 0) }
        guard table.members == UInt32(members) else { return false }
        for kind in TableMember.allCases {
            guard Self.match(wanted[kind] ?? [], try reader.members(kind), kind) else { return false }
        }
        return true
    }

    /// Each wanted object is the first left with its name; rules have none, and their order is that of their chain.
    private static func match(_ wanted: [[UInt8]], _ found: [[UInt8]], _ kind: TableMember) -> Bool {
        guard wanted.count == found.count else { return false }
        let identity = kind == .chain ? NFTA_CHAIN_NAME.rawValue : NFTA_SET_NAME.rawValue
        var rest = found
        for object in wanted {
            let name = value(identity, in: object)
            guard let index = rest.firstIndex(where: { value(identity, in: $0) == name }),
                object.withUnsafeBytes({ wanted in
                    rest[index].withUnsafeBytes { covers($0, wanted, kind, isExact: false) }
                })
            else { return false }
            rest.remove(at: index)
        }
        return true
    }

    /// An attribute that names an object; of a rule it is the chain's name, which has the same number as a map's.
    private static func value(_ type: UInt32, in object: [UInt8]) -> [UInt8] {
        var value: [UInt8] = []
        object.withUnsafeBytes { octets in
            NetlinkAttribute.forEach(in: octets) { if UInt32($0.type) == type { value = Array($0.octets) } }
        }
        return value
    }

    /// Whether `found` says everything that `wanted` says.
    ///
    /// - Parameters:
    ///   - kind: of the object whose attributes these are; nil inside of one.
    ///   - isExact: nothing but zeros may be said beside it, and lists are of one length.
    private static func covers(
        _ found: UnsafeRawBufferPointer, _ wanted: UnsafeRawBufferPointer, _ kind: TableMember?, isExact: Bool
    ) -> Bool {
        var rest: [NetlinkAttribute] = []
        NetlinkAttribute.forEach(in: found) { rest.append($0) }
        var isCovered = true
        NetlinkAttribute.forEach(in: wanted) { attribute in
            // A number that means something inside a batch only.
            if kind == .map, UInt32(attribute.type) == NFTA_SET_ID.rawValue { return }
            guard isCovered, let index = rest.firstIndex(where: { $0.type == attribute.type }) else {
                isCovered = false
                return
            }
            let other = rest.remove(at: index)
            guard attribute.isNested else {
                isCovered = attribute.octets.elementsEqual(other.octets)
                return
            }
            // Packets may have been counted.
            if isExact, isCounter(attribute.octets) {
                isCovered = isCounter(other.octets)
                return
            }
            let isProgram = isExact || isExpressions(attribute, of: kind)
            isCovered = covers(other.octets, attribute.octets, nil, isExact: isProgram)
        }
        return isCovered && (!isExact || rest.allSatisfy { $0.octets.allSatisfy { $0 == 0 } })
    }

    /// Whether the attribute is what a rule does to packets, or an element of a map.
    private static func isExpressions(_ attribute: NetlinkAttribute, of kind: TableMember?) -> Bool {
        switch (kind, UInt32(attribute.type)) {
        case (.rule, NFTA_RULE_EXPRESSIONS.rawValue), (.map, NFTA_SET_EXPR.rawValue),
            (.map, NFTA_SET_EXPRESSIONS.rawValue):
            true
        case (_, _):
            false
        }
    }

    private static func isCounter(_ expression: UnsafeRawBufferPointer) -> Bool {
        var isCounter = false
        NetlinkAttribute.forEach(in: expression) { attribute in
            if UInt32(attribute.type) == NFTA_EXPR_NAME.rawValue { isCounter = attribute.isText("counter") }
        }
        return isCounter
    }
}
