public import SIPTransactions
import Wire

/// Finds the servers of one target (RFC 3263 sections 4.1 and 4.2): questions out, answers in.
///
/// ```
///   begin ──┬── address ─────────────────────────────────────────────── found
///           ├── port written ───────────────────────────────┐
///           ├── transport written ────────────┐             │
///           └── NAPTR ──┬── services ─────────┤             │
///                       └── none: each one ── SRV ── hosts ─┴─ A, AAAA ── found
///                                              └── none: the name itself ──┘
/// ```
/// Every step leads to the right: there are at most three rounds of questions, and no loop.
public struct ServerLookup: Sendable {
    /// What is to be done next.
    public enum Step: Equatable, Sendable {
        /// Ask these questions, all at once.
        case ask([Question])
        /// Answers are still missing.
        case wait
        /// The servers, to be tried in this order (RFC 3263 section 4.3); at least one.
        case found([Destination])
        /// There is none.
        case failed(ServerLookupError)
    }

    /// A server's name, and how it is reached.
    private struct Host: Sendable {
        let transport: TransportKind
        let name: DomainName
        let port: UInt16
    }

    private enum State: Sendable {
        case idle
        case askingPointers(Question)
        case askingServices([ServiceSelection.Service], answers: [Question: Answer])
        case askingAddresses([Host], questions: [Question], answers: [Question: Answer])
        case finished
    }

    private let target: LookupTarget
    private var name: DomainName?
    private var random: SeededNumbers
    private var state = State.idle
    /// What nobody could be asked: the reason when hosts are not found either.
    private var unreachable: Question?

    /// A look-up of this target.
    ///
    /// - Parameter seed: decides between SRV records of equal priority; a new random one for each look-up.
    public init(_ target: LookupTarget, seed: UInt64) {
        self.target = target
        random = SeededNumbers(seed: seed)
    }

    /// The first step. An address needs no question.
    public mutating func begin() -> Step {
        guard case .idle = state else { return .wait }
        let transport: TransportKind
        switch Self.transport(of: target) {
        case .some(let given): transport = given
        case .none: return fail(nil, .unsupportedTransport)
        }
        if let address = IPAddress(text: target.host.span) { return numeric(address.unmapped, transport) }
        guard let name = DomainName(target.host.span), name.isHostName else { return fail(nil, .badHost) }
        self.name = name
        if let port = target.port { return askAddresses([Host(transport: transport, name: name, port: port)]) }
        if target.transport != nil {
            guard target.supported.has(transport) else { return fail(nil, .unsupportedTransport) }
            return askServices(Self.services(of: name, [transport]))
        }
        let question = Question(name, .naptr)
        state = .askingPointers(question)
        return .ask([question])
    }

    /// The answer to one of the questions. One that was not asked, or is answered already, changes nothing.
    public mutating func take(_ answer: Answer, to question: Question) -> Step {
        switch state {
        case .askingPointers(question):
            return chooseServices(answer, question)
        case .askingServices(let services, var answers):
            guard answers[question] == nil, services.contains(where: { Question($0.owner, .srv) == question }) else {
                return .wait
            }
            answers[question] = answer
            state = .askingServices(services, answers: answers)
            let isComplete = services.allSatisfy { answers[Question($0.owner, .srv)] != nil }
            return isComplete ? chooseHosts(services, answers) : .wait
        case .askingAddresses(let hosts, let questions, var answers):
            guard answers[question] == nil, questions.contains(question) else { return .wait }
            answers[question] = answer
            state = .askingAddresses(hosts, questions: questions, answers: answers)
            return answers.count == questions.count ? collect(hosts, questions, answers) : .wait
        case .idle, .askingPointers, .finished:
            return .wait
        }
    }

    // MARK: Section 4.1, the transport

