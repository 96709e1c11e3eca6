public import Wire

/// Why an envelope was not opened: as much as may be told.
public enum EnvelopeError: Error, Equatable, Sendable {
    /// Whoever sees the message can see the fault; no key was used.
    case malformed(ParseError)
    /// Everything that depends on a key, in one value without a detail: no recipient is ours, an algorithm of ours that
    /// we do not have, a wrong key, a wrong padding, a wrong tag. Telling them apart would answer questions about the
    /// key (Bleichenbacher 1998; RFC 3218).
    case undecipherable
}
