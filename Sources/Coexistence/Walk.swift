/// What becomes of a packet in one base chain.
public enum Outcome: Hashable, Sendable {
    /// Accepted, whatever is not known of it.
    case passes
    /// Dropped, whatever is not known of it, by what.
    case drops(by: String)
    /// Dropped by what, if it is as some rules ask for; else accepted.
    case depends(on: String)
}

/// Follows a packet through a base chain and the chains that it jumps to.
struct Walk {
    /// Chains inside one another: NFT_JUMP_STACK_SIZE of include/net/netfilter/nf_tables.h.
    static let maximumDepth = 16
    /// Rules that are looked at for one packet; a ruleset that asks for more is not judged.
    static let maximumSteps = 100_000

    private let ruleset: SiteRuleset
    private var packet: Packet
    private var accepts = false
    private var droppers: [String] = []
    private var steps = 0

    private init(_ ruleset: SiteRuleset, _ packet: Packet) {
        self.ruleset = ruleset
        self.packet = packet
    }

    /// The outcome, and the packet as it leaves the chain: its mark and state may be others.
    static func outcome(of packet: Packet, in chain: SiteRuleset.Chain, of ruleset: SiteRuleset) -> (Outcome, Packet) {
        var walk = Walk(ruleset, packet)
        if walk.follow(chain, depth: 0) > .no {
            if chain.dropsAtEnd {
                walk.droppers.append("its policy")
            } else {
                walk.accepts = true
            }
        }
        let dropper = walk.droppers.first ?? "a rule"
        if walk.droppers.isEmpty { return (.passes, walk.packet) }
        return (walk.accepts ? .depends(on: dropper) : .drops(by: dropper), walk.packet)
    }

    /// - Returns: whether the packet comes out at the end of the chain.
    private mutating func follow(_ chain: SiteRuleset.Chain, depth: Int) -> Certainty {
        guard depth < Self.maximumDepth else {
            isUncertain("chain \(chain.name), which is too deep to follow")
            return .no
        }
        var leaves = Certainty.no
        for rule in chain.rules {
            steps += 1
            guard steps <= Self.maximumSteps else {
                isUncertain("chain \(chain.name), which is too long to follow")
                return .no
            }
            let certainty = rule.matches.map { $0.holds(for: packet) }.min() ?? .yes
            guard certainty > .no else { continue }
            let next = apply(rule, certainty, in: chain, depth: depth)
            leaves = max(leaves, next.leaves)
            if next.ends { return leaves }
        }
        return .yes
    }

    private mutating func isUncertain(_ place: String) {
        accepts = true
        droppers.append(place)
    }

    /// - Returns: whether the packet surely goes no further in this chain, and whether it comes out of it at its end.
    private mutating func apply(
        _ rule: Rule, _ certainty: Certainty, in chain: SiteRuleset.Chain, depth: Int
    ) -> (ends: Bool, leaves: Certainty) {
        var leaves = Certainty.no
        for effect in rule.effects {
            let end = apply(effect, certainty, at: rule, in: chain, depth: depth)
            leaves = max(leaves, end.leaves)
            if end.ends { return (certainty == .yes, leaves) }
        }
        return (false, leaves)
    }

    private mutating func apply(
        _ effect: Effect, _ certainty: Certainty, at rule: Rule, in chain: SiteRuleset.Chain, depth: Int
    ) -> (ends: Bool, leaves: Certainty) {
        switch effect {
        case .accept:
            accepts = true
            return (true, .no)
        case .drop:
            droppers.append("\(rule.name) of chain \(chain.name)")
            return (true, .no)
        case .uncertain:
            isUncertain("\(rule.name) of chain \(chain.name)")
            return (true, .no)
        case .leave:
            return (true, certainty)
        case .jump(let target):
            guard let next = ruleset.chain(target, of: chain.table) else { return (false, .no) }
            return (follow(next, depth: depth + 1) == .no, .no)
        case .go(let target):
            guard let next = ruleset.chain(target, of: chain.table) else { return (true, certainty) }
            return (true, min(certainty, follow(next, depth: depth + 1)))
        case .verdicts(let fields, let elements):
            return choose(fields, elements, certainty, at: rule, in: chain, depth: depth)
        case .marks(let change):
            let mark = packet.mark.flatMap { mark in change.map { mark & $0.keeps ^ $0.turns } }
            if certainty == .yes || mark == packet.mark { packet.mark = mark } else { packet.mark = nil }
            return (false, .no)
        case .untracks:
            if certainty == .yes { packet.state = .untracked }
            return (false, .no)
        }
    }

    /// The effect of the first element that holds, and of those before it that may.
    private mutating func choose(
        _ fields: [Field], _ elements: [(element: [Value], effect: Effect)]?, _ certainty: Certainty, at rule: Rule,
        in chain: SiteRuleset.Chain, depth: Int
    ) -> (ends: Bool, leaves: Certainty) {
        guard let elements else {
            isUncertain("\(rule.name) of chain \(chain.name)")
            return (false, .no)
        }
        var leaves = Certainty.no
        for (element, effect) in elements {
            let holds = Match(fields: fields, elements: [element]).holds(for: packet)
            guard holds > .no else { continue }
            let end = apply(effect, min(certainty, holds), at: rule, in: chain, depth: depth)
            leaves = max(leaves, end.leaves)
            if holds == .yes { return (end.ends, leaves) }
        }
        return (false, leaves)
    }
}
