import CNetfilter
import Wire

/// Writes `table netdev sekisho` into a batch. The same table stands in `nft/sekisho.nft` and, for the routed path, in
/// `nft/sekisho-routed.nft` as nft reads it; above each part is its line of that file.
struct Ruleset {
    let settings: TableSettings
    let insideInterface: UInt32
    let outsideInterface: UInt32

    /// The whole table. One that an earlier run left behind goes in the same batch, so that no moment is without rules.
    ///
    /// - Parameter tableFlags: `ownerFlag` and `persistFlag`, or none of them.
    func build(into batch: Batch, tableFlags: UInt32) {
        // add table netdev sekisho; delete table netdev sekisho; add table netdev sekisho { flags owner, persist; }
        Self.table(.addTable, NFT_MSG_NEWTABLE, flags: NLM_F_CREATE, into: batch)
        Self.table(.deleteTable, NFT_MSG_DELTABLE, into: batch)
        Self.table(.addTable, NFT_MSG_NEWTABLE, flags: NLM_F_CREATE, tableFlags, into: batch)
        for map in settings.maps { add(map, to: batch) }
        // chain inside { type filter hook ingress device $inside_device priority -100; policy accept; }
        chain(Nft.insideChain, NF_NETDEV_INGRESS, device: settings.insideDevice, into: batch)
        // chain outside { type filter hook ingress device $outside_device priority -100; policy accept; }
        chain(Nft.outsideChain, NF_NETDEV_INGRESS, device: settings.outsideDevice, into: batch)
        judgeInside(into: batch)
        judgeOutside(into: batch)
        if settings.translation != nil, settings.forwarding == .routed {
            // chain leaving { type filter hook egress device $outside_device priority -100; policy accept; }
            chain(Nft.leavingChain, NF_NETDEV_EGRESS, device: settings.outsideDevice, into: batch)
            judgeLeaving(into: batch)
        }
    }

    /// Where addresses are translated, most packets are found in those maps.
    private var mapsInOrder: [ElementMap] {
        settings.maps.filter(\.isForTranslation) + settings.maps.filter { !$0.isForTranslation }
    }

    /// What comes in from the protected side.
    private func judgeInside(into batch: Batch) {
        for map in mapsInOrder where map.isOutgoing && map != .routedSource4 {
            // ip saddr . udp sport . ip daddr . udp dport @routed_nat_out4 meta mark set meta mark | $media_mark notrack accept
            // ip saddr set ip saddr . udp sport . ip daddr . udp dport map @nat_out4 ...
            // fwd ip to ip saddr . udp sport . ip daddr . udp dport map @out4 device $outside_device
            // ip saddr . udp sport . ip daddr . udp dport @routed_out4 meta mark set meta mark | $media_mark notrack accept
            // and those of IPv6
            admit(map, in: Nft.insideChain, to: outsideInterface, into: batch)
        }
    }

    /// What comes in from the other side.
    private func judgeOutside(into batch: Batch) {
        let maps = mapsInOrder.filter { !$0.isOutgoing }
        for map in maps where !map.isHalfOpen {
            // fwd ip to ip saddr . udp sport . ip daddr . udp dport map @in4 device $inside_device
            // ip saddr . udp sport . ip daddr . udp dport @routed_in4 meta mark set meta mark | $media_mark notrack accept
            admit(map, in: Nft.outsideChain, to: insideInterface, into: batch)
        }
        // ip saddr $prefix counter drop
        for prefix in settings.insidePrefixes { dropForged(prefix, into: batch) }
        for map in maps where map.isHalfOpen && map.translates {
            admit(map, in: Nft.outsideChain, to: insideInterface, into: batch)
        }
        // ip daddr $external udp dport $nat_ports counter drop
        if let translation = settings.translation {
            for address in translation.addresses {
                guard let host = Prefix(address, length: address.bitWidth) else { continue }
                drop(host, translation.ports, "translated media to \(address)", into: batch)
            }
        }
        for map in maps where map.isHalfOpen && !map.translates {
            // fwd ip to ip daddr . udp dport map @any4 device $inside_device
            // ip daddr . udp dport @routed_any4 meta mark set meta mark | $media_mark notrack accept
            admit(map, in: Nft.outsideChain, to: insideInterface, into: batch)
        }
        for prefix in settings.insidePrefixes {
            drop(prefix, settings.mediaPorts, "media to \(prefix)", into: batch)
        }
    }

