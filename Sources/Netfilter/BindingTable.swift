import GateProtocol
public import Wire

/// Which inside endpoint has which external one, and which ports are free. A pure value.
///
/// A binding is the inside endpoint's, whoever it talks to (RFC 4787 REQ-1), and lasts as long as anything refers to it. Ports
/// are drawn at random, since who can guess one can send to it while it is half open. An RTP port gets an even one, and the
/// RTCP port after it the next (parity and contiguity, sections 4.2.2 and 4.2.3). One inside host keeps to one external
/// address while that has room (REQ-2).
public struct BindingTable: Sendable {
    private struct Entry {
        var external: Endpoint
        /// Holes that refer to it.
        var uses = 0
    }

    /// The even port of a pair on one of the addresses.
    private struct Pair: Hashable {
        let address: Int
        let port: UInt16
    }

    private struct Rest {
        let pair: Pair
        let until: MonotonicTime
        /// Who had it last.
        let host: IPAddress
    }

    private let settings: TranslationSettings
    private var entries: [Endpoint: Entry] = [:]
    private var insides: [Endpoint: Endpoint] = [:]
    /// Pairs that nobody has, by address, in no order.
    private var free: [[UInt16]]
    /// Ports of a pair that are taken: one or two.
    private var taken: [Pair: Int] = [:]
    private var resting: [Rest] = []
    private var firstResting = 0
    /// Addresses that hosts have bindings on, and how many.
    private var hosts: [IPAddress: (address: Int, count: Int)] = [:]
    /// Pairs that are a host's, resting ones too.
    private var pairs: [IPAddress: Int] = [:]

    /// A table in which everything is free.
    public init(_ settings: TranslationSettings) {
        self.settings = settings
        let pairs = stride(from: Int(settings.ports.lowerBound), to: Int(settings.ports.upperBound), by: 2).map {
            UInt16($0)
        }
        free = settings.addresses.map { _ in pairs }
    }

    /// The inside endpoint that a packet from outside reaches here; nil when there is none behind it.
    public func inside(of destination: Endpoint) -> Endpoint? {
        insides[destination] ?? (translates(destination) ? nil : destination)
    }

    /// Whether this endpoint is translated: IPv6 is routed.
    public func translates(_ inside: Endpoint) -> Bool { !settings.addresses.isEmpty && !inside.address.isIPv6 }

    /// Whether there is any translation.
    public var isEnabled: Bool { !settings.addresses.isEmpty }

    /// Bindings at this moment.
    public var count: Int { entries.count }

    /// What stands for an inside endpoint outside.
    public func external(of inside: Endpoint) -> Endpoint? { entries[inside]?.external }

    /// The addresses that inside endpoints are seen as.
    public var externalAddresses: [IPAddress] { settings.addresses }

    /// Gives the endpoint an external one if it has none. Nothing refers to it yet: `use` or `forget` follows.
    ///
    /// - Parameter wanted: the external endpoint that it had, for one that is to have it again.
    /// - Returns: nil when no port is free, or the host has as many pairs as one may have.
    public mutating func bind(
        _ inside: Endpoint, wanted: Endpoint? = nil, at now: MonotonicTime,
        using random: inout some RandomNumberGenerator
    ) -> Endpoint? {
        if let entry = entries[inside] { return entry.external }
        release(at: now)
        if let wanted, take(wanted, for: inside.address) {
            note(inside, wanted)
            return wanted
        }
        let external = neighbour(of: inside) ?? draw(for: inside.address, using: &random)
        if let external { note(inside, external) }
        return external
    }

    /// One more hole refers to the binding.
    public mutating func use(_ inside: Endpoint) { entries[inside]?.uses += 1 }

    /// One hole less refers to it; after the last one its port rests.
    public mutating func drop(_ inside: Endpoint, at now: MonotonicTime) {
        guard let entry = entries[inside] else { return }
        if entry.uses > 1 {
            entries[inside]?.uses -= 1
        } else {
            remove(inside, restingUntil: now + settings.quarantine)
        }
    }

