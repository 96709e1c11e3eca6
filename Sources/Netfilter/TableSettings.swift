public import Wire

/// What the table is built from. It is fixed while the gate runs; calls are elements.
public struct TableSettings: Hashable, Sendable {
    /// The interface of the protected side.
    public var insideDevice: String
    /// The interface of the other side.
    public var outsideDevice: String
    /// Where the protected hosts are: media for them that no hole lets in is dropped.
    public var insidePrefixes: [Prefix]
    /// Destination ports that count as media.
    public var mediaPorts: ClosedRange<UInt16>
    /// Packets per second that a half-open hole lets in.
    public var halfOpenRate: UInt32
    /// Packets that a half-open hole lets in at once.
    public var halfOpenBurst: UInt32
    /// Elements that each map holds at most.
    public var elementsPerMap: UInt32
    /// Whether the table belongs to the gate alone, where the kernel can do that and keep it when the gate ends: others can
    /// then neither change nor flush it. Else the gate hears of changes and undoes them.
    public var isOwned: Bool
    /// What inside IPv4 endpoints are seen as outside; nil when they are seen as they are.
    public var translation: TranslationSettings?
    /// How packets that no hole let through are looked at; nil when they are not.
    public var nearMisses: NearMissSettings?
    /// Which way media takes.
    public var forwarding: MediaForwarding
    /// The bit of a packet's mark that says that it was let through, to the site's own firewall.
    public var mark: UInt32

    /// A bit that neither Kubernetes (0x4000, 0x8000) nor wg-quick (its port) nor Tailscale (0xff0000) uses by default.
    public static let defaultMark: UInt32 = 0x4000_0000

    /// A table for these devices and prefixes; what is left out is at its default.
    public init(
        insideDevice: String, outsideDevice: String, insidePrefixes: [Prefix],
        mediaPorts: ClosedRange<UInt16> = 1024...65535, halfOpenRate: UInt32 = 50, halfOpenBurst: UInt32 = 5,
        elementsPerMap: UInt32 = 65_536, isOwned: Bool = true, translation: TranslationSettings? = nil,
        nearMisses: NearMissSettings? = NearMissSettings(), forwarding: MediaForwarding = .fast,
        mark: UInt32 = TableSettings.defaultMark
    ) {
        self.nearMisses = nearMisses
        self.forwarding = forwarding
        self.mark = mark
        self.translation = translation
        self.insideDevice = insideDevice
        self.outsideDevice = outsideDevice
        self.insidePrefixes = insidePrefixes
        self.mediaPorts = mediaPorts
        self.halfOpenRate = halfOpenRate
        self.halfOpenBurst = halfOpenBurst
        self.elementsPerMap = elementsPerMap
        self.isOwned = isOwned
    }

    /// The maps of the table.
    var maps: [ElementMap] {
        ElementMap.allCases.filter { $0.forwarding == forwarding && (translation != nil || !$0.isForTranslation) }
    }
}

/// How packets that no hole let through are looked at.
public struct NearMissSettings: Hashable, Sendable {
    /// The nflog group that the rules name and the gate listens to. That of SIP's port keeps clear of the small numbers that
    /// loggers are given.
    public var group: UInt16
    /// Packets a second that each rule shows: a stream of a call that misses its hole has fifty.
    public var perSecond: UInt32

    /// This group and rate.
    public init(group: UInt16 = 5_060, perSecond: UInt32 = 100) {
        self.group = group
        self.perSecond = perSecond
    }
}
