public import Wire

/// What names one element: its map and its key as the kernel compares it.
public struct ElementKey: Hashable, Sendable {
    /// The map that the element is in.
    public let map: ElementMap
    /// For each endpoint the address, the port in network byte order, and two zero octets. The zeros stand AFTER the
    /// port: a register is loaded from its low end, and a key with the zeros before the port is accepted and never
    /// matches a packet.
    public let octets: [UInt8]

    init(map: ElementMap, octets: [UInt8]) {
        self.map = map
        self.octets = octets
    }

    /// The key of packets to `destination`, whoever sends them.
    public static func any(to destination: Endpoint) -> ElementKey {
        var octets: [UInt8] = []
        octets.appendKey(destination)
        return ElementKey(map: destination.address.isIPv6 ? .any6 : .any4, octets: octets)
    }

    /// The key of packets from an inside endpoint to an outside one.
    public static func outgoing(from source: Endpoint, to destination: Endpoint) -> ElementKey {
        tuple(source, destination, in: source.address.isIPv6 ? .out6 : .out4)
    }

    /// The key of packets from an outside endpoint to an inside one.
    public static func incoming(from source: Endpoint, to destination: Endpoint) -> ElementKey {
        tuple(source, destination, in: source.address.isIPv6 ? .in6 : .in4)
    }

    private static func tuple(_ source: Endpoint, _ destination: Endpoint, in map: ElementMap) -> ElementKey {
        var octets: [UInt8] = []
        octets.reserveCapacity(map.keyOctets)
        octets.appendKey(source)
        octets.appendKey(destination)
        return ElementKey(map: map, octets: octets)
    }
}

/// An element: packets that match the key go to the next hop.
public struct SetElement: Hashable, Sendable {
    /// The map and the key in it.
    public let key: ElementKey
    /// The neighbour that the packets are handed to: a router, or the destination itself.
    public let nextHop: IPAddress

    /// An element that hands matching packets to a neighbour.
    public init(_ key: ElementKey, via nextHop: IPAddress) {
        self.key = key
        self.nextHop = nextHop
    }
}

extension [UInt8] {
    fileprivate mutating func appendKey(_ endpoint: Endpoint) {
        endpoint.address.appendOctets(to: &self)
        append(UInt8(truncatingIfNeeded: endpoint.port >> 8))
        append(UInt8(truncatingIfNeeded: endpoint.port))
        append(0)
        append(0)
    }
}
