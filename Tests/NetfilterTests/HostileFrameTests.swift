import GateProtocol
import Glibc
import Lab
import Testing
import Wire

/// Whoever takes sekishod over can say to the gate what it likes. What the kernel then holds is judged by what nft lists, and by
/// rules written down here and not by the gate's own.
@Suite(.serialized) struct HostileFrameTests {
    /// Frames in all: a tenth of a million, or as many as the environment says.
    private static let frames = getenv("SEKISHO_FRAMES").flatMap { Int(String(cString: $0)) } ?? 100_000
    /// Frames that are on their way at one time.
    private static let together = 500

    private struct Hostile {
        var random = SystemRandomNumberGenerator()
        private let hosts = [
            "10.1.0.1", "10.1.0.2", "10.1.0.200", "10.1.1.2", "10.2.0.1", "10.2.0.2", "10.2.0.3", "10.2.0.77",
            "127.0.0.1",
            "0.0.0.0", "224.0.0.1", "255.255.255.255", "169.254.1.1", "203.0.113.9", "fd00:1::1", "fd00:1::2",
            "fd00:2::1",
            "fd00:2::2", "::", "::1", "fe80::1", "ff02::1", "::ffff:10.1.0.2", "64:ff9b::a01:2", "fd00:1:0:1::2",
        ].compactMap { IPAddress($0) }
        private let ports: [UInt16] = [0, 1, 22, 53, 1_023, 1_024, 1_900, 3_389, 5_060, 5_061, 11_211, 65_535]

        mutating func endpoint() -> Endpoint {
            let address: IPAddress =
                switch Int.random(in: 0..<20, using: &random) {
                case 0: .v4(.random(in: 0...UInt32.max, using: &random))
                case 1: .v6(.random(in: 0...UInt64.max, using: &random), .random(in: 0...UInt64.max, using: &random))
                case _: hosts[Int.random(in: 0..<hosts.count, using: &random)]
                }
            let isOdd = Int.random(in: 0..<4, using: &random) == 0
            let port =
                isOdd
                ? ports[Int.random(in: 0..<ports.count, using: &random)]
                : UInt16.random(in: 4_000..<4_100, using: &random)
            return Endpoint(address, port)
        }

        mutating func endpoints() -> [Endpoint] {
            (0..<Int.random(in: 0...3, using: &random)).map { _ in endpoint() }
        }

        mutating func request() -> GateRequest {
            let session = SessionID(.random(in: 0..<64, using: &random))
            switch Int.random(in: 0..<8, using: &random) {
            case 0...1: return .openFromAny(session, inside: endpoints())
            case 2...5:
                let paths = endpoints().map { MediaPath(inside: $0, outside: endpoint()) }
                let learning = endpoints().map {
                    LearningPath(inside: $0, told: endpoint(), from: endpoint().address)
                }
                return .narrow(
                    session, Holes(halfOpen: endpoints(), paths: paths, learning: learning, reserved: endpoints()))
            case 6: return .close(session)
            case _: return .renew([session, SessionID(.random(in: 0...UInt64.max, using: &random))])
            }
        }

        mutating func noise() -> [UInt8] {
            (0..<Int.random(in: 1...64, using: &random)).map { _ in .random(in: 0...255, using: &random) }
        }
    }

    @Test func `T18: random frames open nothing that the policy forbids`() throws {
        let gate = try GateProcess("hostile")
        let child = try gate.start([], ["log_changes: false"])
        try child.expect("ready")
        var hostile = Hostile()
        var client = try gate.connect()
        var done = 0
        var refused = 0
        for round in 0..<Self.frames / Self.together {
            var octets: [UInt8] = []
            for number in 0..<Self.together {
                try FrameEncoder.append(.request(hostile.request(), id: UInt32(number)), to: &octets)
            }
            client.send(octets)
            for _ in 0..<Self.together {
                switch try client.receive() {
                case .completed, .bound, .closed, .renewed: done += 1
                case .refused: refused += 1
                case .listed, .welcome, nil: Issue.record("no answer")
                }
            }
            // What is no frame ends its connection and nothing else.
            if round.isMultiple(of: 100) {
                let noisy = try GateClient(path: gate.path)
                for _ in 0..<Self.together { guard noisy.send(hostile.noise()) else { break } }
                client = try gate.connect()
                try expectPolicy(of: gate)
            }
        }
        #expect(done > Self.frames / 10 && refused > Self.frames / 10, "\(done) done, \(refused) refused")
        try expectPolicy(of: gate)
        #expect(try gate.connect().ask(.close(SessionID(0))) != nil)
        child.signal(SIGTERM)
        #expect(child.wait(seconds: 8) == 0)
    }

