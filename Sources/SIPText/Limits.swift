/// What a message may cost before it is understood. RFC 3261 states no limits except the 65,535 octets of a datagram
/// (section 18.1.1); these hold for every transport and refuse what no phone sends.
public enum MessageLimits {
    /// Octets in start line and headers, the empty line included.
    public static let headOctets = 16_384
    /// Octets in the start line; a URI of more than that is no URI of a user.
    public static let startLineOctets = 4_096
    /// Header fields in one message.
    public static let headerFields = 128
    /// Octets in a body. A datagram cannot carry more, and SDP with a certificate needs a tenth of it.
    public static let bodyOctets = 65_536
    /// Octets in a message.
    public static let messageOctets = headOctets + bodyOctets
    /// Digits in Content-Length: enough for `bodyOctets`, too few to wrap any integer.
    public static let contentLengthDigits = 5
    /// Octets in a method token: the longest registered one has nine, the longest of RFC 4475 (section 3.1.1.2) 43.
    public static let methodOctets = 64
    /// The largest Max-Forwards that the grammar of section 20.22 allows.
    public static let maxForwards: UInt64 = 255
    /// The largest Max-Breadth that is believed (RFC 5393 section 5.3.1 gives the grammar no bound); more is cut down to
    /// what a proxy adds by itself.
    public static let maxBreadth: UInt64 = 255
    /// CSeq is below 2 to the power of 31 (section 8.1.1.5).
    public static let sequenceNumber: UInt64 = 0x7FFF_FFFF
    /// Values of Via in one message: what Max-Forwards can add to.
    public static let viaValues = 70
    /// MIME bodies inside bodies.
    public static let mimeDepth = 4
    /// Parts in one multipart body.
    public static let mimeParts = 16
    /// Octets in a boundary (RFC 2046 section 5.1.1).
    public static let boundaryOctets = 70
    /// Octets in the headers of one part.
    public static let partHeaderOctets = 4_096
}
