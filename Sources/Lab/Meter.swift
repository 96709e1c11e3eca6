/// Counts the packets that reach a host, by the kernel of that host: a table of its own with a counter for each sender.
///
/// What it says does not depend on any program of Sekisho.
public struct Meter {
    /// A sender, by its addresses.
    public struct Source: Sendable {
        /// The name of its counter.
        public let name: String
        /// Its addresses, of either family.
        public let addresses: [String]

        /// A sender by its name and addresses.
        public init(_ name: String, _ addresses: [String]) {
            self.name = name
            self.addresses = addresses
        }
    }

    private let host: Namespace
    private let ports: String

    /// Puts the table into the host's namespace.
    ///
    /// - Parameter ports: the UDP destination ports that count, as nft writes them: `4000-4001`.
    public init(on host: Namespace, from sources: [Source], ports: String) throws {
        self.host = host
        self.ports = ports
        var rules = "table inet sekisho_lab {\n"
        for source in sources { rules += "  counter \(source.name) { }\n" }
        rules += "  chain input {\n    type filter hook input priority 10; policy accept;\n"
        for source in sources {
            for address in source.addresses {
                let family = address.contains(":") ? "ip6" : "ip"
                rules += "    \(family) saddr \(address) udp dport \(ports) counter name \(source.name)\n"
            }
        }
        rules += "  }\n}\n"
        try host.command("sh", "-c", "printf '%s' '\(rules)' | nft -f -")
    }

    /// Packets from a sender so far.
    public func packets(from name: String) throws -> Int {
        let text = try host.command("nft", "list", "counter", "inet", "sekisho_lab", name)
        guard let start = text.range(of: "packets ") else {
            throw Command.Failure(description: "no counter \(name) in: \(text)")
        }
        return Int(text[start.upperBound...].prefix { $0.isNumber }) ?? 0
    }
}

extension String {
    /// Where a text stands, without Foundation.
    func range(of needle: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(needle) { return start..<index(start, offsetBy: needle.count) }
            start = index(after: start)
        }
        return nil
    }
}
