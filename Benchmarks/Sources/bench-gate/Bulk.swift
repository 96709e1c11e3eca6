import CRawNetfilter
import GateProtocol
import Glibc
import Sampling

/// Many elements at once: what is printed is one number, in milliseconds.
enum Bulk {
    /// Elements in one renewal, as sekishod asks for them: 256 holes of two elements each.
    static let together = 512

    /// libnftnl does it in this process: by the clock for `fill`, and CPU time, the kernel's included, for `renew`.
    static func measurePeer(_ arguments: [String]) throws {
        guard arguments.count == 2, let count = Int32(arguments[1]), let map = CRawNetfilter_open("peer", "path4")
        else { throw GateConnection.Failure(what: "see the head of BenchGate.swift for the arguments") }
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let start = Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) * 1e-6
        let busy = threadTime()
        let isRenewal = arguments[0] == "renew"
        let code = isRenewal ? CRawNetfilter_renew(map, count, Int32(together)) : CRawNetfilter_fill(map, count)
        guard code == 0 else { throw GateConnection.Failure(what: "the peer's map: errno \(-code)") }
        clock_gettime(CLOCK_MONOTONIC, &time)
        print(
            isRenewal
                ? (threadTime() - busy) * 1e3 : Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) * 1e-6 - start)
    }

    /// Renews every call once, as many in one request as sekishod does.
    static func renew(_ calls: Calls, _ gate: inout GateConnection, process: String) throws {
        let before = try nanoseconds(of: process)
        // Each has RTP and RTCP, with an element for each direction.
        let sessions = (0..<calls.count).map(calls.session)
        for first in stride(from: 0, to: sessions.count, by: together / 4) {
            let some = Array(sessions[first..<min(first + together / 4, sessions.count)])
            guard case .renewed(let missing, _) = try gate.ask(.renew(some)), missing.isEmpty else {
                throw GateConnection.Failure(what: "the gate does not renew")
            }
        }
        print(Double(try nanoseconds(of: process) - before) * 1e-6)
    }

    /// CPU time that a process has had (the first number of /proc/PID/schedstat, proc_pid_schedstat(5)).
    private static func nanoseconds(of process: String) throws -> UInt64 {
        guard let file = fopen("/proc/\(process)/schedstat", "r") else {
            throw GateConnection.Failure(what: "no process \(process)")
        }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let text = line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return UInt64(String(decoding: text, as: UTF8.self).prefix { $0 != " " }) ?? 0
    }
}
