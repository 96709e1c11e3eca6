import CNetfilter
import GateProtocol
import Glibc
import Lab
import Testing
import Wire

@testable import Netfilter

/// Each error of nf_tables at each batch of a scenario, between the gate and the real kernel: whatever the kernel says, what
/// the gate believes is what the kernel holds, nothing is reported open that is not, and nothing closed that is there.
@Suite(.serialized) struct FaultMatrixTests {
    private static let sessions = [SessionID(1), SessionID(2), SessionID(3)]

    private static func holes(_ port: UInt16, isOpen: Bool) -> Holes {
        let (near, far) = (IPAddress.v4(0x0A01_0002), IPAddress.v4(0x0A02_0002))
        let ports = [port, port + 1]
        return isOpen
            ? Holes(paths: ports.map { MediaPath(inside: Endpoint(near, $0), outside: Endpoint(far, $0 + 1_000)) })
            : Holes(halfOpen: ports.map { Endpoint(near, $0) })
    }

    /// Twelve requests, each of which is a batch to the kernel.
    private static let scenario: [GateRequest] = [
        .openFromAny(sessions[0], inside: holes(4_000, isOpen: false).halfOpen),
        .narrow(sessions[0], holes(4_000, isOpen: true)),
        .openFromAny(sessions[1], inside: holes(4_010, isOpen: false).halfOpen), .renew([sessions[0], sessions[1]]),
        .narrow(sessions[1], holes(4_010, isOpen: true)), .narrow(sessions[0], holes(4_020, isOpen: true)),
        .openFromAny(sessions[2], inside: holes(4_030, isOpen: false).halfOpen),
        .narrow(sessions[2], holes(4_030, isOpen: true)), .renew(sessions), .close(sessions[0]), .close(sessions[1]),
        .close(sessions[2]),
    ]

    /// Each error as it is met.
    private static let faults: [FaultySocket.Fault] = [
        .refused(ENOENT, .delete), .refused(ENFILE, .first), .refused(EBUSY, .first), .refused(EPERM, .begin),
        .unheard(ENOBUFS), .unsent(EINTR), .refused(ERESTART, .begin),
    ]

    /// A gate without sessions over a kernel without elements.
    private final class Bench {
        let testbed: GatewayTestbed
        let socket: FaultySocket
        let firewall: NftFirewall
        var gatekeeper: Gatekeeper<NftFirewall>
        let now = MonotonicTime(nanoseconds: 0)

        init(_ name: String) throws {
            let testbed = try GatewayTestbed(name)
            self.testbed = testbed
            socket = try testbed.gateway.run { try FaultySocket(bus: NETLINK_NETFILTER) }
            let socket = socket
            firewall = try testbed.gateway.run {
                try NftFirewall(
                    TableSettings(
                        insideDevice: "lan0", outsideDevice: "wan0", insidePrefixes: GatewayFixture.insidePrefixes),
                    writer: socket)
            }
            gatekeeper = Self.gatekeeper(firewall)
        }

        private static func gatekeeper(_ firewall: NftFirewall) -> Gatekeeper<NftFirewall> {
            Gatekeeper(
                kernel: firewall, policy: PinholePolicy(inside: GatewayFixture.insidePrefixes), halfOpenAllowed: true,
                holeTimeout: .seconds(60))
        }

        func begin(with faults: [Int: FaultySocket.Fault]) throws {
            socket.reset()
            try firewall.restore([])
            gatekeeper = Self.gatekeeper(firewall)
            socket.reset()
            socket.faults = faults
        }

        func ask(_ request: GateRequest) -> GateReply { gatekeeper.handle(request, at: now).reply }

        /// What the kernel holds, read by another socket.
        func held() throws -> Set<ElementKey> { Set(try firewall.heldElements().map(\.element.key)) }

        /// What the gate believes that it holds.
        var believed: Set<ElementKey> {
            Set(gatekeeper.table.elements(at: now, margin: .zero).map(\.element.key))
        }
    }