    /// What leaves toward the other side. A packet that comes in with an address of this machine for its source is refused by
    /// routing, so on the routed path sources are translated here and not where packets come in.
    private func judgeLeaving(into batch: Batch) {
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

    /// delete table netdev sekisho
    static func remove(into batch: Batch) {
        table(.addTable, NFT_MSG_NEWTABLE, flags: NLM_F_CREATE, into: batch)
        table(.deleteTable, NFT_MSG_DELTABLE, into: batch)
    }

    /// add table netdev sekisho { flags owner, persist; }, for a table that is there and belongs to nobody any more.
    static func claim(into batch: Batch, tableFlags: UInt32) {
        table(.claimTable, NFT_MSG_NEWTABLE, tableFlags, into: batch)
    }

    /// A batch that always fails: by its first message where the kernel does not know the flags, else by its last one. The
    /// table of another name is never there for anyone.
    static func probe(_ tableFlags: UInt32, into batch: Batch) {
        table(.probeFlags, NFT_MSG_NEWTABLE, flags: NLM_F_CREATE, tableFlags, name: "sekisho_probe", into: batch)
        table(.deleteTable, NFT_MSG_DELTABLE, name: "sekisho_nowhere", into: batch)
    }

    private static func table(
        _ attempt: NetfilterError.Attempt, _ message: nf_tables_msg_types, flags: Int32 = 0, _ tableFlags: UInt32 = 0,
        name: StaticString = Nft.tableLabel, into batch: Batch
    ) {
        batch.append(
            attempt, message, flags: flags,
            writing: { message in
                message.put(NFTA_TABLE_NAME.rawValue, name)
                if tableFlags != 0 { message.put(NFTA_TABLE_FLAGS.rawValue, tableFlags) }
            })
    }

    /// map out4 { type ipv4_addr . inet_service . ipv4_addr . inet_service : ipv4_addr
    ///            size 65536; flags timeout; counter; }
    /// map any4 { type ipv4_addr . inet_service : ipv4_addr
    ///            size 65536; flags timeout; limit rate 50/second counter; }
    /// set routed_out4 { type ipv4_addr . inet_service . ipv4_addr . inet_service
    ///                   size 65536; flags timeout; counter; }
    private func add(_ map: ElementMap, to batch: Batch) {
        guard let set = nftnl_set_alloc() else { return }
        defer { nftnl_set_free(set) }
        let address = map.isIPv6 ? Nft.ipv6Address : Nft.ipv4Address
        var types: [UInt32] = []
        for _ in 0..<map.endpoints { types += [address, Nft.inetService] }
        var flags = UInt32(NFT_SET_TIMEOUT.rawValue)
        if map.dataOctets > 0 { flags |= UInt32(NFT_SET_MAP.rawValue) }
        // More than one expression per element must be announced.
        if map.isHalfOpen { flags |= UInt32(NFT_SET_EXPR.rawValue) }
        nftnl_set_set_str(set, UInt16(NFTNL_SET_TABLE.rawValue), Nft.table)
        nftnl_set_set_str(set, UInt16(NFTNL_SET_NAME.rawValue), map.name)
        nftnl_set_set_u32(set, UInt16(NFTNL_SET_FAMILY.rawValue), UInt32(Nft.family))
        nftnl_set_set_u32(set, UInt16(NFTNL_SET_ID.rawValue), UInt32(map.rawValue) + 1)
        nftnl_set_set_u32(set, UInt16(NFTNL_SET_FLAGS.rawValue), flags)
        nftnl_set_set_u32(set, UInt16(NFTNL_SET_KEY_TYPE.rawValue), Nft.concatenation(types))
        nftnl_set_set_u32(set, UInt16(NFTNL_SET_KEY_LEN.rawValue), UInt32(map.keyOctets))
        if map.dataOctets > 0 {
            let data = (map.translates ? [address, Nft.inetService] : []) + (map.hasNextHop ? [address] : [])
            nftnl_set_set_u32(set, UInt16(NFTNL_SET_DATA_TYPE.rawValue), Nft.concatenation(data))
            nftnl_set_set_u32(set, UInt16(NFTNL_SET_DATA_LEN.rawValue), UInt32(map.dataOctets))
        }
        nftnl_set_set_u32(set, UInt16(NFTNL_SET_DESC_SIZE.rawValue), settings.elementsPerMap)
        if map.isHalfOpen, let limit = nftnl_expr_alloc("limit") {
            nftnl_expr_set_u64(limit, UInt16(NFTNL_EXPR_LIMIT_RATE), UInt64(settings.halfOpenRate))
            nftnl_expr_set_u64(limit, UInt16(NFTNL_EXPR_LIMIT_UNIT), 1)
            nftnl_expr_set_u32(limit, UInt16(NFTNL_EXPR_LIMIT_BURST), settings.halfOpenBurst)
            nftnl_expr_set_u32(limit, UInt16(NFTNL_EXPR_LIMIT_TYPE), UInt32(NFT_LIMIT_PKTS.rawValue))
            nftnl_set_add_expr(set, limit)
        }
        // After the limit: a packet over the limit ends the look-up before it is counted.
        if map.isCounted, let counter = nftnl_expr_alloc("counter") { nftnl_set_add_expr(set, counter) }
        batch.append(.addMap(map), NFT_MSG_NEWSET, flags: NLM_F_CREATE) { nftnl_set_nlmsg_build_payload($0, set) }
    }

    private func chain(_ name: String, _ hook: nf_dev_hooks, device: String, into batch: Batch) {
        guard let chain = nftnl_chain_alloc() else { return }
        defer { nftnl_chain_free(chain) }
        nftnl_chain_set_str(chain, UInt16(NFTNL_CHAIN_TABLE.rawValue), Nft.table)
        nftnl_chain_set_str(chain, UInt16(NFTNL_CHAIN_NAME.rawValue), name)
        nftnl_chain_set_u32(chain, UInt16(NFTNL_CHAIN_FAMILY.rawValue), UInt32(Nft.family))
        nftnl_chain_set_str(chain, UInt16(NFTNL_CHAIN_TYPE.rawValue), "filter")
        nftnl_chain_set_u32(chain, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue), UInt32(hook.rawValue))
        nftnl_chain_set_s32(chain, UInt16(NFTNL_CHAIN_PRIO.rawValue), Nft.ingressPriority)
        nftnl_chain_set_u32(chain, UInt16(NFTNL_CHAIN_POLICY.rawValue), UInt32(NF_ACCEPT))
        nftnl_chain_set_str(chain, UInt16(NFTNL_CHAIN_DEV.rawValue), device)
        batch.append(.addChain(name), NFT_MSG_NEWCHAIN, flags: NLM_F_CREATE) {
            nftnl_chain_nlmsg_build_payload($0, chain)
        }
    }

