import Coexistence
import Lab
import Netfilter
import Wire

/// What this kernel can do of what the gateway needs, tried in a namespace of its own: the live tables are not touched.
struct KernelProbe {
    private let namespace: Namespace
    private let directory: String

    init(directory: String) throws {
        self.directory = directory
        namespace = try Namespace("doctor-kernel")
        try namespace.command("ip", "link", "add", "lan", "type", "veth", "peer", "name", "wan")
    }

    func features() -> [Facts.Feature: Facts.Answer] {
        var features: [Facts.Feature: Facts.Answer] = [:]
        let plain = table(translation: nil)
        features[.fastPath] = plain.map { _ in .answers } ?? .answers
        if case .failure(let error) = plain {
            features[.fastPath] = .silent("\(error)")
        } else {
            features[.fastPath] = .answers
            features[.ownership] = (try? plain?.get()) == true ? .answers : .silent("no flags owner and persist")
            let address = IPAddress.v4(0xC633_6401)
            switch table(translation: TranslationSettings(addresses: [address])) {
            case .success, .none: features[.translation] = .answers
            case .failure(let error): features[.translation] = .silent("\(error)")
            }
        }
        features[.mirroring] = rules(
            "table netdev probe { chain c { type filter hook ingress device lan priority 0; dup to wan; }; }")
        features[.routedPath] = rules(
            """
            table inet probe {
              map m { type ipv4_addr . inet_service : ipv4_addr; flags timeout; counter; }
              chain raw { type filter hook prerouting priority raw; notrack; }
              chain c { type filter hook forward priority -10; meta mark set meta mark or \(MarkContract.text); log group 7; }
            }
            """)
        return features
    }

    /// The gate's whole table, as the gate builds it; whether it could be the gate's own.
    private func table(translation: TranslationSettings?) -> Result<Bool, any Error>? {
        Result {
            try namespace.run {
                let firewall = try NftFirewall(
                    TableSettings(
                        insideDevice: "lan", outsideDevice: "wan",
                        insidePrefixes: ["10.1.0.0/24", "fd00:1::/64"].compactMap { Prefix($0) }, elementsPerMap: 16,
                        translation: translation))
                let isOwner = firewall.isOwner
                try firewall.remove()
                return isOwner
            }
        }
    }

    private func rules(_ text: String) -> Facts.Answer {
        do {
            try TextFile.write(text, to: "\(directory)/probe.nft")
            try namespace.command("nft", "-f", "\(directory)/probe.nft")
            return .answers
        } catch {
            return .silent("\(error)")
        }
    }
}
