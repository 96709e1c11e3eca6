import Wire

/// From what was looked at to what is to be said: the same facts give the same findings.
public struct Examination {
    private let facts: Facts

    /// The findings, problems first, in the order in which they were looked for.
    public static func findings(_ facts: Facts) -> [Finding] {
        let examination = Examination(facts: facts)
        let all =
            examination.gaps + examination.machine + examination.daemons + examination.features + examination.helpers
            + examination.chains + examination.markChanges + examination.afterClose
        return Finding.Severity.allCases.flatMap { severity in all.filter { $0.severity == severity } }
    }

    /// What mends the site's firewall for SIP and for media of open calls in `media_path: routed`, chain by chain.
    public static func firewallRemedies(_ facts: Facts) -> [(place: String, remedy: Remedy)] {
        var facts = facts
        facts.mediaPath = .routed
        let examination = Examination(facts: facts)
        return (examination.chains + examination.markChanges).compactMap { finding in
            finding.remedy.map { (finding.place, $0) }
        }
    }

    private var isRouted: Bool { facts.mediaPath == .routed }

    /// Both families that the phones use.
    private var families: [Bool] {
        [false, true].filter { isIPv6 in facts.gate?.prefixes.contains { $0.address.isIPv6 == isIPv6 } ?? false }
    }

    private var gaps: [Finding] {
        facts.gaps.map {
            Finding(.warning, $0.what, "could not be looked at: \($0.why)", signalling: "not known", media: "not known")
        }
    }

    // MARK: The machine

    private var machine: [Finding] { interfaces + forwarding + listeners + legacy }

    private var interfaces: [Finding] {
        guard let gate = facts.gate else { return [] }
        var findings: [Finding] = []
        for name in [gate.inside, gate.outside] {
            guard let interface = facts.interfaces.first(where: { $0.name == name }) else {
                findings.append(
                    Finding(
                        .problem, "interface \(name)", "there is none of this name",
                        media: "none: sekisho-gated does not start",
                        remedy: Remedy([["ip", "link", "show"]], toStay: "name the right ones in gated.yaml")))
                continue
            }
            if !interface.isUp {
                findings.append(
                    Finding(
                        .problem, "interface \(name)", "it is down", signalling: "none through it",
                        media: "none through it", remedy: Remedy([["ip", "link", "set", name, "up"]])))
            }
            if !interface.isEthernet {
                findings.append(
                    Finding(
                        isRouted ? .notice : .problem, "interface \(name)", "its frames are not Ethernet's",
                        media: isRouted
                            ? nil : "none: the fast path writes Ethernet headers; media_path: routed does not need them"
                    ))
            }
            if interface.reversePathFilter == 1 {
                let key = "net.ipv4.conf.\(name).rp_filter"
                findings.append(
                    Finding(
                        .notice, key, "strict reverse path filter",
                        signalling: "dropped when the answer would leave by another interface",
                        media: isRouted ? "dropped likewise" : nil,
                        remedy: Remedy(
                            [["sysctl", "-w", "\(key)=2"]],
                            toStay: "only where routes are not symmetric; in /etc/sysctl.d")))
            }
        }
        return findings
    }

    private var forwarding: [Finding] {
        var findings: [Finding] = []
        for isIPv6 in families where (isIPv6 ? facts.forwardsIPv6 : facts.forwardsIPv4) == false {
            let key = isIPv6 ? "net.ipv6.conf.all.forwarding" : "net.ipv4.ip_forward"
            findings.append(
                Finding(
                    isRouted ? .problem : .warning, key, "this machine does not forward \(isIPv6 ? "IPv6" : "IPv4")",
                    media: isRouted
                        ? "none" : "passes, save fragments and packets longer than the outgoing interface takes",
                    remedy: Remedy([["sysctl", "-w", "\(key)=1"]], toStay: "the same in a file of /etc/sysctl.d")))
        }
        return findings
    }

    private var listeners: [Finding] {
        let own = Set(facts.interfaces.flatMap(\.addresses))
        guard !own.isEmpty else { return [] }
        return facts.listeners.filter {
            $0.endpoint.address.scope != .unspecified && !own.contains($0.endpoint.address)
        }
        .map {
            Finding(
                .problem, "sekishod.yaml", "it listens at \($0.endpoint.address), which no interface has",
                signalling: "none: sekishod does not start")
        }
    }

