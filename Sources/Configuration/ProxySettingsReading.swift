internal import Wire

extension ProxySettings {
    /// Reads the text of `sekishod.yaml`.
    ///
    /// - Parameters:
    ///   - yaml: the whole file, UTF-8.
    ///   - file: its name, for the error.
    public init(yaml: [UInt8], file: String) throws(ConfigurationError) {
        let root = Field(node: try YAMLTree.read(yaml, of: file), key: "", file: file)
        try self.init(try Section<Key>(root))
    }

    private enum Key: String, CaseIterable {
        case gate
        case control
        case journal
        case keepOnExit = "keep_on_exit"
        case name
        case names
        case listen
        case inside
        case routes
        case tls
        case disclosure
        case halfOpen = "half_open"
        case farEndNAT = "far_end_nat"
        case forbidden
        case forbiddenPorts = "forbidden_ports"
        case registrar
        case resolve
        case sessionTimer = "session_timer"
        case contactKey = "contact_key"
        case eventLoops = "event_loops"
        case limits
        case timers
        case logLevel = "log_level"
    }

    private init(_ section: Section<Key>) throws(ConfigurationError) {
        self.init(
            name: try section.required(.name).hostName(),
            listeners: try section.required(.listen).list(of: "listeners", atLeast: 1, Listener.init(reading:)),
            inside: try section.required(.inside).prefixList(atLeast: 1))
        if let field = section[.gate] { gate = try field.socketPath() }
        if let field = section[.control] {
            control = try field.socketPath()
            guard control != gate else { throw field.error("the same socket as gate", allowed: "another path") }
        }
        controlPlace = section.place(of: .control)
        if let field = section[.journal] { journal = try field.absolutePath() }
        journalPlace = section.place(of: .journal)
        if let field = section[.keepOnExit] { keepsOnExit = try field.flag() }
        if let field = section[.names] {
            otherNames = try field.list(of: "host names") { item throws(ConfigurationError) in try item.host() }
        }
        if let field = section[.routes] { routes = try Self.routes(field, by: listeners) }
        if let field = section[.tls] { tls = try TLS(reading: field) }
        try checkTLS(section)
        if let field = section[.disclosure] { disclosure = try Disclosure(reading: field) }
        if let field = section[.halfOpen] { opensHalfOpen = try field.flag() }
        if let field = section[.farEndNAT] { farEndNAT = try field.word() }
        if let field = section[.forbidden] { forbidden = try field.prefixList() }
        if let field = section[.forbiddenPorts] {
            forbiddenPorts = try field.list(of: "ports") { item throws(ConfigurationError) in
                try item.portRange(from: 1)
            }
        }
        if let field = section[.registrar] { registrar = try Registrar(reading: field) }
        if let field = section[.resolve] { resolvesNames = try field.flag() }
        if let field = section[.sessionTimer] { sessionTimer = try SessionTimer.reading(field) }
        if let field = section[.contactKey] { contactKey = try field.absolutePath() }
        // Each has its connection to the gate, which takes eight in all.
        if let field = section[.eventLoops] { eventLoops = try field.number(1...4) }
        contactKeyPlace = section.place(of: .contactKey)
        tlsPlace = section.place(of: .tls)
        if let field = section[.limits] { limits = try Limits(reading: field) }
        if let field = section[.timers] { timers = try Timers(reading: field) }
        if let field = section[.logLevel] { logLevel = try field.word() }
    }

    /// Who listens by TLS has a certificate, and who is connected to by TLS is verified.
    private func checkTLS(_ section: Section<Key>) throws(ConfigurationError) {
        if let field = section[.listen], tls == nil, listeners.contains(where: { $0.transport == .tls }) {
            throw field.error("transport tls without a tls section", allowed: "tls: { certificate: FILE, key: FILE }")
        }
        if let field = section[.routes], tls?.trust == nil, routes.contains(where: { $0.transport == .tls }) {
            throw field.error(
                "transport tls and nobody is trusted", allowed: "tls.trust: FILE, with the next hops' authorities")
        }
    }

