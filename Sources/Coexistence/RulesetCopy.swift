internal import ControlProtocol

extension SiteRuleset {
    /// The ruleset as `nft -j -f` loads it into another namespace: without the gate's own tables, without chains and flowtables
    /// that are bound to devices, and without what iptables made, which its own programs copy.
    public var copy: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("nftables") { writer in
                writer.array { writer in for entry in copiedEntries { writer.value(entry) } }
            }
        }
        return writer.output
    }

    /// The interfaces that rules name by their index: nft finds no such rule's interface where there is none.
    public var namedByIndex: Set<String> {
        var names: Set<String> = []
        for entry in entries {
            guard case .array(let statements) = entry.member("rule")?.member("expr")?.content else { continue }
            for statement in statements {
                let key = statement.member("match")?.member("left")?.member("meta")?.word("key")
                guard key == "iif" || key == "oif", let right = statement.member("match")?.member("right") else {
                    continue
                }
                if let name = right.word { names.insert(name) }
                if case .array(let items) = right.member("set")?.content { names.formUnion(items.compactMap(\.word)) }
            }
        }
        return names
    }

    private static let families: Set<String> = ["ip", "ip6", "inet"]

    /// What a thing refers to stands before it: tables, chains, objects, sets, rules.
    private var copiedEntries: [JSONValue] {
        let order = [
            "table", "chain", "counter", "quota", "limit", "ct helper", "ct timeout", "ct expectation", "set", "map",
            "rule",
        ]
        var copied: [JSONValue] = []
        for kind in order { copied += entries.filter { $0.member(kind).map { isCopied($0, kind) } ?? false } }
        return copied
    }

    private func isCopied(_ value: JSONValue, _ kind: String) -> Bool {
        let name = kind == "table" ? value.word("name") : value.word("table")
        guard let family = value.word("family"), Self.families.contains(family), let name else { return false }
        let table = Table(family: family, name: name)
        if iptablesTables.contains(table) || name == Self.ownTable { return false }
        switch kind {
        case "chain":
            return value.member("dev") == nil
        case "rule":
            guard let chain = value.word("chain"), self.chain(chain, of: table)?.devices.isEmpty ?? false else {
                return false
            }
            guard case .array(let statements) = value.member("expr")?.content else { return true }
            return !statements.contains { $0.member("flow") != nil }
        case _:
            return true
        }
    }
}
