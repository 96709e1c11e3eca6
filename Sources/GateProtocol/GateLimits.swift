/// The bounds of the protocol. Both sides refuse what exceeds them before they allocate for it.
public enum GateLimits {
    /// The largest value of a frame's length field: kind, request id and body. One read buffer, and the largest
    /// frames (`reportsPerPage` full reports) still fit.
    public static let frameOctets = 65_536

    /// Entries of one session, of all kinds together: eight media descriptions (RFC 4566 gives no bound) with
    /// RTP and RTCP each, twice, because an answer may come from two forks.
    public static let holesPerSession = 32

    /// Sessions in one `renew`, which is one transaction: 512 elements of audio calls with RTCP are about a millisecond
    /// of the kernel's time, which is what a new call may have to wait behind it.
    public static let sessionsPerRenewal = 128

    /// Reports in one `listed`: 24 reports of 32 IPv6 paths and 8 near misses are 63,000 octets, the most that fit a frame.
    public static let reportsPerPage = 24

    /// Near misses in one report: a stream has two ends that can be wrong, with RTP and RTCP each, and a call two streams.
    public static let nearMissesPerReport = 8
}
