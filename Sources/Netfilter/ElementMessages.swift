import CNetfilter
import GateProtocol
import Wire

/// Elements of one map, as a message carries them.
///
/// Written and read here and not by libnftnl, which makes an object of every element first: that was half of what the gate
/// itself did for a request.
enum ElementMessages {
    /// What one element takes in a message at most: key and data with their nests (IPv6: 40 + 16 octets), timeout, session.
    private static let elementOctets = 128
    /// Beside an element its session's number is kept in the form of nft's own notes, a type, a length and a value
    /// (libnftnl, udata.h), with a type that nft does not know and passes over.
    private static let sessionNote: [UInt8] = [0x53, UInt8(MemoryLayout<UInt64>.size)]
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

    /// Puts the key of an element.
    static func put(_ key: ElementKey, into message: inout MessageWriter) {
        message.nest(NFTA_LIST_ELEM.rawValue) { putKey(key, into: &$0) }
    }

    /// Puts an element that is to be added to the kernel's map.
    static func put(_ element: SetElement, timeoutMilliseconds: UInt64, into message: inout MessageWriter) {
        let map = element.key.map
        message.nest(NFTA_LIST_ELEM.rawValue) { message in
            let own = element.lifetime.map { UInt64(max(1, $0.wholeNanoseconds / 1_000_000)) }
            message.put(NFTA_SET_ELEM_TIMEOUT.rawValue, own ?? timeoutMilliseconds)
            putKey(element.key, into: &message)
            if map.dataOctets > 0 {
                message.nest(NFTA_SET_ELEM_DATA.rawValue) { message in
                    message.put(NFTA_DATA_VALUE.rawValue, octets: map.dataOctets) { element.storeData(at: $0) }
                }
            }
            guard let session = element.session else { return }
            let header = sessionNote.count
            message.put(NFTA_SET_ELEM_USERDATA.rawValue, octets: header + MemoryLayout<UInt64>.size) { place in
                for (index, octet) in sessionNote.enumerated() {
                    place.storeBytes(of: octet, toByteOffset: index, as: UInt8.self)
                }
                (place + header).storeBytes(of: session.value.bigEndian, as: UInt64.self)
            }
        }
    }

    private static func putKey(_ key: ElementKey, into message: inout MessageWriter) {
        message.nest(NFTA_SET_ELEM_KEY.rawValue) { message in
            message.put(NFTA_DATA_VALUE.rawValue, octets: key.map.keyOctets) { key.store(at: $0) }
        }
    }

    /// Reads the counters of the elements in a NEWSETELEM or DELSETELEM message.
    static func read(_ message: NetlinkMessage, into counts: inout [ElementKey: Traffic]) {
        forEachElement(of: message) { read($0, of: $1, into: &counts) }
    }

    /// Reads the elements in a NEWSETELEM message whole.
    static func read(_ message: NetlinkMessage, into elements: inout [HeldElement]) {
        forEachElement(of: message) { element, map in
            if let element = held(element, of: map) { elements.append(element) }
        }
    }

    private static func forEachElement(of message: NetlinkMessage, _ body: (NetlinkAttribute, ElementMap) -> Void) {
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
                attribute.forEachAttribute { body($0, map) }
            case _:
                break
            }
        }
    }

    /// nil for an element of no form that the gate adds.
    private static func held(_ element: NetlinkAttribute, of map: ElementMap) -> HeldElement? {
        var (key, session) = (ElementKey?.none, SessionID?.none)
        var data: (translation: Endpoint?, nextHop: IPAddress?)? = map.dataOctets == 0 ? (nil, nil) : nil
        // One without a timeout is held for ever.
        var milliseconds: UInt64?
        element.forEachAttribute { attribute in
            switch UInt32(attribute.type) {
            case NFTA_SET_ELEM_KEY.rawValue:
                key = value(of: attribute).flatMap { ElementKey(map: map, octets: $0) }
            case NFTA_SET_ELEM_DATA.rawValue:
                data = value(of: attribute).flatMap { SetElement.data($0, of: map) }
            case NFTA_SET_ELEM_EXPIRATION.rawValue:
                milliseconds = attribute.uint64.map { UInt64(bigEndian: $0) }
            case NFTA_SET_ELEM_USERDATA.rawValue:
                guard attribute.octets.count == sessionNote.count + MemoryLayout<UInt64>.size,
                    attribute.octets.starts(with: sessionNote)
                else { return }
                let number = attribute.octets.loadUnaligned(fromByteOffset: sessionNote.count, as: UInt64.self)
                session = SessionID(UInt64(bigEndian: number))
            case _:
                break
            }
        }
        guard let key, let data else { return nil }
        let remaining: Duration = .milliseconds(Int64(clamping: milliseconds ?? UInt64(Int32.max)))
        return HeldElement(
            SetElement(
                key, via: data.nextHop, translation: data.translation, of: milliseconds == nil ? nil : session),
            remaining: remaining)
    }

    /// The octets of the value in a key or in data.
    private static func value(of attribute: NetlinkAttribute) -> UnsafeRawBufferPointer? {
        var octets: UnsafeRawBufferPointer?
        attribute.forEachAttribute { inner in
            if UInt32(inner.type) == NFTA_DATA_VALUE.rawValue { octets = inner.octets }
        }
        return octets
    }

    private static func read(_ element: NetlinkAttribute, of map: ElementMap, into counts: inout [ElementKey: Traffic])
    {
        var key: ElementKey?
        var traffic = Traffic()
        element.forEachAttribute { attribute in
            switch UInt32(attribute.type) {
            case NFTA_SET_ELEM_KEY.rawValue:
                key = value(of: attribute).flatMap { ElementKey(map: map, octets: $0) }
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