    /// The transport when neither NAPTR nor SRV decides: the parameter's, else UDP for `sip` and TLS for `sips`. Nil for
    /// one that the scheme does not allow: `sips` goes over TLS, whose parameter is `tcp` (RFC 3261 section 26.2.2).
    private static func transport(of target: LookupTarget) -> TransportKind? {
        switch (target.scheme, target.transport) {
        case (.sip, .none): .udp
        case (.sip, .known(let transport)): transport
        case (.sips, .none), (.sips, .known(.tcp)), (.sips, .known(.tls)): .tls
        case (.sips, .known(.udp)), (_, .unknown): nil
        }
    }

    private mutating func numeric(_ address: IPAddress, _ transport: TransportKind) -> Step {
        guard AddressOrder.isSendable(address) else { return fail(nil, .badAddress) }
        guard target.supported.has(transport, isIPv6: address.isIPv6) else { return fail(nil, .unsupportedTransport) }
        state = .finished
        return .found([destination(transport, Endpoint(address, target.port ?? transport.defaultPort))])
    }

    private mutating func chooseServices(_ answer: Answer, _ question: Question) -> Step {
        switch answer {
        case .records(.pointers(let records), _):
            switch ServiceSelection.choose(records, for: target) {
            case .none: return askEveryService()
            case .notOffered: return fail(question, .notOffered)
            case .services(let services): return askServices(services)
            }
        case .records(.addresses, _), .records(.services, _):
            return fail(question, .unusable)
        case .noData, .noSuchName:
            return askEveryService()
        case .failed(.noServer):
            // The system may know the host without any name server.
            unreachable = question
            return askEveryService()
        case .failed(let failure):
            // Not an answer: the domain may well ask for TLS, so that going on without would be a downgrade.
            return fail(question, .failed(failure))
        }
    }

    /// SRV queries without NAPTR: one for each transport that the scheme allows and the gateway has.
    private mutating func askEveryService() -> Step {
        guard let name else { return fail(nil, .badHost) }
        let allowed: [TransportKind] =
            switch target.scheme {
            case .sip: [.udp, .tcp]
            case .sips: [.tls]
            }
        let transports = allowed.filter(target.supported.has)
        guard !transports.isEmpty else { return fail(nil, .unsupportedTransport) }
        return askServices(Self.services(of: name, transports))
    }

    // MARK: Section 4.2, port and address

    /// The owners of SRV records; a name too long to have any is left out.
    private static func services(of name: DomainName, _ transports: [TransportKind]) -> [ServiceSelection.Service] {
        transports.compactMap { transport in
            let owner =
                switch transport {
                case .udp: name.prefixed(by: "_sip._udp")
                case .tcp: name.prefixed(by: "_sip._tcp")
                case .tls: name.prefixed(by: "_sips._tcp")
                }
            return owner.map { ServiceSelection.Service(transport: transport, owner: $0) }
        }
    }

    private mutating func askServices(_ services: [ServiceSelection.Service]) -> Step {
        guard !services.isEmpty else { return fail(nil, .badHost) }
        state = .askingServices(services, answers: [:])
        var questions: [Question] = []
        for service in services {
            let question = Question(service.owner, .srv)
            if !questions.contains(question) { questions.append(question) }
        }
        return .ask(questions)
    }

