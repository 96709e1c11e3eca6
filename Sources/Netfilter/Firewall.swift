public import GateProtocol
public import Wire

/// Where packets to an address go, by the kernel's routing table.
public enum Route: Hashable, Sendable {
    /// A neighbour on the interface of this index: a router, or the host itself.
    case via(IPAddress, interface: UInt32)
    /// No unicast route: unreachable, prohibited, or an address of this machine or of a broadcast.
    case none
}

/// The kernel as the gate sees it. `NftFirewall` is the real one; `FirewallFake` keeps everything in memory.
public protocol Firewall: AnyObject {
    /// The index of the interface of the protected side.
    var insideInterface: UInt32 { get }
    /// The index of the interface of the other side.
    var outsideInterface: UInt32 { get }
    /// Which way the packets of a new hole take.
    var forwarding: MediaForwarding { get }

    /// Changes the maps: all of the transaction or nothing of it.
    ///
    /// - Returns: what the deleted elements had counted.
    /// - Throws: when nothing was changed.
    func apply(_ transaction: Transaction) throws(NetfilterError) -> [ElementKey: Traffic]

    /// What the elements have counted; those that the kernel does not hold are left out.
    func counters(of keys: [ElementKey]) throws(NetfilterError) -> [ElementKey: Traffic]

    /// What the maps hold, whoever put it there.
    func heldElements() throws(NetfilterError) -> [HeldElement]

    /// Builds the table anew with exactly these elements, whether it is there or not, at once.
    func restore(_ elements: [HeldElement]) throws(NetfilterError)

    /// The way to an address at the moment of the last call of `ownAddresses`, or later.
    func route(to address: IPAddress) throws(NetfilterError) -> Route

    /// The addresses of every interface at this moment.
    func ownAddresses() throws(NetfilterError) -> Set<IPAddress>

    /// Takes the table out of the kernel: every hole closes, and the drop rule goes.
    func remove() throws(NetfilterError)
}
