public import GateProtocol
public import Wire

/// A firewall in memory, with faults where a test wants them.
public final class FirewallFake: Firewall {
    /// An element as the kernel would hold it.
    public struct Element: Hashable, Sendable {
        /// The neighbour that the packets are handed to.
        public var nextHop: IPAddress?
        /// The endpoint that its packets get.
        public var translation: Endpoint?
        /// How long it was asked to be held.
        public var timeout: Duration
        /// Whose it is; nil for what somebody else put there.
        public var session: SessionID?
        /// What it has counted.
        public var traffic = Traffic()
    }

    /// The index of the interface of the protected side.
    public let insideInterface: UInt32 = 1
    /// The index of the interface of the other side.
    public let outsideInterface: UInt32 = 2
    /// Which way the packets of a new hole take.
    public var forwarding = MediaForwarding.fast

    /// What the maps hold.
    public private(set) var elements: [ElementKey: Element] = [:]
    /// Every transaction that was applied.
    public private(set) var transactions: [Transaction] = []
    /// Calls so far, of every kind; the next call has this number.
    public private(set) var calls = 0
    /// Whether the table was removed.
    public private(set) var isRemoved = false

    /// Whether somebody has taken the table away.
    public private(set) var isLost = false
    /// How often the table was built anew.
    public private(set) var restorations = 0

    /// The error number with which the call of this number fails.
    public var faults: [Int: Int32] = [:]
    /// Elements that one map takes.
    public var capacity = Int.max
    /// The routing table: the first prefix that contains the address.
    public var routes: [(prefix: Prefix, route: Route)] = []
    /// The addresses of every interface.
    public var addresses: Set<IPAddress> = []

    /// A firewall with empty maps, no routes and no faults.
    public init() {}

    /// Lets the element count, as packets would.
    public func count(_ packets: UInt64, bytes: UInt64, in key: ElementKey) {
        guard var element = elements[key] else { return }
        element.traffic = element.traffic + Traffic(packets: packets, bytes: bytes)
        elements[key] = element
    }

    /// Lets an element expire.
    public func expire(_ key: ElementKey) { elements[key] = nil }

    /// Puts an element there that the gate did not ask for, or one of an earlier gate's.
    public func put(_ held: HeldElement) {
        elements[held.element.key] = Element(
            nextHop: held.element.nextHop, translation: held.element.translation, timeout: held.remaining,
            session: held.element.session)
    }

    /// Takes the table away, as another program may.
    public func lose() {
        elements = [:]
        isLost = true
    }

    /// Changes the maps, or throws and leaves them as they were.
    public func apply(_ transaction: Transaction) throws(NetfilterError) -> [ElementKey: Traffic] {
        try call(.addElements(.out4))
        try refuseLost(.addElements(.out4))
        var next = elements
        var counts: [ElementKey: Traffic] = [:]
        for element in transaction.old {
            guard let held = next[element.key] else { continue }
            try refuseOtherData(held, element)
            counts[element.key] = held.traffic
            next[element.key] = nil
        }
        for element in transaction.wanted {
            if let held = next[element.key] {
                try refuseOtherData(held, element)
            } else {
                next[element.key] = Element(
                    nextHop: element.nextHop, translation: element.translation,
                    timeout: element.lifetime ?? transaction.timeout,
                    session: element.session)
            }
        }
        for map in ElementMap.allCases where next.keys.count(where: { $0.map == map }) > capacity {
            throw NetfilterError(.addElements(map), errno: FakeErrno.tableFull)
        }
        elements = next
        transactions.append(transaction)
        return counts
    }

    /// What the elements have counted; those that are not held are left out.
    public func counters(of keys: [ElementKey]) throws(NetfilterError) -> [ElementKey: Traffic] {
        try call(.getElements(.out4))
        try refuseLost(.getElements(.out4))
        var counts: [ElementKey: Traffic] = [:]
        for key in keys { counts[key] = elements[key]?.traffic }
        return counts
    }

    /// What the maps hold, each element for as long as it was asked to be held.
    public func heldElements() throws(NetfilterError) -> [HeldElement] {
        try call(.getElements(.out4))
        return elements.map { key, element in
            HeldElement(
                SetElement(key, via: element.nextHop, translation: element.translation, of: element.session),
                remaining: element.timeout)
        }
    }

    /// Replaces whatever is there.
    public func restore(_ elements: [HeldElement]) throws(NetfilterError) {
        try call(.addTable)
        self.elements = [:]
        for element in elements { put(element) }
        isLost = false
        restorations += 1
    }

    /// The way to an address by `routes`.
    public func route(to address: IPAddress) throws(NetfilterError) -> Route {
        try call(.readRoute)
        return routes.first { $0.prefix.contains(address) }?.route ?? .none
    }

    /// The addresses that are set in `addresses`.
    public func ownAddresses() throws(NetfilterError) -> Set<IPAddress> {
        try call(.readAddresses)
        return addresses
    }

    /// Removes the table with all its elements.
    public func remove() throws(NetfilterError) {
        try call(.deleteTable)
        elements = [:]
        isRemoved = true
    }

    /// The kernel refuses to add a key that it holds with other data.
    private func refuseOtherData(_ held: Element, _ element: SetElement) throws(NetfilterError) {
        guard held.nextHop == element.nextHop, held.translation == element.translation else {
            throw NetfilterError(.addElements(element.key.map), errno: FakeErrno.busy)
        }
    }

    private func refuseLost(_ attempt: NetfilterError.Attempt) throws(NetfilterError) {
        guard !isLost else { throw NetfilterError(attempt, errno: FakeErrno.notThere, offset: FakeErrno.tableOffset) }
    }

    private func call(_ attempt: NetfilterError.Attempt) throws(NetfilterError) {
        let number = calls
        calls += 1
        if let errno = faults[number] { throw NetfilterError(attempt, errno: errno) }
    }
}

/// Linux error numbers (asm-generic/errno-base.h) that the fake answers by itself.
private enum FakeErrno {
    static let notThere: Int32 = 2
    static let busy: Int32 = 16
    static let tableFull: Int32 = 23
    /// Where a message names the table.
    static let tableOffset: UInt32 = 20
}