    private var legacy: [Finding] {
        guard !facts.legacyTables.isEmpty else { return [] }
        return [
            Finding(
                .warning, "iptables-legacy",
                "it has tables that nft does not list: \(facts.legacyTables.joined(separator: ", "))",
                signalling: "not known: look at iptables-legacy-save",
                media: isRouted ? "dropped, unless the mark is accepted in FORWARD" : nil,
                remedy: Remedy([
                    ["iptables-legacy", "-I", "FORWARD"] + MarkContract.iptablesMatch + ["-j", "ACCEPT"]
                ]))
        ]
    }

    private var helpers: [Finding] {
        facts.helpers.map { helper in
            let isSwitch = helper.hasPrefix("/proc")
            return Finding(
                .warning, "the kernel's SIP helper", helper,
                signalling:
                    "read and rewritten by a second program, which opens ports by what it reads (CVE-2026-23457)",
                media: "may be let in to ports that no call of this gateway has",
                remedy: isSwitch ? Remedy([["sysctl", "-w", "net.netfilter.nf_conntrack_helper=0"]]) : nil)
        }
    }

    // MARK: Daemons and kernel

    private var daemons: [Finding] {
        var findings: [Finding] = []
        if case .silent(let why) = facts.gateAnswer {
            findings.append(
                Finding(
                    .problem, facts.gateSocket, "no answer: \(why)",
                    signalling: "new calls get 503", media: "none of new calls",
                    remedy: Remedy([["systemctl", "start", "sekisho-gated"]])))
        }
        if case .silent(let why) = facts.proxyAnswer {
            findings.append(
                Finding(
                    .problem, facts.proxySocket, "no answer: \(why)", signalling: "none",
                    remedy: Remedy([["systemctl", "start", "sekishod"]])))
        }
        return findings
    }

    private var features: [Finding] {
        Facts.Feature.allCases.compactMap { feature in
            guard case .silent(let why) = facts.features[feature] else { return nil }
            let place = "this kernel"
            switch feature {
            case .fastPath:
                return Finding(
                    .problem, place, "it cannot build the gate's table: \(why)",
                    media: "none: sekisho-gated needs nf_tables with the netdev family and fwd (Linux 6.1 or later)")
            case .translation:
                return Finding(
                    .warning, place, "it cannot translate addresses: \(why)", media: "none with nat: in gated.yaml")
            case .ownership:
                return Finding(
                    .notice, place, "tables cannot belong to the gate: \(why)",
                    media:
                        "what others change in its table is undone in some ten milliseconds (Linux 6.9 and later: not at all)"
                )
            case .mirroring:
                return Finding(.notice, place, "it cannot copy packets: \(why)", media: "cannot be recorded")
            case .routedPath:
                return Finding(
                    isRouted ? .problem : .notice, place, "it cannot build a table for media_path: routed: \(why)",
                    media: isRouted ? "none" : nil)
            }
        }
    }

    // MARK: Other tables

    /// A packet of an open call, as the gateway's own table leaves it for the site's.
    private func media(_ gate: Facts.Gate, isIPv6: Bool, isInward: Bool, isMarked: Bool) -> Packet {
        var packet = Packet(
            isIPv6: isIPv6, inbound: isInward ? gate.outside : gate.inside,
            outbound: isInward ? gate.inside : gate.outside, transport: .udp)
        let phone = gate.prefixes.first { $0.address.isIPv6 == isIPv6 }?.address
        if isInward { packet.destination = phone } else { packet.source = phone }
        if isMarked {
            packet.mark = MarkContract.bit
            packet.state = .untracked
        }
        return packet
    }

    /// What SIP there is to come, and at which interfaces.
    public static func signalling(_ facts: Facts) -> [Signalling] {
        guard let gate = facts.gate else { return [] }
        return facts.listeners.flatMap { listener in
            [gate.inside, gate.outside].filter { name in
                listener.endpoint.address.scope == .unspecified
                    || facts.interfaces.first { $0.name == name }?.addresses.contains(listener.endpoint.address)
                        ?? false
            }.map { Signalling(transport: listener.transport, endpoint: listener.endpoint, interface: $0) }
        }
    }

    private var chains: [Finding] {
        guard let ruleset = facts.ruleset, let gate = facts.gate else { return [] }
        return ruleset.siteChains.flatMap { chain -> [Finding] in
            let firewall = SiteFirewall(of: chain, in: ruleset).name
            let place = "\(firewall): \(chain.title)"
            switch chain.hook {
            case .ingress: return [ingress(chain, at: place, ruleset, gate)]
            case .input, .prerouting, .forward, .postrouting: return judged(chain, at: place, ruleset, gate)
            case .output, .egress, .none: return []
            }
        }
    }

