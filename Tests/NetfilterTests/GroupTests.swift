import GateProtocol
import Netfilter
import Testing
import Wire

/// Requests that come together: each has the outcome that it would have alone, whatever the kernel sees of them.
@Suite struct GroupTests {
    private let a = endpoint("10.1.0.2:4000")
    private let b = endpoint("10.1.0.2:4002")
    private let c = endpoint("10.1.0.2:4004")
    private let own = endpoint("10.1.0.1:4000")
    private let outside = endpoint("10.2.0.2:5000")
    private let s1 = SessionID(1)
    private let s2 = SessionID(2)
    private let s3 = SessionID(3)

    private func ask(_ gate: inout FakeGate, _ requests: GateRequest...) -> [GateReply] {
        gate.gatekeeper.handle(requests, at: gate.now).map { outcome in
            // What closed has counted nothing here.
            guard case .closed = outcome.reply else { return outcome.reply }
            return .completed
        }
    }

    private func refused(_ reason: GateRefusal.Reason, _ endpoint: Endpoint? = nil, errno: Int32 = 0) -> GateReply {
        .refused(GateRefusal(reason, endpoint: endpoint, errno: errno))
    }

    @Test func `changes of different sessions are one transaction`() {
        var gate = FakeGate()
        #expect(ask(&gate, .openFromAny(s1, inside: [a]), .openFromAny(s2, inside: [b])) == [.completed, .completed])
        #expect(gate.firewall.transactions.map(\.wanted.count) == [2])
        let path = MediaPath(inside: a, outside: outside)
        let replies = ask(
            &gate, .narrow(s1, Holes(paths: [path])), .close(s2), .openFromAny(s3, inside: [c]), .close(SessionID(9)))
        #expect(replies == Array(repeating: .completed, count: 4))
        #expect(gate.firewall.transactions.count == 2)
        #expect(
            Set(gate.firewall.elements.keys) == [
                .outgoing(from: a, to: outside), .incoming(from: outside, to: a), .any(to: c),
            ])
    }

    @Test func `each closed session has its own counts`() {
        var gate = FakeGate()
        _ = ask(&gate, .openFromAny(s1, inside: [a]), .openFromAny(s2, inside: [b]))
        gate.firewall.count(3, bytes: 300, in: .any(to: a))
        gate.firewall.count(5, bytes: 500, in: .any(to: b))
        let outcomes = gate.gatekeeper.handle([.close(s2), .close(s1)], at: gate.now)
        #expect(outcomes.map { $0.closed?.session } == [s2, s1])
        #expect(outcomes.map { $0.closed?.halfOpen.first?.incoming.packets } == [5, 3])
    }

    @Test func `a refusal in the middle is nobody else's`() {
        var gate = FakeGate()
        gate.firewall.addresses = [own.address]
        let replies = ask(
            &gate, .openFromAny(s1, inside: [a]), .openFromAny(s2, inside: [own]), .openFromAny(s3, inside: [c]))
        #expect(replies == [.completed, refused(.ownAddress, own), .completed])
        #expect(Set(gate.firewall.elements.keys) == [.any(to: a), .any(to: c)])
    }

    @Test func `a transaction that the kernel refuses is asked for one by one`() {
        var gate = FakeGate()
        gate.firewall.capacity = 2
        let replies = ask(
            &gate, .openFromAny(s1, inside: [a]), .openFromAny(s2, inside: [b]), .openFromAny(s3, inside: [c]))
        #expect(replies == [.completed, .completed, refused(.tableFull, errno: 23)])
        #expect(Set(gate.firewall.elements.keys) == [.any(to: a), .any(to: b)])
        #expect(gate.gatekeeper.sessionCount == 2)
    }

    @Test func `what touches the same session or hole happens in its order`() {
        var gate = FakeGate()
        #expect(ask(&gate, .openFromAny(s1, inside: [a]), .close(s1)) == [.completed, .completed])
        #expect(gate.firewall.elements.isEmpty)
        #expect(ask(&gate, .close(s1), .openFromAny(s1, inside: [a])) == [.completed, .completed])
        #expect(gate.firewall.elements.count == 1)
        let taken = ask(&gate, .openFromAny(s2, inside: [a]), .close(s1), .openFromAny(s3, inside: [a]))
        #expect(taken == [refused(.conflict, a), .completed, .completed])
        let both = ask(&gate, .openFromAny(s1, inside: [b]), .openFromAny(s2, inside: [b]))
        #expect(both == [.completed, refused(.conflict, b)])
        let renewed = ask(&gate, .openFromAny(s2, inside: [c]), .renew([s1, s2]), .close(s2), .renew([s2]))
        #expect(
            renewed == [
                .completed, .renewed(missing: [], silent: [s1, s2]), .completed, .renewed(missing: [s2]),
            ])
    }

    @Test func `sessions that begin together count`() {
        var gate = FakeGate(maximumSessions: 2)
        let replies = ask(
            &gate, .openFromAny(s1, inside: [a]), .openFromAny(s2, inside: [b]), .openFromAny(s3, inside: [c]))
        #expect(replies == [.completed, .completed, refused(.tooManySessions)])
        #expect(ask(&gate, .close(s1), .openFromAny(s3, inside: [c])) == [.completed, .completed])
    }

    @Test func `10,000 requests come to the same together and one by one`() {
        var random = SystemRandomNumberGenerator()
        var together = FakeGate(maximumSessions: 6)
        var alone = FakeGate(maximumSessions: 6)
        for gate in [together, alone] { gate.firewall.addresses = [own.address] }
        func holes() -> Holes {
            let inside = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                UInt8.random(in: 0..<40, using: &random) == 0
                    ? own : Endpoint(a.address, UInt16.random(in: 4000..<4012, using: &random))
            }
            return Bool.random(using: &random)
                ? Holes(halfOpen: inside) : Holes(paths: inside.map { MediaPath(inside: $0, outside: outside) })
        }
        func request() -> GateRequest {
            let session = SessionID(UInt64.random(in: 0..<9, using: &random))
            switch Int.random(in: 0..<20, using: &random) {
            case 0: return .renew([session, s1])
            case 1: return .list(after: nil)
            case 2..<9: return .close(session)
            case _: return .narrow(session, holes())
            }
        }
        for _ in 0..<2500 {
            let requests = (0..<Int.random(in: 1...7, using: &random)).map { _ in request() }
            let first = together.gatekeeper.handle(requests, at: together.now)
            #expect(first == requests.map { alone.gatekeeper.handle($0, at: alone.now) }, "\(requests)")
            #expect(together.firewall.elements == alone.firewall.elements)
            for (key, packets) in zip(alone.firewall.elements.keys, (1 as UInt64)...) {
                together.firewall.count(packets, bytes: packets, in: key)
                alone.firewall.count(packets, bytes: packets, in: key)
            }
        }
        #expect(together.firewall.transactions.count < alone.firewall.transactions.count)
    }
}
