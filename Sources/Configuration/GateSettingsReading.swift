internal import Wire

extension GateSettings {
    /// Reads the text of `gated.yaml`.
    ///
    /// - Parameters:
    ///   - yaml: the whole file, UTF-8.
    ///   - file: its name, for the error.
    public init(yaml: [UInt8], file: String) throws(ConfigurationError) {
        let root = Field(node: try YAMLTree.read(yaml, of: file), key: "", file: file)
        try self.init(try Section<Key>(root))
    }

    private enum Key: String, CaseIterable {
        case socket
        case allowUser = "allow_user"
        case inside
        case outside
        case mediaPorts = "media_ports"
        case halfOpen = "half_open"
        case halfOpenRate = "half_open_rate"
        case halfOpenLimit = "half_open_s"
        case holeTimeout = "hole_timeout"
        case forbidden
        case limits
        case nat
        case nearMisses = "near_misses"
        case mediaPath = "media_path"
        case mark
        case tableFlags = "table_flags"
        case keepOnExit = "keep_on_exit"
        case logChanges = "log_changes"
    }

    private enum InsideKey: String, CaseIterable {
        case interface
        case prefixes
    }

    private enum OutsideKey: String, CaseIterable {
        case interface
    }

    private init(_ section: Section<Key>) throws(ConfigurationError) {
        let inside = try Section<InsideKey>(try section.required(.inside))
        let outside = try Section<OutsideKey>(try section.required(.outside))
        let outsideInterface = try outside.required(.interface)
        self.init(
            insideInterface: try inside.required(.interface).interfaceName(),
            insidePrefixes: try inside.required(.prefixes).prefixList(atLeast: 1),
            outsideInterface: try outsideInterface.interfaceName())
        guard self.outsideInterface != insideInterface else {
            throw outsideInterface.error("the same interface as inside", allowed: "another interface")
        }
        if let field = section[.socket] { socket = try field.socketPath() }
        if let field = section[.allowUser] { allowedUser = try field.user() }
        insideInterfacePlace = inside.place(of: .interface)
        outsideInterfacePlace = outside.place(of: .interface)
        socketPlace = section.place(of: .socket)
        allowedUserPlace = section.place(of: .allowUser)
        // Ports below 1024 belong to services; media has no business there.
        if let field = section[.mediaPorts] { mediaPorts = try field.portRange(from: 1024) }
        if let field = section[.halfOpen] { allowsHalfOpen = try field.flag() }
        if let field = section[.halfOpenRate] {
            halfOpenRate = UInt32(truncatingIfNeeded: try field.number(1...10_000))
        }
        // The default is a little more than a phone may ring by sekishod's timer C.
        if let field = section[.halfOpenLimit] { halfOpenLimit = .seconds(try field.number(1...3600)) }
        if let field = section[.holeTimeout] { holeTimeout = .seconds(try field.number(5...3600)) }
        if let field = section[.forbidden] { forbidden = try field.prefixList() }
        if let field = section[.limits] { limits = try Limits(reading: field) }
        if let field = section[.nat] { translation = try Translation(reading: field, inside: insidePrefixes) }
        if let field = section[.nearMisses] { nearMisses = try NearMisses(reading: field).ifAny }
        if let field = section[.mediaPath] { mediaPath = try field.word() }
        if let field = section[.mark] { mark = try field.bit() }
        if let field = section[.tableFlags] { tableFlags = try field.word() }
        if let field = section[.keepOnExit] { keepsOnExit = try field.flag() }
        if let field = section[.logChanges] { logsChanges = try field.flag() }
    }
}

extension GateSettings.Translation {
    private enum Key: String, CaseIterable {
        case addresses
        case ports
        case quarantine = "quarantine_s"
        case pairsPerHost = "pairs_per_host"
    }

    fileprivate init(reading field: Field, inside: [Prefix]) throws(ConfigurationError) {
        let section = try Section<Key>(field)
        let allowed = "IPv4 addresses outside of the inside prefixes"
        self.init(
            addresses: try section.required(.addresses).list(of: allowed, atLeast: 1) {
                field throws(ConfigurationError) in
                let address = try field.hostAddress()
                guard !address.isIPv6, !inside.contains(where: { $0.contains(address) }) else {
                    throw field.error("not an external IPv4 address", allowed: allowed)
                }
                return address
            })
        if let field = section[.ports] {
            ports = try field.portRange(from: 1024)
            // RTP at an even port, RTCP at the next (RFC 3550 section 11).
            guard ports.lowerBound.isMultiple(of: 2), !ports.upperBound.isMultiple(of: 2) else {
                throw field.error("not whole pairs", allowed: "FIRST-LAST with an even first and an odd last port")
            }
        }
        // RFC 6056 has no number; a phone that did not hear the BYE sends until its own timer ends it, a minute or two.
        if let field = section[.quarantine] { quarantine = .seconds(try field.number(0...3600)) }
        // All pairs of 64 addresses.
        if let field = section[.pairsPerHost] { pairsPerHost = try field.number(1...2_097_152) }
    }
}

extension GateSettings.NearMisses {
    private enum Key: String, CaseIterable {
        case group = "nflog_group"
        case perSecond = "per_second"
    }

    fileprivate init(reading field: Field) throws(ConfigurationError) {
        self.init()
        let section = try Section<Key>(field)
        if let field = section[.group] { group = UInt16(truncatingIfNeeded: try field.number(0...65_535)) }
        if let field = section[.perSecond] { perSecond = UInt32(truncatingIfNeeded: try field.number(0...10_000)) }
    }

    /// Nothing for a rate of 0.
    fileprivate var ifAny: GateSettings.NearMisses? { perSecond > 0 ? self : nil }
}

extension GateSettings.Limits {
    private enum Key: String, CaseIterable {
        case sessions
        case holesPerSession = "holes_per_session"
    }

    fileprivate init(reading field: Field) throws(ConfigurationError) {
        self.init()
        let section = try Section<Key>(field)
        if let field = section[.sessions] { sessions = try field.number(1...100_000) }
        if let field = section[.holesPerSession] { holesPerSession = try field.number(2...256) }
    }
}