    /// Every element that nft lists leads from outside to a phone, or from a phone to outside.
    private func expectPolicy(of gate: GateProcess) throws {
        let listing = try gate.testbed.gateway.command("nft", "list", "table", "netdev", "sekisho")
        var map = ""
        for line in listing.split(separator: "\n") {
            let words = line.split(whereSeparator: { " \t,".contains($0) })
            if words.first == "map", words.count > 1 { map = String(words[1]) }
            guard line.contains(" timeout "), line.contains(" : "), !map.isEmpty else { continue }
            let key = words.prefix { $0 != "timeout" && $0 != "limit" && $0 != "counter" }.filter {
                ![".", "elements", "=", "{"].contains($0)
            }
            let ends = stride(from: 0, to: key.count - 1, by: 2).compactMap { index in
                IPAddress(String(key[index])).flatMap { address in UInt16(key[index + 1]).map { Endpoint(address, $0) }
                }
            }
            let isHalfOpen = map.hasPrefix("any")
            guard ends.count == (isHalfOpen ? 1 : 2) else {
                Issue.record("an element that is not understood: \(line)")
                continue
            }
            let inside = map.hasPrefix("out") ? ends[0] : ends[ends.count - 1]
            #expect(isPhone(inside), "\(map): \(line)")
            if !isHalfOpen { #expect(isFarEnd(map.hasPrefix("out") ? ends[1] : ends[0]), "\(map): \(line)") }
        }
    }

    private func isFree(_ port: UInt16) -> Bool {
        port >= 1_024 && ![1_900, 3_389, 5_060, 5_061, 11_211].contains(port)
    }

    private func isPhone(_ endpoint: Endpoint) -> Bool {
        let text = endpoint.address.description
        let isThere =
            text.hasPrefix("10.1.0.") && text != "10.1.0.1"
            || Prefix("fd00:1::/64")?.contains(endpoint.address) ?? false && text != "fd00:1::1"
        return isThere && isFree(endpoint.port)
    }

    private func isFarEnd(_ endpoint: Endpoint) -> Bool {
        let ranges = [
            "10.1.0.0/24", "fd00:1::/64", "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/96",
            "fe80::/10",
            "ff00::/8", "::ffff:0:0/96", "64:ff9b::/96", "10.2.0.1", "10.2.0.77", "fd00:2::1",
        ]
        return !ranges.contains { Prefix($0)?.contains(endpoint.address) ?? true } && isFree(endpoint.port)
    }

    /// What sekishod is: a user of its own without any capability. Whoever is that user finds no other way to the kernel.
    @Test(arguments: [
        ["nft", "list", "ruleset"], ["nft", "add", "table", "inet", "mine"], ["ip", "link", "set", "lan0", "down"],
        ["tcpdump", "-i", "lan0", "-c", "1"], ["nsenter", "--net=/proc/1/ns/net", "true"],
        ["sh", "-c", "exec 3</proc/GATE/mem"],
    ])
    func `T18: the user of sekishod may not touch the firewall itself`(_ words: [String]) throws {
        let gate = try GateProcess("unprivileged")
        let child = try gate.startReady()
        let before = try gate.ruleset()
        let user = [
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--no-new-privs",
        ]
        let line = words.map {
            $0.split(separator: "GATE", omittingEmptySubsequences: false).joined(separator: "\(child.process)")
        }
        // As root, all of it works: it is the user that it fails for.
        let attempt = try Command.run(["ip", "netns", "exec", gate.testbed.gateway.name] + user + line)
        #expect(attempt.status != 0, "\(attempt.output)")
        #expect(
            attempt.output.contains("ermi") || attempt.output.contains("not permitted")
                || attempt.output.contains("denied"),
            "\(line): \(attempt.output)")
        #expect(try gate.ruleset() == before)
    }
}