    /// The routes in the order of the file, one per domain. Each has a listener whose address its requests carry in Via.
    private static func routes(_ field: Field, by listeners: [Listener]) throws(ConfigurationError) -> [Route] {
        func way(_ transport: TransportName, _ endpoint: Endpoint) -> String {
            "\(transport.rawValue) over \(endpoint.address.isIPv6 ? "IPv6" : "IPv4")"
        }
        let ways = listeners.map { way($0.transport, $0.endpoint) }
        var domains: Set<String> = []
        return try field.list(of: "routes") { item throws(ConfigurationError) in
            let route = try Route(reading: item)
            guard domains.insert(route.domain).inserted else { throw item.error("a second route for its domain") }
            let wanted = way(route.transport, route.endpoint)
            guard ways.contains(wanted) else {
                let allowed = Set(ways).sorted().joined(separator: ", ")
                throw item.error("no listener for \(wanted)", allowed: "\(allowed), or one more under listen")
            }
            return route
        }
    }
}

extension ProxySettings.Listener {
    private enum Key: String, CaseIterable {
        case transport
        case address
        case port
    }

    fileprivate init(reading field: Field) throws(ConfigurationError) {
        let section = try Section<Key>(field)
        let transport: ProxySettings.TransportName = try section.required(.transport).word()
        self.init(
            transport: transport,
            endpoint: Endpoint(
                try section.required(.address).hostAddress(), try section[.port]?.port() ?? transport.defaultPort))
        addressPlace = section.place(of: .address)
        portPlace = section.place(of: .port)
    }
}

extension ProxySettings.Route {
    private enum Key: String, CaseIterable {
        case domain
        case to
        case port
        case transport
    }

    fileprivate init(reading field: Field) throws(ConfigurationError) {
        let section = try Section<Key>(field)
        let transport: ProxySettings.TransportName = try section[.transport]?.word() ?? .udp
        self.init(
            domain: try section.required(.domain).host(),
            endpoint: Endpoint(
                try section.required(.to).hostAddress(), try section[.port]?.port() ?? transport.defaultPort),
            transport: transport)
    }
}

extension ProxySettings.TransportName {
    /// The port where none is written (RFC 3261 section 19.1.2).
    fileprivate var defaultPort: UInt16 {
        switch self {
        case .udp, .tcp: 5060
        case .tls: 5061
        }
    }
}

extension ProxySettings.TLS {
    private enum Key: String, CaseIterable {
        case certificate
        case key
        case trust
        case crl
        case verifyClients = "verify_clients"
        case minimumVersion = "min_version"
    }

    fileprivate init(reading field: Field) throws(ConfigurationError) {
        let section = try Section<Key>(field)
        self.init(
            certificate: try section.required(.certificate).absolutePath(),
            key: try section.required(.key).absolutePath())
        trust = try section[.trust]?.absolutePath()
        if let field = section[.crl] {
            guard trust != nil else {
                throw field.error("revocation lists, and nobody is trusted", allowed: "with trust")
            }
            crl = try field.absolutePath()
        }
        if let field = section[.verifyClients] {
            verifiesClients = try field.word()
            guard verifiesClients == .none || trust != nil else {
                throw field.error("clients are verified, and nobody is trusted", allowed: "none, or with trust")
            }
        }
        if let field = section[.minimumVersion] { minimumVersion = try field.word() }
    }
}

extension ProxySettings.Disclosure {
    private enum Key: String, CaseIterable {
        case identities
        case askedBy = "asked_by"
        case requireSDP = "require_sdp"
        case unauthenticatedCBC = "unauthenticated_cbc"
    }

    fileprivate init(reading field: Field) throws(ConfigurationError) {
        self.init()
        let section = try Section<Key>(field)
        if let field = section[.identities] { identities = try field.list(of: "identities", Identity.init(reading:)) }
        if let field = section[.askedBy] { askedBy = try field.word() }
        if let field = section[.requireSDP] { requiresSDP = try field.flag() }
        if let field = section[.unauthenticatedCBC] { unauthenticatedCBC = try field.word() }
    }
}

extension ProxySettings.Disclosure.Identity {
    private enum Key: String, CaseIterable {
        case certificate
        case key
    }

