public import Wire

/// The value of Authorization and Proxy-Authorization with the Digest scheme (RFC 7616 section 3.4, RFC 8760).
///
/// ```
/// credentials = "Digest" 1*LWS auth-param *( "," auth-param )      auth-param = token "=" ( token / quoted-string )
/// ```
/// Read strictly where two readers could differ: a parameter may not stand twice, whether it is known or not. `algorithm`,
/// `qop` and `nc` are tokens by the RFC and quoted by some phones, so both are read.
public struct DigestCredentials: Hashable, Sendable {
    /// The `algorithm` parameter.
    public enum Algorithm: Hashable, Sendable {
        /// One of the two that are computed; MD5 when the parameter is absent.
        case hash(DigestHash)
        /// Another one, or a session variant.
        case other
    }

    /// The `qop` parameter: what the response protects.
    public enum Protection: UInt8, Hashable, Sendable {
        /// Absent, as before RFC 2617: nothing counts how often the nonce was used.
        case none
        /// Method and URI.
        case auth
        /// Method, URI and body.
        case authInt
    }

    /// The user's name between its quotes, escapes unresolved.
    public let username: Slice
    /// The protection space between its quotes, escapes unresolved.
    public let realm: Slice
    /// The server's nonce as it came back.
    public let nonce: Slice
    /// The `digest-uri`.
    public let uri: Slice
    /// The response in hexadecimal; twice as many digits as the hash has octets.
    public let response: Slice
    /// The hash function.
    public let algorithm: Algorithm
    /// What is protected.
    public let protection: Protection
    /// The client's nonce; empty without `qop`.
    public let clientNonce: Slice
    /// The text of `nc`, eight hexadecimal digits; empty without `qop`.
    public let nonceCount: Slice
    /// The number that `nonceCount` writes; 0 without `qop`.
    public let nonceCountValue: UInt32

    /// Whether a field value is of the Digest scheme, whatever follows.
    public static func hasScheme(in bytes: Span<UInt8>, _ slice: Slice) -> Bool {
        var cursor = Cursor(bytes.extracting(0..<Int(slice.end)), at: Int(slice.start))
        return ASCII.equalIgnoringCase(bytes.extracting(cursor.take(while: Token.contains)), "Digest")
    }

    /// Reads one field value.
    ///
    /// - Throws: `ParseError` with an offset in the buffer: `unsupported` for another scheme and for a user name in one of
    ///   the forms that no challenge of ours asks for.
    public init(in bytes: Span<UInt8>, _ slice: Slice) throws(ParseError) {
        var reader = try ParameterReader(bytes, slice)
        while try reader.next() {}
        username = try reader.required(.username)
        realm = try reader.required(.realm)
        nonce = try reader.required(.nonce)
        uri = try reader.required(.uri)
        response = try reader.required(.response)
        algorithm = Self.algorithm(reader.values[.algorithm], in: bytes)
        for position in response.range where ASCII.hexValue(bytes[position]) == nil {
            throw ParseError(.unexpectedOctet, in: "response", at: position)
        }
        if case .hash(let hash) = algorithm, response.count != 2 * hash.octets {
            throw ParseError(.inconsistent, in: "response", at: Int(response.start))
        }
        protection = try Self.protection(reader.values[.qop], in: bytes)
        switch protection {
        case .none:
            for name in [ParameterName.cnonce, .nc] {
                guard let stray = reader.values[name] else { continue }
                throw ParseError(.inconsistent, in: name.production, at: Int(stray.start))
            }
            (clientNonce, nonceCount, nonceCountValue) = (.empty, .empty, 0)
        case .auth, .authInt:
            clientNonce = try reader.required(.cnonce)
            nonceCount = try reader.required(.nc)
            nonceCountValue = try Self.count(nonceCount, in: bytes)
        }
    }

    private static func algorithm(_ slice: Slice?, in bytes: Span<UInt8>) -> Algorithm {
        guard let slice else { return .hash(.md5) }
        for hash in DigestHash.allCases where ASCII.equalIgnoringCase(bytes.octets(slice), hash.name) {
            return .hash(hash)
        }
        return .other
    }

    private static func protection(_ slice: Slice?, in bytes: Span<UInt8>) throws(ParseError) -> Protection {
        guard let slice else { return .none }
        if ASCII.equalIgnoringCase(bytes.octets(slice), "auth") { return .auth }
        if ASCII.equalIgnoringCase(bytes.octets(slice), "auth-int") { return .authInt }
        throw ParseError(.unsupported, in: "qop", at: Int(slice.start))
    }

