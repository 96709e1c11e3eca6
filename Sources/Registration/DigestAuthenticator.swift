public import SIPText
public import Wire

/// Which pair of fields a server authenticates by.
public enum CredentialField: UInt8, Hashable, Sendable {
    /// Authorization and WWW-Authenticate, 401: a registrar or another user agent server (RFC 3261 section 22.2).
    case authorization
    /// Proxy-Authorization and Proxy-Authenticate, 407: a proxy (section 22.3).
    case proxyAuthorization
}

/// What became of a request's credentials.
public enum AuthenticationVerdict: Equatable, Sendable {
    /// Sent by who knows this user's password, and not sent before.
    case authenticated(user: [UInt8])
    /// Answer with a challenge; stale when the credentials were right and their nonce was not, or was used already.
    case challenge(stale: Bool)
    /// Right credentials that were made for another request: 403.
    case forbidden
    /// Credentials that cannot be read: 400.
    case malformed(ParseError)
}

/// Digest authentication of requests (RFC 7616, RFC 8760, RFC 3261 section 22).
///
/// No state is kept for a request until its credentials have been found right. A user who is not there costs what one who is
/// there costs: the same hashes over as many octets, against an HA1 that nobody has.
public struct DigestAuthenticator {
    /// The protection space.
    public let realm: [UInt8]
    /// Whether MD5 is offered and taken, beside SHA-256.
    public let allowsMD5: Bool
    /// Whether challenges offer SHA-256, which is taken in any case.
    public let offersSHA256: Bool
    private var nonces: NonceKeeper
    private var users: [[UInt8]: RegisteredUser] = [:]
    private let nobody: RegisteredUser
    private let digests: any Digesting
    private let key: [UInt8]
    private let quotedRealm: [UInt8]

    /// - Parameters:
    ///   - key: 32 random octets that live as long as the process.
    ///   - nonceLifetime: how long the answer to a challenge is taken.
    public init(
        realm: [UInt8], allowsMD5: Bool = false, offersSHA256: Bool = true, nonceLifetime: Duration = .seconds(60),
        key: [UInt8],
        rememberedNonces: Int = RegistrationLimits.rememberedNonces, digests: any Digesting
    ) {
        self.realm = realm
        self.allowsMD5 = allowsMD5
        self.offersSHA256 = offersSHA256 || !allowsMD5
        self.digests = digests
        self.key = key
        nonces = NonceKeeper(key: key, lifetime: nonceLifetime, capacity: rememberedNonces, digests: digests)
        var text: [UInt8] = []
        QuotedText.append(escaping: realm.span, to: &text)
        quotedRealm = text
        // Made from the key, so that it is nobody's, and the same for the life of the process.
        nobody = RegisteredUser(name: [], realm: realm, password: key.span, keepsMD5: true, digests: digests)
    }

