public import Wire

/// A path for media, open in both directions between exactly these two endpoints.
public struct MediaPath: Hashable, Sendable {
    /// The endpoint on the protected side.
    public var inside: Endpoint
    /// The endpoint on the other side.
    public var outside: Endpoint

    /// A path between these two endpoints.
    public init(inside: Endpoint, outside: Endpoint) {
        self.inside = inside
        self.outside = outside
    }
}

extension MediaPath: CustomStringConvertible {
    /// Both endpoints as text: `10.1.0.2:4000<->192.0.2.1:5000`.
    public var description: String { "\(inside)<->\(outside)" }
}

/// Everything one session has open. RTP and RTCP are entries of their own.
public struct Holes: Hashable, Sendable {
    /// Inside endpoints that any outside endpoint may send to, at a limited rate: the state from offer to answer.
    public var halfOpen: [Endpoint]
    /// Exact paths: the state from the answer on.
    public var paths: [MediaPath]
    /// Paths whose outside end is to be learned: nothing is open for them before.
    public var learning: [LearningPath]
    /// Inside endpoints that get an external port where addresses are translated, and nothing is open for them: the other
    /// side is told the port before it may send.
    public var reserved: [Endpoint]
    /// External ports that the endpoints had and shall have again when they are free: what the other side was told.
    public var bindings: [EndpointBinding]

    /// These entries; none of a kind that is left out.
    public init(
        halfOpen: [Endpoint] = [], paths: [MediaPath] = [], learning: [LearningPath] = [], reserved: [Endpoint] = [],
        bindings: [EndpointBinding] = []
    ) {
        self.halfOpen = halfOpen
        self.paths = paths
        self.learning = learning
        self.reserved = reserved
        self.bindings = bindings
    }

    /// Entries of all kinds, as the limits count them.
    public var count: Int { halfOpen.count + paths.count + learning.count + reserved.count }

    /// Whether nothing is open or reserved.
    public var isEmpty: Bool { count == 0 }
}

extension Holes: CustomStringConvertible {
    /// Every hole as text, separated by spaces, or `nothing`.
    public var description: String {
        if isEmpty { return "nothing" }
        let open = halfOpen.map { "any->\($0)" } + paths.map(\.description)
        let closed = learning.map { "learning (\($0))" } + reserved.map { "reserved \($0)" }
        return (open + closed).joined(separator: " ")
    }
}