    /// What the two kinds of packets meet in one chain, in words and with what mends it.
    private func judged(
        _ chain: SiteRuleset.Chain, at place: String, _ ruleset: SiteRuleset, _ gate: Facts.Gate
    ) -> [Finding] {
        let writer = RemedyWriter(for: chain, in: ruleset)
        let sip = chain.hook == .input || chain.hook == .prerouting ? signalling(chain, ruleset) : Judgement()
        let media = chain.hook == .input ? Judgement() : marked(chain, ruleset, gate)
        var (sipText, mediaText): (String?, String?) = (nil, nil)
        var (sipSeverity, mediaSeverity) = (Finding.Severity.notice, Finding.Severity.notice)
        var (sipRemedy, mediaRemedy): (Remedy?, Remedy?) = (nil, nil)
        if !sip.dropped.isEmpty {
            sipText = "dropped: \(sip.dropped.map(\.description).joined(separator: ", ")) (\(sip.reason))"
            sipSeverity = .problem
            sipRemedy = writer.accepting(sip.dropped)
        } else if !sip.unsure.isEmpty {
            sipText = "depends on \(sip.reason); sekisho doctor --test sends some"
        } else if chain.hook == .input {
            sipText = facts.listeners.isEmpty ? "not known: no listener is known" : "accepted"
        }
        if chain.hook != .input {
            if !isRouted {
                mediaText = "passes before this chain"
                if !media.families.isEmpty { mediaText? += "; media_path: routed would need a line here" }
            } else if !media.families.isEmpty {
                let verb = media.isSure ? "dropped" : "may be dropped"
                mediaText =
                    "packets of open calls are \(verb) although they carry \(MarkContract.text) (\(media.reason))"
                mediaSeverity = media.isSure ? .problem : .warning
                mediaRemedy = writer.acceptingMarked(families: media.families)
            } else {
                mediaText = "packets of open calls are accepted"
            }
        }
        let what = "drops what it does not accept"
        guard sipRemedy == nil || mediaRemedy == nil else {
            return [
                Finding(sipSeverity, place, what, signalling: sipText, remedy: sipRemedy),
                Finding(mediaSeverity, place, what, media: mediaText, remedy: mediaRemedy),
            ]
        }
        let severity: Finding.Severity =
            [sipSeverity, mediaSeverity].contains(.problem)
            ? .problem : [sipSeverity, mediaSeverity].contains(.warning) ? .warning : .notice
        return [
            Finding(
                severity, place, what, signalling: sipText, media: mediaText, remedy: sipRemedy ?? mediaRemedy)
        ]
    }

    private struct Judgement {
        /// SIP that is dropped, and SIP that may be.
        var dropped: [Signalling] = []
        var unsure: [Signalling] = []
        /// Families of media that are dropped or may be.
        var families: [Bool] = []
        /// Whether they surely are.
        var isSure = false
        /// By what.
        var reason = ""
    }

    private func applies(_ chain: SiteRuleset.Chain, isIPv6: Bool) -> Bool {
        chain.table.family == "inet" || chain.table.family == (isIPv6 ? "ip6" : "ip")
    }

    private func signalling(_ chain: SiteRuleset.Chain, _ ruleset: SiteRuleset) -> Judgement {
        var judgement = Judgement()
        for signalling in Self.signalling(facts) where applies(chain, isIPv6: signalling.endpoint.address.isIPv6) {
            switch Walk.outcome(of: packet(signalling), in: chain, of: ruleset).0 {
            case .passes: break
            case .drops(let reason):
                if judgement.dropped.isEmpty { judgement.reason = reason }
                judgement.dropped.append(signalling)
            case .depends(let reason):
                if judgement.dropped.isEmpty, judgement.unsure.isEmpty { judgement.reason = reason }
                judgement.unsure.append(signalling)
            }
        }
        return judgement
    }

    private func packet(_ signalling: Signalling) -> Packet {
        var packet = Packet(
            isIPv6: signalling.endpoint.address.isIPv6, inbound: signalling.interface, outbound: nil,
            transport: signalling.transport)
        if !signalling.isWildcard { packet.destination = signalling.endpoint.address }
        packet.destinationPort = signalling.endpoint.port
        return packet
    }

