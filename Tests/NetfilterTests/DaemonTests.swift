import GateProtocol
import Glibc
import Lab
import Testing
import Wire

/// A gate process in a testbed.
final class GateProcess {
    let testbed: GatewayTestbed
    let path: String
    private let directory: String
    private var started = 0

    init(_ name: String) throws {
        testbed = try GatewayTestbed(name)
        directory = "/tmp/sekisho-test-\(getpid())-gate-\(name)"
        try Command.output(["mkdir", "-p", directory])
        path = "\(directory)/gate.sock"
    }

    deinit { _ = try? Command.run(["rm", "-rf", directory]) }

    /// - Parameters:
    ///   - prefix: a program that runs the gate, such as `env` or `setpriv`.
    ///   - more: further lines of the configuration.
    func start(_ prefix: [String] = [], _ more: [String] = []) throws -> Child {
        started += 1
        var lines = [
            "inside: { interface: lan0, prefixes: [10.1.0.0/24, \"fd00:1::/64\"] }",
            "outside: { interface: wan0 }", "forbidden: [10.2.0.77]",
        ]
        if !more.contains(where: { $0.hasPrefix("socket") }) { lines.append("socket: \(path)") }
        if !more.contains(where: { $0.hasPrefix("allow_user") }) { lines.append("allow_user: 0") }
        if !more.contains(where: { $0.hasPrefix("keep_on_exit") }) { lines.append("keep_on_exit: false") }
        let configuration = "\(directory)/gated-\(started).yaml"
        let text = (lines + more).joined(separator: "\n") + "\n"
        try Command.output(["sh", "-c", "printf '%s' '\(text)' > \(configuration)"])
        return try Child(
            "gated-\(started)", prefix + [Child.product("sekisho-gated"), "--config", configuration],
            in: testbed.gateway, directory: directory)
    }

    func startReady(_ more: [String] = []) throws -> Child {
        let child = try start([], more)
        try child.expect("ready")
        return child
    }

    /// A connection that has said hello.
    func connect() throws -> GateClient {
        let client = try GateClient(path: path)
        guard case .welcome = try client.ask(.hello(version: GateFrame.version)) else {
            throw Command.Failure(description: "no welcome")
        }
        return client
    }

    func ruleset() throws -> String { try testbed.gateway.command("nft", "list", "ruleset") }
}

@Suite(.serialized) struct DaemonTests {
    private let hosts = Addressing.both[0]
    private let session = SessionID(0xABC)

