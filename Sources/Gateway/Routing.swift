import SIPText
import SIPTransactions
import Wire

/// Where a request goes next (RFC 3261 sections 16.4 to 16.6).
enum Routing {
    /// Undoes strict routing and takes own Route values off the top (section 16.4). Double record-routing leaves two, a call
    /// that came by twice as many again.
    static func preprocess(_ message: inout Message, settings: ControllerSettings) {
        var target = message.requestURI.flatMap { try? URI(in: message.bytes.span, $0) }
        if let uri = target, uri.user.isEmpty || OwnToken.isOfRoute(message.octets(uri.user)),
            settings.isOwn(uri, in: message.bytes.span), uri.parameters.contains("lr", in: message.bytes.span)
        {
            // A strict router before us put our Record-Route URI where the target stood; the target is the last Route.
            if let last = message.values(of: .route).last, let address = NameAddress(in: message.bytes.span, last) {
                let text = message.copy(address.uri)
                message.removeLastValue(of: .route)
                message.setRequestURI(text)
                target = message.requestURI.flatMap { try? URI(in: message.bytes.span, $0) }
            }
        }
        if let target { stripOwnMaddr(of: target, in: &message, settings: settings) }
        for _ in 0..<4 {
            guard let top = message.address(of: .route), let uri = try? URI(in: message.bytes.span, top.uri),
                settings.isOwn(uri, in: message.bytes.span)
            else { return }
            message.removeFirstValue(of: .route)
        }
    }

    /// Takes `maddr` off the Request-URI when it leads to this gateway, with the port and the transport that led here: the
    /// request is for the host then (section 16.4).
    private static func stripOwnMaddr(of uri: URI, in message: inout Message, settings: ControllerSettings) {
        let maddr = uri.maddr(in: message.bytes.span)
        guard !maddr.isEmpty,
            settings.isOwn(
                message.octets(maddr), uri.targetAddress(in: message.bytes.span), port: uri.port)
        else { return }
        var text = Array(message.bytes[Int(uri.text.start)..<Int(uri.host.end)])
        // The bracket of an IPv6 address.
        if Int(uri.host.end) < message.bytes.count, message.bytes[Int(uri.host.end)] == UInt8(ascii: "]") {
            text.append(UInt8(ascii: "]"))
        }
        for parameter in message.copy(uri.parameters.slice).split(separator: ASCII.semicolon) {
            let name = Array(parameter.prefix { $0 != ASCII.equals }).map(ASCII.lowercase)
            if name == Array("maddr".utf8) || name == Array("transport".utf8) { continue }
            text.append(ASCII.semicolon)
            text += parameter
        }
        message.setRequestURI(text)
    }

    /// Where a request goes.
    enum Decision {
        case target(Target)
        /// The server of a domain must be found first.
        case lookUp(ServerQuery)
        /// The Request-URI is this gateway.
        case own
        case rejected(Rejection)
    }

    /// Whether a request is for this gateway and not for somebody by way of it; own Route values are taken off.
    static func isOwn(_ message: Message, settings: ControllerSettings) -> Bool {
        guard message.value(of: .route) == nil, let slice = message.requestURI,
            let uri = try? URI(in: message.bytes.span, slice), uri.maddr(in: message.bytes.span).isEmpty,
            settings.isOwn(uri, in: message.bytes.span)
        else { return false }
        return ContactToken(message.octets(uri.user), key: settings.contactKey) == nil
    }