    private func marked(_ chain: SiteRuleset.Chain, _ ruleset: SiteRuleset, _ gate: Facts.Gate) -> Judgement {
        var judgement = Judgement()
        for isIPv6 in families where applies(chain, isIPv6: isIPv6) {
            for isInward in [false, true] {
                let packet = media(gate, isIPv6: isIPv6, isInward: isInward, isMarked: true)
                switch Walk.outcome(of: packet, in: chain, of: ruleset).0 {
                case .passes: continue
                case .drops(let reason):
                    if !judgement.isSure { judgement.reason = reason }
                    judgement.isSure = true
                case .depends(let reason):
                    if judgement.families.isEmpty { judgement.reason = reason }
                }
                if !judgement.families.contains(isIPv6) { judgement.families.append(isIPv6) }
            }
        }
        return judgement
    }

    /// The priority of the gate's chains at the ingress hook (`nft/sekisho.nft`).
    public static let gatePriority: Int64 = -100

    /// A chain at the same hook as the gate's, before or after it.
    private func ingress(
        _ chain: SiteRuleset.Chain, at place: String, _ ruleset: SiteRuleset, _ gate: Facts.Gate
    ) -> Finding {
        let own = chain.devices.filter { [gate.inside, gate.outside].contains($0) }
        guard !own.isEmpty else { return Finding(.notice, place, "on interfaces that the gateway does not use") }
        let what = "drops at the hook of the gate's own table, whose priority is \(Self.gatePriority)"
        let sip = "goes through it as well; sekisho doctor does not judge such chains"
        if chain.priority > Self.gatePriority {
            return Finding(
                .notice, place, what, signalling: sip,
                media: isRouted ? "goes through it, without a mark" : "passes before this chain")
        }
        return Finding(
            .warning, place, what, signalling: sip,
            media: chain.priority == Self.gatePriority
                ? "goes through it or not: the order of one priority is that of making; give it a higher one"
                : "goes through it first: what it drops is lost for calls")
    }

    /// Chains that take the contract's bit from packets before one that would accept it sees them; what accepts it at the head of
    /// such a chain keeps it.
    private var markChanges: [Finding] {
        guard isRouted, let ruleset = facts.ruleset, let gate = facts.gate else { return [] }
        return ruleset.chains.compactMap { chain in
            guard chain.hook == .prerouting || chain.hook == .forward, chain.type != "nat",
                chain.table.name != SiteRuleset.ownTable
            else { return nil }
            var (isSure, families): (Bool, [Bool]) = (false, [])
            for isIPv6 in self.families where applies(chain, isIPv6: isIPv6) {
                for isInward in [false, true] {
                    let packet = media(gate, isIPv6: isIPv6, isInward: isInward, isMarked: true)
                    let mark = Walk.outcome(of: packet, in: chain, of: ruleset).1.mark
                    if let mark, mark & MarkContract.bit != 0 { continue }
                    if mark != nil { isSure = true }
                    if !families.contains(isIPv6) { families.append(isIPv6) }
                }
            }
            guard !families.isEmpty else { return nil }
            return Finding(
                isSure ? .problem : .warning,
                "\(SiteFirewall(of: chain, in: ruleset).name): \(chain.title)",
                "\(isSure ? "takes" : "may take") \(MarkContract.text) from the mark",
                media: "packets of open calls are then those of nobody to every chain after it",
                remedy: RemedyWriter(for: chain, in: ruleset).acceptingMarked(families: families))
        }
    }

    /// Whether something stops what a phone inside sends when its call is over: the gate's table stops what comes in.
    private var afterClose: [Finding] {
        guard let ruleset = facts.ruleset, let gate = facts.gate,
            facts.forwardsIPv4 != false || facts.forwardsIPv6 != false
        else { return [] }
        let open = families.filter { isIPv6 in
            let packet = media(gate, isIPv6: isIPv6, isInward: false, isMarked: false)
            return ruleset.siteChains.allSatisfy { chain in
                guard [.prerouting, .forward, .postrouting].contains(chain.hook), applies(chain, isIPv6: isIPv6) else {
                    return true
                }
                return Walk.outcome(of: packet, in: chain, of: ruleset).0 == .passes
            }
        }
        guard !open.isEmpty else { return [] }
        let names = open.map { $0 ? "IPv6" : "IPv4" }.joined(separator: " and ")
        return [
            Finding(
                .notice, "forward hook",
                "no firewall drops what is forwarded from \(gate.inside) to \(gate.outside) (\(names))",
                media: "what a phone inside sends after BYE goes out; what comes in is dropped by the gate")
        ]
    }
}
