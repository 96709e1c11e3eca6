import CRawNetfilter
import GateProtocol
import Glibc
import Sampling

/// ```
/// bench-gate fill SOCKET offer|answer PORT COUNT    opens COUNT calls, the first with PORT, and leaves them open
/// bench-gate measure SOCKET SUFFIX                  gate.open.p50SUFFIX and gate.open.p99SUFFIX
/// bench-gate raw fill|renew COUNT                   milliseconds that libnftnl takes for COUNT elements of `map path4`
/// bench-gate renew SOCKET PORT COUNT PID            milliseconds of CPU that the gate of that PID takes to renew COUNT calls
/// ```
/// The peer's map is `map any4` of `table netdev peer`, in the namespace where this program runs.
@main struct BenchGate {
    static let openings = 2000

    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.first == "raw" { return try Bulk.measurePeer(Array(arguments.dropFirst())) }
        var gate = try GateConnection(path: arguments.dropFirst().first ?? "")
        let rest = Array(arguments.dropFirst(2))
        switch (arguments.first, rest.count) {
        case ("fill", 3):
            guard let port = UInt16(rest[1]), let count = Int(rest[2]), let calls = Calls(firstPort: port, count: count)
            else { throw GateConnection.Failure(what: "no such ports") }
            for index in 0..<calls.count {
                try gate.complete(rest[0] == "offer" ? calls.offer(index) : calls.answer(index))
            }
        case ("measure", 1): try measure(&gate, suffix: rest[0])
        case ("renew", 3):
            guard let port = UInt16(rest[0]), let count = Int(rest[1]), let calls = Calls(firstPort: port, count: count)
            else { throw GateConnection.Failure(what: "no such ports") }
            try Bulk.renew(calls, &gate, process: rest[2])
        default: throw GateConnection.Failure(what: "see the head of BenchGate.swift for the arguments")
        }
    }

    static func measure(_ gate: inout GateConnection, suffix: String) throws {
        let peer = "libnftnl, in process"
        let median = Row("gate.open.p50\(suffix)", unit: "us", .cost, peer: peer)
        let tail = Row("gate.open.p99\(suffix)", unit: "us", .cost, peer: peer)
        guard let map = CRawNetfilter_open("peer", "any4"), let calls = Calls(firstPort: 60_000, count: 1000) else {
            throw GateConnection.Failure(what: "no netlink socket")
        }
        for run in 0...5 {
            var (ours, theirs) = try open(calls, &gate, map)
            ours.sort()
            theirs.sort()
            // The first run warms up.
            guard run > 0 else { continue }
            median.emit(ours[openings / 2], theirs[openings / 2])
            tail.emit(ours[openings * 99 / 100], theirs[openings * 99 / 100])
        }
    }

    /// Opens a call at the gate and the same two elements in the peer's map, by turns; microseconds of each.
    static func open(
        _ calls: Calls, _ gate: inout GateConnection, _ map: OpaquePointer
    ) throws -> (ours: [Double], theirs: [Double]) {
        let address = in_addr_t(bigEndian: 0x0A01_0002)
        var ours: [Double] = []
        var theirs: [Double] = []
        for index in 0..<openings {
            let call = index % calls.count
            let (offer, port) = (calls.offer(call), calls.ports(call)[0])
            let start = now()
            try gate.complete(offer)
            let middle = now()
            let added = CRawNetfilter_add(map, address, port, 2)
            let end = now()
            ours.append((middle - start) * 1e6)
            theirs.append((end - middle) * 1e6)
            try gate.complete(.close(calls.session(call)))
            guard added == 0, CRawNetfilter_delete(map, address, port, 2) == 0 else {
                throw GateConnection.Failure(what: "the peer's map: errno \(-added)")
            }
        }
        return (ours, theirs)
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
