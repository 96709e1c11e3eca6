import Wire

extension SiteRuleset {
    /// Octets of a listing that is read.
    public static let maximumIptablesListing = 8 << 20

    /// Reads what `iptables-save` or `ip6tables-save` writes (iptables-save(8)) in the place of what nft could say of those
    /// tables: to nft the matches of iptables are mostly names.
    public mutating func read(iptablesSave text: String, isIPv6: Bool) {
        var table: Table?
        for line in text.split(separator: "\n") {
            if line.hasPrefix("*") {
                let name = Table(family: isIPv6 ? "ip6" : "ip", name: String(line.dropFirst()))
                // One of iptables-legacy is none of nf_tables.
                table = chains.contains { $0.table == name } ? name : nil
                if let table { becomesIptables(table) }
            } else if let table, let rule = IptablesRule(line, isIPv6: isIPv6, targets: { has($0, in: table) }) {
                add(rule.rule, to: rule.chain, of: table)
            }
        }
    }
}

/// A line of iptables-save: `-A INPUT -p udp -m udp --dport 5060 -j ACCEPT`.
struct IptablesRule {
    let chain: String
    private(set) var rule: Rule
    private let isIPv6: Bool
    private var transport: Packet.Transport?
    /// Whether `--mark` is the connection's.
    private var isOfConnection = false

    /// - Parameter targets: whether there is a chain of this name, which `-j` then leads to.
    init?(_ line: Substring, isIPv6: Bool, targets: (String) -> Bool) {
        var words = Self.words(line)[...]
        guard words.popFirst() == "-A", let chain = words.popFirst() else { return nil }
        self.chain = chain
        self.isIPv6 = isIPv6
        rule = Rule(name: "rule “\(line)”")
        while let option = words.popFirst() {
            let isNegated = option == "!"
            guard let name = isNegated ? words.popFirst() : option else { break }
            if name == "-j" || name == "-g" {
                guard let target = words.popFirst() else { break }
                act(target, isJump: name == "-j", Array(words), targets)
                break
            }
            read(name, isNegated, &words)
        }
    }

    /// The words of a line; what stands in quotation marks is one.
    private static func words(_ line: Substring) -> [String] {
        var words: [String] = []
        var word: String?
        var isQuoted = false
        var isEscaped = false
        for character in line {
            if isEscaped {
                word = (word ?? "") + String(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                isQuoted.toggle()
                word = word ?? ""
            } else if character == " ", !isQuoted {
                if let word { words.append(word) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if let word { words.append(word) }
        return words
    }

    // MARK: Matches

    private mutating func read(_ name: String, _ isNegated: Bool, _ words: inout ArraySlice<String>) {
        // These only bring options that say more.
        let plain = [
            "udp", "tcp", "mark", "multiport", "conntrack", "state", "comment", "addrtype", "pkttype", "connmark",
        ]
        if name == "-m" {
            let module = words.popFirst() ?? ""
            isOfConnection = module == "connmark"
            if !plain.contains(module) { rule.matches.append(.uncertain) }
            return
        }
        var values: [String] = []
        while let next = words.first, next != "!", !next.hasPrefix("-") || next.count == 1 {
            values.append(next)
            words.removeFirst()
        }
        let value = values.first ?? ""
        if name == "-p" { transport = Packet.Transport(rawValue: value) }
        if name == "--comment" { return }
        var match = self.match(name, value)
        match.isNegated = isNegated
        rule.matches.append(match)
    }

    private func match(_ name: String, _ value: String) -> Match {
        switch name {
        case "-p": Match(fields: [.transport], elements: [[.name(value)]])
        case "-i": Match(fields: [.inbound], elements: [[Self.interface(value)]])
        case "-o": Match(fields: [.outbound], elements: [[Self.interface(value)]])
        case "-s": Match(fields: [.source(isIPv6: isIPv6)], elements: [[Self.address(value)]])
        case "-d": Match(fields: [.destination(isIPv6: isIPv6)], elements: [[Self.address(value)]])
        case "--dport", "--dports": Match(fields: [.destinationPort(transport)], elements: Self.ports(value))
        case "--sport", "--sports": Match(fields: [.sourcePort(transport)], elements: Self.ports(value))
        case "--ctstate", "--state":
            Match(fields: [.state], elements: value.split(separator: ",").map { [.name($0.lowercased())] })
        case "--dst-type":
            Match(fields: [.destinationType], elements: value.split(separator: ",").map { [.name($0.lowercased())] })
        case "--pkt-type": Match(fields: [.packetType], elements: [[.name(value)]])
        case "--mark": mark(value)
        case _: .uncertain
        }
    }

    private static func interface(_ text: String) -> Value {
        text.hasSuffix("+") ? .name(text.dropLast() + "*") : .name(text)
    }

    private static func address(_ text: String) -> Value { Prefix(text).map { .addresses($0) } ?? .unknown }

    private static func ports(_ text: String) -> [[Value]] {
        text.split(separator: ",").map { part in
            let ends = part.split(separator: ":", omittingEmptySubsequences: false).map { UInt64($0) }
            guard let first = ends.first, let last = ends.last, let from = first, let to = last, from <= to else {
                return [.unknown]
            }
            return [.numbers(from...to)]
        }
    }

    /// `value/mask`, or a value of all bits.
    private func mark(_ text: String) -> Match {
        let parts = text.split(separator: "/").map { Self.number($0) }
        guard let first = parts.first, let value = first, let last = parts.count > 1 ? parts[1] : UInt64(UInt32.max)
        else { return .uncertain }
        let mask = UInt32(truncatingIfNeeded: last)
        return Match(
            fields: [isOfConnection ? .connectionMark(mask) : .mark(mask)], elements: [[.numbers(value...value)]])
    }

    private static func number(_ text: Substring) -> UInt64? {
        text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
    }

    // MARK: Targets

    private mutating func act(_ target: String, isJump: Bool, _ options: [String], _ targets: (String) -> Bool) {
        if targets(target) {
            rule.effects.append(isJump ? .jump(target) : .go(target))
            return
        }
        switch target {
        case "ACCEPT": rule.effects.append(.accept)
        case "DROP", "REJECT": rule.effects.append(.drop)
        case "RETURN": rule.effects.append(.leave)
        case "QUEUE", "NFQUEUE": rule.effects.append(.uncertain)
        case "MARK": rule.effects.append(.marks(Self.change(options)))
        case "CONNMARK" where options.contains("--restore-mark"): rule.effects.append(.marks(nil))
        case "NOTRACK": rule.effects.append(.untracks)
        case "CT" where options.contains("--notrack"): rule.effects.append(.untracks)
        // LOG, TCPMSS, NFLOG, TRACE and all others let the packet go on.
        case _: break
        }
    }

    /// `--set-xmark value/mask`: the mask's bits are cleared, then the value is turned.
    private static func change(_ options: [String]) -> (keeps: UInt32, turns: UInt32)? {
        guard let place = options.firstIndex(of: "--set-xmark"), place + 1 < options.count else { return nil }
        let parts = options[place + 1].split(separator: "/").map { number($0) }
        guard parts.count == 2, let value = parts[0], let mask = parts[1] else { return nil }
        return (keeps: ~UInt32(truncatingIfNeeded: mask), turns: UInt32(truncatingIfNeeded: value))
    }
}