    private static func count(_ slice: Slice, in bytes: Span<UInt8>) throws(ParseError) -> UInt32 {
        guard slice.count == DigestLimits.nonceCountDigits else {
            throw ParseError(.badNumber, in: "nc", at: Int(slice.start))
        }
        var value: UInt32 = 0
        for position in slice.range {
            guard let digit = ASCII.hexValue(bytes[position]) else {
                throw ParseError(.badNumber, in: "nc", at: position)
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}

/// The parameters that are looked at.
private enum ParameterName: UInt8, Hashable, CaseIterable {
    case username, realm, nonce, uri, response, algorithm, cnonce, opaque, qop, nc

    var production: StaticString {
        switch self {
        case .username: "username"
        case .realm: "realm"
        case .nonce: "nonce"
        case .uri: "uri"
        case .response: "response"
        case .algorithm: "algorithm"
        case .cnonce: "cnonce"
        case .opaque: "opaque"
        case .qop: "qop"
        case .nc: "nc"
        }
    }

    /// Whether the value may stand without quotes.
    var mayBeToken: Bool {
        switch self {
        case .algorithm, .qop, .nc: true
        case .username, .realm, .nonce, .uri, .response, .cnonce, .opaque: false
        }
    }

    var limit: Int { self == .uri ? DigestLimits.uriOctets : DigestLimits.textOctets }
}

/// Takes `name = value` after `name = value` off a field value.
private struct ParameterReader: ~Escapable {
    private var cursor: Cursor
    private var names: [Slice] = []
    private(set) var values: [ParameterName: Slice] = [:]

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, _ slice: Slice) throws(ParseError) {
        cursor = Cursor(bytes.extracting(0..<Int(slice.end)), at: Int(slice.start))
        guard slice.count <= DigestLimits.valueOctets else {
            throw ParseError(.tooLong, in: "Authorization", at: Int(slice.start))
        }
        guard DigestCredentials.hasScheme(in: bytes, slice) else {
            throw ParseError(.unsupported, in: "Authorization scheme", at: Int(slice.start))
        }
        _ = cursor.take(while: Token.contains)
        guard let blank = cursor.next, ASCII.isWhite(blank) else {
            throw ParseError(.missing, in: "Authorization", at: cursor.offset)
        }
    }

    func required(_ name: ParameterName) throws(ParseError) -> Slice {
        guard let value = values[name] else { throw ParseError(.missing, in: name.production, at: cursor.offset) }
        return value
    }

    /// Reads one parameter and the comma behind it; false after the last.
    @_lifetime(self: copy self)
    mutating func next() throws(ParseError) -> Bool {
        let bytes = cursor.bytes
        cursor.skipWhite()
        let name = cursor.take(while: Token.contains)
        guard !name.isEmpty else { throw ParseError(.unexpectedOctet, in: "Authorization", at: cursor.offset) }
        guard names.count < DigestLimits.parameters else {
            throw ParseError(.tooMany, in: "Authorization", at: name.lowerBound)
        }
        for earlier in names where ASCII.equalIgnoringCase(bytes.octets(earlier), bytes.extracting(name)) {
            throw ParseError(.duplicate, in: "Authorization", at: name.lowerBound)
        }
        names.append(Slice(name))
        cursor.skipWhite()
        try cursor.expect(ASCII.equals, in: "Authorization")
        cursor.skipWhite()
        let isQuoted = cursor.next == ASCII.quote
        let value: Range<Int>
        let start = cursor.offset
        if isQuoted {
            guard let text = cursor.quotedString() else { throw ParseError(.truncated, in: "Authorization", at: start) }
            value = text
        } else {
            value = cursor.take(while: Token.contains)
            guard !value.isEmpty else { throw ParseError(.unexpectedOctet, in: "Authorization", at: start) }
        }
        try keep(bytes.extracting(name), at: name.lowerBound, value, isQuoted: isQuoted)
        cursor.skipWhite()
        guard !cursor.isAtEnd else { return false }
        try cursor.expect(ASCII.comma, in: "Authorization")
        return true
    }

    @_lifetime(self: copy self)
    private mutating func keep(
        _ name: Span<UInt8>, at place: Int, _ value: Range<Int>, isQuoted: Bool
    ) throws(ParseError) {
        // A hashed or encoded user name is sent only to a server that asked for one (RFC 7616 sections 3.4 and 3.4.4).
        if ASCII.equalIgnoringCase(name, "username*") { throw ParseError(.unsupported, in: "username*", at: place) }
        if ASCII.equalIgnoringCase(name, "userhash"),
            !ASCII.equalIgnoringCase(cursor.bytes.extracting(value), "false")
        {
            throw ParseError(.unsupported, in: "userhash", at: place)
        }
        for known in ParameterName.allCases where ASCII.equalIgnoringCase(name, known.production) {
            guard isQuoted || known.mayBeToken else {
                throw ParseError(.unexpectedOctet, in: known.production, at: value.lowerBound)
            }
            guard value.count <= known.limit else {
                throw ParseError(.tooLong, in: known.production, at: value.lowerBound)
            }
            // An opaque is never sent, so an empty one says nothing; every other value must say something.
            guard !value.isEmpty || known == .opaque else {
                throw ParseError(.missing, in: known.production, at: value.lowerBound)
            }
            values[known] = Slice(value)
        }
    }
}
