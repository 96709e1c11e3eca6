/// What one look-up may cost, and what is read of an answer.
public enum LookupLimits {
    /// Octets of a name as text (RFC 1035 section 2.3.4: 255 on the wire, which is 253 and the final dot).
    public static let nameOctets = 253
    /// Octets of a label (RFC 1035 section 2.3.4).
    public static let labelOctets = 63
    /// NAPTR records that become SRV queries. RFC 3263 section 4.1 knows three services that this gateway can use.
    public static let services = 4
    /// Hosts of SRV records whose addresses are asked for, over all transports: twice as many queries.
    public static let hosts = 8
    /// Addresses taken of one host.
    public static let addressesOfHost = 8
    /// Destinations of a look-up. Each that is silent costs a request 32 s (RFC 3261 section 17.1.1.2), so more than
    /// these are never tried in practice.
    public static let destinations = 16
    /// Octets of a DNS message: over TCP its length has 16 bits (RFC 1035 section 4.2.2).
    public static let messageOctets = 65_535
    /// Records in the answer and authority sections together; an answer with more is refused. The RFCs state none. With
    /// `ResolutionCache.Limits.entries` it bounds what kept answers take: 10 MB when every name is as long as may be.
    public static let records = 64
    /// CNAME records followed inside one answer (RFC 1034 section 3.6.2 states none).
    public static let aliases = 8
    /// Compression pointers in one name: a writer needs one (RFC 1035 section 4.1.4).
    public static let pointers = 16
}
