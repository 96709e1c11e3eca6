public import Wire

/// The record types that locating a server needs, with their numbers in the DNS.
public enum RecordType: UInt16, Hashable, Sendable {
    /// An IPv4 address (RFC 1035 section 3.4.1).
    case a = 1
    /// An IPv6 address (RFC 3596).
    case aaaa = 28
    /// The hosts of a service (RFC 2782).
    case srv = 33
    /// The services of a domain (RFC 3403).
    case naptr = 35
}

/// What the resolver is asked: a name and a type, always of class IN.
public struct Question: Hashable, Sendable {
    /// The owner of the records.
    public let name: DomainName
    /// Their type.
    public let type: RecordType

    /// A question for the records of this type.
    public init(_ name: DomainName, _ type: RecordType) {
        self.name = name
        self.type = type
    }
}

extension Question: CustomStringConvertible {
    /// Type and name: `SRV _sip._udp.example.com`.
    public var description: String {
        switch type {
        case .a: "A \(name)"
        case .aaaa: "AAAA \(name)"
        case .srv: "SRV \(name)"
        case .naptr: "NAPTR \(name)"
        }
    }
}

/// An SRV record (RFC 2782).
public struct ServiceRecord: Hashable, Sendable {
    /// Lower ones are used up first.
    public var priority: UInt16
    /// The share among records of equal priority.
    public var weight: UInt16
    /// The port of the service.
    public var port: UInt16
    /// The host; the root when the service is decidedly not offered.
    public var target: DomainName

    /// A record with these fields.
    public init(priority: UInt16, weight: UInt16, port: UInt16, target: DomainName) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.target = target
    }
}

/// A NAPTR record (RFC 3403 section 4.1).
public struct AuthorityPointer: Hashable, Sendable {
    /// Records of the lowest order that matches are used, others are not.
    public var order: UInt16
    /// Lower ones are tried first within an order.
    public var preference: UInt16
    /// What the replacement is; `s`: the owner of SRV records.
    public var flags: [UInt8]
    /// The service, such as `SIPS+D2T`.
    public var service: [UInt8]
    /// A substitution expression; must be empty for SIP (RFC 3263 section 4.1).
    public var regexp: [UInt8]
    /// The name to ask next.
    public var replacement: DomainName

    /// A record with these fields.
    public init(
        order: UInt16, preference: UInt16, flags: [UInt8], service: [UInt8], regexp: [UInt8] = [],
        replacement: DomainName
    ) {
        self.order = order
        self.preference = preference
        self.flags = flags
        self.service = service
        self.regexp = regexp
        self.replacement = replacement
    }
}

/// The records of one answer, all of the type asked for. Records with a name that `DomainName` cannot hold are left out.
public enum Records: Hashable, Sendable {
    /// A or AAAA, in the order in which they are to be tried.
    case addresses([IPAddress])
    /// SRV, in no order.
    case services([ServiceRecord])
    /// NAPTR, in no order.
    case pointers([AuthorityPointer])
}

/// What became of a question.
public enum Answer: Equatable, Sendable {
    /// There are such records. They may be kept for this time.
    case records(Records, lifetime: Duration)
    /// The name is there, without records of this type (RFC 2308 section 2.2). Nil: the answer does not say for how long.
    case noData(lifetime: Duration?)
    /// The name is not there at all (RFC 2308 section 2.1).
    case noSuchName(lifetime: Duration?)
    /// It is not known whether there are such records.
    case failed(QuestionFailure)
}

/// Why a question has no answer.
public enum QuestionFailure: Equatable, Sendable {
    /// No name server answered, or none gave an answer that could be used.
    case noAnswer
    /// No answer in the time that the shell grants.
    case timedOut
    /// There is no name server to ask, or no way to it.
    case noServer
    /// The answer broke the format.
    case malformed(ParseError)
    /// Too many questions wait already; this one was not asked.
    case overloaded
    /// The system could not ask: the error number.
    case system(Int32)
}

extension QuestionFailure: CustomStringConvertible {
    /// The failure in words.
    public var description: String {
        switch self {
        case .noAnswer: "no name server gave a usable answer"
        case .timedOut: "no answer in time"
        case .noServer: "no name server can be reached"
        case .malformed(let error): "malformed answer: \(error)"
        case .overloaded: "too many questions are waiting"
        case .system(let code): "the resolver failed with error \(code)"
        }
    }
}
