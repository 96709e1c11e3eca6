import GateProtocol
import Wire

/// The calls that the benchmarks open: each has two ports of its own, RTP and RTCP, the same at both ends.
struct Calls {
    let firstPort: UInt16
    let count: Int
    private let inside: IPAddress
    private let outside: IPAddress

    /// Nil when there are not so many ports.
    init?(firstPort: UInt16, count: Int) {
        guard let inside = IPAddress("10.1.0.2"), let outside = IPAddress("10.2.0.2"),
            Int(firstPort) + 2 * count <= 65_536
        else { return nil }
        self.firstPort = firstPort
        self.count = count
        self.inside = inside
        self.outside = outside
    }

    /// The ports of a call.
    func ports(_ index: Int) -> [UInt16] {
        let first = firstPort + UInt16(2 * index)
        return [first, first + 1]
    }

    func session(_ index: Int) -> SessionID { SessionID(UInt64(firstPort) << 32 | UInt64(index)) }

    /// What is asked after the offer.
    func offer(_ index: Int) -> GateRequest {
        .openFromAny(session(index), inside: ports(index).map { Endpoint(inside, $0) })
    }

    /// What is asked after the answer.
    func answer(_ index: Int) -> GateRequest {
        let paths = ports(index).map { MediaPath(inside: Endpoint(inside, $0), outside: Endpoint(outside, $0)) }
        return .narrow(session(index), Holes(paths: paths))
    }
}
