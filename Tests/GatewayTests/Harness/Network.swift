import GateProtocol
import Gateway
import SIPTransactions
import Wire

/// One of the two address families that every script can be played in.
enum Family: CaseIterable {
    case v4, v6

    /// An address of a host inside (10.1.0.0/16 or 2001:db8:1::/48).
    func inside(_ host: UInt32) -> IPAddress {
        self == .v4 ? .v4(0x0A01_0000 | host) : .v6(0x2001_0DB8_0001_0000, UInt64(host))
    }

    /// An address of a host outside (198.51.0.0/16 or 2001:db8:ffff::/48).
    func outside(_ host: UInt32) -> IPAddress {
        self == .v4 ? .v4(0xC633_0000 | host) : .v6(0x2001_0DB8_FFFF_0000, UInt64(host))
    }

    func address(_ side: Side, _ host: UInt32) -> IPAddress { side == .inside ? inside(host) : outside(host) }

    /// Both inside prefixes.
    static let prefixes = [Prefix("10.1.0.0/16"), Prefix("2001:db8:1::/48")].compactMap { $0 }

    /// The gateway's own listener.
    func gateway(_ side: Side) -> Endpoint { Endpoint(address(side, 1), 5060) }
}

/// What one script is played with.
struct Setting: CustomStringConvertible {
    var caller = Side.inside
    var callee = Side.outside
    var family = Family.v4
    var transport = TransportKind.udp

    var description: String { "\(caller) to \(callee), \(family), \(transport)" }

    /// Each side to each side, both families, both transports.
    static let all: [Setting] = [Side.inside, .outside].flatMap { caller in
        [Side.inside, .outside].flatMap { callee in
            Family.allCases.flatMap { family in
                [TransportKind.udp, .tcp].map { Setting(caller: caller, callee: callee, family: family, transport: $0) }
            }
        }
    }

    /// Those whose media crosses the gateway.
    static let crossing = all.filter { $0.caller != $0.callee }
    /// One each way.
    static let bothWays = crossing.filter { $0.family == .v4 && $0.transport == .udp }
}

extension Side {
    /// The domain whose route leads to this side.
    var domain: String { self == .inside ? "inside.example" : "outside.example" }
}

extension ControllerSettings {
    /// The gateway of the scripts: two interfaces, both families, both transports, two domains.
    static func script(_ family: Family = .v4, routes: [StaticRoute]) -> ControllerSettings {
        var listeners: [Listener] = []
        for family in Family.allCases {
            for side in [Side.inside, .outside] {
                for transport in [TransportKind.udp, .tcp] {
                    listeners.append(Listener(transport, family.gateway(side)))
                }
            }
        }
        var settings = ControllerSettings(
            name: Array("gw.example.net".utf8), names: [], listeners: listeners, routes: routes,
            policy: PinholePolicy(inside: Family.prefixes, ownAddresses: Set(listeners.map(\.endpoint.address))),
            disclosure: DisclosurePolicy(
                askedBy: .either, requiresSDP: true, acceptsUnauthenticated: false, certificate: [0x30, 0x01, 0x00]),
            halfOpen: true, maximumSessions: 100, maximumTransactions: 4_000, timers: Timers(),
            inviteTimeout: .seconds(190), tokenKey: (1, 2))
        // Every side is played to every side.
        settings.relaysForStrangers = true
        return settings
    }
}
