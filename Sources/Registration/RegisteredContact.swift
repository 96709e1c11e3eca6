import SIPText
import Wire

/// One Contact value of a REGISTER (RFC 3261 section 10.2.1, RFC 5626 section 4.2).
struct RegisteredContact {
    var uri: [UInt8]
    /// In thousandths; 1000 when the value does not say.
    var q: UInt16
    /// Seconds; nil when the value does not say or says it wrongly.
    var expires: UInt64?
    var instance: [UInt8]?
    var flowNumber: UInt32?

    init(in request: Message, _ value: Slice) throws(ParseError) {
        let bytes = request.bytes.span
        guard let address = NameAddress(in: bytes, value) else {
            throw ParseError(.unexpectedOctet, in: "Contact", at: Int(value.start))
        }
        guard address.uri.count <= RegistrationLimits.contactOctets else {
            throw ParseError(.tooLong, in: "Contact", at: Int(address.uri.start))
        }
        let uri = try URI(in: bytes, address.uri)
        // Requests go there with this as their Request-URI, which has no headers (RFC 3261 section 19.1.1).
        guard uri.scheme != .other, uri.headers.isEmpty else {
            throw ParseError(.unsupported, in: "Contact URI", at: Int(address.uri.start))
        }
        self.uri = request.copy(address.uri)
        q = try Self.q(address.parameters.value(of: "q", in: bytes), in: bytes)
        expires = address.parameters.value(of: "expires", in: bytes).flatMap { Self.seconds($0, in: bytes) }
        if let slice = address.parameters.value(of: "+sip.instance", in: bytes) {
            guard (1...RegistrationLimits.instanceOctets).contains(slice.count) else {
                throw ParseError(.tooLong, in: "+sip.instance", at: Int(slice.start))
            }
            instance = request.copy(slice)
        }
        if let slice = address.parameters.value(of: "reg-id", in: bytes) {
            flowNumber = try Self.flowNumber(slice, in: bytes)
        }
    }

    /// `qvalue` of RFC 3261 section 25.1: 0 to 1 with at most three decimals.
    private static func q(_ slice: Slice?, in bytes: Span<UInt8>) throws(ParseError) -> UInt16 {
        guard let slice else { return 1_000 }
        let fault = ParseError(.badNumber, in: "q", at: Int(slice.start))
        guard slice.count >= 1, slice.count <= 5 else { throw fault }
        let text = bytes.octets(slice)
        guard text[0] == ASCII.zero || text[0] == ASCII.zero + 1, text.count == 1 || text[1] == ASCII.dot else {
            throw fault
        }
        var value = UInt16(text[0] - ASCII.zero)
        for index in 2..<5 {
            var digit: UInt16 = 0
            if index < text.count {
                guard ASCII.isDigit(text[index]) else { throw fault }
                digit = UInt16(text[index] - ASCII.zero)
            }
            value = value * 10 + digit
        }
        guard value <= 1_000 else { throw fault }
        return value
    }

    private static func seconds(_ slice: Slice, in bytes: Span<UInt8>) -> UInt64? {
        var cursor = Cursor(bytes.octets(slice))
        guard let value = try? cursor.decimal(upTo: RegistrationLimits.expiresSeconds, in: "expires"), cursor.isAtEnd
        else { return nil }
        return value
    }

    /// `1*DIGIT`, from 1 to 2 to the power of 31 less 1 (RFC 5626 section 4.2).
    private static func flowNumber(_ slice: Slice, in bytes: Span<UInt8>) throws(ParseError) -> UInt32 {
        var cursor = Cursor(bytes.extracting(0..<Int(slice.end)), at: Int(slice.start))
        let value = try cursor.decimal(upTo: 0x7FFF_FFFF, in: "reg-id")
        guard value > 0, cursor.isAtEnd else { throw ParseError(.badNumber, in: "reg-id", at: Int(slice.start)) }
        return UInt32(truncatingIfNeeded: value)
    }
}

extension Binding {
    /// The Contact value of a 200: the URI, q unless it is 1, the seconds that are left, and what the phone needs to find
    /// its own flow in the list.
    func contactValue(at time: MonotonicTime) -> [UInt8] {
        var value: [UInt8] = []
        value.append(ASCII.less)
        value.append(contentsOf: contact)
        value.append(ASCII.greater)
        if q < 1_000 {
            value.append(literal: ";q=0.")
            for divisor: UInt16 in [100, 10, 1] { value.append(ASCII.zero + UInt8(q / divisor % 10)) }
        }
        value.append(literal: ";expires=")
        // Rounded up: a phone that was granted 3600 reads 3600, though storing it took a while.
        let left = (expires - time).wholeNanoseconds
        ASCII.append(decimal: UInt64(max(0, (left + 999_999_999) / 1_000_000_000)), to: &value)
        if let instance {
            value.append(literal: ";+sip.instance=\"")
            value.append(contentsOf: instance)
            value.append(ASCII.quote)
        }
        if let flowNumber {
            value.append(literal: ";reg-id=")
            ASCII.append(decimal: UInt64(flowNumber), to: &value)
        }
        return value
    }
}
