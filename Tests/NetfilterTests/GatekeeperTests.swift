import GateProtocol
import Netfilter
import Testing
import Wire

/// A gatekeeper over the firewall in memory.
struct FakeGate {
    let firewall = FirewallFake()
    var gatekeeper: Gatekeeper<FirewallFake>
    var now = MonotonicTime(nanoseconds: 0)

    init(
        halfOpenAllowed: Bool = true, learningAllowed: Bool = true, maximumSessions: Int = 100,
        halfOpenLimit: Duration = .seconds(240),
        translation: TranslationSettings? = nil
    ) {
        let inside = ["10.1.0.0/24", "fd00:1::/64"].compactMap { Prefix($0) }
        for prefix in inside { firewall.routes.append((prefix, .via(prefix.address, interface: 1))) }
        if let far = Prefix("10.9.0.0/16"), let wrong = Prefix("10.8.0.0/16"), let near = Prefix("10.2.0.0/16"),
            let near6 = Prefix("fd00:2::/64"), let router = IPAddress("10.2.0.254")
        {
            firewall.routes.append((far, .via(router, interface: 2)))
            firewall.routes.append((wrong, .via(router, interface: 1)))
            firewall.routes.append((near, .via(near.address, interface: 2)))
            firewall.routes.append((near6, .via(near6.address, interface: 2)))
        }
        gatekeeper = Gatekeeper(
            kernel: firewall, policy: PinholePolicy(inside: inside, maximumSessions: maximumSessions),
            halfOpenAllowed: halfOpenAllowed, learningAllowed: learningAllowed, holeTimeout: .seconds(60),
            halfOpenLimit: halfOpenLimit,
            translation: translation)
    }

    mutating func ask(_ request: GateRequest) -> GateReply { gatekeeper.handle(request, at: now).reply }
}

@Suite struct GatekeeperTests {
    private let a = endpoint("10.1.0.2:4000")
    private let path = MediaPath(inside: endpoint("10.1.0.2:4000"), outside: endpoint("10.2.0.2:5000"))
    private let s1 = SessionID(1)
    private let s2 = SessionID(2)

    private func reason(_ reply: GateReply) -> GateRefusal.Reason? {
        if case .refused(let refusal) = reply { refusal.reason } else { nil }
    }

    @Test func `what is open to any source closes after its time, however often it is renewed or asked for`() throws {
        var gate = FakeGate(halfOpenLimit: .seconds(50))
        let key = ElementKey.any(to: a)
        #expect(gate.ask(.openFromAny(s1, inside: [a])) == .completed)
        #expect(gate.firewall.elements[key]?.timeout == .seconds(50))
        gate.now = gate.now + .seconds(20)
        #expect(gate.ask(.renew([s1])) == .renewed(missing: [], silent: [s1]))
        #expect(gate.firewall.elements[key]?.timeout == .seconds(30))
        // Beside a path, or asked for anew, it has no more time.
        let other = MediaPath(inside: endpoint("10.1.0.2:4002"), outside: path.outside)
        #expect(gate.ask(.narrow(s1, Holes(halfOpen: [a], paths: [other]))) == .completed)
        #expect(gate.firewall.elements[key]?.timeout == .seconds(30))
        gate.now = gate.now + .seconds(29)
        #expect(gate.ask(.renew([s1])) == .renewed(missing: [], silent: [s1]))
        #expect(gate.firewall.elements[key]?.timeout == .seconds(1))
        gate.now = gate.now + .seconds(1)
        gate.firewall.expire(key)
        #expect(gate.ask(.renew([s1])) == .renewed(missing: [], silent: [s1]))
        #expect(gate.firewall.elements[key] == nil && gate.firewall.elements.count == 2)
        // An offer that comes after one that was answered has its own time.
        #expect(gate.ask(.narrow(s1, Holes(paths: [other]))) == .completed)
        #expect(gate.ask(.narrow(s1, Holes(halfOpen: [a], paths: [other]))) == .completed)
        #expect(gate.firewall.elements[key]?.timeout == .seconds(50))
    }