    @Test func `a call through the process, and a clean end`() throws {
        let gate = try GateProcess("daemon")
        let notify = "/tmp/sekisho-\(getpid())-notify.sock"
        let listener = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(notify.utf8)) }
        defer {
            close(listener)
            unlink(notify)
        }
        let bound = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(bound == 0)
        let child = try gate.start(["env", "NOTIFY_SOCKET=\(notify)"])
        try child.expect("ready")
        var state = [UInt8](repeating: 0, count: 64)
        let length = recv(listener, &state, state.count, 0)
        #expect(String(decoding: state.prefix(max(0, length)), as: UTF8.self) == "READY=1")

        let client = try GateClient(path: gate.path)
        #expect(
            try client.ask(.hello(version: GateFrame.version))
                == .welcome(version: GateFrame.version, holeTimeout: .seconds(60)))
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        #expect(try client.ask(.openFromAny(session, inside: [hosts.inside])) == .completed)
        #expect(try client.ask(.narrow(session, Holes(paths: [hosts.path]))) == .completed)
        try a.send(0..<5, to: hosts.outside)
        try b.send(0..<7, to: hosts.inside)
        #expect(a.receive(7).count == 7)
        #expect(b.receive(5).count == 5)
        #expect(try client.ask(.renew([session])) == .renewed(missing: []))
        #expect(try client.ask(.close(session))?.isDone == true)
        try b.send(0..<7, to: hosts.inside)
        #expect(a.receive().isEmpty)
        try child.expect("close 0000000000000abc; closed 10.1.0.2:4000<->10.2.0.2:5000 out 5 in 7")
        var info = stat()
        #expect(stat(gate.path, &info) == 0 && info.st_mode & 0o777 == 0o660)

        child.signal(SIGTERM)
        #expect(child.wait(seconds: 10) == 0)
        #expect(try gate.ruleset() == GatewayTestbed.foreignRules)
        #expect(access(gate.path, F_OK) != 0)
    }

    @Test func `a path is learned from the log of packets, and the log says so; without it none is promised`() throws {
        let gate = try GateProcess("daemonlearn")
        let child = try gate.startReady()
        let client = try gate.connect()
        let a = try PacketPump(hosts.inside, in: gate.testbed.inside)
        let b = try PacketPump(hosts.outside, in: gate.testbed.outside)
        let told = endpoint("192.168.1.7:5000")
        let holes = Holes(
            learning: [LearningPath(inside: hosts.inside, told: told, from: hosts.outside.address)])
        #expect(try client.ask(.narrow(session, holes)) == .completed)
        try b.send(0..<1, to: hosts.inside)
        try child.expect("learned 0000000000000abc 10.1.0.2:4000<->10.2.0.2:5000, said 192.168.1.7:5000")
        try b.send(1..<8, to: hosts.inside)
        #expect(a.receive(7).map(\.number) == Array(1..<8))
        guard case .closed(let report)? = try client.ask(.close(session)) else {
            Issue.record("not closed")
            return
        }
        #expect(report.paths.map(\.path) == [hosts.path] && report.paths.first?.incoming.packets == 7)
        child.signal(SIGTERM)
        #expect(child.wait(seconds: 10) == 0)
        let blind = try gate.startReady(["near_misses: { per_second: 0 }"])
        let refusal = GateRefusal(.learningDisabled, endpoint: hosts.inside)
        #expect(try gate.connect().ask(.narrow(session, holes)) == .refused(refusal))
        withExtendedLifetime(blind) {}
    }

    @Test func `a refusal says why, to the asker and in the log`() throws {
        let gate = try GateProcess("refuse")
        let child = try gate.startReady()
        let client = try gate.connect()
        let own = endpoint("10.1.0.1:4000")
        #expect(
            try client.ask(.openFromAny(session, inside: [own]))
                == .refused(GateRefusal(.ownAddress, endpoint: own)))
        try child.expect("refused open 0000000000000abc any->10.1.0.1:4000: 10.1.0.1:4000: this is an address of")
        let recorder = endpoint("10.2.0.77:5000")
        let holes = Holes(paths: [MediaPath(inside: hosts.inside, outside: recorder)])
        #expect(
            try client.ask(.narrow(session, holes)) == .refused(GateRefusal(.forbiddenAddress, endpoint: recorder)))
    }

    @Test func `hello comes first, with the right version, and nothing but requests follow`() throws {
        let gate = try GateProcess("hello")
        let child = try gate.startReady()
        let rude = try GateClient(path: gate.path)
        #expect(try rude.ask(.close(session)) == .refused(GateRefusal(.notReady)))
        #expect(try rude.receive() == nil)
        let old = try GateClient(path: gate.path)
        #expect(try old.ask(.hello(version: 0)) == .refused(GateRefusal(.badVersion)))
        #expect(try old.receive() == nil)
        let garbage = try gate.connect()
        garbage.send(Array("INVITE sip:bob@example.net SIP/2.0\r\n".utf8))
        #expect(try garbage.receive() == nil)
        let answering = try gate.connect()
        answering.send([0, 0, 0, 5, 0x81, 0, 0, 0, 1])
        #expect(try answering.receive() == nil)
        #expect(try gate.connect().ask(.close(session))?.isDone == true)
        child.signal(SIGINT)
        #expect(child.wait(seconds: 10) == 0)
    }

    @Test func `requests that come in one piece are answered in their order`() throws {
        let gate = try GateProcess("piece")
        let child = try gate.startReady()
        let client = try gate.connect()
        let other = endpoint("10.1.0.2:4010")
        let own = endpoint("10.1.0.1:4000")
        let refused = GateReply.refused(GateRefusal(.ownAddress, endpoint: own))
        let conversation: [(GateRequest, GateReply)] = [
            (.openFromAny(session, inside: [hosts.inside]), .completed),
            (.openFromAny(SessionID(2), inside: [own]), refused),
            (.openFromAny(SessionID(3), inside: [other]), .completed),
            (.renew([session, SessionID(2)]), .renewed(missing: [SessionID(2)], silent: [session])),
            (
                .close(session),
                .closed(
                    HoleReport(
                        session: session, halfOpen: [HalfOpenReport(inside: hosts.inside, incoming: Traffic())]))
            ),
            (
                .list(after: nil),
                .listed(
                    [
                        HoleReport(
                            session: SessionID(3),
                            halfOpen: [
                                HalfOpenReport(inside: other, incoming: Traffic())
                            ])
                    ], more: false)
            ),
            (.narrow(SessionID(2), Holes(halfOpen: [own])), refused),
            (
                .close(SessionID(3)),
                .closed(
                    HoleReport(
                        session: SessionID(3), halfOpen: [HalfOpenReport(inside: other, incoming: Traffic())]))
            ),
        ]
        var octets: [UInt8] = []
        for (index, (request, _)) in conversation.enumerated() {
            try FrameEncoder.append(.request(request, id: UInt32(100 + index)), to: &octets)
        }
        client.send(octets)
        for (index, (_, reply)) in conversation.enumerated() {
            #expect(try client.receiveFrame() == .reply(reply, id: UInt32(100 + index)))
        }
        try child.expect("close 0000000000000abc; closed any->10.1.0.2:4000 in 0")

        // What came before a fault is done, more than are done together too.
        octets = []
        for number in 1...100 as ClosedRange<UInt64> {
            let inside = Endpoint(hosts.inside.address, UInt16(6000 + number))
            try FrameEncoder.append(.request(.openFromAny(SessionID(number), inside: [inside]), id: 1), to: &octets)
        }
        client.send(octets + [0, 0, 0, 5, 0x7F, 0, 0, 0, 1])
        while try client.receive() != nil {}
        let (later, listed) = (try gate.connect(), SessionID(90))
        guard case .listed(let reports, _) = try later.ask(.list(after: listed)) else {
            throw Command.Failure(description: "no list")
        }
        #expect(reports.map(\.session.value) == Array(91...100))
    }

    @Test func `a second gate ends and leaves the first one's holes alone`() throws {
        let gate = try GateProcess("second")
        let child = try gate.startReady()
        let client = try gate.connect()
        #expect(try client.ask(.openFromAny(session, inside: [hosts.inside])) == .completed)
        let second = try gate.start()
        #expect(second.wait(seconds: 10) == 1)
        #expect(second.text.contains("another sekisho-gated runs on \(gate.path)"))
        // With a socket of its own it would still have the same table.
        let elsewhere = try gate.start([], ["socket: \(gate.path)-2"])
        #expect(elsewhere.wait(seconds: 10) == 1)
        #expect(elsewhere.text.contains("another sekisho-gated has table netdev sekisho"))
        #expect(try gate.ruleset().contains("10.1.0.2 . 4000"))
        #expect(try client.ask(.close(session))?.isDone == true)
        child.signal(SIGTERM)
        #expect(child.wait(seconds: 10) == 0)
    }

    @Test func `a gate that was killed is replaced, and its table goes on`() throws {
        let gate = try GateProcess("killed")
        let first = try gate.startReady()
        #expect(try gate.connect().ask(.openFromAny(session, inside: [hosts.inside])) == .completed)
        first.signal(SIGKILL)
        #expect(first.wait(seconds: 10) == 128 + SIGKILL)
        #expect(try gate.ruleset().contains("10.1.0.2 . 4000"))
        let second = try gate.startReady()
        try second.expect("table netdev sekisho taken over with 1 sessions; 0 elements of none removed")
        #expect(try gate.ruleset().contains("10.1.0.2 . 4000"))
        #expect(try gate.connect().ask(.close(session))?.isDone == true)
        #expect(try !gate.ruleset().contains("10.1.0.2 . 4000"))
        second.signal(SIGTERM)
        #expect(second.wait(seconds: 10) == 0)
    }

    @Test func `the table stays when that is asked for`() throws {
        let gate = try GateProcess("keep")
        let child = try gate.startReady(["keep_on_exit: true"])
        #expect(try gate.connect().ask(.openFromAny(session, inside: [hosts.inside])) == .completed)
        child.signal(SIGTERM)
        #expect(child.wait(seconds: 10) == 0)
        #expect(try gate.ruleset().contains("10.1.0.2 . 4000"))
    }

    @Test func `only root and the users allowed may ask`() throws {
        let gate = try GateProcess("users")
        let child = try gate.startReady(["allow_user: 65533"])
        try Command.output(["chmod", "755", gate.path.split(separator: "/").dropLast().map { "/" + $0 }.joined()])
        try Command.output(["chmod", "666", gate.path])
        // Sends hello as another user and prints how many octets came back.
        let script = """
            use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die; $SIG{PIPE} = "IGNORE";
            syswrite($s, pack("NCNn", 7, 1, 1, \(GateFrame.version))); print sysread($s, my $b, 100) // 0;
            """
        func octets(as user: Int) throws -> String {
            try Command.output(["setpriv", "--reuid", "\(user)", "--clear-groups", "perl", "-e", script, gate.path])
        }
        #expect(try octets(as: 0) == "16")
        #expect(try octets(as: 65533) == "16")
        #expect(try octets(as: 65532) == "0")
        try child.expect("connection refused: user 65532")
    }

    @Test func `a start without the capability or the interface says what is missing`() throws {
        let gate = try GateProcess("missing")
        let unprivileged = try gate.start(["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"])
        #expect(unprivileged.wait(seconds: 10) == 1)
        #expect(unprivileged.text.contains("CAP_NET_ADMIN is missing"))
        #expect(access(gate.path, F_OK) != 0)
        try gate.testbed.gateway.command("ip", "link", "set", "wan0", "down")
        try gate.testbed.gateway.command("ip", "link", "set", "wan0", "name", "wan7")
        let homeless = try gate.start()
        #expect(homeless.wait(seconds: 10) == 1)
        #expect(homeless.text.contains("outside.interface: no such interface: wan0; allowed: "))
        #expect(homeless.text.split(separator: "\n").count == 1)
    }

    @Test func `more connections than the limit are closed at once`() throws {
        let gate = try GateProcess("conns")
        let child = try gate.startReady()
        var clients: [GateClient] = []
        for _ in 0..<8 { clients.append(try gate.connect()) }
        let ninth = try GateClient(path: gate.path)
        #expect(try ninth.receive() == nil)
        try child.expect("connection refused: 8 are open")
        clients.removeLast()
        try child.expect("connection closed: by the peer")
        #expect(try gate.connect().ask(.close(session))?.isDone == true)
    }

    @Test func `a peer that does not read is closed and holds up nobody`() throws {
        let gate = try GateProcess("deaf")
        let child = try gate.startReady()
        let deaf = try gate.connect()
        for number in 1...UInt64(GateLimits.reportsPerPage) {
            let paths = (0..<UInt16(GateLimits.holesPerSession)).map { index in
                let port = 20_000 + UInt16(number) * 64 + index
                return MediaPath(
                    inside: Endpoint(hosts.inside.address, port), outside: Endpoint(hosts.outside.address, port))
            }
            #expect(try deaf.ask(.narrow(SessionID(number), Holes(paths: paths))) == .completed)
        }
        var lists: [UInt8] = []
        for _ in 0..<2000 { try FrameEncoder.append(.request(.list(after: nil), id: 1), to: &lists) }
        deaf.send(lists)
        try child.expect("the peer does not read its replies")
        #expect(try gate.connect().ask(.close(SessionID(1)))?.isDone == true)
    }

    @Test func `20,000 mutated requests open nothing outside the policy`() throws {
        let gate = try GateProcess("fuzz")
        let child = try gate.startReady()
        let policy = PinholePolicy(inside: GatewayFixture.insidePrefixes)
        let holes = Holes(halfOpen: [hosts.inside], paths: [hosts.path])
        var good: [[UInt8]] = []
        let requests: [GateRequest] = [
            .openFromAny(session, inside: [hosts.inside]), .narrow(session, holes), .close(session),
            .renew([session]), .list(after: nil),
        ]
        for request in requests {
            var octets: [UInt8] = []
            try FrameEncoder.append(.request(request, id: 1), to: &octets)
            good.append(octets)
        }
        var random = SystemRandomNumberGenerator()
        var client = try gate.connect()
        for _ in 0..<20_000 {
            guard var octets = good.randomElement(using: &random) else { return }
            // The length stays right, so that the gate always has a whole frame to judge.
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                octets[Int.random(in: 4..<octets.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if !client.send(octets) { client = try gate.connect() }
            do {
                if try client.receive() == nil { client = try gate.connect() }
            } catch {
                Issue.record("the gate sent what is no frame: \(error)")
            }
        }
        var after: SessionID?
        while case .listed(let reports, let more)? = try client.ask(.list(after: after)) {
            for report in reports { #expect(policy.refusal(report.holes) == nil) }
            after = reports.last?.session
            if !more { break }
        }
        child.signal(SIGTERM)
        #expect(child.wait(seconds: 10) == 0)
    }
}