    fileprivate init(reading field: Field) throws(ConfigurationError) {
        let section = try Section<Key>(field)
        self.init(
            certificate: try section.required(.certificate).absolutePath(),
            key: try section.required(.key).absolutePath())
        certificatePlace = section.place(of: .certificate)
        keyPlace = section.place(of: .key)
    }
}

extension ProxySettings.Limits {
    private enum Key: String, CaseIterable {
        case messageOctets = "message_bytes"
        case connections
        case sessions
        case transactions
        case requestsPerSource = "requests_per_source"
        case requests
        case connectionsPerSource = "connections_per_source"
        case idle = "idle_s"
        case userTimeout = "tcp_user_timeout_s"
        case message = "message_s"
        case pending = "pending_bytes"
        case sources
        case callsPerUser = "calls_per_user"
    }

    fileprivate init(reading field: Field) throws(ConfigurationError) {
        self.init()
        let section = try Section<Key>(field)
        // RFC 5482 section 3.1: from a second to a day.
        if let field = section[.userTimeout] { userTimeoutSeconds = try field.number(1...86_400) }
        // RFC 5626 section 4.4.1: phones that keep a connection alive say something each two minutes.
        if let field = section[.idle] { idleSeconds = try field.number(120...86_400) }
        // No less than two retransmissions of a lost segment take (RFC 6298 section 2), no more than timer B.
        if let field = section[.message] { messageSeconds = try field.number(4...32) }
        // At least the longest message, once.
        if let field = section[.pending] { pendingOctets = try field.number(81_920...(16 << 20)) }
        if let field = section[.callsPerUser] { callsPerUser = try field.number(1...100_000) }
        if let field = section[.sources] { sources = try field.number(16...1_048_576) }
        if let field = section[.connectionsPerSource] { connectionsPerSource = try field.number(1...65_536) }
        // From the longest request that is common, one with certificates, to the longest that the parser reads:
        // 16 KiB of headers and 64 KiB of body.
        if let field = section[.messageOctets] { messageOctets = try field.number(8192...81_920) }
        if let field = section[.connections] { connections = try field.number(1...65_536) }
        if let field = section[.sessions] { sessions = try field.number(1...100_000) }
        if let field = section[.requestsPerSource] { requestsPerSource = try field.number(1...1_000_000) }
        if let field = section[.requests] { requests = try field.number(1...1_000_000) }
        if let field = section[.transactions] { transactions = try field.number(2...1_000_000) }
    }
}

extension ProxySettings.SessionTimer {
    private enum Key: String, CaseIterable {
        case enabled
        case expires = "expires_s"
        case minimum = "min_s"
    }

    /// - Returns: nil when it is not enabled.
    fileprivate static func reading(_ field: Field) throws(ConfigurationError) -> ProxySettings.SessionTimer? {
        let section = try Section<Key>(field)
        var timer = ProxySettings.SessionTimer()
        // RFC 4028 section 5: no Min-SE is below 90 seconds.
        if let field = section[.minimum] { timer.minimum = try field.number(90...86_400) }
        if let field = section[.expires] { timer.expires = try field.number(90...86_400) }
        guard timer.minimum <= timer.expires else {
            throw (section[.expires] ?? section[.minimum] ?? field).error(
                "not in order", allowed: "min_s <= expires_s")
        }
        guard let field = section[.enabled] else { return timer }
        return try field.flag() ? timer : nil
    }
}

extension ProxySettings.Timers {
    private enum Key: String, CaseIterable {
        case t1 = "t1_ms"
        case inviteC = "invite_c_s"
        case media = "media_s"
        case halfOpen = "half_open_s"
    }

    fileprivate init(reading field: Field) throws(ConfigurationError) {
        self.init()
        let section = try Section<Key>(field)
        if let field = section[.t1] { t1 = .milliseconds(try field.number(100...4000)) }
        // RFC 3550 section 6.2: whoever sends RTCP does so every few seconds.
        if let field = section[.media] {
            let seconds = try field.number(0...86_400)
            media = seconds == 0 ? nil : .seconds(seconds)
        }
        if let field = section[.halfOpen] { halfOpen = .seconds(try field.number(1...3600)) }
        // RFC 3261 section 16.6, item 11: more than three minutes.
        if let field = section[.inviteC] { inviteC = .seconds(try field.number(181...3600)) }
    }
}
