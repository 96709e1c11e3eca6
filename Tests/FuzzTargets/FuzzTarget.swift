/// One reader under test: what it is given at first, and what must hold whatever it is given.
public struct FuzzTarget: Sendable, CustomStringConvertible {
    /// The name that `scripts/fuzz` and the folder of its corpus carry.
    public let name: String
    /// Good input to begin with.
    public let seeds: [[UInt8]]
    /// Nil when all is well, otherwise what is wrong.
    public let fault: @Sendable ([UInt8]) -> String?

    init(_ name: String, seeds: [[UInt8]], fault: @escaping @Sendable ([UInt8]) -> String?) {
        self.name = name
        self.seeds = seeds
        self.fault = fault
    }

    public var description: String { name }

    /// Every target. A new one is one line here.
    public static let all: [FuzzTarget] = [
        FuzzTarget("message", seeds: Seeds.messages, fault: MessageFuzz.fault),
        FuzzTarget("stream", seeds: Seeds.streams, fault: StreamFuzz.fault),
        FuzzTarget("uri", seeds: Seeds.uris, fault: GrammarFuzz.faultOfURI),
        FuzzTarget("via", seeds: Seeds.vias, fault: GrammarFuzz.faultOfVia),
        FuzzTarget("address", seeds: Seeds.addresses, fault: GrammarFuzz.faultOfAddress),
        FuzzTarget("sdp", seeds: Seeds.descriptions, fault: DescriptionFuzz.fault),
        FuzzTarget("mime", seeds: Seeds.entities, fault: EntityFuzz.fault),
        FuzzTarget("cms", seeds: Seeds.envelopes, fault: EnvelopeFuzz.fault),
        FuzzTarget("gate", seeds: Seeds.frames, fault: FrameFuzz.fault),
        FuzzTarget("digest", seeds: DigestFuzz.seeds, fault: DigestFuzz.fault),
        FuzzTarget("dns", seeds: DNSFuzz.seeds, fault: DNSFuzz.fault),
    ]

    /// The target of that name.
    public static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}
