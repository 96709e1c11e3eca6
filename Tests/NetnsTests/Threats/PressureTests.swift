import Foundation
import Glibc
import Lab
import Testing
import Wire

/// Much of what costs little to send: rows T9 and T12 of docs/threats.md, with the real daemons. Nothing here asks how fast
/// the gateway is, only that it is there, for whoever behaves.
@Suite(.serialized) struct PressureTests {
    /// No more than this may be in memory, whatever comes (KiB).
    private static let mostKibibytes = 256 << 10

    /// Asks the gateway how it is, over UDP and over a connection of its own; any answer is one, since the tables may be full.
    private func isServed(_ id: String, _ bed: CallBed) throws -> Bool {
        let socket = try PlainSocket(.udp, Endpoint(Host.caller, 5071), in: bed.testbed.inside)
        var ask = Ask(id)
        ask.via = "10.1.0.2:5071"
        // As a phone does, which sends again what may have been lost (RFC 3261 section 17.1.2.2).
        let isAnswered = (0..<3).contains { _ in
            socket.send(ask.text, to: Host.near)
            return socket.receive(milliseconds: 2_000)?.hasPrefix("SIP/2.0 ") == true
        }
        guard isAnswered else { return false }
        let connection = try PlainSocket(from: Endpoint(Host.caller, 0), to: Host.near, in: bed.testbed.inside)
        ask.transport = "TCP"
        ask.id += "-tcp"
        connection.send(ask.text)
        return connection.receive(milliseconds: 5_000)?.hasPrefix("SIP/2.0 ") == true
    }

    // MARK: T9

    private static let floodSeconds = 120.0
    /// What a second of the flood is to be. A debug build does not read it all: the rest is lost in the socket's buffer.
    private static let floodRate = 20_000

