/// What registering may cost. RFC 3261 states no such numbers; each refuses what no phone needs.
public enum RegistrationLimits {
    /// Contact values in one REGISTER, `*` apart; a phone sends one for each of its addresses.
    public static let contactsInRequest = 16
    /// Octets in a contact's URI.
    public static let contactOctets = 512
    /// Path values in one REGISTER: proxies between a phone and its registrar.
    public static let pathValues = 8
    /// Octets in one Path value.
    public static let pathOctets = 512
    /// Octets in a `+sip.instance`; a UUID URN has 45 (RFC 5626 section 4.1).
    public static let instanceOctets = 128
    /// Octets in a user's name.
    public static let userOctets = 64
    /// Credentials in one request, each for a realm of its own (RFC 3261 section 22.3).
    public static let credentials = 8
    /// Nonces whose count is remembered; over it the oldest are made stale before their time.
    public static let rememberedNonces = 65_536
    /// REGISTERs for one address-of-record that wait while an earlier one is being stored.
    public static let waitingForStore = 4
    /// Addresses-of-record with a change that is being stored.
    public static let pendingStores = 1_024
    /// Retry-After, in seconds, of the 503 for what cannot be stored.
    public static let retryAfterSeconds: UInt64 = 5
    /// The largest `delta-seconds` (RFC 3261 section 20.19).
    public static let expiresSeconds: UInt64 = 0xFFFF_FFFF
    /// The largest lower bound that a registrar may set: 423 is only for less than an hour (section 10.3, step 7).
    public static let minimumExpiresCeiling: UInt64 = 3_600
}
