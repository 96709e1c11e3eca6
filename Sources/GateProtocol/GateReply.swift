/// What the gate answers. It is sent when the kernel has acknowledged the transaction, not before.
public enum GateReply: Hashable, Sendable {
    /// The kernel has done what was asked.
    case completed
    /// The kernel has done what was asked, and these are the external endpoints of what the session has inside.
    case bound([EndpointBinding])
    /// The session is closed, and this is what its holes had counted to the end: the answer to a `close` where there was
    /// something to close.
    case closed(HoleReport)
    /// Nothing was changed.
    case refused(GateRefusal)
    /// The sessions were renewed, save those the gate does not hold. Those are silent by whose holes no packet has gone since
    /// they were renewed or changed before.
    case renewed(missing: [SessionID], silent: [SessionID] = [])
    /// One page of a list; with `more`, ask again after the last session of this page.
    case listed([HoleReport], more: Bool)
    /// The connection is open for requests; holes close by themselves after `holeTimeout` (whole milliseconds) without
    /// a `renew`. With `translates`, inside IPv4 endpoints are seen outside as external ones, which `bound` tells.
    case welcome(version: UInt16, holeTimeout: Duration, translates: Bool = false)

    /// Whether a change was asked for and is done.
    public var isDone: Bool {
        switch self {
        case .completed, .bound, .closed: true
        case .refused, .renewed, .listed, .welcome: false
        }
    }
}
