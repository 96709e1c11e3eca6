public import Wire

/// Why the gate did not do what it was asked.
public struct GateRefusal: Error, Hashable, Sendable {
    /// The kind of refusal. The values are those of the wire.
    public enum Reason: UInt8, Hashable, Sendable, CaseIterable {
        /// The address is not one of a host (RFC 6890), or in a prefix that the configuration forbids.
        case forbiddenAddress = 1
        /// The address is one of the gateway's own.
        case ownAddress = 2
        /// The inside endpoint is in none of the inside prefixes.
        case notInside = 3
        /// The outside endpoint is in one of the inside prefixes.
        case notOutside = 4
        /// The port is not one that media may use.
        case forbiddenPort = 5
        /// The kernel has no route to the address.
        case noRoute = 6
        /// The route to the address leaves through another interface than the one of its side.
        case wrongInterface = 7
        /// More entries than one session may have.
        case tooManyHoles = 8
        /// More sessions than the gate holds.
        case tooManySessions = 9
        /// The kernel's table has no room.
        case tableFull = 10
        /// The endpoint or path belongs to another session.
        case conflict = 11
        /// The protocol version is not the gate's.
        case badVersion = 12
        /// The request came before `hello`, or the kernel table is not there.
        case notReady = 13
        /// The kernel refused; `errno` says why.
        case kernel = 14
        /// The endpoints of one path are of different address families.
        case mixedFamilies = 15
        /// The configuration does not allow holes that are open to any source.
        case halfOpenDisabled = 16
        /// No external port is free.
        case noPort = 17
        /// Packets that no hole lets through are not seen, so nothing can be learned from them.
        case learningDisabled = 18
    }

    /// The kind of refusal.
    public var reason: Reason
    /// The endpoint that is the cause, where there is one.
    public var endpoint: Endpoint?
    /// The kernel's error number; 0 where the kernel was not the one to refuse.
    public var errno: Int32

    /// A refusal with the endpoint that is its cause and, from the kernel, its error number.
    public init(_ reason: Reason, endpoint: Endpoint? = nil, errno: Int32 = 0) {
        self.reason = reason
        self.endpoint = endpoint
        self.errno = errno
    }
}

extension GateRefusal: CustomStringConvertible {
    /// The refusal as one line: the endpoint, the reason in words, the error number.
    public var description: String {
        var text = "\(reason.phrase)"
        if let endpoint { text = "\(endpoint): " + text }
        if errno != 0 { text += " (errno \(errno))" }
        return text
    }
}

extension GateRefusal.Reason {
    /// The refusal in words: what is wrong and what would be right.
    public var phrase: StaticString {
        switch self {
        case .forbiddenAddress: "media may not go to this address (special-purpose, or forbidden by the configuration)"
        case .ownAddress: "this is an address of the gateway itself"
        case .notInside: "not in any of the inside prefixes"
        case .notOutside: "an outside endpoint may not lie in the inside prefixes"
        case .forbiddenPort: "media may not use this port"
        case .noRoute: "the kernel has no unicast route to this address"
        case .wrongInterface: "the route to this address leaves through another interface than its side's"
        case .tooManyHoles: "more holes than one session may have"
        case .tooManySessions: "more sessions than the gate is configured for"
        case .tableFull: "the kernel table is full; raise the gate's element limit or end calls"
        case .conflict: "held by another session"
        case .badVersion: "protocol version not supported; sekishod and sekisho-gated must be of one release"
        case .notReady: "say hello first"
        case .kernel: "the kernel refused the transaction"
        case .mixedFamilies: "the two ends of a path are of different address families"
        case .noPort:
            "no external port is free; widen the range or add addresses to the gate's nat section, or end calls"
        case .learningDisabled:
            "nothing can be learned: the gate does not see what it drops (near_misses in its configuration, or its log at start)"
        case .halfOpenDisabled: "holes for any source are switched off in the gate's configuration"
        }
    }
}
