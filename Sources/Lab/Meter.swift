/// Counts the packets that reach a host, by the kernel of that host: a table of its own with a counter for each sender.
///
/// What it says does not depend on any program of Sekisho.
public struct Meter {
    /// A sender, by its addresses, and by its port when that matters.
    public struct Source: Sendable {
        /// What it is called in the table and when it is asked for.
        public let name: String
        /// IPv4 and IPv6 addresses, in text.
        public let addresses: [String]
        /// The UDP source port; nil counts every one.
        public let port: UInt16?

        /// A sender.
        public init(_ name: String, _ addresses: [String], port: UInt16? = nil) {
            self.name = name
            self.addresses = addresses
            self.port = port
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
                let port = source.port.map { "udp sport \($0) " } ?? ""
                rules += "    \(family) saddr \(address) \(port)udp dport \(ports) counter name \(source.name)\n"
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
