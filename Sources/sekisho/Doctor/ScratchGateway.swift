import Coexistence
import Glibc
import Lab
import Wire

/// A copy of this gateway's firewall between a phone and a party outside, each in a namespace of its own:
///
/// ```
/// phone              copy                    peer
/// eth0  ---------- inside  outside --------- eth0
/// ```
/// The interfaces of the copy have the names and addresses of the live ones, so that rules which name them hold. Neighbours are
/// written down: the copy needs nothing but what is tested.
final class ScratchGateway {
    let phone: Namespace
    let copy: Namespace
    let peer: Namespace
    let plan: ProbePlan
    private let directory: String
    private let ruleset: SiteRuleset

    /// Makes the namespaces and loads the copy.
    ///
    /// - Throws: when nft or iptables does not take its own listing; with what it says.
    init(_ facts: Facts, _ gate: Facts.Gate, _ ruleset: SiteRuleset, directory: String) throws {
        self.directory = directory
        self.ruleset = ruleset
        plan = ProbePlan(facts)
        phone = try Namespace("doctor-phone")
        copy = try Namespace("doctor-copy")
        peer = try Namespace("doctor-peer")
        try link(facts, gate)
        try load()
    }

    private func link(_ facts: Facts, _ gate: Facts.Gate) throws {
        var script = """
            ip -n \(phone.name) link add eth0 address 02:00:00:00:00:01 type veth \\
              peer name \(gate.inside) address 02:00:00:00:00:02 netns \(copy.name)
            ip -n \(peer.name) link add eth0 address 02:00:00:00:00:04 type veth \\
              peer name \(gate.outside) address 02:00:00:00:00:03 netns \(copy.name)
            ip netns exec \(copy.name) sh -c 'for f in /proc/sys/net/ipv4/ip_forward \\
              /proc/sys/net/ipv6/conf/all/forwarding; do echo 1 > $f; done
              for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done'

            """
        for (number, name) in others(facts, gate).enumerated() {
            script += "ip -n \(copy.name) link add \(name) type veth peer name sekisho\(number)\n"
        }
        for (host, gatewayInterface, gatewayLink, hostLink) in [
            (phone, gate.inside, "02:00:00:00:00:02", "02:00:00:00:00:01"),
            (peer, gate.outside, "02:00:00:00:00:03", "02:00:00:00:00:04"),
        ] {
            script += """
                for at in \(host.name):eth0 \(copy.name):\(gatewayInterface); do
                  ip netns exec ${at%:*} sh -c "echo 0 > /proc/sys/net/ipv6/conf/${at#*:}/accept_dad" || :
                  ip -n ${at%:*} link set ${at#*:} up
                done
                ip -n \(copy.name) addr add fe80::5/64 dev \(gatewayInterface) nodad
                ip -n \(host.name) neigh add fe80::5 lladdr \(gatewayLink) dev eth0 nud permanent

                """
            for pair in plan.pairs {
                let address = host === phone ? pair.phone : pair.peer
                let length = address.bitWidth
                script += """
                    ip -n \(host.name) addr add \(address)/\(length) dev eth0\(pair.isIPv6 ? " nodad" : "")
                    ip -n \(host.name) \(pair.isIPv6 ? "-6" : "-4") route add default via \\
                      \(pair.isIPv6 ? "" : "inet6 ")fe80::5 dev eth0
                    ip -n \(copy.name) route add \(address)/\(length) dev \(gatewayInterface)
                    ip -n \(copy.name) neigh add \(address) lladdr \(hostLink) dev \(gatewayInterface) nud permanent

                    """
            }
        }
        for interface in facts.interfaces where interface.name != "lo" {
            let name = [gate.inside, gate.outside].contains(interface.name) ? interface.name : "lo"
            for address in interface.addresses where address.scope == .unicast {
                script += "ip -n \(copy.name) addr add \(address)/\(address.bitWidth) dev \(name)"
                script += (address.isIPv6 ? " nodad" : "") + "\n"
            }
        }
        try Command.output(["sh", "-e", "-c", script])
        try waitForLinks(gate)
    }

    /// Interfaces beside the two that rules name by their index.
    private func others(_ facts: Facts, _ gate: Facts.Gate) -> [String] {
        ruleset.namedByIndex.sorted().filter { name in
            ![gate.inside, gate.outside, "lo"].contains(name) && facts.interfaces.contains { $0.name == name }
                && name.utf8.allSatisfy { ASCII.isAlpha($0) || ASCII.isDigit($0) || "._-@".utf8.contains($0) }
        }
    }

    private func waitForLinks(_ gate: Facts.Gate) throws {
        let ends = [(phone, "eth0"), (peer, "eth0"), (copy, gate.inside), (copy, gate.outside)]
        for (namespace, name) in ends {
            try Command.output([
                "sh", "-c",
                "for i in $(seq 500); do ip -n \(namespace.name) link show \(name) | grep -q 'state UP' && exit; sleep 0.01; done; exit 1",
            ])
        }
    }

    private func load() throws {
        let path = "\(directory)/ruleset.json"
        try TextFile.write(String(decoding: ruleset.copy, as: UTF8.self), to: path)
        try copy.command("nft", "-j", "-f", path)
        for (family, isIPv6) in [("ip", false), ("ip6", true)]
        where ruleset.iptablesTables.contains(where: { $0.family == family }) {
            guard let text = try FactsReader.iptablesListing(isIPv6: isIPv6) else { continue }
            let file = "\(directory)/\(family).rules"
            try TextFile.write(text, to: file)
            try copy.command(isIPv6 ? "ip6tables-restore" : "iptables-restore", file)
        }
    }

    // MARK: Changes of the copy

    /// Runs a line that the doctor proposes, in the copy.
    func run(_ command: ShellCommand) throws {
        try Command.output(["ip", "netns", "exec", copy.name] + command.words)
    }

    /// Gives media of the test the mark, where the gateway's own table of the routed path would.
    func mark(_ isOn: Bool) throws {
        guard isOn else {
            try copy.command("nft", "delete", "table", "inet", "sekisho_doctor")
            return
        }
        let path = "\(directory)/mark.nft"
        try TextFile.write(
            """
            table inet sekisho_doctor {
              chain prerouting {
                type filter hook prerouting priority -310; policy accept;
                udp dport \(plan.mediaPorts.lowerBound)-\(plan.mediaPorts.upperBound) meta mark set meta mark or \(MarkContract.text) notrack
              }
            }
            """, to: path)
        try copy.command("nft", "-f", path)
    }
}
