import CNetfilter
import GateProtocol
import Wire

/// Elements of one map, as a message carries them.
///
/// Written and read here and not by libnftnl, which makes an object of every element first: that was half of what the gate
/// itself did for a request.
enum ElementMessages {
    /// What one element takes in a message at most: key and data with their nests (IPv6: 40 + 16 octets), timeout.
    private static let elementOctets = 128
    /// An attribute's length has 16 bits.
    static let elementsPerMessage = 60_000 / elementOctets

    /// Names the map and appends the elements that the closure puts.
    static func put(
        _ map: ElementMap, into message: inout MessageWriter, _ elements: (inout MessageWriter) -> Void
    ) {
        message.put(NFTA_SET_ELEM_LIST_TABLE.rawValue, Nft.tableLabel)
        message.put(NFTA_SET_ELEM_LIST_SET.rawValue, map.label)
        message.nest(NFTA_SET_ELEM_LIST_ELEMENTS.rawValue, elements)
    }

    /// Puts the key of an element, and its data and timeout where it is to be added to the kernel's map.
    static func put(
        _ key: ElementKey, nextHop: IPAddress? = nil, timeoutMilliseconds: UInt64? = nil,
        into message: inout MessageWriter
    ) {
        message.nest(NFTA_LIST_ELEM.rawValue) { message in
            if let timeoutMilliseconds { message.put(NFTA_SET_ELEM_TIMEOUT.rawValue, timeoutMilliseconds) }
            message.nest(NFTA_SET_ELEM_KEY.rawValue) { message in
                message.put(NFTA_DATA_VALUE.rawValue, octets: key.map.keyOctets) { key.store(at: $0) }
            }
            guard let nextHop else { return }
            message.nest(NFTA_SET_ELEM_DATA.rawValue) { message in
                message.put(NFTA_DATA_VALUE.rawValue, octets: key.map.addressOctets) { _ = nextHop.store(at: $0) }
            }
        }
    }

    /// Reads the counters of the elements in a NEWSETELEM or DELSETELEM message.
    static func read(_ message: NetlinkMessage, into counts: inout [ElementKey: Traffic]) {
        guard
            message.type == Nft.messageType(NFT_MSG_NEWSETELEM) || message.type == Nft.messageType(NFT_MSG_DELSETELEM)
        else { return }
        var map: ElementMap?
        message.forEachAttribute(after: MemoryLayout<nfgenmsg>.size) { attribute in
            switch UInt32(attribute.type) {
            case NFTA_SET_ELEM_LIST_SET.rawValue:
                map = ElementMap(attribute)
            // The kernel names the map before its elements (nf_tables_fill_setelem_info).
            case NFTA_SET_ELEM_LIST_ELEMENTS.rawValue:
                guard let map else { return }
                attribute.forEachAttribute { read($0, of: map, into: &counts) }
            case _:
                break
            }
        }
    }

    private static func read(_ element: NetlinkAttribute, of map: ElementMap, into counts: inout [ElementKey: Traffic])
    {
        var key: ElementKey?
        var traffic = Traffic()
        element.forEachAttribute { attribute in
            switch UInt32(attribute.type) {
            case NFTA_SET_ELEM_KEY.rawValue:
                attribute.forEachAttribute { value in
                    guard value.type == UInt16(NFTA_DATA_VALUE.rawValue) else { return }
                    key = ElementKey(map: map, octets: value.octets)
                }
            case NFTA_SET_ELEM_EXPR.rawValue:
                readCounter(attribute, into: &traffic)
            case NFTA_SET_ELEM_EXPRESSIONS.rawValue:
                attribute.forEachAttribute { readCounter($0, into: &traffic) }
            case _:
                break
            }
        }
        if let key { counts[key] = traffic }
    }

    /// Reads an expression if it is a counter.
    private static func readCounter(_ expression: NetlinkAttribute, into traffic: inout Traffic) {
        var isCounter = false
        expression.forEachAttribute { attribute in
            switch UInt32(attribute.type) {
            case NFTA_EXPR_NAME.rawValue:
                isCounter = attribute.isText("counter")
            case NFTA_EXPR_DATA.rawValue:
                guard isCounter else { return }
                attribute.forEachAttribute { value in
                    switch UInt32(value.type) {
                    case NFTA_COUNTER_BYTES.rawValue: traffic.bytes = UInt64(bigEndian: value.uint64 ?? 0)
                    case NFTA_COUNTER_PACKETS.rawValue: traffic.packets = UInt64(bigEndian: value.uint64 ?? 0)
                    case _: break
                    }
                }
            case _:
                break
            }
        }
    }
}
