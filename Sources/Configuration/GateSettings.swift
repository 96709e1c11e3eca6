public import Wire

/// What `sekisho-gated` is told by its operator: the policy that holds whatever anyone asks of it.
public struct GateSettings: Hashable, Sendable {
    /// The Unix socket on which requests arrive.
    public var socket = "/run/sekisho/gate.sock"
    /// Where `socket` stands.
    public var socketPlace = Place()
    /// Who may ask, besides root.
    public var allowedUser = User.name("sekisho")
    /// Where `allowedUser` stands.
    public var allowedUserPlace = Place()
    /// The interface toward the phones.
    public var insideInterface: String
    /// Where the file names the two interfaces, for an error that only their use shows.
    public var insideInterfacePlace = Place()
    /// Where the file names the other one.
    public var outsideInterfacePlace = Place()
    /// Where the phones are; no address outside them is ever an inside address.
    public var insidePrefixes: [Prefix]
    /// The interface toward everyone else.
    public var outsideInterface: String
    /// Ports that media may use.
    public var mediaPorts: ClosedRange<UInt16> = 1024...65535
    /// Whether a hole may be open for any source until the other side is known.
    public var allowsHalfOpen = true
    /// Packets per second that such a hole lets through.
    public var halfOpenRate: UInt32 = 50
    /// How long a hole may be open to any source, whatever is asked.
    public var halfOpenLimit: Duration = .seconds(240)
    /// How long the kernel keeps a hole that nobody renews.
    public var holeTimeout: Duration = .seconds(60)
    /// Where media never goes.
    public var forbidden: [Prefix] = []
    /// How much the gate holds at a time.
    public var limits = Limits()
    /// What inside IPv4 endpoints are seen as outside; nil when they are seen as they are.
    public var translation: Translation?
    /// How packets that no hole let through are looked at; nil when they are not.
    public var nearMisses: NearMisses? = NearMisses()
    /// Which way media takes through this machine.
    public var mediaPath = MediaPath.fast
    /// The bit of a packet's mark by which the site's own firewall knows what it is to let through on the routed path.
    public var mark: UInt32 = 0x4000_0000
    /// Whether the table belongs to the gate alone.
    public var tableFlags = TableFlags.auto
    /// Whether the table stays in the kernel when the daemon ends.
    public var keepsOnExit = true
    /// Whether each opening, narrowing and closing has its line in the log; what is refused always has.
    public var logsChanges = true

    /// Which way media takes through this machine.
    public enum MediaPath: String, CaseIterable, Sendable {
        /// From the interface that it comes in at straight to the neighbour that it goes to.
        case fast
        /// By the kernel's routing and the site's own forward chain.
        case routed
    }

    /// Whose the kernel's table is.
    public enum TableFlags: String, CaseIterable, Sendable {
        /// The gate's own, where the kernel can do that and keep the table when the gate ends.
        case auto
        /// Everybody's who may write nftables; what others change is undone.
        case none
    }

    /// How inside IPv4 endpoints are seen outside.
    public struct Translation: Hashable, Sendable {
        /// The external addresses; at least one.
        public var addresses: [IPAddress]
        /// The ports that are given out on each of them; at least one pair.
        public var ports: ClosedRange<UInt16> = 16_384...32_767
        /// How long a port rests after its last use.
        public var quarantine: Duration = .seconds(60)
        /// Pairs that one inside host may have at one time; nil is a quarter of all.
        public var pairsPerHost: Int?

        /// Translation to these addresses; all else is at its default.
        public init(addresses: [IPAddress]) { self.addresses = addresses }
    }

    /// How packets that no hole let through are looked at.
    public struct NearMisses: Hashable, Sendable {
        /// The nflog group that they come by.
        public var group: UInt16 = 5_060
        /// Packets a second at most from each side.
        public var perSecond: UInt32 = 100

        /// Everything at its default.
        public init() {}
    }

    /// How much the gate holds at a time.
    public struct Limits: Hashable, Sendable {
        /// Sessions at one time.
        public var sessions = 10_000
        /// Holes that one session may have.
        public var holesPerSession = 32

        /// Every limit at its default.
        public init() {}
    }

    /// The settings that have no default; all others are at theirs.
    public init(insideInterface: String, insidePrefixes: [Prefix], outsideInterface: String) {
        self.insideInterface = insideInterface
        self.insidePrefixes = insidePrefixes
        self.outsideInterface = outsideInterface
    }
}
