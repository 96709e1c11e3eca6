public import SIPText
public import SIPTransactions
import Wire

/// The transports that the gateway has listeners for, by address family.
public struct LookupTransports: OptionSet, Hashable, Sendable {
    /// One bit for each transport and family.
    public let rawValue: UInt8

    /// The set of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// One transport over one family.
    public init(_ transport: TransportKind, isIPv6: Bool) {
        rawValue = 1 << (transport.rawValue * 2 + (isIPv6 ? 1 : 0))
    }

    /// Whether the transport is there for the family.
    public func has(_ transport: TransportKind, isIPv6: Bool) -> Bool {
        contains(LookupTransports(transport, isIPv6: isIPv6))
    }

    /// Whether the transport is there for any family.
    public func has(_ transport: TransportKind) -> Bool {
        has(transport, isIPv6: false) || has(transport, isIPv6: true)
    }
}

/// What RFC 3263 starts from: the parts of a URI that decide where a request goes, and what the gateway can use.
public struct LookupTarget: Hashable, Sendable {
    /// The two schemes that have a server to find.
    public enum Scheme: UInt8, Hashable, Sendable { case sip, sips }

    /// The transport parameter (RFC 3261 section 19.1.1).
    public enum TransportParameter: Hashable, Sendable {
        /// `udp`, `tcp` or `tls`.
        case known(TransportKind)
        /// Any other value: `sctp`, `ws`.
        case unknown
    }

    /// `sip` or `sips`.
    public var scheme: Scheme
    /// What is to be found, called TARGET in RFC 3263 section 4: a name or an address, without brackets.
    public var host: [UInt8]
    /// The port, when one is written.
    public var port: UInt16?
    /// The transport parameter, when one is written.
    public var transport: TransportParameter?
    /// The domain that a TLS server must prove to be (RFC 5922 section 7.2): that of the URI, whatever names DNS leads
    /// to on the way. Lower case.
    public var domain: [UInt8]
    /// What the gateway can send by.
    public var supported: LookupTransports
    /// Whether names may lead to this machine itself: no, unless whoever runs it named the host.
    public var acceptsLoopback: Bool

    /// A target of these parts; `domain` is the host.
    public init(
        _ scheme: Scheme, _ host: [UInt8], port: UInt16? = nil, transport: TransportParameter? = nil,
        supported: LookupTransports, acceptsLoopback: Bool = false
    ) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.transport = transport
        self.supported = supported
        self.acceptsLoopback = acceptsLoopback
        domain = host.map(ASCII.lowercase)
    }

    /// The target of a URI: its `maddr` parameter if there is one, else its host (RFC 3263 section 4).
    ///
    /// - Returns: nil for another scheme than `sip` and `sips`.
    public init?(_ uri: URI, in bytes: Span<UInt8>, supported: LookupTransports) {
        switch uri.scheme {
        case .sip: self.init(.sip, Self.copy(bytes, uri.host), port: uri.port, supported: supported)
        case .sips: self.init(.sips, Self.copy(bytes, uri.host), port: uri.port, supported: supported)
        case .other: return nil
        }
        if let value = uri.parameters.value(of: "maddr", in: bytes) {
            host = Self.copy(bytes, value)
            if host.count > 2, host[0] == ASCII.leftBracket, host[host.count - 1] == ASCII.rightBracket {
                host = Array(host.dropFirst().dropLast())
            }
        }
        if let value = uri.parameters.value(of: "transport", in: bytes) {
            let name = bytes.extracting(value.range)
            if ASCII.equalIgnoringCase(name, "udp") {
                transport = .known(.udp)
            } else if ASCII.equalIgnoringCase(name, "tcp") {
                transport = .known(.tcp)
            } else if ASCII.equalIgnoringCase(name, "tls") {
                transport = .known(.tls)
            } else {
                transport = .unknown
            }
        }
    }

    private static func copy(_ bytes: Span<UInt8>, _ slice: Slice) -> [UInt8] {
        slice.range.map { bytes[$0] }
    }
}