    /// Takes these users in place of those before; nonces stay good.
    public mutating func replaceUsers(_ users: [RegisteredUser]) {
        self.users = Dictionary(users.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Whether there is a user of that name. Not for answers to people who have not authenticated.
    public func hasUser(_ name: [UInt8]) -> Bool { users[name] != nil }

    /// How many users there are.
    public var userCount: Int { users.count }

    /// How many nonces are remembered.
    public var rememberedNonces: Int { nonces.remembered }
}

// MARK: - Verifying

extension DigestAuthenticator {
    /// Looks at a request's credentials for this realm. ACK and CANCEL cannot be challenged (RFC 3261 section 22.1) and are
    /// not for here.
    public mutating func verify(
        _ request: Message, _ field: CredentialField, at time: MonotonicTime
    ) -> AuthenticationVerdict {
        let found: DigestCredentials?
        do throws(ParseError) { found = try credentials(of: request, field) } catch { return .malformed(error) }
        guard let found, case .hash(let hash) = found.algorithm, hash == .sha256 || allowsMD5 else {
            return .challenge(stale: false)
        }
        // Without qop nothing would count the nonce's uses, and qop was in the challenge (RFC 7616 section 3.4).
        guard found.protection != .none else { return .challenge(stale: false) }
        let name = QuotedText.unescaped(request.octets(found.username))
        let user = users[name]
        guard matches(request, found, hash, user ?? nobody), user != nil else { return .challenge(stale: false) }
        guard isMade(found, for: request) else { return .forbidden }
        switch nonces.standing(of: request.octets(found.nonce), at: time) {
        case .foreign, .expired: return .challenge(stale: true)
        case .fresh(let nonce):
            guard nonces.use(nonce, count: found.nonceCountValue, at: time) else { return .challenge(stale: true) }
            return .authenticated(user: name)
        }
    }

    /// Whether the request has credentials of this realm at all: without them it can be challenged without a transaction.
    public func hasCredentials(_ request: Message, _ field: CredentialField) -> Bool {
        do throws(ParseError) { return try credentials(of: request, field) != nil } catch { return true }
    }

    /// The one set of Digest credentials for this realm; those for other realms are for other servers.
    private func credentials(of request: Message, _ field: CredentialField) throws(ParseError) -> DigestCredentials? {
        var found: DigestCredentials?
        var count = 0
        for row in request.fields where row.name == field.requestField {
            count += 1
            guard count <= RegistrationLimits.credentials else {
                throw ParseError(.tooMany, in: field.requestField.text, at: Int(row.value.start))
            }
            guard DigestCredentials.hasScheme(in: request.bytes.span, row.value) else { continue }
            let credentials = try DigestCredentials(in: request.bytes.span, row.value)
            guard ASCII.equal(request.octets(credentials.realm), quotedRealm.span) else { continue }
            guard found == nil else {
                throw ParseError(.duplicate, in: field.requestField.text, at: Int(row.value.start))
            }
            found = credentials
        }
        return found
    }

    /// RFC 7616 section 3.4.1: whether the response is what this user's HA1 gives.
    private func matches(
        _ request: Message, _ credentials: DigestCredentials, _ hash: DigestHash, _ user: RegisteredUser
    ) -> Bool {
        guard case .request(_, let method, _) = request.startLine else { return false }
        // A2 = Method ":" digest-uri-value [ ":" H(entity-body) ]
        var a2 = request.copy(method)
        a2.append(ASCII.colon)
        a2.append(contentsOf: request.bytes[credentials.uri.range])
        if credentials.protection == .authInt {
            let body = request.copy(request.body)
            a2.append(ASCII.colon)
            appendHex(hash, of: body, to: &a2)
        }
        // response = KD(H(A1), nonce ":" nc ":" cnonce ":" qop ":" H(A2))
        let ha1: [UInt8]? =
            switch hash {
            case .sha256: user.ha1SHA256
            case .md5: user.ha1MD5
            }
        let known = ha1?.count == hash.octets
        let key = (known ? ha1 : nil) ?? [UInt8](repeating: 0, count: hash.octets)
        var text: [UInt8] = []
        text.reserveCapacity(512)
        Hexadecimal.append(key.span, to: &text)
        for part in [credentials.nonce, credentials.nonceCount, credentials.clientNonce] {
            text.append(ASCII.colon)
            text.append(contentsOf: request.bytes[part.range])
        }
        text.append(literal: credentials.protection == .authInt ? ":auth-int:" : ":auth:")
        appendHex(hash, of: a2, to: &text)
        var expected: [UInt8] = []
        append(hash, of: text, to: &expected)
        var claimed: [UInt8] = []
        let digits = request.octets(credentials.response)
        for index in stride(from: 0, to: digits.count - 1, by: 2) {
            claimed.append((ASCII.hexValue(digits[index]) ?? 0) << 4 | (ASCII.hexValue(digits[index + 1]) ?? 0))
        }
        let equal = ConstantTime.equal(expected.span, claimed.span)
        return equal && known && expected.count == hash.octets
    }

    /// Whether the `digest-uri` is the request's (RFC 7616 section 3.4.6). Phones leave parameters off, so the place counts.
    private func isMade(_ credentials: DigestCredentials, for request: Message) -> Bool {
        guard let slice = request.requestURI else { return false }
        let bytes = request.bytes.span
        if ASCII.equal(bytes.octets(slice), bytes.octets(credentials.uri)) { return true }
        guard let uri = try? URI(in: bytes, slice), let claimed = try? URI(in: bytes, credentials.uri) else {
            return false
        }
        return uri.scheme != .other && uri.namesSamePlace(in: bytes, as: claimed, in: bytes)
    }

    private func append(_ hash: DigestHash, of octets: [UInt8], to output: inout [UInt8]) {
        switch hash {
        case .sha256: digests.append(sha256: octets.span, to: &output)
        case .md5: digests.append(md5: octets.span, to: &output)
        }
    }

    private func appendHex(_ hash: DigestHash, of octets: [UInt8], to output: inout [UInt8]) {
        var value: [UInt8] = []
        append(hash, of: octets, to: &value)
        Hexadecimal.append(value.span, to: &output)
    }
}

// MARK: - Challenging

extension DigestAuthenticator {
    /// The values of WWW-Authenticate or Proxy-Authenticate, the one to prefer first (RFC 8760 section 2.4).
    public mutating func challenges(stale: Bool, at time: MonotonicTime) -> [[UInt8]] {
        let nonce = nonces.issue(at: time)
        return DigestHash.allCases.filter { $0 == .md5 ? allowsMD5 : offersSHA256 }.map {
            DigestChallenge(realm: realm, nonce: nonce, hash: $0, isStale: stale).value()
        }
    }

    /// The 401 or 407 to a request.
    public mutating func challenge(
        _ request: Message, _ field: CredentialField, stale: Bool, at time: MonotonicTime
    ) -> Message {
        var response =
            switch field {
            case .authorization: Message(status: 401, reason: "Unauthorized", to: request, tag: tag(for: request))
            case .proxyAuthorization:
                Message(status: 407, reason: "Proxy Authentication Required", to: request, tag: tag(for: request))
            }
        for value in challenges(stale: stale, at: time) { response.append(field.responseField, value) }
        return response
    }

    /// A To tag that is the same for each copy of a request, so that a server without a transaction can make it (RFC 3261
    /// section 8.2.7).
    public func tag(for request: Message) -> [UInt8] {
        var text = [UInt8]("tag".utf8)
        for slice in [request.firstValue(of: .via), request.value(of: .callID), request.value(of: .cseq)] {
            text.append(ASCII.nul)
            if let slice { text.append(contentsOf: request.bytes[slice.range]) }
        }
        var code: [UInt8] = []
        digests.append(hmacSHA256: text.span, key: key.span, to: &code)
        let first = Array(code.prefix(8))
        var tag: [UInt8] = []
        Hexadecimal.append(first.span, to: &tag)
        return tag
    }
}

extension CredentialField {
    /// The field of the request.
    public var requestField: HeaderName {
        switch self {
        case .authorization: .authorization
        case .proxyAuthorization: .proxyAuthorization
        }
    }

    /// The field of the challenge.
    public var responseField: HeaderName {
        switch self {
        case .authorization: .wwwAuthenticate
        case .proxyAuthorization: .proxyAuthenticate
        }
    }
}
