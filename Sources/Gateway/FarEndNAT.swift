import GateProtocol
import SDPText
import Wire

// A party outside that is behind somebody else's address translation and says in its SDP where it is in its own network.
// Nobody can reach it there. Where it sends from, only its packets tell: the gate learns that, once, from the address that its
// signalling comes from.

/// A path that offer and answer agree on.
struct AgreedPath: Hashable, Sendable {
    /// The two ends as the descriptions name them.
    var path: MediaPath
    /// The address that the outside end is to be learned from; nil when it is where it says.
    var learnedFrom: IPAddress?

    init(_ path: MediaPath, learnedFrom: IPAddress? = nil) {
        self.path = path
        self.learnedFrom = learnedFrom
    }

    /// As the gate is asked to learn it, or nil.
    var learning: LearningPath? {
        learnedFrom.map { LearningPath(inside: path.inside, told: path.outside, from: $0) }
    }
}

extension Holes {
    /// These paths, each as it is to be asked for.
    init(halfOpen: [Endpoint], agreed: [AgreedPath], reserved: [Endpoint]) {
        self.init(
            halfOpen: halfOpen, paths: agreed.filter { $0.learnedFrom == nil }.map(\.path),
            learning: agreed.compactMap(\.learning), reserved: reserved)
    }
}

extension ControllerSettings {
    /// The endpoints of a description that its sender cannot be reached at: private ones of somebody outside who signals from
    /// an address that is not. Streams with candidates are left to ICE, which finds its own way and takes another address in
    /// c= for a fault (RFC 8839 section 5.4).
    ///
    /// - Parameter source: where the sender's signalling comes from.
    func unreachable(in description: SessionDescription, from source: IPAddress) -> Set<Endpoint> {
        guard learnsFarEnd, side(of: source) == .outside, !source.isPrivate else { return [] }
        var endpoints: Set<Endpoint> = []
        for stream in description.media where stream.candidates.isEmpty {
            guard case .transport(let rtp, let rtcp) = stream.target else { continue }
            for endpoint in [rtp, rtcp].compactMap({ $0 })
            where endpoint.address.isPrivate && side(of: endpoint.address) == .outside {
                endpoints.insert(endpoint)
            }
        }
        return endpoints
    }
}

extension IPAddress {
    /// Whether it is one that many networks use for themselves: 10/8, 172.16/12, 192.168/16 (RFC 1918 section 3), and
    /// 100.64/10 (RFC 6598 section 7).
    var isPrivate: Bool {
        switch self {
        case .v4(let value):
            value >> 24 == 10 || value >> 20 == 0xAC1 || value >> 16 == 0xC0A8 || value >> 22 == 0x191
        case .v6: false
        }
    }
}
