import CNetfilter
public import GateProtocol
import Glibc
public import Wire

/// The kernel's nf_tables, by netlink.
public final class NftFirewall: Firewall {
    /// Elements that one request for counters asks for: each answer takes a page of the receive buffer.
    private static let elementsPerRequest = 256

    /// The index of the interface of the protected side.
    public let insideInterface: UInt32
    /// The index of the interface of the other side.
    public let outsideInterface: UInt32
    private let ruleset: Ruleset
    private let writer: NetlinkSocket
    private let reader: NetlinkSocket
    private let events: RoutingEvents
    private let routes: Routes
    private let addresses: OwnAddresses
    private var sequence: UInt32 = 1
    /// Room for the messages of one call; kept, because making it anew costs more than a small batch.
    private let messages: MessageBuffer
    private let batch: Batch

    /// Builds the table; one that was there is replaced in the same transaction.
    public init(_ settings: TableSettings) throws(NetfilterError) {
        messages = MessageBuffer()
        batch = Batch(in: messages)
        insideInterface = try Self.index(of: settings.insideDevice)
        outsideInterface = try Self.index(of: settings.outsideDevice)
        ruleset = Ruleset(settings: settings, insideInterface: insideInterface, outsideInterface: outsideInterface)
        writer = try NetlinkSocket(bus: NETLINK_NETFILTER)
        reader = try NetlinkSocket(bus: NETLINK_NETFILTER)
        events = try RoutingEvents()
        routes = try Routes(events)
        addresses = try OwnAddresses(events)
        try commit { ruleset.build(into: $0) }
    }

    /// Changes the maps in one batch and gives what the deleted elements had counted.
    ///
    /// That the old elements exist is first believed, which spares adding them; the kernel refuses the whole batch when one
    /// of them has expired.
    public func apply(_ transaction: Transaction) throws(NetfilterError) -> [ElementKey: Traffic] {
        do throws(NetfilterError) {
            return try apply(transaction, makesSure: false)
        } catch {
            guard error.errno == ENOENT, case .deleteElements = error.attempt else { throw error }
            return try apply(transaction, makesSure: true)
        }
    }

    private func apply(_ transaction: Transaction, makesSure: Bool) throws(NetfilterError) -> [ElementKey: Traffic] {
        let timeout = UInt64(max(1, transaction.timeout.wholeNanoseconds / 1_000_000))
        var counts = [ElementKey: Traffic](minimumCapacity: transaction.old.count)
        try commit(
            { batch in
                if makesSure { add(transaction.old, timeout: timeout, to: batch) }
                // The kernel echoes what it deleted, with the last counts.
                append(
                    transaction.old, { .deleteElements($0) }, NFT_MSG_DELSETELEM, flags: NLM_F_ECHO, to: batch
                ) { ElementMessages.put($0.key, into: &$1) }
                add(transaction.wanted, timeout: timeout, to: batch)
            },
            echo: { ElementMessages.read($0, into: &counts) })
        return counts
    }

    /// What the elements have counted; those that the kernel does not hold are left out.
    public func counters(of keys: [ElementKey]) throws(NetfilterError) -> [ElementKey: Traffic] {
        var counts: [ElementKey: Traffic] = [:]
        var rest = keys[...]
        while !rest.isEmpty {
            try readCounters(of: rest.prefix(Self.elementsPerRequest), into: &counts)
            rest = rest.dropFirst(Self.elementsPerRequest)
        }
        return counts
    }

    /// The way to an address by the kernel's routing table, when `ownAddresses` was last called or later.
    public func route(to address: IPAddress) throws(NetfilterError) -> Route { try routes.route(to: address) }

    /// The addresses of every interface at this moment.
    public func ownAddresses() throws(NetfilterError) -> Set<IPAddress> {
        events.update()
        return try addresses.current()
    }

    /// Takes the table out of the kernel.
    public func remove() throws(NetfilterError) { try commit { Ruleset.remove(into: $0, ruleset) } }

    private static func index(of device: String) throws(NetfilterError) -> UInt32 {
        let index = if_nametoindex(device)
        guard index > 0 else { throw NetfilterError(.findInterface(device), errno: errno) }
        return index
    }

    private func commit(
        _ build: (Batch) -> Void, echo: (NetlinkMessage) -> Void = { _ in }
    ) throws(NetfilterError) {
        batch.begin(firstSequence: sequence)
        build(batch)
        sequence &+= batch.sequences
        try batch.commit(on: writer, echo: echo)
    }

    private func add(_ elements: [SetElement], timeout: UInt64, to batch: Batch) {
        append(elements, { .addElements($0) }, NFT_MSG_NEWSETELEM, flags: NLM_F_CREATE, to: batch) {
            ElementMessages.put($0.key, nextHop: $0.nextHop, timeoutMilliseconds: timeout, into: &$1)
        }
    }

    /// Appends a message for the elements of each map, and another where they are more than one message takes.
    private func append(
        _ elements: [SetElement], _ attempt: (ElementMap) -> NetfilterError.Attempt, _ type: nf_tables_msg_types,
        flags: Int32, to batch: Batch, _ put: (SetElement, inout MessageWriter) -> Void
    ) {
        for map in ElementMap.allCases {
            var rest = elements[...]
            while let first = rest.firstIndex(where: { $0.key.map == map }) {
                rest = rest[first...]
                batch.append(attempt(map), type, flags: flags) { message in
                    ElementMessages.put(map, into: &message) { message in
                        var count = 0
                        while count < ElementMessages.elementsPerMessage, let element = rest.popFirst() {
                            guard element.key.map == map else { continue }
                            put(element, &message)
                            count += 1
                        }
                    }
                }
            }
        }
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
        try messages.send(on: reader)
        var failure: NetfilterError?
        try reader.receive { message in
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
}
