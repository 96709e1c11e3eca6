public import Wire

/// What `sekishod` asks of the gate. Each request happens wholly or not at all; the kernel may be told of several that come
/// together in one transaction.
public enum GateRequest: Hashable, Sendable {
    /// Must come first on a connection; answered by `welcome`, or `refused(badVersion)`.
    case hello(version: UInt16)
    /// The session's holes become exactly these half-open endpoints.
    case openFromAny(SessionID, inside: [Endpoint])
    /// The session's holes become exactly these; what was open before and is not among them closes in the same
    /// transaction.
    case narrow(SessionID, Holes)
    /// The session's holes close. A session that has none is closed already: also `completed`.
    case close(SessionID)
    /// The sessions live on: every timeout starts anew. What is not renewed in time closes by itself.
    case renew([SessionID])
    /// The sessions after the one given, in the order of their ids, at most `GateLimits.reportsPerPage` of them.
    case list(after: SessionID?)
}
