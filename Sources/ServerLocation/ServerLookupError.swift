/// Why no server was found: what was looked for, what was asked last, what came of it.
public struct ServerLookupError: Error, Equatable, Sendable {
    /// What went wrong.
    public enum Reason: Equatable, Sendable {
        /// The host is neither an address nor a host name, or too long to have services.
        case badHost
        /// The address is none that a request can be sent to: multicast, unspecified, reserved.
        case badAddress
        /// The URI asks for a transport, or leads to an address family, that the gateway has no listener for.
        case unsupportedTransport
        /// The domain says that it has no such service, or none over a transport that the gateway has.
        case notOffered
        /// The name, or the records of the type, are not there.
        case notFound
        /// There are records, but none that may be used.
        case unusable
        /// A question has no answer.
        case failed(QuestionFailure)
    }

    /// The name or address that was looked for; nil when it is not fit to be written.
    public let host: DomainName?
    /// The question whose answer, or lack of one, ended the look-up; nil when nothing was asked.
    public let question: Question?
    /// What went wrong.
    public let reason: Reason

    /// An error with what was looked for, asked, and found.
    public init(_ host: DomainName?, _ question: Question?, _ reason: Reason) {
        self.host = host
        self.question = question
        self.reason = reason
    }

    /// Whether asking again later may help.
    public var isTemporary: Bool {
        switch reason {
        case .failed: true
        case .badHost, .badAddress, .unsupportedTransport, .notOffered, .notFound, .unusable: false
        }
    }
}

extension ServerLookupError: CustomStringConvertible {
    /// Host, question and reason: `example.com: SRV _sip._udp.example.com: no answer in time`.
    public var description: String {
        var text = host.map { "\($0)" } ?? "host of the URI"
        if let question { text += ": \(question)" }
        switch reason {
        case .badHost: text += ": not a host name"
        case .badAddress: text += ": an address that no request can be sent to"
        case .unsupportedTransport: text += ": no listener for the transport and address family"
        case .notOffered: text += ": service not offered over a transport with a listener"
        case .notFound: text += ": no such records"
        case .unusable: text += ": no record that may be used"
        case .failed(let failure): text += ": \(failure)"
        }
        return text
    }
}
