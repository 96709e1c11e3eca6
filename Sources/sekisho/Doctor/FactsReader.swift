import Coexistence
import Configuration
import Glibc
import Lab
import Netfilter
import Wire

/// Looks at this machine: reads, and changes nothing.
struct FactsReader {
    private(set) var facts = Facts()

    /// Everything but the kernel's features.
    ///
    /// - Parameter mediaPath: the path to judge; nil is that of the gate's settings.
    init(gateFile: String, proxyFile: String, mediaPath: PathKind?) {
        readSettings(gateFile, proxyFile)
        if let mediaPath { facts.mediaPath = mediaPath }
        facts.interfaces = Self.interfaces()
        facts.forwardsIPv4 = Self.number("/proc/sys/net/ipv4/ip_forward").map { $0 != 0 }
        facts.forwardsIPv6 = Self.number("/proc/sys/net/ipv6/conf/all/forwarding").map { $0 != 0 }
        for path in ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"] {
            facts.legacyTables += (Self.text(path) ?? "").split(separator: "\n").map(String.init)
        }
        facts.helpers = attempt("the kernel's SIP helpers") { try ConntrackHelpers().findings } ?? []
        facts.ruleset = attempt("the ruleset") { try Self.ruleset() }
        facts.gateAnswer = SocketCheck.gate(at: facts.gateSocket)
        facts.proxyAnswer = SocketCheck.proxy(at: facts.proxySocket)
    }

    private mutating func attempt<Value>(_ what: String, _ body: () throws -> Value) -> Value? {
        do {
            return try body()
        } catch {
            facts.gaps.append((what, "\(error)"))
            return nil
        }
    }

    private mutating func readSettings(_ gateFile: String, _ proxyFile: String) {
        facts.gateSocket = "/run/sekisho/gate.sock"
        facts.proxySocket = "/run/sekisho/control.sock"
        do {
            let settings = try ConfigurationReader.gateSettings(atPath: gateFile)
            facts.gate = Facts.Gate(
                inside: settings.insideInterface, outside: settings.outsideInterface, prefixes: settings.insidePrefixes,
                mediaPorts: settings.mediaPorts)
            facts.gateSocket = settings.socket
            switch settings.mediaPath {
            case .fast: facts.mediaPath = .fast
            case .routed: facts.mediaPath = .routed
            }
            if settings.mark != MarkContract.bit {
                facts.gaps.append(
                    (
                        "the site's line for the mark",
                        "gated.yaml has another one: put 0x\(String(settings.mark, radix: 16)) "
                            + "in the place of \(MarkContract.text)"
                    ))
            }
        } catch {
            facts.gaps.append(("interfaces and prefixes of the gate", error.description))
        }
        do {
            let settings = try ConfigurationReader.proxySettings(atPath: proxyFile)
            facts.listeners = settings.listeners.map {
                Facts.Listener(transport: $0.transport == .udp ? .udp : .tcp, endpoint: $0.endpoint)
            }
            facts.peers = settings.routes.map(\.endpoint.address)
            facts.proxySocket = settings.control
        } catch {
            facts.gaps.append(("listeners of sekishod", error.description))
        }
    }

    // MARK: Rulesets

    /// By nft's own listing: it knows the words for every expression of its time, and they are what an operator sees. What
    /// iptables made is read by its own listing: to nft most of its matches are but names.
    private static func ruleset() throws -> SiteRuleset {
        var listings: [[UInt8]] = []
        for family in ["ip", "ip6", "inet", "netdev"] {
            // The elements of the gate's own maps are not wanted, and may be many.
            let terse = family == "netdev" ? ["-t"] : []
            listings.append(
                Array(
                    try output(
                        ["nft", "-j"] + terse + ["list", "ruleset", family], limit: SiteRuleset.maximumListing
                    ).utf8))
        }
        var ruleset = try SiteRuleset(nftListings: listings)
        for (family, isIPv6) in [("ip", false), ("ip6", true)] where ruleset.mayBeIptables(family: family) {
            guard let text = try Self.iptablesListing(isIPv6: isIPv6) else { continue }
            ruleset.read(iptablesSave: text, isIPv6: isIPv6)
        }
        return ruleset
    }

    /// What `iptables-save` says; nil where there is no such program.
    static func iptablesListing(isIPv6: Bool) throws -> String? {
        let name = isIPv6 ? "ip6tables" : "iptables"
        for program in ["\(name)-nft-save", "\(name)-save"] {
            if let result = try? Command.run([program], withErrors: false, limit: SiteRuleset.maximumIptablesListing),
                result.status == 0
            {
                return result.output
            }
        }
        return nil
    }

    private static func output(_ words: [String], limit: Int) throws -> String {
        let result = try Command.run(words, withErrors: false, limit: limit)
        if result.status == 0 { return result.output }
        return try Command.output(words)
    }

    // MARK: Interfaces and switches

    private static func interfaces() -> [Facts.Interface] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var found: [Facts.Interface] = []
        var next = first
        while let entry = next {
            next = entry.pointee.ifa_next
            let name = String(cString: entry.pointee.ifa_name)
            let place: Int
            if let known = found.firstIndex(where: { $0.name == name }) {
                place = known
            } else {
                place = found.count
                found.append(
                    Facts.Interface(
                        name: name, isUp: entry.pointee.ifa_flags & UInt32(IFF_UP) != 0,
                        // ARPHRD_ETHER of linux/if_arp.h
                        isEthernet: number("/sys/class/net/\(name)/type") == 1, addresses: [],
                        reversePathFilter: reversePathFilter(name)))
            }
            if let address = address(entry.pointee.ifa_addr) { found[place].addresses.append(address) }
        }
        return found
    }

    /// The kernel takes the larger of the two (ip-sysctl of the kernel's documentation).
    private static func reversePathFilter(_ name: String) -> Int? {
        let values = ["all", name].compactMap { number("/proc/sys/net/ipv4/conf/\($0)/rp_filter") }
        return values.max()
    }

    private static func address(_ pointer: UnsafeMutablePointer<sockaddr>?) -> IPAddress? {
        guard let pointer, let octets = octets(pointer) else { return nil }
        return IPAddress(octets: octets.span)
    }

    private static func octets(_ pointer: UnsafeMutablePointer<sockaddr>) -> [UInt8]? {
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET:
            pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                withUnsafeBytes(of: $0.pointee.sin_addr) { Array($0) }
            }
        case AF_INET6:
            pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                withUnsafeBytes(of: $0.pointee.sin6_addr) { Array($0) }
            }
        case _: nil
        }
    }

    private static func number(_ path: String) -> Int? {
        text(path).flatMap { Int($0.split(separator: "\n").first ?? "") }
    }

    /// A file of the kernel's; what it says is short.
    private static func text(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = read(descriptor, &buffer, buffer.count)
        return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
    }
}
