import CNetfilter
import Wire

/// The rules of each chain.
extension Ruleset {
    /// Where addresses are translated, most packets are found in those maps.
    private var mapsInOrder: [ElementMap] {
        settings.maps.filter(\.isForTranslation) + settings.maps.filter { !$0.isForTranslation }
    }

    /// What comes in from the protected side.
    ///
    /// - Parameter forwarding: which way what is admitted takes. On the routed path of a table for the fast one go the packets
    ///   that the fast one cannot carry.
    func judgeInside(in chain: String, _ forwarding: MediaForwarding, into batch: Batch) {
        let way = Way(
            chain: chain, fallenChain: Nft.insideRoutedChain, forwarding: forwarding, ingress: inside, egress: outside)
        divertLong(way, into: batch)
        for map in mapsInOrder where map.isOutgoing && map != .routedSource4 {
            if map.isIPv6 { divert(way, into: batch) }
            // The routed path translates sources after routing, and the fast one has no elements for that: such a packet goes
            // on as one that no element admits. Routing still answers it, before the site's firewall sees it.
            if isFallen(map, way), map.translates { continue }
            // ip saddr set ip saddr . udp sport . ip daddr . udp dport map @nat_out4 ...
            // fwd ip to ip saddr . udp sport . ip daddr . udp dport map @out4 device $outside_device
            // ip saddr . udp sport . ip daddr . udp dport @routed_out4 meta mark set meta mark | $media_mark notrack accept
            // and those of IPv6
            admit(map, way, into: batch)
        }
        // ip saddr $inside4 udp dport $media_ports limit rate 100/second burst 100 packets log group 5060 ...
        for prefix in settings.insidePrefixes { show(prefix, isSource: true, settings.mediaPorts, way, into: batch) }
    }

    /// What comes in from the other side.
    func judgeOutside(in chain: String, _ forwarding: MediaForwarding, into batch: Batch) {
        let way = Way(
            chain: chain, fallenChain: Nft.outsideRoutedChain, forwarding: forwarding, ingress: outside, egress: inside)
        let maps = mapsInOrder.filter { !$0.isOutgoing }
        divertLong(way, into: batch)
        if forwarding == .routed { dropUnanswerable(way, into: batch) }
        for map in maps where !map.isHalfOpen {
            if map.isIPv6 { divert(way, into: batch) }
            // fwd ip to ip saddr . udp sport . ip daddr . udp dport map @in4 device $inside_device
            // ip saddr . udp sport . ip daddr . udp dport @routed_in4 meta mark set meta mark | $media_mark notrack accept
            admit(map, way, into: batch)
        }
        // ip saddr $prefix counter drop
        for prefix in settings.insidePrefixes { dropForged(prefix, in: chain, into: batch) }
        for map in maps where map.isHalfOpen && map.translates { admit(map, way, into: batch) }
        // ip daddr $external udp dport $nat_ports counter drop
        for host in externalHosts {
            show(host.prefix, isSource: false, host.ports, way, into: batch)
            drop(host.prefix, host.ports, "translated media to \(host.prefix.address)", in: chain, into: batch)
        }
        for map in maps where map.isHalfOpen && !map.translates {
            // fwd ip to ip daddr . udp dport map @any4 device $inside_device
            // ip daddr . udp dport @routed_any4 meta mark set meta mark | $media_mark notrack accept
            admit(map, way, into: batch)
        }
        for prefix in settings.insidePrefixes {
            show(prefix, isSource: false, settings.mediaPorts, way, into: batch)
            drop(prefix, settings.mediaPorts, "media to \(prefix)", in: chain, into: batch)
        }
    }

    /// What leaves toward the other side. A packet that comes in with an address of this machine for its source is refused by
    /// routing, so on the routed path sources are translated here and not where packets come in.
    func judgeLeaving(into batch: Batch) {
        guard let rule = Rule(chain: Nft.leavingChain) else { return }
        rule.matchMark(settings.mark)
        look(up: .routedSource4, in: rule)
        append(rule, "translate by \(ElementMap.routedSource4.name)", to: batch)
        // A packet that was let through just before its elements went.
        // meta mark & $media_mark == $media_mark ip saddr $inside4 counter drop
        for prefix in settings.insidePrefixes where !prefix.address.isIPv6 {
            guard let rule = Rule(chain: Nft.leavingChain) else { return }
            rule.matchMark(settings.mark)
            match(prefix, isSource: true, in: rule)
            rule.count()
            rule.drop()
            append(rule, "drop untranslated \(prefix)", to: batch)
        }
    }

    // MARK: Ways

    /// A chain, and where what it admits goes.
    private struct Way {
        let chain: String
        /// For what the fast path cannot carry.
        let fallenChain: String
        let forwarding: MediaForwarding
        let ingress: Link
        let egress: Link
    }

    /// Whether the map is one of the fast path, and its packets go the routed one.
    private func isFallen(_ map: ElementMap, _ way: Way) -> Bool {
        map.forwarding == .fast && way.forwarding == .routed
    }