    /// Takes back a binding that nothing came to refer to: nobody was told its port, so it is free at once.
    public mutating func forget(_ inside: Endpoint) {
        guard entries[inside]?.uses == 0 else { return }
        remove(inside, restingUntil: nil)
    }

    // MARK: Ports

    private mutating func note(_ inside: Endpoint, _ external: Endpoint) {
        entries[inside] = Entry(external: external)
        insides[external] = inside
        let index = settings.addresses.firstIndex(of: external.address) ?? 0
        hosts[inside.address, default: (index, 0)].count += 1
    }

    private mutating func remove(_ inside: Endpoint, restingUntil time: MonotonicTime?) {
        guard let entry = entries.removeValue(forKey: inside) else { return }
        insides[entry.external] = nil
        if let host = hosts[inside.address] {
            hosts[inside.address] = host.count > 1 ? (host.address, host.count - 1) : nil
        }
        guard let pair = pair(of: entry.external) else { return }
        let left = (taken[pair] ?? 1) - 1
        taken[pair] = left > 0 ? left : nil
        guard left == 0 else { return }
        if let time {
            resting.append(Rest(pair: pair, until: time, host: inside.address))
        } else {
            free(pair, of: inside.address)
        }
    }

    private mutating func free(_ pair: Pair, of host: IPAddress) {
        free[pair.address].append(pair.port)
        guard let count = pairs[host] else { return }
        pairs[host] = count > 1 ? count - 1 : nil
    }

    private func pair(of external: Endpoint) -> Pair? {
        guard settings.ports.contains(external.port), let index = settings.addresses.firstIndex(of: external.address)
        else { return nil }
        return Pair(address: index, port: external.port & ~1)
    }

    /// Frees the pairs that have rested.
    private mutating func release(at now: MonotonicTime) {
        while firstResting < resting.count, resting[firstResting].until <= now {
            let rest = resting[firstResting]
            firstResting += 1
            free(rest.pair, of: rest.host)
        }
        guard firstResting > 1_024, firstResting > resting.count / 2 else { return }
        resting.removeSubrange(..<firstResting)
        firstResting = 0
    }

    /// The port after that of the endpoint's own predecessor: RTCP's beside RTP's.
    private mutating func neighbour(of inside: Endpoint) -> Endpoint? {
        guard inside.port > 0, let rtp = entries[Endpoint(inside.address, inside.port - 1)]?.external,
            rtp.port.isMultiple(of: 2), let pair = pair(of: rtp)
        else { return nil }
        let external = Endpoint(rtp.address, rtp.port + 1)
        guard insides[external] == nil else { return nil }
        taken[pair, default: 0] += 1
        return external
    }

    /// Takes this very port, if nobody has it, and nobody else has had it lately.
    private mutating func take(_ external: Endpoint, for host: IPAddress) -> Bool {
        guard let pair = pair(of: external), insides[external] == nil else { return false }
        if taken[pair] == nil {
            if let index = free[pair.address].firstIndex(of: pair.port) {
                free[pair.address].swapAt(index, free[pair.address].count - 1)
                free[pair.address].removeLast()
                pairs[host, default: 0] += 1
            } else if let index = resting[firstResting...].firstIndex(where: { $0.pair == pair && $0.host == host }) {
                // It rests after a use that is to go on.
                resting.remove(at: index)
            } else {
                return false
            }
        }
        taken[pair, default: 0] += 1
        return true
    }

    /// The even port of a pair that nobody has, on the host's own address first.
    private mutating func draw(for host: IPAddress, using random: inout some RandomNumberGenerator) -> Endpoint? {
        guard pairs[host, default: 0] < settings.pairsPerHost else { return nil }
        var best = hosts[host]?.address
        if best.map({ free[$0].isEmpty }) ?? true {
            best = free.indices.max { free[$0].count < free[$1].count }
        }
        guard let index = best, !free[index].isEmpty else { return nil }
        let place = Int.random(in: free[index].indices, using: &random)
        free[index].swapAt(place, free[index].count - 1)
        let port = free[index].removeLast()
        taken[Pair(address: index, port: port)] = 1
        pairs[host, default: 0] += 1
        return Endpoint(settings.addresses[index], port)
    }
}
