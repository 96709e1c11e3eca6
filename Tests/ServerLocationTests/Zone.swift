import SIPTransactions
import ServerLocation
import Wire

/// A DNS of the tests: a table of records, and a look-up that is run against it to its end.
struct Zone {
    private var answers: [Question: Answer] = [:]

    static let lifetime = Duration.seconds(60)

    mutating func naptr(_ name: String, _ records: [AuthorityPointer]) throws {
        answers[try Self.question(name, .naptr)] = .records(.pointers(records), lifetime: Self.lifetime)
    }

    mutating func srv(_ name: String, _ records: [ServiceRecord]) throws {
        answers[try Self.question(name, .srv)] = .records(.services(records), lifetime: Self.lifetime)
    }

    mutating func host(_ name: String, _ addresses: String...) throws {
        let parsed = addresses.compactMap { IPAddress($0) }
        let v4 = parsed.filter { !$0.isIPv6 }
        let v6 = parsed.filter { $0.isIPv6 }
        if !v4.isEmpty { answers[try Self.question(name, .a)] = .records(.addresses(v4), lifetime: Self.lifetime) }
        if !v6.isEmpty { answers[try Self.question(name, .aaaa)] = .records(.addresses(v6), lifetime: Self.lifetime) }
    }

    mutating func fail(_ name: String, _ type: RecordType, _ failure: QuestionFailure) throws {
        answers[try Self.question(name, type)] = .failed(failure)
    }

    func answer(_ question: Question) -> Answer { answers[question] ?? .noSuchName(lifetime: nil) }

    static func question(_ name: String, _ type: RecordType) throws -> Question { Question(try domain(name), type) }

    static func domain(_ name: String) throws -> DomainName {
        let text = Array(name.utf8)
        guard let domain = DomainName(text.span) else { throw Problem.badName(name) }
        return domain
    }

    enum Problem: Error { case badName(String), unfinished }

    /// What a look-up asked, round by round, and what it ended with: endpoints as text, or the error as text.
    struct Run: Equatable {
        var rounds: [[String]] = []
        var found: [String] = []
        var error: String?
    }

    /// Runs a look-up. Answers come in the reverse order of the questions: the order must not matter.
    func run(_ target: LookupTarget, seed: UInt64 = 1) throws -> Run {
        var lookup = ServerLookup(target, seed: seed)
        var run = Run()
        var step = lookup.begin()
        while true {
            switch step {
            case .ask(let questions):
                run.rounds.append(questions.map(\.description))
                for question in questions.reversed() { step = lookup.take(answer(question), to: question) }
            case .wait:
                throw Problem.unfinished
            case .found(let destinations):
                run.found = destinations.map { "\($0.transport) \($0.remote)" }
                return run
            case .failed(let error):
                run.error = error.description
                return run
            }
        }
    }
}

extension LookupTransports {
    static let udp = LookupTransports([.init(.udp, isIPv6: false), .init(.udp, isIPv6: true)])
    static let tcp = LookupTransports([.init(.tcp, isIPv6: false), .init(.tcp, isIPv6: true)])
    static let tls = LookupTransports([.init(.tls, isIPv6: false), .init(.tls, isIPv6: true)])
    static let all: LookupTransports = [.udp, .tcp, .tls]
    static let v4: LookupTransports = [
        .init(.udp, isIPv6: false), .init(.tcp, isIPv6: false), .init(.tls, isIPv6: false),
    ]
    static let v6: LookupTransports = [
        .init(.udp, isIPv6: true), .init(.tcp, isIPv6: true), .init(.tls, isIPv6: true),
    ]
}

extension LookupTarget {
    init(
        _ scheme: Scheme, _ host: String, port: UInt16? = nil, _ transport: TransportParameter? = nil,
        supported: LookupTransports = .all
    ) {
        self.init(scheme, Array(host.utf8), port: port, transport: transport, supported: supported)
    }
}

extension AuthorityPointer {
    init(
        _ order: UInt16, _ preference: UInt16, _ service: String, _ replacement: String, flags: String = "s",
        regexp: String = ""
    ) throws {
        self.init(
            order: order, preference: preference, flags: Array(flags.utf8), service: Array(service.utf8),
            regexp: Array(regexp.utf8), replacement: replacement == "." ? .root : try Zone.domain(replacement))
    }
}

extension ServiceRecord {
    init(_ priority: UInt16, _ weight: UInt16, _ port: UInt16, _ target: String) throws {
        self.init(
            priority: priority, weight: weight, port: port,
            target: target == "." ? .root : try Zone.domain(target))
    }
}