    /// Sends what the fast path cannot carry to a chain of its own: handing over knows of no MTU, no fragmentation and no
    /// error to the sender. Routing knows of all. Packets that are too long are sent there first, and only where such can
    /// come in at all: each packet pays for it.
    private func divertLong(_ way: Way, into batch: Batch) {
        guard way.ingress.mtu > way.egress.mtu else { return }
        // meta length > $outside_mtu goto inside_routed
        divert("what is too long", way, into: batch) { $0.matchLength(above: way.egress.mtu) }
    }

    /// The others are sent there after the look-ups of IPv4, which pass them over.
    private func divert(_ way: Way, into batch: Batch) {
        // meta protocol ip @nh,48,24 & 0x3fffff != 0x2-0xff goto inside_routed
        // The 14 bits of a fragment must be 0 and the TTL more than 1.
        divert("fragments and what has no hop left", way, into: batch) { rule in
            rule.matchNetworkProtocol(isIPv6: false)
            rule.load(.fragmentAndHops)
            rule.mask([0x3F, 0xFF, 0xFF])
            rule.exclude(from: [0, 0, 2], to: [0, 0, 0xFF])
        }
        // ip6 hoplimit <= 1 goto inside_routed
        divert("what has no hop left", way, into: batch) { rule in
            rule.matchNetworkProtocol(isIPv6: true)
            rule.load(.hopLimit)
            rule.compare(.atMost, [1])
        }
        // ip6 nexthdr 44 goto inside_routed
        divert("fragments", way, into: batch) { rule in
            rule.matchNetworkProtocol(isIPv6: true)
            rule.load(.nextHeader)
            rule.compare(.equal, [44])
        }
    }

    private func divert(_ what: String, _ way: Way, into batch: Batch, where match: (Rule) -> Void) {
        guard way.forwarding == .fast, let rule = Rule(chain: way.chain) else { return }
        match(rule)
        rule.goTo(way.fallenChain)
        append(rule, "route \(what)", to: batch)
    }

    /// Where destinations are translated, an error that routing sends back would name the inside address, and not what its
    /// receiver has sent: a packet that would cause one is dropped.
    private func dropUnanswerable(_ way: Way, into batch: Batch) {
        for host in externalHosts {
            // ip ttl <= 1 ip daddr $external udp dport $nat_ports counter drop
            // meta length > $inside_mtu ip frag-off & 0x4000 == 0x4000 ip daddr $external udp dport $nat_ports counter drop
            drop(host.prefix, host.ports, "what has no hop left", in: way.chain, into: batch) { rule in
                rule.load(.hops)
                rule.compare(.atMost, [1])
            }
            drop(host.prefix, host.ports, "what may not be fragmented", in: way.chain, into: batch) { rule in
                rule.matchLength(above: way.egress.mtu)
                rule.load(.fragment)
                rule.mask([0x40, 0])
                rule.compare(.equal, [0x40, 0])
            }
        }
    }

    private var externalHosts: [(prefix: Prefix, ports: ClosedRange<UInt16>)] {
        guard let translation = settings.translation else { return [] }
        return translation.addresses.compactMap { address in
            Prefix(address, length: address.bitWidth).map { ($0, translation.ports) }
        }
    }

    // MARK: Look-ups

    /// Lets through what an element of the map admits, and translates it where the element says so.
    private func admit(_ map: ElementMap, _ way: Way, into batch: Batch) {
        guard let rule = Rule(chain: way.chain) else { return }
        // What is open to any source comes after what the fast path cannot carry was sent away.
        let isFast = way.forwarding == .fast
        let hop = look(
            up: map, device: isFast ? way.egress.index : nil, isFallen: isFallen(map, way),
            passesOver: isFast && !map.isIPv6 && !map.isHalfOpen, in: rule)
        switch way.forwarding {
        case .fast:
            rule.forward(isIPv6: map.isIPv6, to: hop)
        case .routed:
            rule.setMark(settings.mark)
            rule.notrack()
            rule.accept()
        }
        append(rule, "\(map.translates ? "translate" : "let through") by \(map.name)", to: batch)
    }

