import GateProtocol
import Testing
import Wire

@Suite struct PinholePolicyTests {
    static let policy = PinholePolicy(
        inside: ["10.1.0.0/24", "192.168.7.0/25", "fd00:1::/64"].compactMap { Prefix($0) },
        ownAddresses: Set(["10.1.0.1", "203.0.113.1", "fd00:1::1", "2001:db8:9::1"].compactMap { IPAddress($0) }),
        forbidden: ["10.1.0.200/32", "198.51.100.0/28", "2001:db8:bad::/48"].compactMap { Prefix($0) })

    @Test(arguments: [
        "10.1.0.2:4000", "10.1.0.254:1024", "10.1.0.2:65535", "192.168.7.127:30000", "[fd00:1::2]:4000",
        "[fd00:1::ffff:ffff:ffff:ffff]:5059",
    ])
    func `inside hosts are allowed inside`(text: String) {
        #expect(Self.policy.refusal(inside: endpoint(text)) == nil)
    }

    @Test(arguments: [
        "203.0.113.7:5004", "8.8.8.8:1024", "10.2.0.2:65535", "192.168.7.128:4000", "100.64.0.1:4000",
        "[2001:db8::1]:4000", "[fd00:2::1]:4000", "[2a00::]:5062", "198.51.100.16:4000",
    ])
    func `hosts elsewhere are allowed outside`(text: String) {
        #expect(Self.policy.refusal(outside: endpoint(text)) == nil)
    }

