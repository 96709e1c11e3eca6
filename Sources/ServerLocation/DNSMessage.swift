public import Wire

/// Reads the answer of a name server (RFC 1035 section 4).
///
/// The additional section is not read: it is what a server volunteers, and addresses are asked for by their own question.
public enum DNSMessage {
    static let headerOctets = 12
    private static let cname: UInt16 = 5
    private static let soa: UInt16 = 6
    private static let internet: UInt16 = 1

    /// Reads the answer to a question out of a whole message.
    ///
    /// CNAME records are followed inside the message, where a resolver puts them (RFC 1034 section 3.6.2).
    ///
    /// - Returns: records, no data or no such name; `failed(.noAnswer)` for a response code that says that the server
    ///   could not or would not answer.
    /// - Throws: what is wrong with the message and at which of its octets.
    public static func parse(_ bytes: Span<UInt8>, answering question: Question) throws(ParseError) -> Answer {
        guard bytes.count <= LookupLimits.messageOctets else {
            throw ParseError(.tooLong, in: "DNS message", at: LookupLimits.messageOctets)
        }
        var reader = MessageReader(bytes)
        let header = try Header(&reader)
        try expect(question, &reader)
        guard header.code == Header.noError || header.code == Header.nameError else { return .failed(.noAnswer) }

        let total = header.answers + header.authorities
        guard total <= LookupLimits.records else { throw ParseError(.tooMany, in: "DNS records", at: 6) }
        var found = FoundRecords(question)
        for _ in 0..<header.answers { try readAnswer(&reader, into: &found) }
        var negative: Duration?
        for _ in 0..<header.authorities {
            if let lifetime = try readAuthority(&reader) { negative = min(negative ?? lifetime, lifetime) }
        }
        if let records = found.records { return records }
        return header.code == Header.nameError ? .noSuchName(lifetime: negative) : .noData(lifetime: negative)
    }

    /// The header (RFC 1035 section 4.1.1), checked to be that of a whole answer.
    private struct Header {
        static let noError: UInt16 = 0
        static let nameError: UInt16 = 3

        let code: UInt16
        let answers: Int
        let authorities: Int

        init(_ reader: inout MessageReader) throws(ParseError) {
            _ = try reader.number16("DNS id")
            let flags = try reader.number16("DNS flags")
            let isResponse = flags & 0x8000 != 0
            let operation = flags >> 11 & 0xF
            guard isResponse, operation == 0 else { throw ParseError(.inconsistent, in: "DNS flags", at: 2) }
            // The resolver asks again over TCP; there nothing is cut.
            guard flags & 0x0200 == 0 else { throw ParseError(.truncated, in: "DNS message", at: 2) }
            guard try reader.number16("QDCOUNT") == 1 else { throw ParseError(.inconsistent, in: "QDCOUNT", at: 4) }
            code = flags & 0xF
            answers = Int(try reader.number16("ANCOUNT"))
            authorities = Int(try reader.number16("NSCOUNT"))
            _ = try reader.number16("ARCOUNT")
        }
    }

    /// The question section must repeat what was asked.
    private static func expect(_ question: Question, _ reader: inout MessageReader) throws(ParseError) {
        let place = reader.offset
        let name = try reader.name("QNAME")
        let type = try reader.number16("QTYPE")
        let kind = try reader.number16("QCLASS")
        guard name == question.name, type == question.type.rawValue, kind == internet else {
            throw ParseError(.inconsistent, in: "DNS question", at: place)
        }
    }

    /// What stands before the data of every record (RFC 1035 section 4.1.3).
    private struct RecordHeader {
        let owner: DomainName?
        let type: UInt16
        let lifetime: Duration
        let end: Int

