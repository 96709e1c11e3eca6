import Foundation
import Glibc
import Lab
import Testing
import Wire

/// sekishod, the gate, or both are killed at each of fourteen places of a call, and started again: nothing that nobody
/// answers for is open a second later, no packet of another call is lost, and every call that goes on can be ended.
@Suite(.serialized) struct KillTests {
    /// How often each point is tried, each time with the next mode; docs/testing.md.
    private static let runs = ProcessInfo.processInfo.environment["SEKISHO_KILLS"].flatMap { Int($0) } ?? 3

    @Test func `whoever is killed, wherever: nothing is lost, and nothing is left`() throws {
        var options = GatewayProcesses.Options()
        // Long enough that no renewal comes in between: the calls are counted.
        options.holeTimeout = 900
        let bed = try CallBed("kills", options)
        try bed.route(Victim.Phones.domain, toCalleeAt: Victim.Phones.calleeEnd.port, over: "udp")
        // Nor a line of the log, which is a write like one to the gate.
        try bed.configure("log_level: notice\n")
        let bystander = try Bystander(bed)
        let open = try bed.paths()
        #expect(open.count == 4)
        let phones = try Victim.Phones(bed)
        var number = 0
        for (index, point) in KillPoint.all.enumerated() {
            for run in 0..<Self.runs {
                number += 1
                let mode = KillMode.allCases[(index + run) % KillMode.allCases.count]
                let what: Comment = "run \(run) of “\(point)”, \(mode)"
                let (victim, isPast) = try kill(mode, at: point, ofCall: number, between: phones, in: bed)
                #expect(isPast, what)
                if try restart(bed) {
                    // The next one knows from the journal what there is.
                    let rest: Set<String> =
                        switch point.rest {
                        case .nothing: []
                        case .paths: victim.paths
                        case .movedPaths: victim.movedPaths
                        }
                    #expect(
                        try bed.eventually(seconds: 1) { try bed.paths() == open.union(rest) },
                        "\(what), the call is \(victim.progress): \(bed.story())")
                    if point.rest != .nothing || victim.progress == .ending { try end(victim, what) }
                } else {
                    try end(victim, what)
                }
                // What is wrong once would be so for all that follow.
                try #require(
                    try bed.eventually(seconds: 1) { try bed.paths() == open },
                    "\(what), the call is \(victim.progress): \(bed.story())")
                bystander.drain()
            }
        }
        let (sent, lost) = try bystander.stop()
        #expect(lost == [0, 0] && sent > 20 * number)
        try bystander.hangUp(bed)
        #expect(try bed.elements().isEmpty && bed.status().sessions == 0)
        print("proved: \(number) kills at \(KillPoint.all.count) points; of \(sent) packets each way \(lost) lost")
    }

    /// Plays a call until the daemon has come to the point, and kills.
    ///
    /// - Returns: the call, and whether it came to it.
    private func kill(
        _ mode: KillMode, at point: KillPoint, ofCall number: Int, between phones: Victim.Phones, in bed: CallBed
    ) throws -> (Victim, Bool) {
        let (target, other) =
            point.daemon == .proxy
            ? (bed.gateway.proxy, bed.gateway.gate) : (bed.gateway.gate, bed.gateway.proxy)
        let daemon = try #require(target)
        let signal = mode == .other ? "STOP" : "KILL"
        let tracer = try Child(
            "strace",
            [
                "strace", "-f", "-e", "trace=\(point.call),epoll_wait,poll,restart_syscall", "-e",
                "inject=\(point.call):signal=\(signal):when=\(point.number)", "-p", "\(daemon.process)",
            ], directory: bed.directory)
        // What the daemon waits in is interrupted and begun again: from then on its calls are seen.
        let waiting = point.daemon == .proxy ? ["epoll_wait("] : ["poll(", "restart_syscall("]
        try #require(try bed.eventually { waiting.contains(where: tracer.text.contains) }, "strace: \(tracer.text)")
        let victim = Victim(number, phones)
        try victim.play(seconds: 5) {
            mode == .other ? tracer.text.contains("stopped by SIGSTOP") : !daemon.isRunning
        }
        // One that stands still does so behind the system call: the call may have come to its end meanwhile.
        let isPast =
            mode == .other
            ? try bed.eventually { tracer.text.contains("stopped by SIGSTOP") }
            : daemon.wait(seconds: 2) == 128 + SIGKILL
        if mode != .itself { bed.kill(other) }
        if mode == .other {
            daemon.signal(SIGCONT)
            tracer.signal(SIGTERM)
        }
        _ = tracer.wait(seconds: 5)
        return (victim, isPast)
    }

    /// Starts what was killed.
    ///
    /// - Returns: whether sekishod was among it.
    private func restart(_ bed: CallBed) throws -> Bool {
        let before = bed.gateway.proxy?.text.ranges(of: "the gate answers").count ?? 0
        if bed.gateway.gate?.isRunning != true { try bed.gateway.startGate() }
        if bed.gateway.proxy?.isRunning != true {
            try bed.gateway.startProxy()
            return true
        }
        #expect(
            try bed.eventually { (bed.gateway.proxy?.text.ranges(of: "the gate answers").count ?? 0) > before },
            bed.story())
        return false
    }

    /// Plays the call to its end, which the gateway must let it come to.
    private func end(_ victim: Victim, _ what: Comment) throws {
        // A re-INVITE whose answer went with the process has none; the caller hangs up.
        try victim.play(seconds: 1.2)
        victim.hangUp()
        try victim.play(seconds: 5)
        #expect(victim.progress == .over || victim.progress == .refused, what)
    }
}
