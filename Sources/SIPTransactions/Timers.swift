/// The timers of the four transactions by the letters of RFC 3261 table 4 and RFC 6026. Timer C is the proxy's, not a
/// transaction's.
public enum TimerName: UInt8, Hashable, Sendable, CaseIterable {
    /// INVITE client, unreliable: send the request again.
    case a
    /// INVITE client: no response came.
    case b
    /// INVITE client: how long final responses are acknowledged again.
    case d
    /// Non-INVITE client, unreliable: send the request again.
    case e
    /// Non-INVITE client: no final response came.
    case f
    /// INVITE server, unreliable: send the final response again.
    case g
    /// INVITE server: no ACK came.
    case h
    /// INVITE server: how long more ACKs are absorbed.
    case i
    /// Non-INVITE server: how long the request is answered again.
    case j
    /// Non-INVITE client: how long more responses are absorbed.
    case k
    /// INVITE server: how long INVITEs are absorbed after a 2xx (RFC 6026 section 7.1).
    case l
    /// INVITE client: how long more 2xx are passed on (RFC 6026 section 7.2).
    case m
}

/// The three values that every timer is made of (RFC 3261 section 17.1.1.1 and table 4).
public struct Timers: Hashable, Sendable {
    /// The estimated round trip.
    public let t1: Duration
    /// The longest pause between two retransmissions, those of an INVITE excepted.
    public let t2: Duration
    /// How long a message can live in the network.
    public let t4: Duration

    /// What a value is raised to when it is smaller: a pause of nothing between retransmissions never ends.
    public static let shortest = Duration.milliseconds(1)

    /// The defaults are the standard's.
    public init(t1: Duration = .milliseconds(500), t2: Duration = .seconds(4), t4: Duration = .seconds(5)) {
        self.t1 = max(t1, Self.shortest)
        self.t2 = max(t2, Self.shortest)
        self.t4 = max(t4, Self.shortest)
    }

    /// B, F, H, J, L and M: what one transaction may take.
    public var transactionTime: Duration { t1 * 64 }

    /// D over datagrams: the server's H, whose T1 is not known here, and therefore 32 s at least.
    public var acknowledgingTime: Duration { max(transactionTime, .seconds(32)) }
}
