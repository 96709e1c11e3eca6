import GateProtocol
import Testing
import Wire

@testable import Netfilter

/// A peer that sends from elsewhere than its description says: learned once, from one address, and never again.
@Suite struct LearningTests {
    private let phone = endpoint("10.1.0.2:4000")
    private let told = endpoint("192.168.1.7:5000")
    private let source = endpoint("10.2.0.2:40000")
    private let s1 = SessionID(1)
    private let s2 = SessionID(2)

    private var asked: LearningPath { LearningPath(inside: phone, told: told, from: source.address) }
    private var path: MediaPath { MediaPath(inside: phone, outside: source) }
    private var keys: Set<ElementKey> {
        [.outgoing(from: phone, to: source), .incoming(from: source, to: phone)]
    }

    /// A gate that has a path to learn.
    private func gate(_ holes: Holes? = nil) -> FakeGate {
        var gate = FakeGate()
        #expect(gate.ask(.narrow(s1, holes ?? Holes(learning: [asked]))) == .completed)
        return gate
    }

    private func reason(_ reply: GateReply) -> GateRefusal.Reason? {
        if case .refused(let refusal) = reply { refusal.reason } else { nil }
    }

    private func report(_ gate: inout FakeGate) -> HoleReport? {
        guard case .listed(let reports, _) = gate.ask(.list(after: nil)) else { return nil }
        return reports.first
    }

