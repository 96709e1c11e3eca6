import GateProtocol
import Netfilter
import Testing
import Wire

/// What a gate makes of the elements of the one before it, and of a table that somebody else took away.
@Suite struct InheritanceTests {
    private let a = endpoint("10.1.0.2:4000")
    private let path = MediaPath(inside: endpoint("10.1.0.2:4000"), outside: endpoint("10.2.0.2:5000"))
    private let control = MediaPath(inside: endpoint("10.1.0.2:4001"), outside: endpoint("10.2.0.2:5001"))
    private let s1 = SessionID(1)
    private let s2 = SessionID(2)

    private var out: ElementKey { .outgoing(from: path.inside, to: path.outside) }
    private var back: ElementKey { .incoming(from: path.outside, to: path.inside) }

    /// A gate that starts with what another one's kernel holds.
    private func successor(of gate: FakeGate, halfOpenAllowed: Bool = true, maximumSessions: Int = 100) -> FakeGate {
        let next = FakeGate(halfOpenAllowed: halfOpenAllowed, maximumSessions: maximumSessions)
        for (key, element) in gate.firewall.elements {
            next.firewall.put(
                HeldElement(
                    SetElement(key, via: element.nextHop, of: element.session), remaining: element.timeout))
        }
        return next
    }

    @Test func `sessions are listed, renewed, changed and closed by the gate that comes after`() throws {
        var first = FakeGate()
        #expect(first.ask(.narrow(s1, Holes(paths: [path, control]))) == .completed)
        #expect(first.ask(.openFromAny(s2, inside: [endpoint("[fd00:1::2]:4000")])) == .completed)
        var gate = successor(of: first)
        gate.firewall.count(3, bytes: 600, in: out)
        #expect(try gate.gatekeeper.inherit(at: gate.now) == Inheritance(sessions: 2, removed: 0))
        #expect(gate.firewall.transactions.isEmpty)
        let counted = PathReport(path: path, outgoing: Traffic(packets: 3, bytes: 600), incoming: Traffic())
        guard case .listed(let reports, false) = gate.ask(.list(after: nil)) else {
            Issue.record("no list")
            return
        }
        #expect(reports.map(\.session) == [s1, s2])
        #expect(reports[0].paths == [counted, PathReport(path: control, outgoing: Traffic(), incoming: Traffic())])
        #expect(reports[1].holes == Holes(halfOpen: [endpoint("[fd00:1::2]:4000")]))
        #expect(gate.ask(.renew([s1, s2])) == .renewed(missing: [], silent: [s2]))
        #expect(gate.ask(.openFromAny(SessionID(3), inside: [endpoint("[fd00:1::2]:4000")])) != .completed)
        #expect(gate.ask(.close(s1)).isDone)
        #expect(gate.ask(.close(s2)).isDone)
        #expect(gate.firewall.elements.isEmpty)
    }

    @Test func `sessions end when they would have ended`() throws {
        var gate = FakeGate()
        let held: [(SessionID, Endpoint, Int)] = [
            (s1, a, 30), (s2, endpoint("10.1.0.2:4002"), 10), (SessionID(3), endpoint("10.1.0.2:4004"), 500),
        ]
        for (session, inside, seconds) in held {
            let element = SetElement(.any(to: inside), via: inside.address, of: session)
            gate.firewall.put(HeldElement(element, remaining: .seconds(seconds)))
        }
        #expect(try gate.gatekeeper.inherit(at: gate.now).sessions == 3)
        #expect(gate.gatekeeper.nextDeadline == gate.now + .milliseconds(10_050))
        #expect(gate.gatekeeper.expire(at: gate.now + .seconds(11)) == [s2])
        #expect(gate.gatekeeper.expire(at: gate.now + .seconds(31)) == [s1])
        // This gate keeps holes for 60 s, whatever the one before did.
        #expect(gate.gatekeeper.expire(at: gate.now + .seconds(61)) == [SessionID(3)])
        #expect(gate.firewall.elements.isEmpty)
    }

