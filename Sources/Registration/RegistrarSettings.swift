/// What a registrar is told by its operator.
public struct RegistrarSettings: Hashable, Sendable {
    /// The domains whose users register here: lower case, addresses in canonical text without brackets.
    public var domains: [[UInt8]]
    /// The shortest registration in seconds; anything shorter but 0 is answered 423. At most
    /// `RegistrationLimits.minimumExpiresCeiling`.
    public var minimumExpires: UInt64 = 60
    /// How long a registration lasts that does not say, in seconds.
    public var defaultExpires: UInt64 = 3_600
    /// The longest registration in seconds; a longer one is cut to it.
    public var maximumExpires: UInt64 = 7_200
    /// Bindings of one address-of-record.
    public var contactsPerUser = 10
    /// Flow-Timer, in seconds: how often a phone has to show that its flow is alive (RFC 5626 section 4.4).
    public var flowTimer: UInt64 = 120
    /// Whether datagrams make a flow of RFC 5626: only where the listener answers STUN, which is their keep-alive
    /// (section 4.4.2).
    public var allowsDatagramFlows = false

    /// Every setting at its default.
    public init(domains: [[UInt8]]) { self.domains = domains }
}
