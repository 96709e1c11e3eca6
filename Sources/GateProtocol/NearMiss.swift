public import Wire

/// Packets that belonged to a call by one of their ends and found no hole by the other: what one-way audio looks like from
/// the gateway.
public struct NearMiss: Hashable, Sendable {
    /// Where they came from.
    public var source: Endpoint
    /// Where they were to go; outside, where the inside endpoint is translated, its external one.
    public var destination: Endpoint
    /// How many of them were looked at: a sample, since nobody shall keep the gate busy with packets that it drops.
    public var packets: UInt64

    /// So many packets between these two.
    public init(source: Endpoint, destination: Endpoint, packets: UInt64) {
        self.source = source
        self.destination = destination
        self.packets = packets
    }
}
