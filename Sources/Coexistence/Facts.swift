public import Wire

/// What the doctor looks at. Nothing is decided here.
public struct Facts: Sendable {
    /// An interface of this machine.
    public struct Interface: Hashable, Sendable {
        /// Its name.
        public var name: String
        /// Whether it is up.
        public var isUp: Bool
        /// Whether its frames are Ethernet's (ARPHRD_ETHER of linux/if_arp.h): what the fast path writes.
        public var isEthernet: Bool
        /// Its addresses.
        public var addresses: [IPAddress]
        /// The reverse path filter in force: 0 none, 1 strict, 2 loose; nil when it is not known.
        public var reversePathFilter: Int?

        /// An interface.
        public init(
            name: String, isUp: Bool, isEthernet: Bool, addresses: [IPAddress], reversePathFilter: Int? = 0
        ) {
            self.name = name
            self.isUp = isUp
            self.isEthernet = isEthernet
            self.addresses = addresses
            self.reversePathFilter = reversePathFilter
        }
    }

    /// What `gated.yaml` says.
    public struct Gate: Hashable, Sendable {
        /// The interface toward the phones.
        public var inside: String
        /// The interface toward everyone else.
        public var outside: String
        /// Where the phones are.
        public var prefixes: [Prefix]
        /// Ports that media may use.
        public var mediaPorts: ClosedRange<UInt16>

        /// What the file says.
        public init(inside: String, outside: String, prefixes: [Prefix], mediaPorts: ClosedRange<UInt16>) {
            self.inside = inside
            self.outside = outside
            self.prefixes = prefixes
            self.mediaPorts = mediaPorts
        }
    }

    /// A socket that sekishod listens on.
    public struct Listener: Hashable, Sendable {
        /// What carries it; TLS is TCP.
        public var transport: Packet.Transport
        /// The address and port.
        public var endpoint: Endpoint

        /// A listener.
        public init(transport: Packet.Transport, endpoint: Endpoint) {
            self.transport = transport
            self.endpoint = endpoint
        }
    }

    /// Something of the kernel that the gateway uses.
    public enum Feature: String, CaseIterable, Sendable {
        /// The gate's whole table: netdev ingress, maps with timeouts, `fwd`.
        case fastPath
        /// The same with translation of addresses.
        case translation
        /// Table flags `owner` and `persist`.
        case ownership
        /// `dup`, for recording.
        case mirroring
        /// Sets, `notrack` and marks in `inet`, for `media_path: routed`.
        case routedPath
    }

    /// Whether a daemon answers on its socket.
    public enum Answer: Hashable, Sendable {
        case answers
        /// Why not, in words.
        case silent(String)
    }

    /// Every table; nil when it could not be read.
    public var ruleset: SiteRuleset?
    /// nil when the file could not be read.
    public var gate: Gate?
    /// Empty when the file could not be read.
    public var listeners: [Listener] = []
    /// Where sekishod sends calls to outside, as far as its file has addresses.
    public var peers: [IPAddress] = []
    /// The interfaces.
    public var interfaces: [Interface] = []
    /// Whether this machine forwards; nil when it is not known.
    public var forwardsIPv4: Bool?
    /// The same for IPv6.
    public var forwardsIPv6: Bool?
    /// What reads SIP in the kernel beside the gateway, a line each.
    public var helpers: [String] = []
    /// Tables of iptables-legacy, which nft does not list.
    public var legacyTables: [String] = []
    /// What the kernel refused, and how; features that were not tried are left out.
    public var features: [Feature: Answer] = [:]
    /// sekisho-gated.
    public var gateAnswer: Answer?
    /// The path of its socket.
    public var gateSocket = ""
    /// sekishod.
    public var proxyAnswer: Answer?
    /// The path of its control socket.
    public var proxySocket = ""
    /// The path that media takes.
    public var mediaPath = PathKind.fast
    /// What could not be looked at: what it was, and why.
    public var gaps: [(what: String, why: String)] = []

    /// Nothing looked at.
    public init() {}
}

/// What the doctor has to say of one thing.
public struct Finding: Hashable, Sendable {
    /// How much it matters.
    public enum Severity: String, CaseIterable, Sendable {
        /// Calls fail, or will.
        case problem
        /// Something is weaker than it should be, or not known.
        case warning
        /// Good to know.
        case notice
    }

    /// How much it matters.
    public var severity: Severity
    /// Where it was found: a chain with its table and priority, a file, a switch.
    public var place: String
    /// What was found.
    public var what: String
    /// What it does to SIP; nil for nothing.
    public var signalling: String?
    /// What it does to media in the path that is chosen; nil for nothing.
    public var media: String?
    /// What mends it; nil where nothing needs to be or can be.
    public var remedy: Remedy?

    /// A finding.
    public init(
        _ severity: Severity, _ place: String, _ what: String, signalling: String? = nil, media: String? = nil,
        remedy: Remedy? = nil
    ) {
        self.severity = severity
        self.place = place
        self.what = what
        self.signalling = signalling
        self.media = media
        self.remedy = remedy
    }
}
