import CNetfilter
public import GateProtocol
import Glibc
public import Wire

/// The kernel's nf_tables, by netlink.
public final class NftFirewall: Firewall {
    /// How often a table is looked at again that others change meanwhile, or that belongs to a process which is about to end,
    /// and the time between, in microseconds: one second.
    private static let claims = 200
    private static let claimPause: UInt32 = 5_000

    /// The index of the interface of the protected side.
    public var insideInterface: UInt32 { ruleset.inside.index }
    /// The index of the interface of the other side.
    public var outsideInterface: UInt32 { ruleset.outside.index }
    /// Which way the packets of a new hole take.
    public var forwarding: MediaForwarding { ruleset.settings.forwarding }
    /// Interfaces for whose sake media takes the routed path, though the fast one was asked for.
    public let devicesWithoutNeighbours: [String]
    /// Whether the table was there already and was taken over with what it held.
    public private(set) var isInherited = false

    private var ruleset: Ruleset
    private let links: Links
    private let writer: NetlinkSocket
    private let reader: TableReader
    private let events: RoutingEvents
    private let routes: Routes
    private let addresses: OwnAddresses
    private var sequence: UInt32 = 1
    private var tableFlags: UInt32 = 0
    /// Only where others can change the table.
    private var watch: TableWatch?
    /// Room for the messages of one call; kept, because making it anew costs more than a small batch.
    private let messages: MessageBuffer
    private let batch: Batch

    /// Takes over the table where it is just the one that would be built; else builds it, and one that was there is replaced
    /// in the same transaction.
    public convenience init(_ settings: TableSettings) throws(NetfilterError) {
        try self.init(settings, writer: try NetlinkSocket(bus: NETLINK_NETFILTER))
    }

    /// - Parameter writer: what the table is written by.
    init(_ settings: TableSettings, writer: NetlinkSocket) throws(NetfilterError) {
        messages = MessageBuffer()
        batch = Batch(in: messages)
        links = try Links()
        let inside = try links.link(settings.insideDevice)
        let outside = try links.link(settings.outsideDevice)
        self.writer = writer
        // Handing over needs the header of an Ethernet.
        devicesWithoutNeighbours =
            settings.forwarding == .routed
            ? []
            : [(settings.insideDevice, inside), (settings.outsideDevice, outside)].filter { !$1.hasNeighbours }.map(\.0)
        var settings = settings
        if !devicesWithoutNeighbours.isEmpty { settings.forwarding = .routed }
        let looksUpMapsAsSets = try Self.looksUpMapsAsSets(batch, writer, &sequence)
        ruleset = Ruleset(
            settings: settings, inside: inside, outside: outside, looksUpMapsAsSets: looksUpMapsAsSets)
        reader = try TableReader()
        events = try RoutingEvents()
        routes = try Routes(events)
        addresses = try OwnAddresses(events)
        if settings.isOwned, try canBeOwned() { tableFlags = Nft.ownerFlag | Nft.persistFlag }
        try start()
    }

    // MARK: The table

    /// Whether the table belongs to this gate, so that nobody else can change it.
    public var isOwner: Bool { tableFlags & Nft.ownerFlag != 0 }

    /// What to wait on for changes by others; -1 where there can be none.
    public var watchDescriptor: Int32 { watch?.descriptor ?? -1 }

    /// Who has changed the table since this was last asked; nil when nobody has.
    public func intruder() -> TableIntruder? { watch?.update() }

    private func start() throws(NetfilterError) {
        // Heard before the table is looked at: what is changed from then on is heard of.
        if !isOwner { watch = try TableWatch(ignoring: writer.port) }
        isInherited = try inherit()
        if !isInherited { try restore([]) }
        guard isOwner, try reader.table()?.flags != tableFlags else { return }
        // A kernel that takes flags and does not keep them.
        tableFlags = 0
        try start()
    }

    /// Whether the kernel knows both flags: with the first alone the table would go with this process.
    private func canBeOwned() throws(NetfilterError) -> Bool {
        do throws(NetfilterError) {
            try commit { Ruleset.probe(Nft.ownerFlag | Nft.persistFlag, into: $0) }
        } catch {
            switch error.attempt {
            case .probeFlags where error.errno == EOPNOTSUPP || error.errno == EINVAL: return false
            case .deleteTable where error.errno == ENOENT: return true
            case _: throw error
            }
        }
        return false
    }

    /// Whether the kernel looks a key up in a map where nobody wants the data.
    private static func looksUpMapsAsSets(
        _ batch: Batch, _ writer: NetlinkSocket, _ sequence: inout UInt32
    ) throws(NetfilterError) -> Bool {
        batch.begin(firstSequence: sequence)
        Ruleset.probeLookUp(into: batch)
        sequence &+= batch.sequences
        do throws(NetfilterError) {
            try batch.commit(on: writer) { _ in }
        } catch {
            switch error.attempt {
            case .addRule where error.errno == EINVAL: return false
            case .deleteTable where error.errno == ENOENT: return true
            case _: throw error
            }
        }
        return false
    }

    /// Makes the table that is there the gate's own, with its elements.
    ///
    /// - Returns: whether there was one, and it is what would be built.
    private func inherit() throws(NetfilterError) -> Bool {
        batch.begin(firstSequence: sequence)
        ruleset.build(into: batch, tableFlags: tableFlags)
        let match = TableMatch(messages)
        for _ in 0..<Self.claims {
            let generation = try reader.generation()
            guard let table = try reader.table() else { return false }
            if table.hasOwner {
                // The sockets of a process that was killed close one after the other.
                usleep(Self.claimPause)
                continue
            }
            guard table.flags == tableFlags & ~Nft.ownerFlag, try match.holds(reader, table) else {
                if try reader.generation() == generation { return false }
                continue
            }
            do throws(NetfilterError) {
                // What was looked at is what is claimed; without flags the watch sees to that.
                if isOwner { try commit(in: generation) { Ruleset.claim(into: $0, tableFlags: tableFlags) } }
                return true
            } catch {
                guard error.attempt == .beginBatch, error.errno == ERESTART else { throw error }
            }
        }
        return false
    }