    private static func keys(_ holes: Holes) -> Set<ElementKey> {
        Set(
            holes.halfOpen.map { .any(to: $0) }
                + holes.paths.flatMap {
                    [.outgoing(from: $0.inside, to: $0.outside), .incoming(from: $0.outside, to: $0.inside)]
                })
    }

    /// What holds after a request, whatever was answered.
    private func check(_ request: GateRequest, _ reply: GateReply, _ bench: Bench, _ what: Comment) throws {
        let held = try bench.held()
        #expect(held == bench.believed, what)
        guard reply.isDone else { return }
        switch request {
        case .openFromAny(_, let inside): #expect(held.isSuperset(of: Self.keys(Holes(halfOpen: inside))), what)
        case .narrow(let session, let holes):
            let own = try bench.firewall.heldElements().filter { $0.element.session == session }.map(\.element.key)
            #expect(Set(own) == Self.keys(holes), what)
        case .close(let session):
            #expect(try !bench.firewall.heldElements().contains { $0.element.session == session }, what)
        case .hello, .renew, .list: break
        }
    }

    @Test func `seven errors at twelve batches leave belief and kernel equal`() throws {
        let bench = try Bench("matrix")
        var cases = 0
        for fault in Self.faults {
            for position in 0..<Self.scenario.count {
                cases += 1
                try bench.begin(with: [position: fault])
                for (index, request) in Self.scenario.enumerated() {
                    let reply = bench.ask(request)
                    try check(request, reply, bench, "\(fault) at \(position), request \(index): \(reply)")
                    if case .refused(let refusal) = reply {
                        // Only where the error was, and with its number. What may pass is asked for again.
                        #expect(index == position, "\(fault) at \(position), request \(index)")
                        #expect(refusal.reason == (refusal.errno == ENFILE ? .tableFull : .kernel))
                        #expect(fault != .unsent(EINTR) && fault != .refused(ERESTART, .begin))
                    }
                }
                for session in Self.sessions { #expect(bench.ask(.close(session)).isDone) }
                #expect(try bench.held().isEmpty, "\(fault) at \(position)")
            }
        }
        #expect(cases == 84)
        print("proved: \(cases) netlink faults")
    }

    @Test func `when the answer to the undoing is lost too, nothing is done before all is known`() throws {
        let bench = try Bench("doubt")
        for position in 0..<Self.scenario.count {
            // The batch, its undoing, the table anew: then it works.
            for more in 1...4 {
                let faults = (0...more).map { (position + $0, FaultySocket.Fault.unheard(ENOBUFS)) }
                try bench.begin(with: Dictionary(uniqueKeysWithValues: faults))
                for (index, request) in Self.scenario.enumerated() {
                    let reply = bench.ask(request)
                    let what: Comment = "\(more) more at \(position), request \(index): \(reply)"
                    if bench.gatekeeper.doubt == nil {
                        try check(request, reply, bench, what)
                    } else {
                        #expect(!reply.isDone, what)
                    }
                }
                bench.socket.faults = [:]
                for session in Self.sessions { #expect(bench.ask(.close(session)).isDone) }
                #expect(try bench.held().isEmpty)
            }
        }
    }

    @Test func `what passes is asked for again three times and no more`() throws {
        let bench = try Bench("passing")
        for times in [3, 4] {
            let faults = (0..<times).map { ($0, FaultySocket.Fault.refused(ERESTART, .begin)) }
            try bench.begin(with: Dictionary(uniqueKeysWithValues: faults))
            let reply = bench.ask(Self.scenario[0])
            if times == 3 {
                #expect(reply == .completed)
            } else {
                guard case .refused(let refusal) = reply else { return #expect(Bool(false), "\(reply)") }
                #expect(refusal.errno == ERESTART)
            }
            try check(Self.scenario[0], reply, bench, "\(times)")
        }
    }
}
