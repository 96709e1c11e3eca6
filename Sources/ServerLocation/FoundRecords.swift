import Wire

/// The records of an answer section on their way to an `Answer`: those of the question's name, or of the name that its
/// aliases lead to.
struct FoundRecords {
    enum Datum {
        case address(IPAddress)
        case service(ServiceRecord)
        case pointer(AuthorityPointer)
    }

    let question: Question
    private var aliases: [(owner: DomainName, target: DomainName?, lifetime: Duration)] = []
    private var entries: [(owner: DomainName, datum: Datum?, lifetime: Duration)] = []

    init(_ question: Question) { self.question = question }

    mutating func add(alias owner: DomainName, to target: DomainName?, _ lifetime: Duration) {
        aliases.append((owner, target, lifetime))
    }

    /// - Parameter datum: nil for a record that is there, but cannot be used.
    mutating func add(_ datum: Datum?, of owner: DomainName, _ lifetime: Duration) {
        entries.append((owner, datum, lifetime))
    }

    /// The records, with the shortest lifetime on the way to them; nil when there are none.
    var records: Answer? {
        var name = question.name
        var shortest: Duration?
        for _ in 0..<LookupLimits.aliases {
            guard let alias = aliases.first(where: { $0.owner == name }) else { break }
            guard let target = alias.target else { return nil }
            name = target
            shortest = min(shortest ?? alias.lifetime, alias.lifetime)
        }
        let own = entries.filter { $0.owner == name }
        guard !own.isEmpty else { return nil }
        for entry in own { shortest = min(shortest ?? entry.lifetime, entry.lifetime) }
        return .records(collect(own.compactMap(\.datum)), lifetime: shortest ?? .zero)
    }

    private func collect(_ data: [Datum]) -> Records {
        switch question.type {
        case .a, .aaaa:
            return .addresses(data.compactMap { if case .address(let address) = $0 { address } else { nil } })
        case .srv:
            return .services(data.compactMap { if case .service(let service) = $0 { service } else { nil } })
        case .naptr:
            return .pointers(data.compactMap { if case .pointer(let pointer) = $0 { pointer } else { nil } })
        }
    }
}