    /// Builds the table anew with these elements; one that is there is replaced in the same transaction.
    public func restore(_ elements: [HeldElement]) throws(NetfilterError) {
        try commit { batch in
            ruleset.build(into: batch, tableFlags: tableFlags)
            append(
                elements, { $0.element.key.map }, { .addElements($0) }, NFT_MSG_NEWSETELEM, flags: NLM_F_CREATE,
                to: batch
            ) {
                ElementMessages.put($0.element, timeoutMilliseconds: Self.milliseconds($0.remaining), into: &$1)
            }
        }
    }

    /// Takes the table out of the kernel.
    public func remove() throws(NetfilterError) { try commit { Ruleset.remove(into: $0) } }

    // MARK: Elements

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
        let timeout = Self.milliseconds(transaction.timeout)
        var counts = [ElementKey: Traffic](minimumCapacity: transaction.old.count)
        try commit(
            { batch in
                if makesSure { add(transaction.old, timeout: timeout, to: batch) }
                // The kernel echoes what it deleted, with the last counts.
                append(
                    transaction.old, { $0.key.map }, { .deleteElements($0) }, NFT_MSG_DELSETELEM, flags: NLM_F_ECHO,
                    to: batch
                ) { ElementMessages.put($0.key, into: &$1) }
                add(transaction.wanted, timeout: timeout, to: batch)
            },
            echo: { ElementMessages.read($0, into: &counts) })
        return counts
    }

    /// What the maps hold.
    public func heldElements() throws(NetfilterError) -> [HeldElement] {
        try reader.elements(of: ruleset.settings.maps)
    }

    /// What the elements have counted; those that the kernel does not hold are left out.
    public func counters(of keys: [ElementKey]) throws(NetfilterError) -> [ElementKey: Traffic] {
        try reader.counters(of: keys)
    }

    private func add(_ elements: [SetElement], timeout: UInt64, to batch: Batch) {
        append(elements, { $0.key.map }, { .addElements($0) }, NFT_MSG_NEWSETELEM, flags: NLM_F_CREATE, to: batch) {
            ElementMessages.put($0, timeoutMilliseconds: timeout, into: &$1)
        }
    }

    private static func milliseconds(_ time: Duration) -> UInt64 { UInt64(max(1, time.wholeNanoseconds / 1_000_000)) }

    // MARK: Routes and interfaces

    /// What to wait on for changes of routes and interfaces.
    public var routingDescriptor: Int32 { events.descriptor }

    /// Grows with each change of routes and interfaces that has been told of by now.
    public func routingGeneration() -> UInt64 {
        events.update()
        return events.generation
    }

    /// Looks at the two interfaces again. One that was made anew has another index, and with the old one its chain has gone.
    ///
    /// - Returns: whether the table has to be made anew for them (`restore`).
    /// - Throws: `.findInterface` when one is not there, or one that was an Ethernet is none any more: then everything stays as
    ///   it is.
    public func interfacesChanged() throws(NetfilterError) -> Bool {
        let inside = try links.link(ruleset.settings.insideDevice)
        let outside = try links.link(ruleset.settings.outsideDevice)
        for (name, link) in [(ruleset.settings.insideDevice, inside), (ruleset.settings.outsideDevice, outside)]
        where forwarding == .fast && !link.hasNeighbours {
            throw NetfilterError(.findInterface(name), errno: ENODEV)
        }
        guard inside != ruleset.inside || outside != ruleset.outside else { return false }
        ruleset.inside = inside
        ruleset.outside = outside
        return true
    }

    /// The way to an address by the kernel's routing table, when `ownAddresses` was last called or later.
    public func route(to address: IPAddress) throws(NetfilterError) -> Route { try routes.route(to: address) }

    /// The addresses of every interface at this moment.
    public func ownAddresses() throws(NetfilterError) -> Set<IPAddress> {
        events.update()
        return try addresses.current()
    }

    // MARK: Batches

    /// - Parameter generation: the number that the kernel's tables must still have.
    private func commit(
        in generation: UInt32? = nil, _ build: (Batch) -> Void, echo: (NetlinkMessage) -> Void = { _ in }
    ) throws(NetfilterError) {
        batch.begin(firstSequence: sequence, generation: generation)
        build(batch)
        sequence &+= batch.sequences
        try batch.commit(on: writer, echo: echo)
    }

    /// Appends a message for the elements of each map, and another where they are more than one message takes.
    private func append<Item>(
        _ elements: [Item], _ mapOf: (Item) -> ElementMap, _ attempt: (ElementMap) -> NetfilterError.Attempt,
        _ type: nf_tables_msg_types, flags: Int32, to batch: Batch, _ put: (Item, inout MessageWriter) -> Void
    ) {
        for map in ElementMap.allCases {
            var rest = elements[...]
            while let first = rest.firstIndex(where: { mapOf($0) == map }) {
                rest = rest[first...]
                batch.append(attempt(map), type, flags: flags) { message in
                    ElementMessages.put(map, into: &message) { message in
                        var count = 0
                        while count < ElementMessages.elementsPerMessage, let element = rest.popFirst() {
                            guard mapOf(element) == map else { continue }
                            put(element, &message)
                            count += 1
                        }
                    }
                }
            }
        }
    }
}