    /// The next hop: the topmost Route, else the Request-URI; a static route of its domain, else its address or its
    /// servers.
    ///
    /// - Parameter isInDialog: whether the request belongs to a call that is known here. Only then an address in the URI is
    ///   followed, else anyone could send anything anywhere through the gateway; a name is for calls and inside phones.
    static func decision(
        for message: Message, from flow: Flow, isInDialog: Bool, settings: ControllerSettings
    ) -> Decision {
        let routeURI = message.address(of: .route)?.uri
        guard message.value(of: .route) == nil || routeURI != nil else {
            return .rejected(Rejection(400, "Bad Request", "Route: no address"))
        }
        // Without TLS a sips URI is of a scheme that is not supported (RFC 3261 section 16.3 item 2).
        guard let slice = routeURI ?? message.requestURI, let uri = try? URI(in: message.bytes.span, slice),
            uri.scheme == .sip || uri.scheme == .sips && settings.listeners.contains(where: { $0.transport == .tls })
        else {
            let place: StaticString = routeURI == nil ? "Request-URI" : "Route"
            return .rejected(Rejection(416, "Unsupported URI Scheme", "\(place): only sip URIs are routed here"))
        }
        if let route = settings.route(for: uri, in: message.bytes.span) {
            // Every hop of a sips URI is by TLS (RFC 3261 section 26.2.2).
            guard uri.scheme == .sip || route.destination.transport == .tls else { return .rejected(.noRoute) }
            return .target(Target(destinations: [route.destination]))
        }
        // A host of the gateway's own, and no other that the request is to be sent to instead.
        if uri.maddr(in: message.bytes.span).isEmpty, settings.isOwn(uri, in: message.bytes.span) {
            guard let token = ContactToken(message.octets(uri.user), key: settings.contactKey),
                settings.side(of: token.way.source.address) == .inside
            else { return .own }
            return .target(Target(uri: token.uri, destinations: [token.way.destination]))
        }
        if uri.parameters.contains("transport", in: message.bytes.span),
            transport(of: uri, in: message.bytes.span) == nil
        {
            return .rejected(Rejection(502, "Bad Gateway", "no listener for the transport of the next hop"))
        }
        if let destination = Routing.address(of: slice, in: message.bytes.span) {
            guard isInDialog else { return .rejected(.noRoute) }
            return .target(Target(destinations: [settings.named(destination)]))
        }
        guard settings.resolvesNames, isInDialog || settings.side(of: flow.remote.address) == .inside else {
            return .rejected(.noRoute)
        }
        return .lookUp(
            ServerQuery(
                host: message.copy(uri.target(in: message.bytes.span)).map(ASCII.lowercase), port: uri.port,
                transport: transport(of: uri, in: message.bytes.span), isSecure: uri.scheme == .sips))
    }

    /// The destination that a sip URI names by an address; nil when it names a host, or is no sip URI.
    static func address(of slice: Slice, in bytes: Span<UInt8>) -> Destination? {
        guard let uri = try? URI(in: bytes, slice), uri.scheme != .other,
            let address = uri.targetAddress(in: bytes)
        else { return nil }
        let transport = transport(of: uri, in: bytes) ?? .udp
        return Destination(transport, Endpoint(address, uri.port ?? transport.defaultPort))
    }

    private static func transport(of uri: URI, in bytes: Span<UInt8>) -> TransportKind? {
        if uri.scheme == .sips { return .tls }
        guard let name = uri.parameters.value(of: "transport", in: bytes) else { return nil }
        return TransportKind(parameter: bytes.extracting(name.range))
    }

    /// Appends how others name a listener: its address, but with TLS the gateway's name, since the certificate is for
    /// it (RFC 5922 section 4).
    static func appendHost(of listener: Listener, _ settings: ControllerSettings, to value: inout [UInt8]) {
        switch listener.transport {
        case .udp, .tcp: listener.endpoint.appendText(to: &value)
        case .tls:
            value.append(contentsOf: settings.name)
            value.append(ASCII.colon)
            ASCII.append(decimal: UInt64(listener.endpoint.port), to: &value)
        }
    }

    /// `<sip:address:port;transport=tcp;lr>` of a listener.
    ///
    /// - Parameters:
    ///   - user: what the gateway wants to be told again; may be empty.
    ///   - isSecure: whether the request is for a sips URI: so is the value then (section 16.6 item 4).
    static func recordRoute(
        _ listener: Listener, user: [UInt8], isSecure: Bool, _ settings: ControllerSettings
    ) -> [UInt8] {
        var value: [UInt8] = []
        if isSecure { value.append(literal: "<sips:") } else { value.append(literal: "<sip:") }
        if !user.isEmpty {
            value += user
            value.append(ASCII.at)
        }
        appendHost(of: listener, settings, to: &value)
        if !isSecure { listener.transport.appendParameter(to: &value) }
        value.append(literal: ";lr>")
        return value
    }

