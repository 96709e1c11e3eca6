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
        case name
        case names
        case listen
        case inside
        case routes
        case disclosure
        case halfOpen = "half_open"
        case forbidden
        case forbiddenPorts = "forbidden_ports"
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
        if let field = section[.names] {
            otherNames = try field.list(of: "host names") { item throws(ConfigurationError) in try item.host() }
        }
        if let field = section[.routes] { routes = try Self.routes(field, by: listeners) }
        if let field = section[.disclosure] { disclosure = try Disclosure(reading: field) }
        if let field = section[.halfOpen] { opensHalfOpen = try field.flag() }
        if let field = section[.forbidden] { forbidden = try field.prefixList() }
        if let field = section[.forbiddenPorts] {
            forbiddenPorts = try field.list(of: "ports") { item throws(ConfigurationError) in
                try item.portRange(from: 1)
            }
        }
        if let field = section[.limits] { limits = try Limits(reading: field) }
        if let field = section[.timers] { timers = try Timers(reading: field) }
        if let field = section[.logLevel] { logLevel = try field.word() }
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
        self.init(
            transport: try section.required(.transport).word(),
            endpoint: Endpoint(
                try section.required(.address).hostAddress(), try section[.port]?.port() ?? Field.sipPort))
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
        self.init(
            domain: try section.required(.domain).host(),
            endpoint: Endpoint(try section.required(.to).hostAddress(), try section[.port]?.port() ?? Field.sipPort),
            transport: try section[.transport]?.word() ?? .udp)
    }
}

extension Field {
    /// The port of SIP over UDP and TCP (RFC 3261 section 19.1.2).
    fileprivate static var sipPort: UInt16 { 5060 }
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
    }

    fileprivate init(reading field: Field) throws(ConfigurationError) {
        self.init()
        let section = try Section<Key>(field)
        // From the longest request that is common, one with certificates, to the longest that the parser reads:
        // 16 KiB of headers and 64 KiB of body.
        if let field = section[.messageOctets] { messageOctets = try field.number(8192...81_920) }
        if let field = section[.connections] { connections = try field.number(1...65_536) }
        if let field = section[.sessions] { sessions = try field.number(1...100_000) }
        if let field = section[.transactions] { transactions = try field.number(2...1_000_000) }
    }
}

extension ProxySettings.Timers {
    private enum Key: String, CaseIterable {
        case t1 = "t1_ms"
        case inviteC = "invite_c_s"
    }

    fileprivate init(reading field: Field) throws(ConfigurationError) {
        self.init()
        let section = try Section<Key>(field)
        if let field = section[.t1] { t1 = .milliseconds(try field.number(100...4000)) }
        // RFC 3261 section 16.6, item 11: more than three minutes.
        if let field = section[.inviteC] { inviteC = .seconds(try field.number(181...3600)) }
    }
}
