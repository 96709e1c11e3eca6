import Wire

/// Merges the addresses of both families (RFC 7984 section 4) and leaves out what no request may be sent to.
enum AddressOrder {
    /// IPv6 and IPv4 in turns, so that a family without a way costs one attempt and not one for each address. IPv6
    /// addresses that RFC 6724 section 2.1 ranks below IPv4 come last. Within a family the resolver's order stays.
    static func merge(_ v6: [IPAddress], _ v4: [IPAddress], acceptsLoopback: Bool) -> [IPAddress] {
        let v6 = v6.filter { isUsable($0, acceptsLoopback) }
        let v4 = v4.filter { isUsable($0, acceptsLoopback) }
        let first = v6.filter { !isBelowIPv4($0) }
        var merged: [IPAddress] = []
        for index in 0..<max(first.count, v4.count) {
            if index < first.count { merged.append(first[index]) }
            if index < v4.count { merged.append(v4[index]) }
        }
        merged += v6.filter(isBelowIPv4)
        return Array(merged.prefix(LookupLimits.addressesOfHost))
    }

    /// Whether a name may lead to the address. A link-local one means nothing without its interface, and a name that leads
    /// to this machine is more often an attack than a wish.
    static func isUsable(_ address: IPAddress, _ acceptsLoopback: Bool) -> Bool {
        switch address.scope {
        case .unicast: true
        case .loopback: acceptsLoopback
        case .unspecified, .linkLocal, .multicast, .reserved, .embedded: false
        }
    }

    /// Whether a request can be sent to an address that the URI itself states.
    static func isSendable(_ address: IPAddress) -> Bool {
        switch address.scope {
        case .unicast, .loopback: true
        case .linkLocal: !address.isIPv6
        case .unspecified, .multicast, .reserved, .embedded: false
        }
    }

    /// 2001::/32 (Teredo), fc00::/7, fec0::/10 and 3ffe::/16.
    private static func isBelowIPv4(_ address: IPAddress) -> Bool {
        switch address {
        case .v4: false
        case .v6(let high, _):
            high >> 32 == 0x2001_0000 || high >> 57 == 0xFC >> 1 || high >> 54 == 0xFEC0 >> 6 || high >> 48 == 0x3FFE
        }
    }
}