    @Test func `what closed for its time stays reserved, and is not opened by asking for it again`() throws {
        var gate = FakeGate(
            halfOpenLimit: .seconds(30),
            translation: TranslationSettings(addresses: [try #require(IPAddress("198.51.100.1"))]))
        guard case .bound(let first) = gate.ask(.openFromAny(s1, inside: [a])) else {
            Issue.record("not bound")
            return
        }
        gate.now = gate.now + .seconds(30)
        for key in gate.firewall.elements.keys { gate.firewall.expire(key) }
        #expect(gate.ask(.renew([s1])) == .renewed(missing: [], silent: [s1]))
        #expect(gate.ask(.renew([s1])) == .renewed(missing: [], silent: [s1]))
        #expect(gate.ask(.openFromAny(s1, inside: [a])) == .bound(first))
        #expect(gate.firewall.elements.values.allSatisfy { $0.timeout <= .milliseconds(1) })
        // The answer has the endpoint that the other side was told.
        #expect(gate.ask(.narrow(s1, Holes(paths: [path]))) == .bound(first))
        #expect(gate.firewall.elements.count == 2)
        #expect(gate.ask(.close(s1)).isDone)
        #expect(gate.gatekeeper.bindingCount == 0)
    }

    @Test func `what is only reserved is renewed without the kernel`() throws {
        var gate = FakeGate(
            translation: TranslationSettings(addresses: [try #require(IPAddress("198.51.100.1"))]))
        _ = gate.ask(.narrow(s1, Holes(reserved: [a])))
        let calls = gate.firewall.transactions.count
        #expect(gate.ask(.renew([s1])) == .renewed(missing: [], silent: [s1]))
        #expect(gate.firewall.transactions.count == calls && gate.firewall.elements.isEmpty)
    }

    @Test func `a phone that hangs up and calls again at once has a binding that lasts`() throws {
        for isTogether in [false, true] {
            var gate = FakeGate(
                translation: TranslationSettings(addresses: [try #require(IPAddress("198.51.100.1"))]))
            _ = gate.ask(.narrow(s2, Holes(paths: [path])))
            let requests: [GateRequest] = [.close(s2), .openFromAny(s1, inside: [a])]
            let replies =
                isTogether
                ? gate.gatekeeper.handle(requests, at: gate.now).map(\.reply) : requests.map { gate.ask($0) }
            guard case .bound(let bindings) = replies[1] else {
                Issue.record("not bound: \(replies)")
                return
            }
            #expect(gate.gatekeeper.bindingCount == 1)
            #expect(gate.ask(.narrow(s1, Holes(paths: [path]))) == .bound(bindings))
            #expect(gate.gatekeeper.bindingCount == 1)
            #expect(gate.ask(.close(s1)).isDone)
            #expect(gate.gatekeeper.bindingCount == 0)
        }
    }

    @Test func `a call: open, narrow, renew, close`() {
        var gate = FakeGate()
        #expect(gate.ask(.openFromAny(s1, inside: [a])) == .completed)
        #expect(Set(gate.firewall.elements.keys) == [.any(to: a)])
        #expect(gate.ask(.narrow(s1, Holes(paths: [path]))) == .completed)
        let out = ElementKey.outgoing(from: path.inside, to: path.outside)
        let back = ElementKey.incoming(from: path.outside, to: path.inside)
        #expect(Set(gate.firewall.elements.keys) == [out, back])
        gate.firewall.count(3, bytes: 600, in: out)
        #expect(gate.ask(.renew([s1, s2, s1])) == .renewed(missing: [s2]))
        #expect(gate.ask(.renew([s1])) == .renewed(missing: [], silent: [s1]))
        gate.firewall.count(2, bytes: 400, in: out)
        let report = PathReport(path: path, outgoing: Traffic(packets: 5, bytes: 1000), incoming: Traffic())
        #expect(gate.ask(.list(after: nil)) == .listed([HoleReport(session: s1, paths: [report])], more: false))
        let outcome = gate.gatekeeper.handle(.close(s1), at: gate.now)
        #expect(outcome.reply == .closed(HoleReport(session: s1, paths: [report])))
        #expect(outcome.closed?.paths == [report])
        #expect(gate.firewall.elements.isEmpty)
        let applied = gate.firewall.transactions.count
        #expect(gate.ask(.close(s1)).isDone)
        #expect(gate.firewall.transactions.count == applied)
    }

    @Test func `hello answers the version and the timeout`() {
        var gate = FakeGate()
        #expect(
            gate.ask(.hello(version: GateFrame.version))
                == .welcome(version: GateFrame.version, holeTimeout: .seconds(60)))
        #expect(reason(gate.ask(.hello(version: GateFrame.version + 1))) == .badVersion)
    }

    @Test func `the next hop is the route's`() {
        var gate = FakeGate()
        let far = MediaPath(inside: a, outside: endpoint("10.9.1.1:5000"))
        #expect(gate.ask(.narrow(s1, Holes(paths: [far]))) == .completed)
        let out = ElementKey.outgoing(from: far.inside, to: far.outside)
        #expect(gate.firewall.elements[out]?.nextHop == IPAddress("10.2.0.254"))
    }

    @Test func `what may not be is refused and changes nothing`() {
        var gate = FakeGate(maximumSessions: 2)
        gate.firewall.addresses = Set([IPAddress("10.1.0.1")].compactMap { $0 })
        #expect(gate.ask(.narrow(s1, Holes(halfOpen: [a], paths: [path]))) == .completed)
        #expect(gate.ask(.openFromAny(s2, inside: [endpoint("10.1.0.3:4000")])) == .completed)
        let before = gate.firewall.elements
        func outside(_ text: StaticString) -> GateRequest {
            .narrow(s1, Holes(paths: [MediaPath(inside: a, outside: endpoint(text))]))
        }
        let refusals: [(GateRequest, GateRefusal.Reason)] = [
            (.openFromAny(s1, inside: [endpoint("10.1.0.1:4000")]), .ownAddress),
            (.openFromAny(s1, inside: [endpoint("10.2.0.2:4000")]), .notInside),
            (.openFromAny(s1, inside: [endpoint("10.1.0.2:80")]), .forbiddenPort),
            (.openFromAny(s1, inside: [endpoint("127.0.0.1:4000")]), .forbiddenAddress),
            (outside("10.1.0.9:5000"), .notOutside), (outside("172.16.0.1:5000"), .noRoute),
            (outside("10.8.0.1:5000"), .wrongInterface), (outside("[fd00:2::1]:5000"), .mixedFamilies),
            (.openFromAny(s2, inside: [a]), .conflict), (.narrow(s2, Holes(paths: [path])), .conflict),
            (.openFromAny(SessionID(3), inside: [endpoint("10.1.0.4:4000")]), .tooManySessions),
            (.openFromAny(s1, inside: Array(repeating: a, count: 33)), .tooManyHoles),
        ]
        for (request, expected) in refusals {
            #expect(reason(gate.ask(request)) == expected, "\(request)")
            #expect(gate.firewall.elements == before)
        }
    }

    @Test func `holes for any source can be switched off`() {
        var gate = FakeGate(halfOpenAllowed: false)
        #expect(reason(gate.ask(.openFromAny(s1, inside: [a]))) == .halfOpenDisabled)
        #expect(reason(gate.ask(.narrow(s1, Holes(halfOpen: [a], paths: [path])))) == .halfOpenDisabled)
        #expect(gate.ask(.narrow(s1, Holes(paths: [path]))) == .completed)
    }

    @Test func `an entry that is asked for twice is one`() {
        var gate = FakeGate()
        #expect(gate.ask(.narrow(s1, Holes(paths: [path, path]))) == .completed)
        #expect(gate.firewall.elements.count == 2)
        #expect(gate.firewall.transactions.last?.wanted.count == 2)
    }

    @Test func `an element that expired in the kernel is there again after a renewal`() {
        var gate = FakeGate()
        #expect(gate.ask(.narrow(s1, Holes(paths: [path]))) == .completed)
        gate.firewall.expire(.outgoing(from: path.inside, to: path.outside))
        #expect(gate.ask(.renew([s1])) == .renewed(missing: [], silent: [s1]))
        #expect(gate.firewall.elements.count == 2)
    }

    @Test func `a session that is not renewed is forgotten with its holes`() {
        var gate = FakeGate()
        #expect(gate.ask(.openFromAny(s1, inside: [a])) == .completed)
        #expect(gate.gatekeeper.expire(at: gate.now + .seconds(60)).isEmpty)
        #expect(gate.gatekeeper.expire(at: gate.now + .seconds(61)) == [s1])
        #expect(gate.firewall.elements.isEmpty)
        #expect(gate.ask(.renew([s1])) == .renewed(missing: [s1]))
        #expect(gate.ask(.openFromAny(s2, inside: [a])) == .completed)
    }

    @Test func `a renewal is one transaction`() {
        var gate = FakeGate(maximumSessions: 1000)
        let sessions = (1...UInt64(GateLimits.sessionsPerRenewal)).map { SessionID($0) }
        for session in sessions {
            let own = Endpoint(a.address, UInt16(2000 + session.value))
            let holes = Holes(paths: [MediaPath(inside: own, outside: path.outside)])
            #expect(gate.ask(.narrow(session, holes)) == .completed)
        }
        let before = gate.firewall.transactions.count
        #expect(gate.ask(.renew(sessions)) == .renewed(missing: [], silent: sessions))
        #expect(gate.firewall.transactions[before...].map(\.wanted.count) == [2 * sessions.count])
        #expect(gate.firewall.elements.count == 2 * sessions.count)
    }

    @Test func `a list has pages`() {
        var gate = FakeGate()
        for number in 1...60 as ClosedRange<UInt64> {
            let own = Endpoint(a.address, UInt16(2000 + number))
            #expect(gate.ask(.openFromAny(SessionID(number), inside: [own])) == .completed)
        }
        var seen: [UInt64] = []
        var after: SessionID?
        while case .listed(let reports, let more) = gate.ask(.list(after: after)) {
            seen += reports.map(\.session.value)
            after = reports.last?.session
            if !more { break }
        }
        #expect(seen == Array(1...60))
    }
}
