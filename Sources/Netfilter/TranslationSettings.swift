public import Wire

/// How inside IPv4 endpoints are seen outside.
public struct TranslationSettings: Hashable, Sendable {
    /// The external addresses, each once; none is no translation.
    public var addresses: [IPAddress]
    /// The ports that are given out on each of them, from an even one to an odd one.
    public var ports: ClosedRange<UInt16>
    /// How long a port rests after its last use: what is still on its way to the phone that had it must not reach the next
    /// one (RFC 4787 leaves it open; a call's last packets are late by seconds at most, a peer that did not hear the BYE
    /// sends for as long as its own timeout).
    public var quarantine: Duration

    /// Below the ports that Linux gives to its own sockets (ip_local_port_range begins at 32768).
    public static let defaultPorts: ClosedRange<UInt16> = 16_384...32_767

    /// Translation to these addresses; the ports are narrowed to whole pairs.
    public init(
        addresses: [IPAddress], ports: ClosedRange<UInt16> = Self.defaultPorts, quarantine: Duration = .seconds(60)
    ) {
        self.addresses = addresses
        let first = ports.lowerBound + ports.lowerBound % 2
        let last = ports.upperBound % 2 == 1 ? ports.upperBound : ports.upperBound &- 1
        self.ports = first...max(first, last)
        self.quarantine = quarantine
    }
}