    /// One look-up says the new endpoint and the next hop. nft has no words for a rule that uses one look-up three times; it
    /// lists this one as
    /// `ip saddr set ip saddr . udp sport . ip daddr . udp dport map @nat_out4 udp sport set udp sport fwd ip to ip daddr`.
    ///
    /// - Parameters:
    ///   - device: what is put into the first register.
    ///   - isFallen: whether the next hop does not matter, and the packet may be a fragment.
    ///   - passesOver: whether fragments of IPv4 and what has no hop left go on to the next rule.
    /// - Returns: where the next hop is after it.
    @discardableResult
    private func look(
        up map: ElementMap, device: UInt32? = nil, isFallen: Bool = false, passesOver: Bool = false, in rule: Rule
    ) -> Register {
        rule.matchNetworkProtocol(isIPv6: map.isIPv6)
        // A first fragment alone is of no use to anybody, and the others have no ports to be found by.
        // ip frag-off & 0x3fff == 0; ip6 nexthdr != 44
        if isFallen { rule.matchWhole(isIPv6: map.isIPv6) }
        // @nh,32,32 & 0x3fff == 0 @nh,64,32 & 0xfe000000 != 0
        if passesOver { rule.matchForwardable() }
        rule.matchUDP()
        if let device { rule.setDevice(device) }
        loadKey(of: map, in: rule)
        rule.lookUp(map, isDataOfUse: !isFallen || map.translates || !looksUpMapsAsSets)
        guard map.translates else { return .second }
        let port = Register.second.advanced(octets: map.addressOctets)
        if map.isOutgoing {
            rule.write(.sourceAddress(isIPv6: map.isIPv6), from: .second)
            rule.write(.sourcePort, from: port)
        } else {
            rule.write(.destinationAddress(isIPv6: map.isIPv6), from: .second)
            rule.write(.destinationPort, from: port)
        }
        return port.advanced(octets: 4)
    }

    private func loadKey(of map: ElementMap, in rule: Rule) {
        var register = Register.second
        if !map.isHalfOpen {
            rule.load(.sourceAddress(isIPv6: map.isIPv6), into: register)
            register = register.advanced(octets: map.addressOctets)
            rule.load(.sourcePort, into: register)
            register = register.advanced(octets: 4)
        }
        rule.load(.destinationAddress(isIPv6: map.isIPv6), into: register)
        rule.load(.destinationPort, into: register.advanced(octets: map.addressOctets))
    }

    // MARK: Near misses

    /// ip daddr $prefix udp dport $media_ports limit rate 100/second burst 100 packets log group 5060 snaplen 64 ...
    ///
    /// For people who ask why they hear nothing: what comes this far found no hole. From inside it goes on to the site's own
    /// firewall. Packets that the fast path does not carry are not shown: where they miss, those that it does miss as well.
    private func show(
        _ prefix: Prefix, isSource: Bool, _ ports: ClosedRange<UInt16>, _ way: Way, into batch: Batch
    ) {
        guard way.chain != way.fallenChain, let nearMisses = settings.nearMisses, let rule = Rule(chain: way.chain)
        else {
            return
        }
        match(prefix, isSource: isSource, in: rule)
        match(ports, in: rule)
        rule.limit(perSecond: nearMisses.perSecond)
        rule.log(group: nearMisses.group)
        append(rule, "show media \(isSource ? "from" : "to") \(prefix)", to: batch)
    }

    // MARK: Drops

    /// ip saddr $prefix counter drop: nobody outside has an inside address; who says so speaks SIP as a phone, too.
    private func dropForged(_ prefix: Prefix, in chain: String, into batch: Batch) {
        guard let rule = Rule(chain: chain) else { return }
        match(prefix, isSource: true, in: rule)
        rule.count()
        rule.drop()
        append(rule, "drop forged \(prefix)", to: batch)
    }

    /// ip daddr $prefix udp dport $media_ports counter drop
    ///
    /// - Parameter first: what is to be matched before the prefix.
    private func drop(
        _ prefix: Prefix, _ ports: ClosedRange<UInt16>, _ what: String, in chain: String, into batch: Batch,
        where first: (Rule) -> Void = { _ in }
    ) {
        guard let rule = Rule(chain: chain) else { return }
        match(prefix, isSource: false, in: rule, first)
        match(ports, in: rule)
        rule.count()
        rule.drop()
        append(rule, "drop \(what)", to: batch)
    }

    /// udp dport $ports
    private func match(_ ports: ClosedRange<UInt16>, in rule: Rule) {
        rule.matchUDP()
        rule.load(.destinationPort)
        rule.compare(.atLeast, octets(of: ports.lowerBound))
        rule.compare(.atMost, octets(of: ports.upperBound))
    }

    /// ip saddr $prefix, or ip daddr $prefix
    private func match(_ prefix: Prefix, isSource: Bool, in rule: Rule, _ first: (Rule) -> Void = { _ in }) {
        let isIPv6 = prefix.address.isIPv6
        var address: [UInt8] = []
        prefix.address.appendOctets(to: &address)
        let field: Rule.PacketField = isSource ? .sourceAddress(isIPv6: isIPv6) : .destinationAddress(isIPv6: isIPv6)
        rule.matchNetworkProtocol(isIPv6: isIPv6)
        first(rule)
        // As nft does: whole octets of a prefix are compared alone, others under a mask.
        if prefix.length % 8 == 0, prefix.length > 0 {
            rule.load(field, octets: prefix.length / 8)
            rule.compare(.equal, Array(address.prefix(prefix.length / 8)))
        } else {
            rule.load(field)
            rule.mask(
                (0..<address.count).map { octet in
                    let bits = min(8, max(0, prefix.length - 8 * octet))
                    return UInt8(truncatingIfNeeded: 0xFF00 >> bits)
                })
            rule.compare(.equal, address)
        }
    }

    private func octets(of port: UInt16) -> [UInt8] { [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)] }
}
