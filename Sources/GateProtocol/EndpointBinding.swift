public import Wire

/// An inside endpoint and the external one that stands for it outside: what a NAT calls a binding (RFC 4787 section 2). It
/// is the same toward everyone outside.
public struct EndpointBinding: Hashable, Sendable {
    /// Where the phone inside receives.
    public var inside: Endpoint
    /// What the other side is told, and what the phone's packets come from there.
    public var external: Endpoint

    /// A binding of these two.
    public init(inside: Endpoint, external: Endpoint) {
        self.inside = inside
        self.external = external
    }
}
