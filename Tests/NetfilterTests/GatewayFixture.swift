import GateProtocol
import Lab
import Netfilter
import Wire

/// A gatekeeper with the real kernel under it, in a testbed of its own.
final class GatewayFixture {
    let testbed: GatewayTestbed
    let firewall: NftFirewall
    var gatekeeper: Gatekeeper<NftFirewall>
    /// The clock of the tests; the kernel's own clock runs beside it.
    var now = MonotonicTime(nanoseconds: 0)

    static let insidePrefixes = ["10.1.0.0/24", "fd00:1::/64"].compactMap { Prefix($0) }

    init(
        _ name: String, holeTimeout: Duration = .seconds(60), rate: UInt32 = 50, burst: UInt32 = 5,
        elementsPerMap: UInt32 = 65_536, isOwned: Bool = true, translation: TranslationSettings? = nil,
        forwarding: MediaForwarding = .fast, acceptsMark: Bool? = nil,
        prepare: (GatewayTestbed) throws -> Void = { _ in }
    ) throws {
        let testbed = try GatewayTestbed(
            name,
            foreignRules: acceptsMark ?? (forwarding == .routed)
                ? GatewayTestbed.markAcceptingRules : GatewayTestbed.foreignRules)
        try prepare(testbed)
        self.testbed = testbed
        let translated = translation
        firewall = try testbed.gateway.run {
            try NftFirewall(
                TableSettings(
                    insideDevice: "lan0", outsideDevice: "wan0", insidePrefixes: Self.insidePrefixes,
                    halfOpenRate: rate, halfOpenBurst: burst, elementsPerMap: elementsPerMap,
                    isOwned: isOwned, translation: translated, forwarding: forwarding))
        }
        gatekeeper = Gatekeeper(
            kernel: firewall, policy: PinholePolicy(inside: Self.insidePrefixes), halfOpenAllowed: true,
            holeTimeout: holeTimeout, translation: translation)
    }

    /// Another gate in the place of one, with the table that it left.
    init(after other: GatewayFixture, translation: TranslationSettings) throws {
        testbed = other.testbed
        now = other.now
        let forwarding = other.firewall.forwarding
        firewall = try other.testbed.gateway.run {
            try NftFirewall(
                TableSettings(
                    insideDevice: "lan0", outsideDevice: "wan0", insidePrefixes: Self.insidePrefixes, isOwned: false,
                    translation: TranslationSettings(addresses: translation.addresses, ports: 20_000...20_999),
                    forwarding: forwarding))
        }
        gatekeeper = Gatekeeper(
            kernel: firewall, policy: PinholePolicy(inside: Self.insidePrefixes), halfOpenAllowed: true,
            holeTimeout: .seconds(60), translation: translation)
    }

    func ask(_ request: GateRequest) -> GateReply { gatekeeper.handle(request, at: now).reply }

    /// Renews sessions.
    ///
    /// - Returns: those that the gate does not hold; nil when it refused.
    func missing(_ sessions: [SessionID]) -> [SessionID]? {
        guard case .renewed(let missing, _) = ask(.renew(sessions)) else { return nil }
        return missing
    }

    /// The report of a session; nil when it has no holes.
    func report(_ session: UInt64) -> HoleReport? {
        guard case .listed(let reports, _) = ask(.list(after: nil)) else { return nil }
        return reports.first { $0.session == SessionID(session) }
    }
}

/// An endpoint of a test, from its text.
func endpoint(_ text: StaticString) -> Endpoint {
    guard let endpoint = Endpoint("\(text)") else { preconditionFailure("\(text) is no endpoint") }
    return endpoint
}