    @Test func `nothing is open before the first packet, exactly its way after it, and no other one ever`() {
        var gate = gate()
        #expect(gate.firewall.elements.isEmpty && gate.firewall.transactions.isEmpty)
        #expect(report(&gate) == HoleReport(session: s1))
        let learned = gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now)
        #expect(learned?.session == s1 && learned?.asked == asked && learned?.path == path)
        #expect(Set(gate.firewall.elements.keys) == keys && gate.firewall.transactions.count == 1)
        // Another port of the same address, the same again, and what the peer had said.
        for late in [endpoint("10.2.0.2:40002"), source, told, endpoint("10.2.0.3:40000")] {
            #expect(gate.gatekeeper.noteMiss(from: late, to: phone, at: gate.now) == nil)
        }
        #expect(Set(gate.firewall.elements.keys) == keys && gate.firewall.transactions.count == 1)
        #expect(report(&gate)?.paths.map(\.path) == [path])
    }

    @Test func `only its own address, to its own endpoint, from a port that media may have`() {
        var gate = gate()
        for (from, to) in [
            (endpoint("10.2.0.3:40000"), phone), (told, phone), (source, endpoint("10.1.0.2:4002")),
            (source, endpoint("10.1.0.3:4000")), (phone, source), (endpoint("10.2.0.2:1023"), phone),
            (endpoint("10.2.0.2:5060"), phone), (endpoint("10.2.0.2:0"), phone),
        ] {
            #expect(gate.gatekeeper.noteMiss(from: from, to: to, at: gate.now) == nil)
        }
        #expect(gate.firewall.elements.isEmpty)
        // They are near misses; what is learned from is none.
        #expect(report(&gate)?.nearMisses.contains { $0.source.port == 1_023 } == true)
        #expect(gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now) != nil)
        #expect(report(&gate)?.nearMisses.contains { $0.source == source && $0.destination == phone } == false)
    }

    @Test func `what was learned stays with renewals, with the same asked again, and with its counts`() {
        var gate = gate()
        gate.now = gate.now + .seconds(20)
        _ = gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now)
        // A packet renews nothing.
        #expect(gate.firewall.elements.values.allSatisfy { $0.timeout == .seconds(40) })
        gate.firewall.count(3, bytes: 600, in: .incoming(from: source, to: phone))
        #expect(gate.ask(.renew([s1])) == .renewed(missing: []))
        #expect(gate.firewall.elements.values.allSatisfy { $0.timeout == .seconds(60) })
        let control = MediaPath(inside: endpoint("10.1.0.2:4001"), outside: endpoint("10.2.0.2:5001"))
        #expect(gate.ask(.narrow(s1, Holes(paths: [control], learning: [asked]))) == .completed)
        #expect(Set(gate.firewall.elements.keys).isSuperset(of: keys) && gate.firewall.elements.count == 4)
        #expect(gate.gatekeeper.noteMiss(from: endpoint("10.2.0.2:40002"), to: phone, at: gate.now) == nil)
        // Asked for by its name it is the same path, and still the one that was learned.
        #expect(gate.ask(.narrow(s1, Holes(paths: [path], learning: [asked]))) == .completed)
        #expect(gate.ask(.narrow(s1, Holes(learning: [asked]))) == .completed)
        #expect(Set(gate.firewall.elements.keys) == keys)
        guard case .closed(let last) = gate.ask(.close(s1)) else {
            Issue.record("not closed")
            return
        }
        #expect(last.paths.map(\.path) == [path] && last.paths.first?.incoming.packets == 3)
        #expect(gate.firewall.elements.isEmpty)
        #expect(gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now) == nil)
    }

    @Test func `a peer that says otherwise is learned anew`() {
        var gate = gate()
        _ = gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now)
        let moved = LearningPath(inside: phone, told: endpoint("192.168.1.7:6000"), from: source.address)
        #expect(gate.ask(.narrow(s1, Holes(learning: [moved]))) == .completed)
        #expect(gate.firewall.elements.isEmpty)
        let other = endpoint("10.2.0.2:40002")
        #expect(gate.gatekeeper.noteMiss(from: other, to: phone, at: gate.now)?.asked == moved)
        #expect(gate.firewall.elements[.incoming(from: other, to: phone)] != nil && gate.firewall.elements.count == 2)
    }

    @Test func `two that differ in what was said alone have one path between them`() {
        let other = LearningPath(inside: phone, told: endpoint("192.168.1.8:5000"), from: source.address)
        var gate = gate(Holes(learning: [asked, other]))
        #expect(gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now)?.asked == asked)
        let second = endpoint("10.2.0.2:40002")
        #expect(gate.gatekeeper.noteMiss(from: second, to: phone, at: gate.now) == nil)
        // The one that the call is with in the end.
        #expect(gate.ask(.narrow(s1, Holes(learning: [other]))) == .completed)
        #expect(gate.firewall.elements.isEmpty)
        #expect(gate.gatekeeper.noteMiss(from: second, to: phone, at: gate.now)?.asked == other)
    }

    @Test func `two sessions cannot wait for the same packet, nor have the same path`() {
        for isTogether in [false, true] {
            var gate = FakeGate()
            let other = LearningPath(inside: phone, told: endpoint("192.168.1.8:5000"), from: source.address)
            let requests: [GateRequest] = [
                .narrow(s1, Holes(learning: [asked])), .narrow(s2, Holes(learning: [other])),
            ]
            let replies =
                isTogether
                ? gate.gatekeeper.handle(requests, at: gate.now).map(\.reply) : requests.map { gate.ask($0) }
            #expect(replies[0] == .completed && reason(replies[1]) == .conflict)
            // Another session's exact path is not learned, and what was learned is nobody else's.
            #expect(gate.ask(.narrow(s2, Holes(paths: [path]))) == .completed)
            #expect(gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now) == nil)
            #expect(gate.ask(.close(s2)).isDone)
            #expect(gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now) != nil)
            #expect(reason(gate.ask(.narrow(s2, Holes(paths: [path])))) == .conflict)
        }
    }

    @Test func `a session that is over or was not renewed learns nothing`() {
        var gate = gate()
        gate.now = gate.now + .seconds(61)
        #expect(gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now) == nil)
        #expect(gate.gatekeeper.expire(at: gate.now) == [s1])
        #expect(gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now) == nil)
        #expect(gate.firewall.elements.isEmpty && !gate.gatekeeper.table.isLearning)
    }

    @Test func `when the kernel refuses, the next packet is learned from`() {
        var gate = gate()
        for fault in 0..<3 {
            gate.firewall.faults = [gate.firewall.calls + fault: 12]
            #expect(gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now) == nil, "\(fault)")
            #expect(gate.firewall.elements.isEmpty)
        }
        gate.firewall.faults = [:]
        #expect(gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now)?.path == path)
    }

    @Test func `a gate that starts goes on with what was learned, and learns what was not`() throws {
        let control = LearningPath(
            inside: endpoint("10.1.0.2:4001"), told: endpoint("192.168.1.7:5001"), from: source.address)
        var first = gate(Holes(learning: [asked, control]))
        _ = first.gatekeeper.noteMiss(from: source, to: phone, at: first.now)
        var next = FakeGate()
        for (key, element) in first.firewall.elements {
            next.firewall.put(
                HeldElement(
                    SetElement(key, via: element.nextHop, of: element.session), remaining: element.timeout))
        }
        #expect(try next.gatekeeper.inherit(at: next.now).sessions == 1)
        #expect(next.ask(.renew([s1])) == .renewed(missing: [], silent: [s1]))
        #expect(next.ask(.narrow(s1, Holes(learning: [asked, control]))) == .completed)
        #expect(Set(next.firewall.elements.keys) == keys)
        #expect(next.gatekeeper.noteMiss(from: endpoint("10.2.0.2:40002"), to: phone, at: next.now) == nil)
        let late = endpoint("10.2.0.2:40001")
        #expect(next.gatekeeper.noteMiss(from: late, to: control.inside, at: next.now)?.asked == control)
        // A path that was asked for as it is, by this gate, is no learned one.
        let exact = MediaPath(inside: endpoint("10.1.0.2:4002"), outside: source)
        let private4002 = LearningPath(inside: exact.inside, told: told, from: source.address)
        #expect(next.ask(.narrow(s2, Holes(paths: [exact]))) == .completed)
        #expect(next.ask(.narrow(s2, Holes(learning: [private4002]))) == .completed)
        #expect(next.firewall.elements[.incoming(from: exact.outside, to: exact.inside)] == nil)
    }

    @Test func `where addresses are translated the packet comes to the external endpoint`() throws {
        let translation = TranslationSettings(addresses: [try #require(IPAddress("198.51.100.1"))])
        var gate = FakeGate(translation: translation)
        guard case .bound(let bindings) = gate.ask(.narrow(s1, Holes(learning: [asked]))),
            let external = bindings.first?.external
        else {
            Issue.record("not bound")
            return
        }
        #expect(gate.gatekeeper.noteMiss(from: source, to: phone, at: gate.now) == nil)
        #expect(gate.gatekeeper.noteMiss(from: source, to: external, at: gate.now)?.path == path)
        #expect(
            Set(gate.firewall.elements.keys) == [
                .translatedOutgoing(from: phone, to: source), .translatedIncoming(from: source, to: external),
            ])
        #expect(report(&gate)?.paths.first?.external == external)
        #expect(gate.ask(.narrow(s1, Holes(learning: [asked]))) == .bound(bindings))
        #expect(gate.ask(.close(s1)).isDone)
        #expect(gate.gatekeeper.bindingCount == 0 && gate.firewall.elements.isEmpty)
    }

    @Test func `a gate that sees no packets does not promise to learn`() {
        var gate = FakeGate(learningAllowed: false)
        #expect(reason(gate.ask(.narrow(s1, Holes(learning: [asked])))) == .learningDisabled)
        #expect(gate.ask(.narrow(s1, Holes(paths: [path]))) == .completed)
    }

    @Test func `there must be a way to where it may come from`() throws {
        var gate = FakeGate()
        for (from, expected) in [
            ("203.0.113.7", GateRefusal.Reason.noRoute), ("10.8.0.1", .wrongInterface), ("10.1.0.9", .notOutside),
        ] {
            let asked = LearningPath(inside: phone, told: told, from: try #require(IPAddress(from)))
            #expect(reason(gate.ask(.narrow(s1, Holes(learning: [asked])))) == expected)
        }
    }
}
