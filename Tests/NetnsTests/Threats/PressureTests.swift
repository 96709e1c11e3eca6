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
        socket.send(ask.text, to: Host.near)
        guard socket.receive(milliseconds: 5_000)?.hasPrefix("SIP/2.0 ") == true else { return false }
        let connection = try PlainSocket(from: Endpoint(Host.caller, 0), to: Host.near, in: bed.testbed.inside)
        ask.transport = "TCP"
        ask.id += "-tcp"
        connection.send(ask.text)
        return connection.receive(milliseconds: 5_000)?.hasPrefix("SIP/2.0 ") == true
    }

    // MARK: T9

    /// Requests of 500 sources in turn until `seconds` are over, about 8,000 a second.
    private func flood(_ sockets: [PlainSocket], seconds: Double) -> Int {
        let end = Date().timeIntervalSince1970 + seconds
        var sent = 0
        while Date().timeIntervalSince1970 < end {
            for _ in 0..<80 {
                var ask = Ask("flood-\(sent)")
                let source = sockets[sent % sockets.count]
                switch sent % 4 {
                case 0: (ask.method, ask.uri) = ("REGISTER", "sip:home.example.net")
                case 1: (ask.method, ask.uri) = ("INVITE", "sip:alice@home.example.net")
                case 2: (ask.method, ask.uri) = ("MESSAGE", "sip:nobody@nowhere.example")
                case _: ask.method = "OPTIONS"
                }
                ask.from = "sip:flood-\(sent)@home.example.net"
                if sent % 4 > 1 { ask.from = "sip:flood@elsewhere.example" }
                ask.to = ask.method == "REGISTER" ? ask.from : ask.uri
                source.send(ask.text, to: Host.far)
                sent += 1
            }
            usleep(10_000)
        }
        return sent
    }

    @Test func `T9: a flood from 500 sources neither fills the memory nor touches a call`() throws {
        let bed = try CallBed("flood")
        try bed.addRegistrar()
        // Full after a second, so that what is looked at is the full table.
        try bed.configure("limits: { transactions: 2000, requests: 4000 }\n")
        try bed.gateway.start()
        let sockets = try (0..<500 as Range<UInt32>).map { number in
            try PlainSocket(.udp, Endpoint(.v4(0x7F01_0101 + number), 0), in: bed.testbed.gateway)
        }
        // It goes on answering copies of the BYE, when its first answer is lost.
        let callee = try bed.answer(["--keep-sending", "5"])
        let caller = try bed.call(["--seconds", "3"])
        #expect(try bed.eventually { try bed.isOpen() }, bed.story(caller, callee))
        var sent = flood(sockets, seconds: 2)
        let middle = try bed.usage()
        sent += flood(sockets, seconds: 3)
        let end = try bed.usage()
        // The call ended in the flood: its BYE was answered, and no packet of its media is missing.
        #expect(caller.wait(seconds: 20) == 0, bed.story(caller, callee))
        #expect(callee.wait(seconds: 20) == 0, bed.story(caller, callee))
        #expect(try bed.report("caller").lost() == 0 && bed.report("callee").lost() == 0)
        #expect(try bed.elements().isEmpty)
        let status = try bed.status()
        print(
            "T9: \(sent) sent, \(status["requests"]) read, \(status["over_limit"]) over the limit; "
                + "\(middle.kibibytes) KiB, then \(end.kibibytes) KiB")
        #expect(end.kibibytes < Self.mostKibibytes)
        #expect(end.kibibytes - middle.kibibytes < 16 << 10, "\(middle.kibibytes) KiB, then \(end.kibibytes) KiB")
        #expect(try isServed("after-flood", bed), bed.story())
    }

    // MARK: T12

    @Test func `T12: 5000 connections that drip are closed, and who behaves is answered meanwhile`() throws {
        let count = 5_000
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let before = limit
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        defer {
            var before = before
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &before)
        }
        try #require(limit.rlim_max >= 12_000, "this test needs 12000 descriptors a process: ulimit -Hn")
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

    @Test func `T12: 10 calls and a reset, 200 times, leave nothing`() throws {
        let bed = try CallBed("reset")
        try bed.configure("limits: { requests_per_source: 100000 }\ntimers: { t1_ms: 100 }\n")
        try bed.gateway.start()
        func rounds(_ numbers: Range<Int>) throws {
            for round in numbers {
                let peer = try PlainSocket(from: Endpoint(Host.caller, 0), to: Host.near, in: bed.testbed.inside)
                peer.send((0..<10).map { Ask.call("reset-\(round)-\($0)").text }.joined())
                // Some are reset while their calls are being set up, some before they are read.
                if round % 2 == 0 { _ = peer.receive() }
                peer.reset()
            }
        }
        let quiet = try bed.usage()
        // The first calls make room that stays.
        try rounds(0..<50)
        let before = try bed.usage()
        try rounds(50..<200)
        // Nobody answers: timer B, 64 times T1, ends what is left (RFC 3261 section 17.1.1.2).
        #expect(try bed.eventually(seconds: 20) { try bed.status().sessions == 0 }, bed.story())
        #expect(try bed.eventually { try bed.elements().isEmpty }, bed.story())
        #expect(try bed.eventually { try bed.usage().descriptors <= quiet.descriptors }, bed.story())
        let after = try bed.usage()
        print("T12: \(quiet.kibibytes) KiB, \(before.kibibytes) after 500 calls, \(after.kibibytes) after 2000")
        #expect(after.kibibytes - before.kibibytes < 16 << 10)
        let status = try bed.status()
        #expect(status["sessions_opened"] == status["sessions_closed"] && status["sessions_opened"] > 500)
        #expect(status.pinholes == 0)
        #expect(try isServed("after-resets", bed), bed.story())
    }
}
