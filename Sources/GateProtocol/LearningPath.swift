public import Wire

/// A path whose outside end is not known yet: the peer is behind somebody else's address translation, and its description
/// names an endpoint that it does not send from.
///
/// Nothing is open until a packet comes from `from` to the inside endpoint. Where that came from is the outside end from then
/// on, for as long as the session has this entry: a later packet from elsewhere changes nothing.
public struct LearningPath: Hashable, Sendable {
    /// The endpoint on the protected side.
    public var inside: Endpoint
    /// What the peer said of itself. Nothing is opened for it; another one is another peer, and learned anew.
    public var told: Endpoint
    /// The only address outside that it may be learned from.
    public var from: IPAddress

    /// A path from an inside endpoint to a port of `from` that only a packet will tell.
    public init(inside: Endpoint, told: Endpoint, from: IPAddress) {
        self.inside = inside
        self.told = told
        self.from = from
    }
}

extension LearningPath: CustomStringConvertible {
    /// All three as text: `10.1.0.2:4000<->any port of 192.0.2.1, said 192.168.1.7:5000`.
    public var description: String { "\(inside)<->any port of \(from), said \(told)" }
}