    private mutating func chooseHosts(
        _ services: [ServiceSelection.Service], _ answers: [Question: Answer]
    ) -> Step {
        var hosts: [Host] = []
        var refused: (Question, ServerLookupError.Reason)?
        var failed: (Question, ServerLookupError.Reason)?
        for service in services {
            let question = Question(service.owner, .srv)
            switch answers[question] {
            case .records(.services(let records), _):
                let isRefusal = records.count == 1 && records[0].target.isRoot
                let usable = records.filter { $0.target.isHostName && $0.port != 0 }
                hosts += ServiceOrder.arrange(usable, using: &random).map {
                    Host(transport: service.transport, name: $0.target, port: $0.port)
                }
                if usable.isEmpty { refused = refused ?? (question, isRefusal ? .notOffered : .unusable) }
            case .records(.addresses, _), .records(.pointers, _):
                refused = refused ?? (question, .unusable)
            case .noData, .noSuchName, .none:
                break
            case .failed(.noServer):
                unreachable = unreachable ?? question
            case .failed(let failure):
                failed = failed ?? (question, .failed(failure))
            }
        }
        if !hosts.isEmpty { return askAddresses(hosts) }
        if let (question, reason) = failed ?? refused { return fail(question, reason) }
        // No SRV records: the name itself, over the transport selected before, at its default port.
        guard let name else { return fail(nil, .badHost) }
        let transport = selectedTransport(services)
        return askAddresses([Host(transport: transport, name: name, port: transport.defaultPort)])
    }

    /// The transport when there were no SRV records: the one that was written or that NAPTR prefers; with neither, TLS
    /// for `sips`, and for `sip` UDP or, where there is no listener for it, TCP.
    private func selectedTransport(_ services: [ServiceSelection.Service]) -> TransportKind {
        services.first?.transport ?? Self.transport(of: target) ?? .udp
    }

    private mutating func askAddresses(_ hosts: [Host]) -> Step {
        var kept: [Host] = []
        var questions: [Question] = []
        var isSupported = false
        for host in hosts where target.supported.has(host.transport) {
            isSupported = true
            guard kept.count < LookupLimits.hosts else { break }
            kept.append(host)
            for type in [RecordType.aaaa, .a] where target.supported.has(host.transport, isIPv6: type == .aaaa) {
                let question = Question(host.name, type)
                if !questions.contains(question) { questions.append(question) }
            }
        }
        guard isSupported else { return fail(nil, .unsupportedTransport) }
        state = .askingAddresses(kept, questions: questions, answers: [:])
        return .ask(questions)
    }

    private mutating func collect(
        _ hosts: [Host], _ questions: [Question], _ answers: [Question: Answer]
    ) -> Step {
        func addresses(_ host: Host, _ type: RecordType) -> [IPAddress] {
            guard target.supported.has(host.transport, isIPv6: type == .aaaa),
                case .records(.addresses(let found), _) = answers[Question(host.name, type)]
            else { return [] }
            return found.filter { $0.isIPv6 == (type == .aaaa) }
        }
        var found: [Destination] = []
        for host in hosts {
            let merged = AddressOrder.merge(
                addresses(host, .aaaa), addresses(host, .a), acceptsLoopback: target.acceptsLoopback)
            for address in merged {
                let next = destination(host.transport, Endpoint(address, host.port))
                if found.count < LookupLimits.destinations, !found.contains(next) { found.append(next) }
            }
        }
        guard found.isEmpty else {
            state = .finished
            return .found(found)
        }
        return noAddress(questions, answers)
    }

    /// The most telling of the questions that led to no address: a failure before "not usable" before "not found".
    private mutating func noAddress(_ questions: [Question], _ answers: [Question: Answer]) -> Step {
        var unusable: Question?
        for question in questions {
            switch answers[question] {
            case .failed(let failure): return fail(question, .failed(failure))
            case .records: unusable = unusable ?? question
            case .noData, .noSuchName, .none: break
            }
        }
        if let unusable { return fail(unusable, .unusable) }
        if let unreachable { return fail(unreachable, .failed(.noServer)) }
        return fail(questions.last, .notFound)
    }

    // MARK: Ends

    /// Every destination of a look-up is made here; TLS has to find the domain of the URI there.
    private func destination(_ transport: TransportKind, _ remote: Endpoint) -> Destination {
        Destination(transport, remote, serverName: transport == .tls ? target.domain : [])
    }

    private mutating func fail(_ question: Question?, _ reason: ServerLookupError.Reason) -> Step {
        state = .finished
        return .failed(ServerLookupError(name ?? DomainName(target.host.span), question, reason))
    }
}
