import Configuration
import GateProtocol
import Glibc
import Netfilter

/// From the operator's configuration to what the gate works with.
extension GateSettings {
    /// Elements in each map: every session with four paths, two streams of RTP and RTCP, and never fewer than in
    /// nft/sekisho.nft.
    private static let elementsPerSession = 4
    private static let fewestElements = 65_536

    /// What the kernel table is built from.
    var table: TableSettings {
        TableSettings(
            insideDevice: insideInterface, outsideDevice: outsideInterface, insidePrefixes: insidePrefixes,
            mediaPorts: mediaPorts, halfOpenRate: halfOpenRate, halfOpenBurst: max(1, halfOpenRate / 10),
            elementsPerMap: UInt32(clamping: max(Self.fewestElements, limits.sessions * Self.elementsPerSession)),
            isOwned: tableFlags == .auto, translation: translationSettings,
            nearMisses: nearMisses.map { NearMissSettings(group: $0.group, perSecond: $0.perSecond) },
            forwarding: forwarding, mark: mark)
    }

    /// Which way media takes.
    private var forwarding: MediaForwarding {
        switch mediaPath {
        case .fast: .fast
        case .routed: .routed
        }
    }

    /// What inside endpoints are seen as outside.
    var translationSettings: TranslationSettings? {
        translation.map {
            TranslationSettings(
                addresses: $0.addresses, ports: $0.ports, quarantine: $0.quarantine, pairsPerHost: $0.pairsPerHost)
        }
    }

    /// What may be opened; the gate's own addresses come from the kernel.
    var policy: PinholePolicy {
        PinholePolicy(
            inside: insidePrefixes, forbidden: forbidden, mediaPorts: mediaPorts,
            maximumHolesPerSession: limits.holesPerSession, maximumSessions: limits.sessions)
    }

    /// The user number that may ask, beside root.
    func allowedUserNumber() throws(ConfigurationError) -> UInt32 {
        switch allowedUser {
        case .number(let number): return number
        case .name(let name):
            guard let entry = getpwnam(name) else {
                throw allowedUserPlace.error(
                    "there is no such user",
                    allowed: "a user of this machine, by name or number; systemd-sysusers makes the default, sekisho")
            }
            return entry.pointee.pw_uid
        }
    }
}