        init(_ reader: inout MessageReader, in messageOctets: Int) throws(ParseError) {
            owner = try reader.name("NAME")
            type = try reader.number16("TYPE")
            let place = reader.offset
            guard try reader.number16("CLASS") == internet else {
                throw ParseError(.unsupported, in: "CLASS", at: place)
            }
            let seconds = try reader.number32("TTL")
            // RFC 2181 section 8: a value with the first bit set counts as 0.
            lifetime = .seconds(seconds >> 31 == 0 ? Int64(seconds) : 0)
            let count = Int(try reader.number16("RDLENGTH"))
            end = reader.offset + count
            guard end <= messageOctets else { throw ParseError(.truncated, in: "RDATA", at: messageOctets) }
        }
    }

    private static func readAnswer(
        _ reader: inout MessageReader, into found: inout FoundRecords
    ) throws(ParseError) {
        let header = try RecordHeader(&reader, in: reader.count)
        defer { reader.offset = header.end }
        if header.type == cname {
            let target = try reader.name("CNAME")
            try expectEnd(header, reader.offset)
            if let owner = header.owner { found.add(alias: owner, to: target, header.lifetime) }
            return
        }
        guard header.type == found.question.type.rawValue, let owner = header.owner else { return }
        let data: FoundRecords.Datum?
        switch found.question.type {
        case .a, .aaaa: data = try address(&reader, header.end, found.question.type)
        case .srv: data = try service(&reader)
        case .naptr: data = try pointer(&reader)
        }
        try expectEnd(header, reader.offset)
        found.add(data, of: owner, header.lifetime)
    }

    private static func expectEnd(_ header: RecordHeader, _ offset: Int) throws(ParseError) {
        guard offset == header.end else { throw ParseError(.inconsistent, in: "RDLENGTH", at: offset) }
    }

    private static func address(
        _ reader: inout MessageReader, _ end: Int, _ type: RecordType
    ) throws(ParseError) -> FoundRecords.Datum? {
        let place = reader.offset
        let octets = try reader.octets(end - place, "ADDRESS")
        guard let address = IPAddress(octets: octets.span), address.isIPv6 == (type == .aaaa) else {
            throw ParseError(.badAddress, in: "ADDRESS", at: place)
        }
        return .address(address)
    }

    private static func service(_ reader: inout MessageReader) throws(ParseError) -> FoundRecords.Datum? {
        let priority = try reader.number16("SRV priority")
        let weight = try reader.number16("SRV weight")
        let port = try reader.number16("SRV port")
        guard let target = try reader.name("SRV target") else { return nil }
        return .service(ServiceRecord(priority: priority, weight: weight, port: port, target: target))
    }

    private static func pointer(_ reader: inout MessageReader) throws(ParseError) -> FoundRecords.Datum? {
        let order = try reader.number16("NAPTR order")
        let preference = try reader.number16("NAPTR preference")
        let flags = try reader.characterString("NAPTR flags")
        let service = try reader.characterString("NAPTR service")
        let regexp = try reader.characterString("NAPTR regexp")
        guard let replacement = try reader.name("NAPTR replacement") else { return nil }
        return .pointer(
            AuthorityPointer(
                order: order, preference: preference, flags: flags, service: service, regexp: regexp,
                replacement: replacement))
    }

    /// The time for which an SOA record lets "no such records" be kept: the smaller of its own lifetime and its MINIMUM
    /// (RFC 2308 section 5). Nil for other records.
    private static func readAuthority(_ reader: inout MessageReader) throws(ParseError) -> Duration? {
        let header = try RecordHeader(&reader, in: reader.count)
        defer { reader.offset = header.end }
        guard header.type == soa else { return nil }
        _ = try reader.name("SOA MNAME")
        _ = try reader.name("SOA RNAME")
        for _ in 0..<4 { _ = try reader.number32("SOA") }
        let minimum = try reader.number32("SOA MINIMUM")
        try expectEnd(header, reader.offset)
        return min(header.lifetime, .seconds(minimum >> 31 == 0 ? Int64(minimum) : 0))
    }
}
