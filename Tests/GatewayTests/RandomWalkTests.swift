import GateProtocol
import SIPText
import Testing
import Wire

@testable import Gateway

/// Calls, faults and time in random order, from a seed: what is open is what is agreed on, and nothing is left.
@Suite struct RandomWalkTests {
    /// SplitMix64: the same numbers from the same seed everywhere.
    struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    /// One walk.
    private struct Walk {
        let script: Script
        var generator: Generator
        var calls: [Call] = []
        let faultsAllowed: Bool
        /// Phones offer when they may not; what they then agree on is nobody's to say.
        let isRude: Bool
        /// Calls that were found up with their media, over all rests.
        var compared = 0

        init(_ setting: Setting, seed: UInt64, faults: Bool, isRude: Bool) {
            self.isRude = isRude
            script = Script(setting) { $0.maximumTransactions = 100_000 }
            generator = Generator(state: seed)
            faultsAllowed = faults
        }

        mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &generator) == 0 }

        /// A body of any kind; each call has ports of its own.
        mutating func body(_ leg: Leg) -> Body {
            switch Int.random(in: 0..<40, using: &generator) {
            case 0: return .sdp("v=0\r\nnonsense")
            case 1: return .media(Endpoint(.v4(0x7F00_0001), leg.port))
            case 2: return .media(Endpoint(leg.phone.gateway.address, leg.port))
            case 3..<6: return .none
            case 6..<9: return .media(nil)
            case let number:
                leg.port = leg.port / 64 * 64 + 2 * UInt16.random(in: 0..<32, using: &generator)
                return number < 20 ? .sealed(leg.media) : .media(leg.media)
            }
        }

        mutating func step() {
            calls.removeAll { $0.caller.state == .over && $0.callee.state == .over }
            if calls.count < 6, chance(4) {
                let call = script.call()
                let base = 10_240 + 64 * UInt16(truncatingIfNeeded: script.callCount % 800)
                (call.caller.port, call.callee.port) = (base, base)
                (call.caller.isRude, call.callee.isRude) = (isRude, isRude)
                calls.append(call)
                return call.caller.invite(body(call.caller))
            }
            switch Int.random(in: 0..<40, using: &generator) {
            case 0..<26: act()
            case 26..<32: script.advance(by: .milliseconds(Int64.random(in: 1..<2_000, using: &generator)))
            case 32: script.advance(by: .seconds(Int64.random(in: 1..<60, using: &generator)))
            case 33..<38: openEnvelopes()
            default: if faultsAllowed { fault() }
            }
        }

        private mutating func openEnvelopes() {
            while let (_, request) = script.envelopes.first {
                switch Int.random(in: 0..<20, using: &generator) {
                case 0: script.open(.undecipherable)
                case 1: script.open(.malformed(ParseError(.truncated, in: "ContentInfo", at: 1)))
                default: script.open(Body.unseal(request, newKey: chance(2) ? generator.next() : nil))
                }
            }
        }

        /// One end of one call does something that it may do.
        private mutating func act() {
            let legs = calls.flatMap { [$0.caller, $0.callee] }.filter { $0.isAsked || $0.isAsking || $0.isUp }
            guard let leg = legs.randomElement(using: &generator) else { return }
            let number = Int.random(in: 0..<12, using: &generator)
            if leg.isAsked {
                switch number {
                case 0: leg.ring()
                case 1: leg.respond(183, body(leg))
                case 2: leg.respond(183, body(leg), tag: "fork-\(leg.callID)")
                case 3:
                    leg.reject([302, 404, 407, 481, 486, 488, 491, 500, 603].randomElement(using: &generator) ?? 486)
                default: leg.answer(body(leg))
                }
            } else if leg.isAsking {
                if number == 0, chance(3) { leg.cancel() }
            } else if leg.isUp {
                switch number {
                case 0: if chance(3) { leg.bye() }
                case 1: if isRude || !leg.isUnacknowledged { leg.send(.update, body(leg)) }
                case 2: leg.send(.update)
                case 3: leg.send(.info)
                case 4: leg.send(.prack)
                default: if isRude || !leg.isUnacknowledged { leg.invite(body(leg)) }
                }
            }
        }

        private mutating func fault() {
            let next = script.gate.asked.count
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: script.gate.faults[next] = .refuse(.kernel)
            case 1: script.gate.faults[next] = .refuse(.conflict)
            case 2: script.gate.faults[next] = .vanish(afterDoing: chance(2))
            case 3: script.gate.delay = .milliseconds(Int64.random(in: 1..<400, using: &generator))
            case 4: script.gate.delay = nil
            case 5: script.lostSends.insert(script.sent.count + Int.random(in: 0..<4, using: &generator))
            default: script.doubled.insert(script.arrivals + Int.random(in: 0..<4, using: &generator))
            }
        }

        /// No endpoint that is open may be one that the policy forbids, nor an inside one of another host than a phone.
        func checkPolicy(_ what: Comment) {
            let policy = script.controller.settings.policy
            let hosts = [9, 16].map { script.setting.family.inside($0) }
            for holes in script.open {
                #expect(policy.refusal(holes) == nil, what)
                #expect(holes.halfOpen.allSatisfy { hosts.contains($0.address) }, what)
                #expect(holes.paths.allSatisfy { hosts.contains($0.inside.address) }, what)
            }
        }

        /// Lets everything come to rest and compares what is open with what the phones agreed on.
        mutating func rest(_ what: Comment) {
            script.gate.faults = [:]
            script.lostSends = []
            script.doubled = []
            script.gate.delay = nil
            while let (_, request) = script.envelopes.first { script.open(Body.unseal(request, newKey: nil)) }
            for call in calls {
                for leg in [call.caller, call.callee] where leg.isAsked { leg.reject(500) }
            }
            script.advance(by: .seconds(200))
            while let (_, request) = script.envelopes.first { script.open(Body.unseal(request, newKey: nil)) }
            script.advance(by: .seconds(200))
            for call in calls where !isRude && call.caller.isUp && call.callee.isUp && call.isAgreed {
                let paths = call.session.map { Set($0.installed.paths) } ?? []
                // What was agreed on and refused afterwards may lack; there is never more.
                let agreedAt = min(call.caller.agreedAt, call.callee.agreedAt)
                let isRefused = script.log.dropFirst(agreedAt).contains { event in
                    if case .refused(Array(call.caller.callID.utf8), _, _) = event { true } else { false }
                }
                // Nor may they agree on what nobody may have.
                let isForbidden =
                    script.controller.settings.policy.refusal(Holes(paths: Array(call.agreedPaths))) != nil
                let agreed = isForbidden ? [] : call.agreedPaths
                #expect(paths.isSubset(of: agreed), what)
                if !isRefused { #expect(paths == agreed, what) }
                if !isRefused, !paths.isEmpty { compared += 1 }
            }
            #expect(script.open.allSatisfy { $0.halfOpen.isEmpty }, what)
            #expect(
                Set(script.open.flatMap(\.paths)) == Set(script.controller.sessions.values.flatMap(\.installed.paths)),
                what)
            #expect(script.controller.sessions.values.allSatisfy { $0.wanted == $0.installed }, what)
            calls.removeAll { $0.caller.state == .over && $0.callee.state == .over }
        }

        mutating func end(_ what: Comment) {
            rest(what)
            for call in calls { call.hangUp() }
            script.settle()
            #expect(script.open.isEmpty, what)
            #expect(script.leftovers.isEmpty, what)
            #expect(script.controller.sessions.isEmpty, what)
        }
    }

    /// What happens in a walk.
    enum Manner: CaseIterable {
        /// Nothing goes wrong but what the phones say.
        case orderly
        /// The gate and the network fail.
        case faulty
        /// That too, and phones offer when they may not.
        case rude
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>, Manner.allCases)
    func `what is open is what is agreed on, after any history`(_ seed: UInt64, _ manner: Manner) {
        let settings = Setting.crossing
        var walk = Walk(
            settings[Int(seed) % settings.count], seed: seed, faults: manner != .orderly, isRude: manner == .rude)
        for number in 0..<2_000 {
            walk.step()
            walk.checkPolicy("seed \(seed), step \(number)")
            if number % 100 == 99 { walk.rest("seed \(seed), step \(number)") }
        }
        walk.end("seed \(seed)")
        // A walk in which nobody ever talks would prove nothing.
        if manner == .orderly { #expect(walk.compared > 0, "seed \(seed)") }
    }
}
