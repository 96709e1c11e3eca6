import GateProtocol
import Glibc
import Lab
import Netfilter
import Testing
import Wire

/// The table that the code builds is the table of `nft/sekisho.nft`, and on the routed path that of `nft/sekisho-routed.nft`.
@Suite(.serialized) struct RulesetTests {
    /// The file, found from this one: Tests/NetfilterTests/RulesetTests.swift.
    private static func file(_ forwarding: MediaForwarding, _ here: String = #filePath) -> String {
        let name = forwarding == .fast ? "sekisho" : "sekisho-routed"
        return here.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/nft/\(name).nft"
    }

    private func namespace(_ role: String, _ inside: String, _ outside: String) throws -> Namespace {
        let namespace = try Namespace(role)
        for device in [inside, outside] {
            try namespace.command("ip", "link", "add", device, "type", "veth", "peer", "name", "\(device)-peer")
        }
        return namespace
    }

    private func listing(_ namespace: Namespace) throws -> String {
        try namespace.command("nft", "list", "table", "netdev", "sekisho")
    }

    /// What lets the packets through that the fast path cannot carry. Where the kernel does not look into a map for nothing but
    /// whether a key is there, nft has no words for it; `FallThroughTests` holds there, too.
    private func isWritten(_ line: Substring) -> Bool {
        !line.contains("notrack") || line.contains("@routed_")
    }

    /// Loads the file, without what this kernel would not take of it.
    private func load(_ forwarding: MediaForwarding, _ edits: [String], in namespace: Namespace) throws -> Bool {
        let whole = "sed '\(edits.joined(separator: ";"))' \(Self.file(forwarding))"
        do {
            try namespace.command("sh", "-e", "-c", "\(whole) | nft -f -")
            return true
        } catch {
            try namespace.command("sh", "-e", "-c", "\(whole) | sed '/@[ioa].* notrack/d' | nft -f -")
            return false
        }
    }

    /// The lines of the table, without those that this kernel's nft cannot write.
    private func lines(_ listing: String, isWhole: Bool) -> [Substring] {
        listing.split(separator: "\n").filter { isWhole || isWritten($0) }
    }

    @Test(arguments: MediaForwarding.allCases)
    func `as written`(forwarding: MediaForwarding) throws {
        let prefixes = ["10.1.0.0/24", "fd00:1::/64"].compactMap { Prefix($0) }
        let byHand = try namespace("hand", "lan0", "wan0")
        let isWhole = try load(forwarding, [], in: byHand)
        let built = try namespace("built", "lan0", "wan0")
        let settings = TableSettings(
            insideDevice: "lan0", outsideDevice: "wan0", insidePrefixes: prefixes, forwarding: forwarding)
        let firewall = try built.run { try NftFirewall(settings) }
        // The flags are the gate's alone: what nft loads would belong to nft, and go with it.
        #expect(firewall.isOwner == TableOwnerTests.canBeOwned)
        let head = try listing(built).split(separator: "\n").prefix(2).joined(separator: "\n")
        #expect(head.contains("flags") == firewall.isOwner, "\(head)")
        let lines = try self.lines(listing(built), isWhole: isWhole).filter { !$0.hasPrefix("\tflags ") }
        let asWritten = try listing(byHand).split(separator: "\n")
        #expect(lines.dropFirst() == asWritten.dropFirst())
        try firewall.remove()
        #expect(try built.command("nft", "list", "ruleset") == "")
    }

    @Test(
        arguments: [
            ("172.16.0.0/12", "2001:db8::/29", .fast), ("192.168.7.128/25", "2001:db8:1:2::/127", .routed),
            ("10.0.0.0/8", "fd00::/8", .fast), ("203.0.113.9/32", "2001:db8::9/128", .routed),
            ("128.0.0.0/1", "8000::/1", .fast),
        ] as [(String, String, MediaForwarding)])
    func `with other names, prefixes, ports, rates, marks and sizes`(
        inside4: String, inside6: String, forwarding: MediaForwarding
    ) throws {
        let byHand = try namespace("hand", "eth-in", "eth-out")
        let edits = [
            "s|define inside_device = .*|define inside_device = eth-in|",
            "s|define outside_device = .*|define outside_device = eth-out|",
            "s|define inside4 = .*|define inside4 = \(inside4)|",
            "s|define inside6 = .*|define inside6 = \(inside6)|",
            "s|define media_ports = .*|define media_ports = 16384-32767|",
            "s|rate 50/second burst 5|rate 20/second burst 12|", "s|size 65536|size 1024|",
            "s|define media_mark = .*|define media_mark = 0x80|",
        ]
        let isWhole = try load(forwarding, edits, in: byHand)
        let built = try namespace("built", "eth-in", "eth-out")
        _ = try built.run {
            try NftFirewall(
                TableSettings(
                    insideDevice: "eth-in", outsideDevice: "eth-out",
                    insidePrefixes: [inside4, inside6].compactMap { Prefix($0) }, mediaPorts: 16384...32767,
                    halfOpenRate: 20, halfOpenBurst: 12, elementsPerMap: 1024, isOwned: false, forwarding: forwarding,
                    mark: 0x80))
        }
        #expect(try lines(listing(built), isWhole: isWhole) == listing(byHand).split(separator: "\n"))
    }