    /// The Via value that this gateway adds.
    static func via(_ listener: Listener, _ settings: ControllerSettings, branch: [UInt8]) -> [UInt8] {
        var value: [UInt8] = []
        switch listener.transport {
        case .udp: value.append(literal: "SIP/2.0/UDP ")
        case .tcp: value.append(literal: "SIP/2.0/TCP ")
        case .tls: value.append(literal: "SIP/2.0/TLS ")
        }
        appendHost(of: listener, settings, to: &value)
        // The peer may send its requests back on this connection (RFC 5923 section 5).
        if listener.transport == .tls { value.append(literal: ";alias") }
        value.append(literal: ";branch=")
        value.append(contentsOf: branch)
        // The response comes from where the request went then (RFC 3581 section 4), and no other is believed.
        if !listener.transport.isReliable { value.append(literal: ";rport") }
        return value
    }
}

extension TransportKind {
    /// The value of a URI's transport parameter (RFC 3261 section 19.1.1), in any letter case; nil for others.
    init?(parameter: Span<UInt8>) {
        if ASCII.equalIgnoringCase(parameter, "udp") {
            self = .udp
        } else if ASCII.equalIgnoringCase(parameter, "tcp") {
            self = .tcp
        } else if ASCII.equalIgnoringCase(parameter, "tls") {
            self = .tls
        } else {
            return nil
        }
    }

    /// Appends the transport parameter of a URI; UDP needs none.
    func appendParameter(to octets: inout [UInt8]) {
        switch self {
        case .udp: break
        case .tcp: octets.append(literal: ";transport=tcp")
        case .tls: octets.append(literal: ";transport=tls")
        }
    }
}

extension ControllerSettings {
    /// A destination with whom TLS must find there: an address has no certificate of its own, so whoever is there is the
    /// next hop of a route, or has a connection already.
    func named(_ destination: Destination) -> Destination {
        guard destination.transport == .tls else { return destination }
        var destination = destination
        let route = routes.first {
            $0.destination.transport == .tls && $0.destination.remote == destination.remote
        }
        destination.serverName = route?.destination.serverName ?? []
        return destination
    }
}

/// Loop detection by the branch (RFC 3261 section 16.3 item 4): its second half is a hash of what routing depends on.
enum LoopCheck {
    /// The hash of a request, its Route and Request-URI as they are before own values are taken off.
    static func hash(_ message: Message, _ tokens: TokenSource) -> UInt64 {
        tokens.hash { hash in
            if let uri = message.requestURI { hash.add(message.octets(uri)) }
            for name in [HeaderName.from, .to, .callID] {
                if let value = message.value(of: name) { hash.add(message.octets(value)) }
            }
            for field in message.fields where field.name == .route { hash.add(message.octets(field.value)) }
            hash.add(UInt64(message.cseq.number))
        }
    }

    /// Whether this gateway forwarded the very same request before: one of its own Via values carries the same hash.
    static func isLoop(_ message: Message, hash: UInt64, settings: ControllerSettings) -> Bool {
        var suffix: [UInt8] = []
        suffix.appendHex(hash)
        for value in message.values(of: .via) {
            guard let via = try? Via(in: message.bytes.span, value),
                settings.isOwn(
                    message.octets(via.host), IPAddress(text: message.octets(via.host)), port: via.port)
            else { continue }
            let branch = message.octets(via.branch(in: message.bytes.span))
            if branch.count >= suffix.count,
                ASCII.equal(branch.extracting(branch.count - suffix.count..<branch.count), suffix.span)
            {
                return true
            }
        }
        return false
    }

    /// The branch of what is sent on without a transaction: the same for each copy (RFC 3261 section 16.11).
    static func constantBranch(for message: Message, _ tokens: TokenSource) -> [UInt8] {
        let loop = hash(message, tokens)
        let own = tokens.hash { hash in
            if let via = message.firstValue(of: .via) { hash.add(message.octets(via)) }
            hash.add(loop)
        }
        var branch: [UInt8] = []
        branch.append(literal: Via.magicCookie)
        branch.appendHex(own)
        branch.append(ASCII.dot)
        branch.appendHex(loop)
        return branch
    }

    /// A branch: the cookie, a token of its own, and the hash.
    static func branch(hash: UInt64, _ tokens: inout TokenSource) -> [UInt8] {
        var branch: [UInt8] = []
        branch.append(literal: Via.magicCookie)
        branch.append(contentsOf: tokens.token())
        branch.append(ASCII.dot)
        branch.appendHex(hash)
        return branch
    }
}
