/// What the layer grants beyond its maximum, and what it says when that is used up. RFC 3261 states no such numbers.
public enum TransactionLimits {
    /// Transactions over the maximum for requests that end something: a CANCEL whose INVITE is here and a BYE in a
    /// dialog. Over datagrams one takes a place for 64 times T1, so this is 32 a second.
    public static let reserveForEnding = 1_024
    /// Retry-After, in seconds, of the 503 that a full layer sends: about what frees a part of its places.
    public static let retryAfterSeconds: UInt64 = 10
}