    /// Lets through what an element of the map admits, and translates it where the element says so.
    private func admit(_ map: ElementMap, in chain: String, to interface: UInt32, into batch: Batch) {
        guard let rule = Rule(chain: chain) else { return }
        let hop = look(up: map, device: map.hasNextHop ? interface : nil, in: rule)
        switch map.forwarding {
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
    /// - Parameter device: what is put into the first register.
    /// - Returns: where the next hop is after it.
    @discardableResult
    private func look(up map: ElementMap, device: UInt32? = nil, in rule: Rule) -> Register {
        rule.matchNetworkProtocol(isIPv6: map.isIPv6)
        rule.matchUDP()
        if let device { rule.setDevice(device) }
        loadKey(of: map, in: rule)
        rule.lookUp(map)
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

    /// ip saddr $prefix counter drop: nobody outside has an inside address; who says so speaks SIP as a phone, too.
    private func dropForged(_ prefix: Prefix, into batch: Batch) {
        guard let rule = Rule(chain: Nft.outsideChain) else { return }
        match(prefix, isSource: true, in: rule)
        rule.count()
        rule.drop()
        append(rule, "drop forged \(prefix)", to: batch)
    }

    /// ip daddr $prefix udp dport $media_ports counter drop
    private func drop(_ prefix: Prefix, _ ports: ClosedRange<UInt16>, _ what: String, into batch: Batch) {
        guard let rule = Rule(chain: Nft.outsideChain) else { return }
        match(prefix, isSource: false, in: rule)
        rule.matchUDP()
        rule.load(.destinationPort)
        rule.compare(.atLeast, octets(of: ports.lowerBound))
        rule.compare(.atMost, octets(of: ports.upperBound))
        rule.count()
        rule.drop()
        append(rule, "drop \(what)", to: batch)
    }

    /// ip saddr $prefix, or ip daddr $prefix
    private func match(_ prefix: Prefix, isSource: Bool, in rule: Rule) {
        let isIPv6 = prefix.address.isIPv6
        var address: [UInt8] = []
        prefix.address.appendOctets(to: &address)
        let field: Rule.PacketField = isSource ? .sourceAddress(isIPv6: isIPv6) : .destinationAddress(isIPv6: isIPv6)
        rule.matchNetworkProtocol(isIPv6: isIPv6)
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

    private func append(_ rule: Rule, _ text: String, to batch: Batch) {
        batch.append(.addRule(text), NFT_MSG_NEWRULE, flags: NLM_F_CREATE | NLM_F_APPEND) { rule.put(into: $0) }
    }
}