    @Test func `what is no session's is removed at once`() throws {
        var first = FakeGate()
        #expect(first.ask(.narrow(s1, Holes(paths: [path]))) == .completed)
        var gate = successor(of: first)
        func put(_ key: ElementKey, _ session: SessionID?) {
            gate.firewall.put(HeldElement(SetElement(key, via: a.address, of: session), remaining: .seconds(9)))
        }
        put(.any(to: a), nil)
        // Half of a path, and a path whose halves are of two sessions.
        put(.outgoing(from: control.inside, to: control.outside), s1)
        let other = endpoint("10.1.0.2:4002")
        put(.outgoing(from: other, to: path.outside), s1)
        put(.incoming(from: path.outside, to: other), s2)
        #expect(try gate.gatekeeper.inherit(at: gate.now) == Inheritance(sessions: 1, removed: 4))
        #expect(Set(gate.firewall.elements.keys) == [out, back])
    }

    @Test func `what the policy does not allow any more is removed`() throws {
        var first = FakeGate()
        #expect(first.ask(.openFromAny(s1, inside: [a])) == .completed)
        #expect(first.ask(.narrow(s2, Holes(paths: [control]))) == .completed)
        var shut = successor(of: first, halfOpenAllowed: false)
        #expect(try shut.gatekeeper.inherit(at: shut.now) == Inheritance(sessions: 1, removed: 1))
        var small = successor(of: first, maximumSessions: 1)
        #expect(try small.gatekeeper.inherit(at: small.now).sessions == 1)
        var own = successor(of: first)
        own.firewall.addresses = [a.address]
        #expect(try own.gatekeeper.inherit(at: own.now) == Inheritance(sessions: 0, removed: 3))
        #expect(own.firewall.elements.isEmpty)
    }

    @Test(arguments: 0...4)
    func `whatever is asked when the table is gone finds it made anew`(_ number: Int) throws {
        var gate = FakeGate()
        #expect(gate.ask(.narrow(s1, Holes(paths: [path]))) == .completed)
        gate.now = gate.now + .seconds(20)
        gate.firewall.lose()
        let requests: [GateRequest] = [
            .openFromAny(s2, inside: [endpoint("10.1.0.2:4002")]), .close(s1), .renew([s1]), .list(after: nil),
            .narrow(s1, Holes(paths: [path, control])),
        ]
        switch gate.ask(requests[number]) {
        case .refused(let refusal): Issue.record("refused: \(refusal)")
        // What was counted went with the table: that is no silence.
        case .renewed(let missing, let silent): #expect(missing.isEmpty && silent.isEmpty)
        case .completed, .bound, .closed, .listed, .welcome: break
        }
        #expect(gate.gatekeeper.restorations == 1)
        #expect(gate.firewall.restorations == 1)
        #expect(gate.firewall.elements.keys.contains(out) == (number != 1))
        // What was not asked for has the time that it had.
        if number == 0 || number == 3 { #expect(gate.firewall.elements[out]?.timeout == .seconds(40)) }
        #expect(gate.firewall.elements[out]?.session == (number == 1 ? nil : s1))
    }

    @Test func `a table that is gone for several at once is made anew once`() throws {
        var gate = FakeGate()
        #expect(gate.ask(.narrow(s1, Holes(paths: [path]))) == .completed)
        gate.firewall.lose()
        let requests: [GateRequest] = [.close(s1), .openFromAny(s2, inside: [endpoint("10.1.0.2:4002")])]
        let replies = gate.gatekeeper.handle(requests, at: gate.now).map(\.reply)
        #expect(replies.filter { !$0.isDone }.isEmpty)
        #expect(gate.firewall.restorations == 1)
        #expect(Set(gate.firewall.elements.keys) == [.any(to: endpoint("10.1.0.2:4002"))])
    }

    @Test func `a session whose time has passed is not made anew`() throws {
        var gate = FakeGate()
        #expect(gate.ask(.openFromAny(s1, inside: [a])) == .completed)
        gate.now = gate.now + .seconds(60)
        #expect(try gate.gatekeeper.restore(at: gate.now) == 0)
        #expect(gate.firewall.elements.isEmpty)
    }
}
