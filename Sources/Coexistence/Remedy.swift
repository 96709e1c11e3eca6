public import Wire

/// A command as its words.
public struct ShellCommand: Hashable, Sendable, CustomStringConvertible {
    /// The program and what it is given.
    public let words: [String]

    /// A command.
    public init(_ words: [String]) { self.words = words }

    /// As an operator types it.
    public var description: String { words.map { Self.quoted($0) }.joined(separator: " ") }

    private static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { octet in
            ASCII.isAlpha(octet) || ASCII.isDigit(octet) || "-_./:=,+@%".utf8.contains(octet)
        }
        // No name in a ruleset has a quotation mark in what nft and iptables let through; a shell reads this right if one has.
        return isPlain && !word.isEmpty
            ? word
            : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}

/// What mends something.
public struct Remedy: Hashable, Sendable {
    /// What to run, in this order.
    public var commands: [ShellCommand]
    /// How it stays after a reboot or a reload, where the commands do not see to that.
    public var toStay: String?
    /// The same in the ruleset alone, for a copy of it where the program that keeps it does not run; empty where the commands
    /// do it there as well.
    public var inRuleset: [ShellCommand] = []

    /// Commands, and how their effect stays.
    public init(_ commands: [[String]], toStay: String? = nil, inRuleset: [[String]] = []) {
        self.commands = commands.map { ShellCommand($0) }
        self.toStay = toStay
        self.inRuleset = inRuleset.map { ShellCommand($0) }
    }

    /// What does it in a copy of the ruleset.
    public var inCopy: [ShellCommand] { inRuleset.isEmpty ? commands : inRuleset }
}

/// The lines that let the gateway's packets through a chain, in the words of the program that keeps it.
struct RemedyWriter {
    private let chain: SiteRuleset.Chain
    private let ruleset: SiteRuleset
    private let firewall: SiteFirewall

    init(for chain: SiteRuleset.Chain, in ruleset: SiteRuleset) {
        self.chain = chain
        self.ruleset = ruleset
        firewall = SiteFirewall(of: chain, in: ruleset)
    }

    // MARK: Media

    /// Lets packets with the contract's mark through.
    ///
    /// - Parameter families: `isIPv6` of each family that is dropped; a chain of one family is of that one.
    func acceptingMarked(families: [Bool]) -> Remedy {
        switch firewall {
        case .firewalld: return firewalldMark(families)
        case .firewalldWithIptables:
            return Remedy(
                [
                    [
                        "firewall-cmd", "--permanent", "--direct", "--add-rule", isIPv6 ? "ipv6" : "ipv4", "filter",
                        "FORWARD", "0",
                    ]
                        + MarkContract.iptablesMatch + ["-j", "ACCEPT"],
                    ["firewall-cmd", "--reload"],
                ], inRuleset: [insert(into: chain.name, MarkContract.iptablesMatch)])
        case .ufw:
            let target = isIPv6 ? "ufw6-before-forward" : "ufw-before-forward"
            let line = (["-A", target] + MarkContract.iptablesMatch + ["-j", "ACCEPT"]).joined(separator: " ")
            return Remedy(
                [insert(into: chain.hook == .forward ? target : chain.name, MarkContract.iptablesMatch)],
                toStay: "in /etc/ufw/before\(isIPv6 ? "6" : "").rules after “# End required lines”: \(line)")
        case .docker:
            return Remedy(
                [insert(into: "DOCKER-USER", MarkContract.iptablesMatch)],
                toStay:
                    "Docker keeps what is in DOCKER-USER but does not save it: run the line after docker.service starts"
            )
        case .iptables:
            return Remedy([insert(into: chain.name, MarkContract.iptablesMatch)], toStay: Self.saving)
        case .fw4:
            let option = "firewall.sekisho_media"
            return Remedy(
                [
                    ["uci", "set", "\(option)=rule"], ["uci", "set", "\(option).name=Sekisho-media"],
                    ["uci", "set", "\(option).src=*"], ["uci", "set", "\(option).dest=*"],
                    ["uci", "set", "\(option).proto=udp"],
                    ["uci", "set", "\(option).mark=\(MarkContract.text)/\(MarkContract.text)"],
                    ["uci", "set", "\(option).target=ACCEPT"], ["uci", "commit", "firewall"],
                    ["service", "firewall", "restart"],
                ], inRuleset: [nftInsert(MarkContract.match)])
        case .handWritten:
            return Remedy([nftInsert(MarkContract.match)], toStay: staying(MarkContract.match))
        }
    }

    private var isIPv6: Bool { chain.table.family == "ip6" }

    /// firewalld's rich rules know no mark, its sets do: a set of every address with the mark, and a policy that accepts what is
    /// in it. It compares the whole mark. Of IPv6 such a set takes no prefix (1.3.3: `IPSet.check_entry`).
    private func firewalldMark(_ families: [Bool]) -> Remedy {
        let permanent = ["firewall-cmd", "--permanent"]
        let (policy, set) = ("sekisho-media", "sekisho-media4")
        var commands: [[String]] = []
        if families.contains(false) {
            commands = [
                permanent + ["--new-ipset=\(set)", "--type=hash:ip,mark"],
                permanent + ["--ipset=\(set)", "--add-entry=0.0.0.0/0,\(MarkContract.text)"],
                permanent + ["--new-policy=\(policy)"],
                permanent + ["--policy=\(policy)", "--add-ingress-zone=ANY"],
                permanent + ["--policy=\(policy)", "--add-egress-zone=ANY"],
                permanent + [
                    "--policy=\(policy)", "--add-rich-rule=rule family=\"ipv4\" source ipset=\"\(set)\" accept",
                ],
                ["firewall-cmd", "--reload"],
            ]
        }
        guard families.contains(true) else { return Remedy(commands, inRuleset: [nftInsert(MarkContract.match)]) }
        return Remedy(
            commands + [nftInsert(["meta", "nfproto", "ipv6"] + MarkContract.match)],
            toStay: "firewalld has no words for this of IPv6: run the last line after each of its reloads",
            inRuleset: [nftInsert(MarkContract.match)])
    }

