import GateProtocol
import Netfilter
import Testing
import Wire

/// Each error number at each call to the kernel of one scenario. Whatever happens, what the gate believes is what the
/// kernel holds, and nothing was reported as done that was not.
@Suite struct FaultTests {
    /// EPERM, ENOENT, EINTR, EBUSY, ENFILE, ERESTART, ENOBUFS.
    static let errors: [Int32] = [1, 2, 4, 16, 23, 85, 105]

    private static let s1 = SessionID(1)
    private static let s2 = SessionID(2)

    private static func holes(_ port: UInt16, paths: Bool) -> Holes {
        guard let a = IPAddress("10.1.0.2"), let b = IPAddress("10.2.0.2") else { return Holes() }
        let ports = [port, port + 1]
        return paths
            ? Holes(paths: ports.map { MediaPath(inside: Endpoint(a, $0), outside: Endpoint(b, $0 + 1000)) })
            : Holes(halfOpen: ports.map { Endpoint(a, $0) })
    }

    private static let scenario: [GateRequest] = [
        .openFromAny(s1, inside: holes(4000, paths: false).halfOpen), .narrow(s1, holes(4000, paths: true)),
        .openFromAny(s2, inside: holes(4010, paths: false).halfOpen), .renew([s1, s2]), .list(after: nil),
        .narrow(s2, holes(4010, paths: true)), .narrow(s1, holes(4020, paths: true)), .renew([s1, s2]), .close(s1),
        .list(after: nil), .close(s2), .close(s2),
    ]

    /// What the scenario's requests ask for, by session.
    private static func wanted(_ request: GateRequest) -> (SessionID, Holes)? {
        switch request {
        case .openFromAny(let session, let inside): (session, Holes(halfOpen: inside))
        case .narrow(let session, let holes): (session, holes)
        case .close(let session): (session, Holes())
        case .hello, .renew, .list: nil
        }
    }

    private static func keys(_ holes: Holes) -> [ElementKey] {
        holes.halfOpen.map { .any(to: $0) }
            + holes.paths.flatMap {
                [.outgoing(from: $0.inside, to: $0.outside), .incoming(from: $0.outside, to: $0.inside)]
            }
    }

    @Test(arguments: errors)
    func `an error at any call among requests that come together leaves belief and kernel equal`(errno: Int32) {
        for size in [2, 3, Self.scenario.count] {
            var probe = FakeGate()
            for group in Self.groups(of: size) { _ = probe.gatekeeper.handle(group, at: probe.now) }
            for position in 0..<probe.firewall.calls {
                var gate = FakeGate()
                gate.firewall.faults = [position: errno]
                var believed: [SessionID: Holes] = [:]
                for group in Self.groups(of: size) {
                    for (request, outcome) in zip(group, gate.gatekeeper.handle(group, at: gate.now)) {
                        guard outcome.reply.isDone, let (session, holes) = Self.wanted(request) else {
                            continue
                        }
                        believed[session] = holes
                    }
                    #expect(Set(gate.firewall.elements.keys) == Set(believed.values.flatMap(Self.keys)))
                }
            }
        }
    }

    private static func groups(of size: Int) -> [[GateRequest]] {
        stride(from: 0, to: scenario.count, by: size).map { Array(scenario[$0..<min($0 + size, scenario.count)]) }
    }

    @Test(arguments: errors)
    func `an error at any call leaves belief and kernel equal`(errno: Int32) {
        var probe = FakeGate()
        for request in Self.scenario { _ = probe.ask(request) }
        let calls = probe.firewall.calls
        #expect(calls >= 12)
        for position in 0..<calls {
            var gate = FakeGate()
            gate.firewall.faults = [position: errno]
            var believed: [SessionID: Holes] = [:]
            for request in Self.scenario {
                let reply = gate.ask(request)
                if reply.isDone, let (session, holes) = Self.wanted(request) { believed[session] = holes }
                #expect(Set(gate.firewall.elements.keys) == Set(believed.values.flatMap(Self.keys)))
                if case .refused(let refusal) = reply {
                    #expect(refusal.errno == errno)
                    #expect(refusal.reason == (errno == 23 ? .tableFull : .kernel))
                }
            }
            // Whatever failed, asking again ends it.
            #expect(gate.ask(.close(Self.s1)).isDone)
            #expect(gate.ask(.close(Self.s2)).isDone)
            #expect(gate.firewall.elements.isEmpty)
        }
    }
}