    @Test func `a table that was left behind is replaced, others stay`() throws {
        let namespace = try namespace("left", "lan0", "wan0")
        try namespace.command(
            "nft",
            "add table inet admin; add table ip sekisho; add table netdev sekisho;"
                + "add chain netdev sekisho stale; add rule netdev sekisho stale counter")
        let others = try namespace.command("nft", "list tables ip; list tables inet")
        let settings = TableSettings(
            insideDevice: "lan0", outsideDevice: "wan0", insidePrefixes: ["10.1.0.0/24"].compactMap { Prefix($0) },
            isOwned: false)
        let first = try namespace.run { try NftFirewall(settings) }
        #expect(try !listing(namespace).contains("stale"))
        #expect(try namespace.command("nft", "list tables ip; list tables inet") == others)
        let second = try namespace.run { try NftFirewall(settings) }
        #expect(try listing(namespace).contains("chain outside"))
        #expect(second.isInherited && !first.isInherited)
        try second.remove()
        try first.remove()
        #expect(try namespace.command("nft", "list tables ip; list tables inet") == others)
    }

    @Test(arguments: [
        "add rule netdev sekisho inside counter", "insert rule netdev sekisho outside drop",
        "flush chain netdev sekisho inside", "flush chain netdev sekisho outside", "add chain netdev sekisho more",
        "add set netdev sekisho more { type ipv4_addr; }", "add counter netdev sekisho more",
        "add table netdev sekisho { flags dormant; }",
        "add chain netdev sekisho inside { policy drop; }", "delete table netdev sekisho",
    ])
    func `a table that somebody has changed is made anew, and one that is as it was is not`(change: String) throws {
        try checkInheritance(.fast, change)
    }

    @Test func `so is the routed path's`() throws { try checkInheritance(.routed, "flush chain netdev sekisho inside") }

    private func checkInheritance(_ forwarding: MediaForwarding, _ change: String) throws {
        let namespace = try namespace("edit", "lan0", "wan0")
        let translation = TranslationSettings(addresses: [try #require(IPAddress("10.2.0.1"))])
        let settings = TableSettings(
            insideDevice: "lan0", outsideDevice: "wan0", insidePrefixes: GatewayFixture.insidePrefixes, isOwned: false,
            translation: translation, forwarding: forwarding)
        let first = try namespace.run { try NftFirewall(settings) }
        let inside = endpoint("[fd00:1::2]:4000")
        let element = SetElement(.any(to: inside, forwarding), via: inside.address, of: SessionID(7))
        _ = try first.apply(Transaction(old: [], wanted: [element], timeout: .seconds(50)))
        let second = try namespace.run { try NftFirewall(settings) }
        #expect(second.isInherited)
        #expect(try second.heldElements().map(\.element) == [element])
        let remaining = try #require(second.heldElements().first?.remaining)
        #expect(remaining <= .seconds(50) && remaining > .seconds(30))
        try namespace.command("nft", change)
        let third = try namespace.run { try NftFirewall(settings) }
        #expect(!third.isInherited)
        #expect(try third.heldElements().isEmpty)
        let fourth = try namespace.run { try NftFirewall(settings) }
        #expect(fourth.isInherited)
    }

    @Test func `a table for an interface that was made anew is made anew`() throws {
        let namespace = try namespace("index", "lan0", "wan0")
        let settings = TableSettings(
            insideDevice: "lan0", outsideDevice: "wan0", insidePrefixes: GatewayFixture.insidePrefixes)
        var firewall: NftFirewall? = try namespace.run { try NftFirewall(settings) }
        #expect(firewall?.isInherited == false)
        firewall = nil
        firewall = try namespace.run { try NftFirewall(settings) }
        #expect(firewall?.isInherited == true)
        firewall = nil
        try namespace.command("ip", "link", "delete", "wan0")
        try namespace.command("ip", "link", "add", "wan0", "type", "veth", "peer", "name", "wan0-peer")
        firewall = try namespace.run { try NftFirewall(settings) }
        #expect(firewall?.isInherited == false)
        #expect(try listing(namespace).contains("hook ingress device \"wan0\""))
        firewall = nil
        var other = settings
        swap(&other.insideDevice, &other.outsideDevice)
        firewall = try namespace.run { try NftFirewall(other) }
        #expect(firewall?.isInherited == false)
    }

    @Test func `a table that another process owns is not touched`() throws {
        let namespace = try namespace("owned", "lan0", "wan0")
        let settings = TableSettings(
            insideDevice: "lan0", outsideDevice: "wan0", insidePrefixes: GatewayFixture.insidePrefixes)
        let first = try namespace.run { try NftFirewall(settings) }
        #expect(first.isOwner == TableOwnerTests.canBeOwned)
        guard first.isOwner else { return }
        let before = try listing(namespace)
        let error = #expect(throws: NetfilterError.self) { _ = try namespace.run { try NftFirewall(settings) } }
        #expect(error?.errno == EPERM)
        #expect(error?.advice?.contains("another process owns table netdev sekisho") == true)
        #expect(try listing(namespace) == before)
        try first.remove()
    }

    @Test func `with an interface that is no Ethernet the routed path is taken`() throws {
        let namespace = try namespace("tunnel", "lan0", "wan0")
        var settings = TableSettings(
            insideDevice: "lan0", outsideDevice: "lo", insidePrefixes: GatewayFixture.insidePrefixes)
        let firewall = try namespace.run { try NftFirewall(settings) }
        #expect(firewall.devicesWithoutNeighbours == ["lo"])
        #expect(firewall.forwarding == .routed)
        #expect(try listing(namespace).contains("set routed_out4"))
        try firewall.remove()
        settings.forwarding = .routed
        #expect(try namespace.run { try NftFirewall(settings) }.devicesWithoutNeighbours == [])
    }

    @Test func `an interface that is not there is named`() throws {
        let namespace = try namespace("noif", "lan0", "wan0")
        let settings = TableSettings(insideDevice: "lan0", outsideDevice: "wan9", insidePrefixes: [])
        #expect(throws: NetfilterError(.findInterface("wan9"), errno: ENODEV)) {
            _ = try namespace.run { try NftFirewall(settings) }
        }
    }
}
