import SIPTransactions
import Wire

/// Chooses among the NAPTR records of a domain (RFC 3263 section 4.1).
enum ServiceSelection {
    /// What the records of a domain come to.
    enum Outcome: Equatable {
        /// None of them is about SIP: as if there were none.
        case none
        /// SIP is offered, but not over what the target asks for and the gateway has.
        case notOffered
        /// Transports and owners of SRV records, the most preferred first.
        case services([Service])
    }

    /// A transport, and where its SRV records are.
    struct Service: Equatable {
        let transport: TransportKind
        let owner: DomainName
    }

    static func choose(_ records: [AuthorityPointer], for target: LookupTarget) -> Outcome {
        let services = records.filter(isService)
        guard !services.isEmpty else { return .none }
        let usable = services.compactMap { record -> (record: AuthorityPointer, transport: TransportKind)? in
            guard let transport = transport(record), target.supported.has(transport),
                target.scheme == .sip || transport == .tls
            else { return nil }
            return (record, transport)
        }
        // RFC 3403 section 4.1: once a record matches, those of another order are not considered.
        guard let order = usable.map(\.record.order).min() else { return .notOffered }
        // Sorting is stable: equal preferences stay in the order in which they came.
        let chosen = usable.filter { $0.record.order == order }
            .sorted { $0.record.preference < $1.record.preference }
            .prefix(LookupLimits.services)
        return .services(chosen.map { Service(transport: $0.transport, owner: $0.record.replacement) })
    }

    /// Whether a record leads to SRV records of SIP: flag `s`, no expression, a replacement, and a service of SIP, also
    /// one that this gateway does not have (`SIP+D2S`, `SIP+D2W`).
    private static func isService(_ record: AuthorityPointer) -> Bool {
        let flags = record.flags
        let service = record.service
        guard flags.count == 1, ASCII.lowercase(flags[0]) == 0x73, record.regexp.isEmpty, !record.replacement.isRoot,
            let plus = service.firstIndex(of: 0x2B)
        else { return false }
        let scheme = service.span.extracting(..<plus)
        return ASCII.equalIgnoringCase(scheme, "SIP") || ASCII.equalIgnoringCase(scheme, "SIPS")
    }

    private static func transport(_ record: AuthorityPointer) -> TransportKind? {
        let service = record.service.span
        if ASCII.equalIgnoringCase(service, "SIP+D2U") { return .udp }
        if ASCII.equalIgnoringCase(service, "SIP+D2T") { return .tcp }
        if ASCII.equalIgnoringCase(service, "SIPS+D2T") { return .tls }
        return nil
    }
}
