import CNetfilter
import Wire

/// Writes `table netdev sekisho` into a batch. The same table stands in `nft/sekisho.nft` and, for the routed path, in
/// `nft/sekisho-routed.nft` as nft reads it; above each part is its line of that file.
struct Ruleset {
    let settings: TableSettings
    var inside: Link
    var outside: Link
    /// Whether a rule may look a key up in a map and leave the data alone: 6.1 does not take one.
    let looksUpMapsAsSets: Bool

    /// The whole table. One that an earlier run left behind goes in the same batch, so that no moment is without rules.
    ///
    /// - Parameter tableFlags: `ownerFlag` and `persistFlag`, or none of them.
    func build(into batch: Batch, tableFlags: UInt32) {
        // add table netdev sekisho; delete table netdev sekisho; add table netdev sekisho { flags owner, persist; }
        Self.table(.addTable, NFT_MSG_NEWTABLE, flags: NLM_F_CREATE, into: batch)
        Self.table(.deleteTable, NFT_MSG_DELTABLE, into: batch)
        Self.table(.addTable, NFT_MSG_NEWTABLE, flags: NLM_F_CREATE, tableFlags, into: batch)
        for map in settings.maps {
            Self.add(
                map, elements: settings.elementsPerMap, halfOpen: (settings.halfOpenRate, settings.halfOpenBurst),
                to: batch)
        }
        if settings.forwarding == .fast {
            // chain inside_routed { }
            Self.chain(Nft.insideRoutedChain, into: batch)
            Self.chain(Nft.outsideRoutedChain, into: batch)
            judgeInside(in: Nft.insideRoutedChain, .routed, into: batch)
            judgeOutside(in: Nft.outsideRoutedChain, .routed, into: batch)
        }
        // chain inside { type filter hook ingress device $inside_device priority -100; policy accept; }
        Self.chain(Nft.insideChain, (NF_NETDEV_INGRESS, settings.insideDevice), into: batch)
        // chain outside { type filter hook ingress device $outside_device priority -100; policy accept; }
        Self.chain(Nft.outsideChain, (NF_NETDEV_INGRESS, settings.outsideDevice), into: batch)
        judgeInside(in: Nft.insideChain, settings.forwarding, into: batch)
        judgeOutside(in: Nft.outsideChain, settings.forwarding, into: batch)
        if settings.translation != nil, settings.forwarding == .routed {
            // chain leaving { type filter hook egress device $outside_device priority -100; policy accept; }
            Self.chain(Nft.leavingChain, (NF_NETDEV_EGRESS, settings.outsideDevice), into: batch)
            judgeLeaving(into: batch)
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

    /// A batch that always fails: by its rule where the kernel wants the data of a map that is looked up, else by its last
    /// message.
    static func probeLookUp(into batch: Batch) {
        let probe: StaticString = "sekisho_probe"
        table(.addTable, NFT_MSG_NEWTABLE, flags: NLM_F_CREATE, name: probe, into: batch)
        add(.out4, elements: 1, halfOpen: (1, 1), table: "\(probe)", to: batch)
        chain("probe", table: "\(probe)", into: batch)
        if let rule = Rule(chain: "probe", table: "\(probe)") {
            rule.load(.sourceAddress(isIPv6: false), into: .second)
            for slot in 1...3 { rule.load(.sourceAddress(isIPv6: false), into: .second.advanced(octets: 4 * slot)) }
            rule.lookUp(.out4, isDataOfUse: false)
            append(rule, "that looks up a map", to: batch)
        }
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
    private static func add(
        _ map: ElementMap, elements: UInt32, halfOpen: (rate: UInt32, burst: UInt32), table: String = Nft.table,
        to batch: Batch
    ) {
        guard let set = nftnl_set_alloc() else { return }
        defer { nftnl_set_free(set) }
        let address = map.isIPv6 ? Nft.ipv6Address : Nft.ipv4Address
        var types: [UInt32] = []
        for _ in 0..<map.endpoints { types += [address, Nft.inetService] }
        var flags = UInt32(NFT_SET_TIMEOUT.rawValue)
        if map.dataOctets > 0 { flags |= UInt32(NFT_SET_MAP.rawValue) }
        // More than one expression per element must be announced.
        if map.isHalfOpen { flags |= UInt32(NFT_SET_EXPR.rawValue) }
        nftnl_set_set_str(set, UInt16(NFTNL_SET_TABLE.rawValue), table)
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
        nftnl_set_set_u32(set, UInt16(NFTNL_SET_DESC_SIZE.rawValue), elements)
        if map.isHalfOpen, let limit = nftnl_expr_alloc("limit") {
            nftnl_expr_set_u64(limit, UInt16(NFTNL_EXPR_LIMIT_RATE), UInt64(halfOpen.rate))
            nftnl_expr_set_u64(limit, UInt16(NFTNL_EXPR_LIMIT_UNIT), 1)
            nftnl_expr_set_u32(limit, UInt16(NFTNL_EXPR_LIMIT_BURST), halfOpen.burst)
            nftnl_expr_set_u32(limit, UInt16(NFTNL_EXPR_LIMIT_TYPE), UInt32(NFT_LIMIT_PKTS.rawValue))
            nftnl_set_add_expr(set, limit)
        }
        // After the limit: a packet over the limit ends the look-up before it is counted.
        if map.isCounted, let counter = nftnl_expr_alloc("counter") { nftnl_set_add_expr(set, counter) }
        batch.append(.addMap(map), NFT_MSG_NEWSET, flags: NLM_F_CREATE) { nftnl_set_nlmsg_build_payload($0, set) }
    }

    /// - Parameter hook: where packets come from, with the device; nil for a chain that others send them to.
    private static func chain(
        _ name: String, _ base: (hook: nf_dev_hooks, device: String)? = nil, table: String = Nft.table,
        into batch: Batch
    ) {
        guard let chain = nftnl_chain_alloc() else { return }
        defer { nftnl_chain_free(chain) }
        nftnl_chain_set_str(chain, UInt16(NFTNL_CHAIN_TABLE.rawValue), table)
        nftnl_chain_set_str(chain, UInt16(NFTNL_CHAIN_NAME.rawValue), name)
        nftnl_chain_set_u32(chain, UInt16(NFTNL_CHAIN_FAMILY.rawValue), UInt32(Nft.family))
        if let base {
            nftnl_chain_set_str(chain, UInt16(NFTNL_CHAIN_TYPE.rawValue), "filter")
            nftnl_chain_set_u32(chain, UInt16(NFTNL_CHAIN_HOOKNUM.rawValue), UInt32(base.hook.rawValue))
            nftnl_chain_set_s32(chain, UInt16(NFTNL_CHAIN_PRIO.rawValue), Nft.ingressPriority)
            nftnl_chain_set_u32(chain, UInt16(NFTNL_CHAIN_POLICY.rawValue), UInt32(NF_ACCEPT))
            nftnl_chain_set_str(chain, UInt16(NFTNL_CHAIN_DEV.rawValue), base.device)
        }
        batch.append(.addChain(name), NFT_MSG_NEWCHAIN, flags: NLM_F_CREATE) {
            nftnl_chain_nlmsg_build_payload($0, chain)
        }
    }

    func append(_ rule: Rule, _ text: String, to batch: Batch) { Self.append(rule, text, to: batch) }

    private static func append(_ rule: Rule, _ text: String, to batch: Batch) {
        batch.append(.addRule(text), NFT_MSG_NEWRULE, flags: NLM_F_CREATE | NLM_F_APPEND) { rule.put(into: $0) }
    }
}
