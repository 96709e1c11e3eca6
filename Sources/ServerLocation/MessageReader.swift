import Wire

/// Reads names and integers of a DNS message (RFC 1035 section 4.1), never beyond the end that it was given.
struct MessageReader: ~Escapable {
    private let bytes: Span<UInt8>
    /// The next octet.
    var offset: Int

    /// Octets of the message.
    var count: Int { bytes.count }

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    @_lifetime(self: copy self)
    mutating func octet(_ production: StaticString) throws(ParseError) -> UInt8 {
        guard offset < bytes.count else { throw ParseError(.truncated, in: production, at: bytes.count) }
        defer { offset += 1 }
        return bytes[offset]
    }

    @_lifetime(self: copy self)
    mutating func number16(_ production: StaticString) throws(ParseError) -> UInt16 {
        let high = try octet(production)
        return UInt16(high) << 8 | UInt16(try octet(production))
    }

    @_lifetime(self: copy self)
    mutating func number32(_ production: StaticString) throws(ParseError) -> UInt32 {
        let high = try number16(production)
        return UInt32(high) << 16 | UInt32(try number16(production))
    }

    /// A `<character-string>` (RFC 1035 section 3.3): a length and as many octets.
    @_lifetime(self: copy self)
    mutating func characterString(_ production: StaticString) throws(ParseError) -> [UInt8] {
        let count = Int(try octet(production))
        return try octets(count, production)
    }

    @_lifetime(self: copy self)
    mutating func octets(_ count: Int, _ production: StaticString) throws(ParseError) -> [UInt8] {
        guard bytes.count - offset >= count else { throw ParseError(.truncated, in: production, at: bytes.count) }
        var output: [UInt8] = []
        output.reserveCapacity(count)
        for index in offset..<offset + count { output.append(bytes[index]) }
        offset += count
        return output
    }

    /// A domain name, compressed or not (RFC 1035 section 4.1.4). Afterwards the reader stands behind it.
    ///
    /// A pointer must lead to before the part of the name that it ends, and there may be `LookupLimits.pointers` of
    /// them: no loop is possible, and no long walk.
    ///
    /// - Returns: nil when the name is well formed, but not one that `DomainName` holds.
    @_lifetime(self: copy self)
    mutating func name(_ production: StaticString) throws(ParseError) -> DomainName? {
        let start = offset
        var text: [UInt8] = []
        var isText = true
        var wireOctets = 1
        var pointers = 0
        var partStart = offset
        var behind: Int?
        while true {
            let place = offset
            let length = try octet(production)
            switch length >> 6 {
            case 0:
                if length == 0 {
                    if let behind { offset = behind }
                    if wireOctets == 1 { return .root }
                    let name = DomainName(text.span)
                    return isText ? name : nil
                }
                wireOctets += Int(length) + 1
                guard wireOctets <= LookupLimits.nameOctets + 2 else {
                    throw ParseError(.tooLong, in: production, at: start)
                }
                let label = try octets(Int(length), production)
                if !text.isEmpty { text.append(ASCII.dot) }
                for octet in label where !DomainName.isLabelOctet(octet) { isText = false }
                text += label
            case 3:
                let target = Int(length & 0x3F) << 8 | Int(try octet(production))
                if behind == nil { behind = offset }
                pointers += 1
                guard pointers <= LookupLimits.pointers else { throw ParseError(.tooMany, in: production, at: place) }
                guard target >= DNSMessage.headerOctets, target < partStart else {
                    throw ParseError(.inconsistent, in: production, at: place)
                }
                partStart = target
                offset = target
            default:
                // 01 and 10: extended labels, never deployed (RFC 6891 section 5).
                throw ParseError(.unsupported, in: production, at: place)
            }
        }
    }
}