    @Test(
        arguments: [
            ("10.1.0.2:4000", "192.168.1.7:5000", "203.0.113.7", nil),
            ("10.2.0.2:4000", "192.168.1.7:5000", "203.0.113.7", .notInside),
            ("10.1.0.2:4000", "10.1.0.7:5000", "203.0.113.7", .notOutside),
            ("10.1.0.2:4000", "192.168.1.7:5060", "203.0.113.7", .forbiddenPort),
            ("10.1.0.2:4000", "192.168.1.7:5000", "10.1.0.7", .notOutside),
            ("10.1.0.2:4000", "192.168.1.7:5000", "203.0.113.1", .ownAddress),
            ("10.1.0.2:4000", "192.168.1.7:5000", "198.51.100.3", .forbiddenAddress),
            ("10.1.0.2:4000", "192.168.1.7:5000", "2001:db8::1", .mixedFamilies),
            ("10.1.0.2:4000", "[fd00:9::7]:5000", "203.0.113.7", .mixedFamilies),
        ] as [(String, String, String, GateRefusal.Reason?)])
    func `what may be learned`(inside: String, told: String, from: String, reason: GateRefusal.Reason?) throws {
        let path = LearningPath(
            inside: endpoint(inside), told: endpoint(told), from: try #require(IPAddress(from)))
        #expect(Self.policy.refusal(Holes(learning: [path]))?.reason == reason)
    }

    @Test func `what is to be learned counts`() {
        let most = Array(repeating: Samples.learning4, count: GateLimits.holesPerSession)
        #expect(Self.policy.refusal(Holes(learning: most)) == nil)
        #expect(Self.policy.refusal(Holes(learning: most + [Samples.learning4]))?.reason == .tooManyHoles)
    }

    /// What neither end may be, whatever else holds.
    static let neverAllowed: [(String, GateRefusal.Reason)] = [
        ("0.0.0.0:4000", .forbiddenAddress), ("0.1.2.3:4000", .forbiddenAddress),
        ("127.0.0.1:4000", .forbiddenAddress), ("127.255.255.254:4000", .forbiddenAddress),
        ("169.254.0.1:4000", .forbiddenAddress), ("169.254.169.254:4000", .forbiddenAddress),
        ("224.0.0.1:4000", .forbiddenAddress), ("232.1.1.1:4000", .forbiddenAddress),
        ("239.255.255.255:4000", .forbiddenAddress), ("240.0.0.1:4000", .forbiddenAddress),
        ("255.255.255.254:4000", .forbiddenAddress), ("255.255.255.255:4000", .forbiddenAddress),
        ("[::]:4000", .forbiddenAddress), ("[::1]:4000", .forbiddenAddress),
        ("[fe80::1]:4000", .forbiddenAddress), ("[febf::1]:4000", .forbiddenAddress),
        ("[ff00::1]:4000", .forbiddenAddress), ("[ff02::1]:4000", .forbiddenAddress),
        ("[ff0e::1:2]:4000", .forbiddenAddress), ("[::ffff:10.1.0.2]:4000", .forbiddenAddress),
        ("[::ffff:8.8.8.8]:4000", .forbiddenAddress), ("[::10.1.0.2]:4000", .forbiddenAddress),
        ("[64:ff9b::a01:2]:4000", .forbiddenAddress), ("[2002:a01:2::1]:4000", .forbiddenAddress),
        ("10.1.0.1:4000", .ownAddress), ("203.0.113.1:4000", .ownAddress),
        ("[fd00:1::1]:4000", .ownAddress), ("[2001:db8:9::1]:4000", .ownAddress),
        ("10.1.0.200:4000", .forbiddenAddress), ("198.51.100.0:4000", .forbiddenAddress),
        ("198.51.100.15:4000", .forbiddenAddress), ("[2001:db8:bad::1]:4000", .forbiddenAddress),
        ("[2001:db8:bad:ffff::]:4000", .forbiddenAddress),
    ]

    @Test(arguments: neverAllowed)
    func `some addresses are allowed on neither side`(text: String, reason: GateRefusal.Reason) {
        let endpoint = endpoint(text)
        #expect(Self.policy.refusal(inside: endpoint) == GateRefusal(reason, endpoint: endpoint))
        #expect(Self.policy.refusal(outside: endpoint) == GateRefusal(reason, endpoint: endpoint))
    }

    @Test(arguments: [0, 1, 22, 53, 67, 123, 161, 443, 1023, 1900, 3389, 5060, 5061, 11211] as [UInt16])
    func `some ports are allowed on neither side`(port: UInt16) {
        for (inside, outside) in [("10.1.0.2", "203.0.113.7"), ("fd00:1::2", "2001:db8::1")] {
            guard let a = IPAddress(inside), let b = IPAddress(outside) else { return }
            #expect(Self.policy.refusal(inside: Endpoint(a, port))?.reason == .forbiddenPort)
            #expect(Self.policy.refusal(outside: Endpoint(b, port))?.reason == .forbiddenPort)
        }
    }

    @Test(arguments: [
        "10.1.1.0:4000", "10.0.255.255:4000", "10.2.0.2:4000", "192.168.7.128:4000", "8.8.8.8:4000",
        "[fd00:1:0:1::2]:4000", "[fd00:2::2]:4000", "[2001:db8::1]:4000",
    ])
    func `an inside end elsewhere is refused`(text: String) {
        #expect(Self.policy.refusal(inside: endpoint(text))?.reason == .notInside)
    }

    @Test(arguments: ["10.1.0.2:4000", "10.1.0.255:4000", "192.168.7.1:4000", "[fd00:1::2]:4000"])
    func `an outside end in the protected networks is refused`(text: String) {
        #expect(Self.policy.refusal(outside: endpoint(text))?.reason == .notOutside)
    }

    @Test func `an inside port must be a media port`() {
        var policy = Self.policy
        policy.mediaPorts = 16384...32767
        let reasons = [16383, 16384, 32767, 32768].map { (port: UInt16) in
            policy.refusal(inside: Endpoint(Samples.v4.address, port))?.reason
        }
        #expect(reasons == [.forbiddenPort, nil, nil, .forbiddenPort])
        #expect(policy.refusal(outside: endpoint("203.0.113.7:5004")) == nil)
    }

    @Test func `both ends of a path are of one family`() {
        let a4 = endpoint("10.1.0.2:4000")
        let a6 = endpoint("[fd00:1::2]:4000")
        let b4 = endpoint("203.0.113.7:5004")
        let b6 = endpoint("[2001:db8::1]:5004")
        func reason(_ a: Endpoint, _ b: Endpoint) -> GateRefusal.Reason? {
            Self.policy.refusal(Holes(paths: [MediaPath(inside: a, outside: b)]))?.reason
        }
        #expect(reason(a4, b4) == nil)
        #expect(reason(a6, b6) == nil)
        #expect(reason(a4, b6) == .mixedFamilies)
        #expect(reason(a6, b4) == .mixedFamilies)
    }

    @Test func `one bad entry refuses all`() {
        let good = MediaPath(inside: endpoint("10.1.0.2:4000"), outside: endpoint("203.0.113.7:5004"))
        let bad = MediaPath(inside: endpoint("10.1.0.2:4001"), outside: endpoint("203.0.113.7:53"))
        #expect(Self.policy.refusal(Holes(paths: [good, bad]))?.endpoint == bad.outside)
        #expect(Self.policy.refusal(Holes(halfOpen: [good.outside], paths: [good]))?.reason == .notInside)
        #expect(Self.policy.refusal(Holes(halfOpen: [good.inside], paths: [good])) == nil)
    }

    @Test func `holes of a session are counted together`() {
        var policy = Self.policy
        policy.maximumHolesPerSession = 3
        let path = MediaPath(inside: endpoint("10.1.0.2:4000"), outside: endpoint("203.0.113.7:5004"))
        let half = endpoint("10.1.0.2:4002")
        #expect(policy.refusal(Holes(halfOpen: [half], paths: [path, path])) == nil)
        #expect(policy.refusal(Holes(halfOpen: [half, half], paths: [path, path]))?.reason == .tooManyHoles)
        #expect(policy.refusal(Holes(halfOpen: [half, half, half, half]))?.reason == .tooManyHoles)
    }

    @Test func `sessions are counted`() {
        var policy = Self.policy
        policy.maximumSessions = 2
        #expect(policy.refusal(sessions: 1) == nil)
        #expect(policy.refusal(sessions: 2)?.reason == .tooManySessions)
    }

    @Test(arguments: GateRefusal.Reason.allCases)
    func `a refusal says what and why`(reason: GateRefusal.Reason) {
        let text = GateRefusal(reason, endpoint: Samples.v6, errno: 23).description
        #expect(text.hasPrefix("[2001:db8::2]:65535: "))
        #expect(text.hasSuffix("(errno 23)"))
    }
}