    @Test func `T9: a flood from 1000 sources for two minutes neither fills the memory nor touches a call`() throws {
        let limit = try DescriptorLimit(atLeast: 2_000)
        defer { limit.restore() }
        let bed = try CallBed("flood")
        try bed.addRegistrar()
        try bed.route("datagrams.example.net", toCalleeAt: 5080, over: "udp")
        try bed.route("connections.example.net", toCalleeAt: 5081, over: "tcp")
        // Less than a debug build reads, and a table that is full after some seconds: both are looked at.
        try bed.configure("limits: { transactions: 2000, requests: 250 }\n")
        try bed.gateway.start()
        let flood = try Flood(of: 1_000, rate: Self.floodRate, to: Host.far, in: bed.testbed.gateway)
        let callee = try bed.answer()
        // Its media flows from before the flood until after it.
        let caller = try bed.call(["--seconds", "\(Int(Self.floodSeconds) + 5)"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        let connections = try LiveCalls(
            100, over: "TCP", to: "connections.example.net", port: 5081, ports: 20_000, bed)
        let datagrams = try LiveCalls(20, over: "UDP", to: "datagrams.example.net", port: 5080, ports: 22_000, bed)
        let before = try bed.status()
        try #require(before.sessions == 121)

        let start = ContinuousClock.now
        var memory = Trend()
        var second = 0
        while .now - start < .seconds(Self.floodSeconds) {
            flood.sendWhatIsDue()
            // As long as nothing comes, until more is due.
            try connections.handleWhatComes(milliseconds: 2)
            try datagrams.handleWhatComes(milliseconds: 0)
            guard .now - start > .seconds(second) else { continue }
            memory.add(try bed.usage(), at: .now - start)
            if second >= 5 { connections.hangUp() }
            // The last one's copies end in the flood too.
            if second >= 5, second % 4 == 1 { datagrams.hangUp() }
            second += 1
        }
        let flooded = try bed.status()
        // In the flood, not behind it.
        try #require(connections.answered(200) == 100, "\(connections.times.count) of 100")
        #expect(caller.wait(seconds: 20) == 0, bed.story(caller, callee))
        #expect(callee.wait(seconds: 20) == 0, bed.story(caller, callee))
        #expect(try bed.report("caller").lost() == 0 && bed.report("callee").lost() == 0)
        #expect(try bed.report("callee").rtp("received", "call").count > Int(Self.floodSeconds) * 40)
        #expect(try bed.elements().isEmpty)
        #expect(try bed.eventually { try bed.status().sessions == 0 }, bed.story())

        let end = memory.last(seconds: Self.floodSeconds / 2)
        let (read, times) = (flooded["requests"] - before["requests"], connections.times)
        print(
            "T9: \(Int(Double(flood.sent) / Self.floodSeconds)) messages a second sent, "
                + "\(Int(Double(read) / Self.floodSeconds)) read, \(flooded["over_limit"]) over the limit; "
                + "BYE p50 \(times[times.count / 2]), p99 \(times[times.count * 99 / 100 - 1]); over UDP "
                + "\(datagrams.answered(200)) of 20, \(datagrams.times.last ?? .zero) at most; "
                + "\(memory.first) KiB, at most \(memory.most); last half \(end.first) to \(end.latest), "
                + "\(Int(end.kibibytesPerMinute)) KiB a minute")
        #expect(flooded["over_limit"] > 0 && flood.sent > Int(Self.floodSeconds) * 2_000)
        #expect(memory.most < Self.mostKibibytes)
        #expect(end.kibibytesPerMinute < 1_024)
        #expect(try isServed("after-flood", bed), bed.story())
    }

    // MARK: T12

    @Test func `T12: 5000 connections that drip are closed, and who behaves is answered meanwhile`() throws {
        let count = 5_000
        let limit = try DescriptorLimit(atLeast: 12_000)
        defer { limit.restore() }
        let bed = try CallBed("drip")
        // Three quarters are for those that are accepted.
        try bed.configure("limits: { connections: 8192 }\n")
        try bed.gateway.start()
        let quiet = try bed.usage()
        let drops = Array("INVITE sip:bob@b.example.net SIP/2.0\r\n").map(String.init)
        // 64 of each source, as many as it may have.
        let peers = try (0..<count).map { number in
            try PlainSocket(
                from: Endpoint(.v4(0x7F01_0101 + UInt32(number / 64)), 0), to: Host.far, in: bed.testbed.gateway)
        }
        let start = Date().timeIntervalSince1970
        var open = peers
        var served = 0
        var asked = 0
        while !open.isEmpty, Date().timeIntervalSince1970 < start + 40 {
            open = open.filter { $0.send(drops[min(asked, drops.count - 1)]) && $0.receive(milliseconds: 0) == nil }
            asked += 1
            if try isServed("meanwhile-\(asked)", bed) { served += 1 }
            usleep(500_000)
        }
        #expect(open.isEmpty, "\(open.count) of \(count) are open after \(asked) rounds")
        #expect(served == asked && asked > 3, "\(served) of \(asked)")
        #expect(try bed.status()["slow_connections"] == count)
        #expect(try bed.eventually { try bed.usage().descriptors <= quiet.descriptors }, bed.story())
        #expect(try bed.usage().kibibytes < Self.mostKibibytes)
        #expect(try bed.elements().isEmpty)
    }

    @Test func `T12: 10 calls and a reset, up to ten thousand times, leave nothing`() throws {
        let bed = try CallBed("reset")
        try bed.configure("limits: { requests_per_source: 100000 }\ntimers: { t1_ms: 100 }\n")
        try bed.gateway.start()
        let quiet = try bed.usage()
        let start = ContinuousClock.now
        var memory = Trend()
        var rounds = 0
        // As many as fit into the time: a debug build has no more than a hundred a second.
        while rounds < 10_000, .now - start < .seconds(50) {
            let peer = try PlainSocket(from: Endpoint(Host.caller, 0), to: Host.near, in: bed.testbed.inside)
            peer.send((0..<10).map { Ask.call("reset-\(rounds)-\($0)").text }.joined())
            // Some are reset while their calls are being set up, some before they are read.
            if rounds % 2 == 0 { _ = peer.receive() }
            peer.reset()
            if rounds % 20 == 0 { memory.add(try bed.usage(), at: .now - start) }
            rounds += 1
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        // Nobody answers: timer B, 64 times T1, ends what is left (RFC 3261 section 17.1.1.2).
        #expect(try bed.eventually(seconds: 20) { try bed.status().sessions == 0 }, bed.story())
        #expect(try bed.eventually { try bed.elements().isEmpty }, bed.story())
        #expect(try bed.eventually { try bed.usage().descriptors <= quiet.descriptors }, bed.story())
        let status = try bed.status()
        let end = memory.last(seconds: seconds / 2)
        print(
            "T12: \(rounds) resets in \(Int(seconds)) s, \(status["sessions_opened"]) calls begun; \(quiet.kibibytes) KiB, "
                + "at most \(memory.most); last half \(end.first) to \(end.latest)")
        #expect(memory.most < Self.mostKibibytes)
        // How many transactions there are at one time varies. 4 KiB of each connection, as were kept once, are more.
        #expect(end.latest - end.first < 6 << 10)
        #expect(status["sessions_opened"] == status["sessions_closed"] && status["sessions_opened"] > 500)
        #expect(status.pinholes == 0)
        #expect(try isServed("after-resets", bed), bed.story())
    }
}

/// How many descriptors this process may have, raised to the most that it may be.
private struct DescriptorLimit {
    private var before = rlimit()

    init(atLeast count: UInt) throws {
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before)
        var limit = before
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        try #require(limit.rlim_max >= count, "this test needs \(count) descriptors a process: ulimit -Hn")
    }

    func restore() {
        var before = before
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before)
    }
}
