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
    /// Pairs of ports that one inside host may have at one time, resting ones too: who makes short calls without end must not
    /// take them all.
    public var pairsPerHost: Int

    /// Below the ports that Linux gives to its own sockets (ip_local_port_range begins at 32768).
    public static let defaultPorts: ClosedRange<UInt16> = 16_384...32_767

    /// The part of all pairs that one host may have where nothing else is said: four that misbehave are noticed before, and
    /// with the default ports of one address it is a thousand calls, which may be a telephone system's.
    static let hostsPart = 4

    /// Translation to these addresses; the ports are narrowed to whole pairs.
    ///
    /// - Parameter pairsPerHost: nil is a quarter of all.
    public init(
        addresses: [IPAddress], ports: ClosedRange<UInt16> = Self.defaultPorts, quarantine: Duration = .seconds(60),
        pairsPerHost: Int? = nil
    ) {
        self.addresses = addresses
        let first = ports.lowerBound + ports.lowerBound % 2
        let last = ports.upperBound % 2 == 1 ? ports.upperBound : ports.upperBound &- 1
        self.ports = first...max(first, last)
        let all = addresses.count * (self.ports.count + 1) / 2
        self.pairsPerHost = pairsPerHost ?? max(1, all / Self.hostsPart)
        self.quarantine = quarantine
    }
}
