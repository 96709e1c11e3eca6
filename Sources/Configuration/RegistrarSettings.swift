extension ProxySettings {
    /// Whose phones register here, and how.
    public struct Registrar: Hashable, Sendable {
        /// The domains whose users register here, lower case; at least one.
        public var domains: [String]
        /// The path of the SQLite file of users and registrations.
        public var database = "/var/lib/sekisho/registrar.db"
        /// Where the file says so, for an error that only its use shows.
        public var databasePlace = Place()
        /// The realm of Digest authentication; part of what is kept of a password, so that changing it makes every password
        /// unknown. By default the first domain.
        public var realm: String
        /// Whether requests that name one of its users in From must authenticate as that user.
        public var authenticatesCalls = true
        /// Which challenges phones get.
        public var md5 = MD5Use.never
        /// The shortest registration, in seconds.
        public var minimumExpires = 60
        /// How long a registration lasts that does not say, in seconds.
        public var defaultExpires = 3_600
        /// The longest registration, in seconds.
        public var maximumExpires = 7_200
        /// Contacts that one user may have at a time.
        public var contactsPerUser = 10
        /// How long the answer to a challenge is taken.
        public var nonceLifetime: Duration = .seconds(60)

        /// What becomes of MD5 in Digest authentication; SHA-256 is always taken.
        public enum MD5Use: String, CaseIterable, Hashable, Sendable {
            /// It is neither offered nor taken.
            case never = "false"
            /// It is offered after SHA-256 (RFC 8760 section 2.4).
            case second = "true"
            /// Nothing else is offered: many phones give up at a challenge with a hash that they do not know, also when
            /// there is another.
            case only
        }

        /// Every setting at its default but the domains.
        public init(domains: [String]) {
            self.domains = domains
            realm = domains.first ?? ""
        }
    }
}

extension ProxySettings.Registrar {
    private enum Key: String, CaseIterable {
        case domains
        case database
        case realm
        case authenticatesCalls = "authenticate_calls"
        case md5
        case minimumExpires = "min_expires_s"
        case defaultExpires = "default_expires_s"
        case maximumExpires = "max_expires_s"
        case contactsPerUser = "contacts_per_user"
        case nonceLifetime = "nonce_s"
    }

    init(reading field: Field) throws(ConfigurationError) {
        let section = try Section<Key>(field)
        self.init(
            domains: try section.required(.domains).list(of: "domains", atLeast: 1) {
                item throws(ConfigurationError) in try item.host()
            })
        if let field = section[.database] { database = try field.absolutePath() }
        databasePlace = section.place(of: .database)
        if let field = section[.realm] { realm = try field.realm() }
        if let field = section[.authenticatesCalls] { authenticatesCalls = try field.flag() }
        if let field = section[.md5] { md5 = try field.word() }
        // 423 is only for what is under an hour (RFC 3261 section 10.3, step 7). A day is what a phone that never moves may
        // ask for; a week is more than any.
        if let field = section[.minimumExpires] { minimumExpires = try field.number(1...3_600) }
        if let field = section[.maximumExpires] { maximumExpires = try field.number(60...604_800) }
        if let field = section[.defaultExpires] { defaultExpires = try field.number(60...604_800) }
        for (key, isRight) in [
            (Key.maximumExpires, minimumExpires <= maximumExpires),
            (Key.defaultExpires, (minimumExpires...max(minimumExpires, maximumExpires)).contains(defaultExpires)),
        ] where !isRight {
            throw (section[key] ?? field).error(
                "not in order", allowed: "min_expires_s <= default_expires_s <= max_expires_s")
        }
        if let field = section[.contactsPerUser] { contactsPerUser = try field.number(1...100) }
        if let field = section[.nonceLifetime] { nonceLifetime = .seconds(try field.number(5...3_600)) }
    }
}

extension Field {
    /// A realm: text that stands in quotes and between the colons of HA1.
    fileprivate func realm() throws(ConfigurationError) -> String {
        let allowed =
            "1 to \(Self.maximumRealmLength) octets without control characters, quotes, backslashes and colons"
        let text = try text(allowed)
        guard text.utf8.count <= Self.maximumRealmLength,
            text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && ![0x22, 0x3A, 0x5C].contains($0) })
        else { throw error("not a realm", allowed: allowed) }
        return text
    }

    /// Short enough for every phone's display, and for the limit of a Digest parameter.
    fileprivate static var maximumRealmLength: Int { 128 }
}
