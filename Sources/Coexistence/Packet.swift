public import Wire

/// A packet that begins something new, as a ruleset sees it: what is nil or `unknown` is not settled.
public struct Packet: Hashable, Sendable {
    /// What carries the payload.
    public enum Transport: String, CaseIterable, Hashable, Sendable {
        case udp
        case tcp

        /// The protocol's number (RFC 5237's registry).
        var number: UInt64 { self == .udp ? 17 : 6 }
    }

    /// What connection tracking says of it: `new`, or `untracked` after `notrack`.
    public enum State: String, Hashable, Sendable {
        case new
        case untracked
    }

    /// Whether it is IPv6.
    public var isIPv6: Bool
    /// The interface that it came in at.
    public var inbound: String
    /// The interface that it goes out at; nil when it is for this machine.
    public var outbound: String?
    /// Where it comes from; nil for anybody.
    public var source: IPAddress?
    /// Where it goes; nil for anybody.
    public var destination: IPAddress?
    /// What carries the payload.
    public var transport: Transport
    /// The port it comes from; nil for any.
    public var sourcePort: UInt16?
    /// The port it goes to; nil for any.
    public var destinationPort: UInt16?
    /// Its mark; nil when a rule has changed it to what is not known.
    public var mark: UInt32? = 0
    /// What connection tracking says of it.
    public var state = State.new

    /// A packet without a mark, from anywhere to anywhere.
    public init(isIPv6: Bool, inbound: String, outbound: String?, transport: Transport) {
        self.isIPv6 = isIPv6
        self.inbound = inbound
        self.outbound = outbound
        self.transport = transport
    }
}

/// What the gateway and the site's firewall agree on: packets of open calls carry this bit of the mark, and the site accepts
/// what carries it.
public enum MarkContract {
    /// The bit.
    public static let bit: UInt32 = 0x4000_0000
    /// The bit as nft, iptables and firewalld read it.
    public static let text = "0x40000000"
    /// nft's words for a packet that carries the bit, without what a shell would read otherwise.
    public static let match = ["meta", "mark", "and", text, "==", text]
    /// The same for iptables.
    public static let iptablesMatch = ["-m", "mark", "--mark", "\(text)/\(text)"]
}

/// The path that media of open calls takes through the kernel.
public enum PathKind: String, CaseIterable, Sendable {
    /// From one interface to the other at the ingress hook, before every other table.
    case fast
    /// Through the site's own forward chain, with the contract's mark.
    case routed
}
