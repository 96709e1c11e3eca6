public import GateProtocol
public import Wire

/// What names one element: its map and its key as the kernel compares it.
public struct ElementKey: Hashable, Sendable {
    /// The map that the element is in.
    public let map: ElementMap
    /// nil where the key is a destination alone.
    let source: Endpoint?
    let destination: Endpoint

    /// The key of packets to `destination`, whoever sends them.
    public static func any(to destination: Endpoint, _ forwarding: MediaForwarding = .fast) -> ElementKey {
        ElementKey(map: .any(isIPv6: destination.address.isIPv6, forwarding), source: nil, destination: destination)
    }

    /// The key of packets from an inside endpoint to an outside one.
    public static func outgoing(
        from source: Endpoint, to destination: Endpoint, _ forwarding: MediaForwarding = .fast
    ) -> ElementKey {
        ElementKey(map: .outgoing(isIPv6: source.address.isIPv6, forwarding), source: source, destination: destination)
    }

    /// The key of packets from an outside endpoint to an inside one.
    public static func incoming(
        from source: Endpoint, to destination: Endpoint, _ forwarding: MediaForwarding = .fast
    ) -> ElementKey {
        ElementKey(map: .incoming(isIPv6: source.address.isIPv6, forwarding), source: source, destination: destination)
    }

    /// The key of packets from an inside endpoint that is translated to an outside one.
    public static func translatedOutgoing(
        from source: Endpoint, to destination: Endpoint, _ forwarding: MediaForwarding = .fast
    ) -> ElementKey {
        ElementKey(
            map: forwarding == .fast ? .natOut4 : .routedNatOut4, source: source, destination: destination)
    }

    /// The key by which packets from an inside endpoint to an outside one get their source after routing.
    static func source(of source: Endpoint, to destination: Endpoint) -> ElementKey {
        ElementKey(map: .routedSource4, source: source, destination: destination)
    }

    /// The key of packets from an outside endpoint to an external one.
    public static func translatedIncoming(
        from source: Endpoint, to external: Endpoint, _ forwarding: MediaForwarding = .fast
    ) -> ElementKey {
        ElementKey(map: forwarding == .fast ? .natIn4 : .routedNatIn4, source: source, destination: external)
    }

    /// The key of packets to an external endpoint, whoever sends them.
    public static func translatedAny(
        to external: Endpoint, _ forwarding: MediaForwarding = .fast
    ) -> ElementKey {
        ElementKey(map: forwarding == .fast ? .natAny4 : .routedNatAny4, source: nil, destination: external)
    }

    /// Feeds the map and the endpoints there are.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(UInt64(map.rawValue))
        source?.hash(into: &hasher)
        destination.hash(into: &hasher)
    }

    /// For each endpoint the address, the port in network byte order, and two zero octets. The zeros stand AFTER the
    /// port: a register is loaded from its low end, and a key with the zeros before the port is accepted and never
    /// matches a packet.
    public var octets: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: map.keyOctets) { buffer, count in
            guard let place = UnsafeMutableRawPointer(buffer.baseAddress) else { return }
            store(at: place)
            count = map.keyOctets
        }
    }
}

extension ElementKey {
    /// Reads a key of the map; nil when it has another length, or no zeros after a port.
    init?(map: ElementMap, octets: UnsafeRawBufferPointer) {
        guard octets.count == map.keyOctets else { return nil }
        let width = octets.count / map.endpoints
        let first = UnsafeRawBufferPointer(rebasing: octets[..<width])
        let last = UnsafeRawBufferPointer(rebasing: octets[(octets.count - width)...])
        guard let source = Endpoint(key: first), let destination = Endpoint(key: last) else { return nil }
        self.init(map: map, source: map.isHalfOpen ? nil : source, destination: destination)
    }

    /// Writes `map.keyOctets` octets.
    func store(at place: UnsafeMutableRawPointer) {
        var place = place
        if let source { place += source.storeKey(at: place) }
        _ = destination.storeKey(at: place)
    }
}