    // MARK: Signalling

    /// Lets SIP to a listener through that comes in at an interface.
    func accepting(_ signalling: [Signalling]) -> Remedy {
        switch firewall {
        case .firewalld, .firewalldWithIptables:
            var commands: [[String]] = []
            for packet in signalling {
                let zone = ruleset.zone(of: packet.interface, in: chain.table).map { ["--zone=\($0)"] } ?? []
                let command =
                    ["firewall-cmd", "--permanent"] + zone
                    + ["--add-port=\(packet.endpoint.port)/\(packet.transport.rawValue)"]
                if !commands.contains(command) { commands.append(command) }
            }
            return Remedy(
                commands + [["firewall-cmd", "--reload"]],
                inRuleset: signalling.map {
                    plainIptables ? insert(into: chain.name, Self.iptables($0)) : nftInsert(Self.nft($0))
                })
        case .ufw:
            return Remedy(
                signalling.map {
                    [
                        "ufw", "allow", "in", "on", $0.interface, "proto", $0.transport.rawValue, "to",
                        $0.isWildcard ? "any" : "\($0.endpoint.address)", "port", "\($0.endpoint.port)",
                    ]
                }, inRuleset: signalling.map { insert(into: chain.name, Self.iptables($0)) })
        case .docker, .iptables:
            return Remedy(signalling.map { insert(into: chain.name, Self.iptables($0)) }, toStay: Self.saving)
        case .fw4:
            var commands: [[String]] = []
            for (number, packet) in signalling.enumerated() {
                let option = "firewall.sekisho_sip\(number + 1)"
                commands += [
                    ["uci", "set", "\(option)=rule"], ["uci", "set", "\(option).name=Sekisho-SIP-\(number + 1)"],
                    ["uci", "set", "\(option).src=*"], ["uci", "set", "\(option).proto=\(packet.transport.rawValue)"],
                    ["uci", "set", "\(option).dest_port=\(packet.endpoint.port)"],
                    ["uci", "set", "\(option).target=ACCEPT"],
                ]
            }
            return Remedy(
                commands + [["uci", "commit", "firewall"], ["service", "firewall", "restart"]],
                inRuleset: signalling.map { nftInsert(Self.nft($0)) })
        case .handWritten:
            return Remedy(
                signalling.map { nftInsert(Self.nft($0)) },
                toStay: signalling.first.map { staying(Self.nft($0)) + (signalling.count > 1 ? "; and so on" : "") })
        }
    }

    private var plainIptables: Bool { ruleset.iptablesTables.contains(chain.table) }

    private static func nft(_ packet: Signalling) -> [String] {
        // A word of letters alone could be one of nft's own.
        let isPlain = packet.interface.utf8.contains { ASCII.isDigit($0) }
        var words = ["iifname", isPlain ? packet.interface : "\"\(packet.interface)\""]
        if !packet.isWildcard {
            words += [packet.endpoint.address.isIPv6 ? "ip6" : "ip", "daddr", "\(packet.endpoint.address)"]
        }
        return words + [packet.transport.rawValue, "dport", "\(packet.endpoint.port)"]
    }

    private static func iptables(_ packet: Signalling) -> [String] {
        let address = packet.isWildcard ? [] : ["-d", "\(packet.endpoint.address)"]
        return ["-i", packet.interface] + address + [
            "-p", packet.transport.rawValue, "--dport", "\(packet.endpoint.port)",
        ]
    }

    // MARK: Lines

    private func nftInsert(_ match: [String]) -> [String] {
        ["nft", "insert", "rule", chain.table.family, chain.table.name, chain.name] + match + ["accept"]
    }

    /// What is first in a chain is before every rule that drops, and a jump is no rule that one can be before.
    private func insert(into name: String, _ match: [String]) -> [String] {
        let table = chain.table.name == "filter" ? [] : ["-t", chain.table.name]
        return [isIPv6 ? "ip6tables" : "iptables"] + table + ["-I", name] + match + ["-j", "ACCEPT"]
    }

    private func staying(_ match: [String]) -> String {
        "in the file that makes the table (Debian: /etc/nftables.conf), first in chain \(chain.name): "
            + (match + ["accept"]).joined(separator: " ")
    }

    private static let saving = "save the rules as you save yours (Debian: netfilter-persistent save)"
}

/// SIP that comes to a listener.
public struct Signalling: Hashable, Sendable {
    /// What carries it.
    public var transport: Packet.Transport
    /// Where the server listens.
    public var endpoint: Endpoint
    /// The interface that it comes in at.
    public var interface: String

    /// SIP to an endpoint, at an interface.
    public init(transport: Packet.Transport, endpoint: Endpoint, interface: String) {
        self.transport = transport
        self.endpoint = endpoint
        self.interface = interface
    }

    /// Whether the server listens at every address.
    public var isWildcard: Bool { endpoint.address.scope == .unspecified }
}

extension Signalling: CustomStringConvertible {
    /// `udp 10.1.0.1:5060 at lan0`
    public var description: String { "\(transport.rawValue) \(endpoint) at \(interface)" }
}