/// An element: packets that match the key pass.
public struct SetElement: Hashable, Sendable {
    /// The map and the key in it.
    public let key: ElementKey
    /// The neighbour that the packets are handed to: a router, or the destination itself. nil where routing says it.
    public let nextHop: IPAddress?
    /// The source that outgoing packets get, or the destination that incoming ones get; nil where they keep theirs.
    public let translation: Endpoint?
    /// Whose it is, as the kernel keeps it beside the element for a gate that starts again; nil in an element that somebody
    /// else put there.
    public let session: SessionID?
    /// How long the kernel holds it; nil is for as long as the transaction says.
    public let lifetime: Duration?

    /// An element that lets matching packets pass.
    ///
    /// - Parameter nextHop: the neighbour that they are handed to; of no use in a map of the routed path.
    public init(
        _ key: ElementKey, via nextHop: IPAddress?, translation: Endpoint? = nil, of session: SessionID?,
        lifetime: Duration? = nil
    ) {
        self.lifetime = lifetime
        self.key = key
        self.nextHop = key.map.hasNextHop ? nextHop : nil
        self.translation = translation
        self.session = session
    }
}

extension SetElement {
    /// The same, held for so long.
    func lasting(_ lifetime: Duration) -> SetElement {
        SetElement(key, via: nextHop, translation: translation, of: session, lifetime: lifetime)
    }

    /// Writes `map.dataOctets` octets.
    func storeData(at place: UnsafeMutableRawPointer) {
        var place = place
        if key.map.translates, let translation { place += translation.storeKey(at: place) }
        _ = nextHop?.store(at: place)
    }

    /// Reads what an element of the map has for data; nil when it has another length, or no zeros after a port.
    static func data(
        _ octets: UnsafeRawBufferPointer, of map: ElementMap
    ) -> (translation: Endpoint?, nextHop: IPAddress?)? {
        guard octets.count == map.dataOctets else { return nil }
        let width = octets.count - (map.hasNextHop ? map.addressOctets : 0)
        let hop = IPAddress(network: UnsafeRawBufferPointer(rebasing: octets[width...]))
        guard map.translates else { return (nil, hop) }
        return Endpoint(key: UnsafeRawBufferPointer(rebasing: octets[..<width])).map { ($0, hop) }
    }
}

/// An element and how long the kernel will hold it.
public struct HeldElement: Hashable, Sendable {
    /// The element.
    public let element: SetElement
    /// After which the kernel drops it by itself.
    public let remaining: Duration

    /// An element that is held for so long.
    public init(_ element: SetElement, remaining: Duration) {
        self.element = element
        self.remaining = remaining
    }
}

extension Endpoint {
    fileprivate init?(key: UnsafeRawBufferPointer) {
        let width = key.count - 4
        guard let address = IPAddress(network: UnsafeRawBufferPointer(rebasing: key[..<width])),
            key.loadUnaligned(fromByteOffset: width + 2, as: UInt16.self) == 0
        else { return nil }
        self.init(address, UInt16(bigEndian: key.loadUnaligned(fromByteOffset: width, as: UInt16.self)))
    }

    /// - Returns: how many octets it wrote.
    fileprivate func storeKey(at place: UnsafeMutableRawPointer) -> Int {
        let width = address.store(at: place)
        place.storeBytes(of: port.bigEndian, toByteOffset: width, as: UInt16.self)
        place.storeBytes(of: 0, toByteOffset: width + 2, as: UInt16.self)
        return width + 4
    }
}

extension IPAddress {
    /// Reads 4 or 16 octets in network byte order; nil for any other count.
    init?(network octets: UnsafeRawBufferPointer) {
        switch octets.count {
        case 4:
            self = .v4(UInt32(bigEndian: octets.loadUnaligned(as: UInt32.self)))
        case 16:
            self = .v6(
                UInt64(bigEndian: octets.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: octets.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        default:
            return nil
        }
    }

    /// Writes 4 or 16 octets in network byte order.
    ///
    /// - Returns: how many.
    func store(at place: UnsafeMutableRawPointer) -> Int {
        switch self {
        case .v4(let value):
            place.storeBytes(of: value.bigEndian, as: UInt32.self)
            return 4
        case .v6(let high, let low):
            place.storeBytes(of: high.bigEndian, as: UInt64.self)
            place.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            return 16
        }
    }
}
