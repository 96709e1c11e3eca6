import Configuration
import Crypto
import GateProtocol
import Gateway
import Glibc
import Registration
import SIPTransactions
import Transport
import Wire

/// From the operator's configuration to what the controller works with: files are read, addresses looked up, random bits
/// drawn here.
enum ControllerBuilder {
    /// - Parameter contactKey: what Contacts of phones that are registered outside are known by; nil makes one for this run.
    static func settings(
        from settings: ProxySettings, identities: [Identity], contactKey: (UInt64, UInt64)?
    ) -> ControllerSettings {
        let disclosure = settings.disclosure
        var ports = PinholePolicy.defaultForbiddenPorts
        for range in settings.forbiddenPorts { ports.formUnion(range) }
        let policy = PinholePolicy(
            inside: settings.inside, ownAddresses: ownAddresses(settings), forbidden: settings.forbidden,
            forbiddenPorts: ports, maximumSessions: settings.limits.sessions)
        let certificate = identities.first?.certificate?.der ?? []
        var random = SystemRandomNumberGenerator()
        let tokenKey = (random.next(), random.next())
        var controller = ControllerSettings(
            name: Array(settings.name.utf8), names: settings.otherNames.map { Array($0.utf8) },
            listeners: settings.listeners.map { Listener(kind($0.transport), $0.endpoint) },
            routes: settings.routes.map { route in
                StaticRoute(
                    domain: Array(route.domain.utf8),
                    destination: Destination(
                        kind(route.transport), route.endpoint,
                        // The next hop must prove that it is of the domain (RFC 5922 section 7.3).
                        serverName: route.transport == .tls ? Array(route.domain.utf8) : []))
            },
            policy: policy,
            disclosure: DisclosurePolicy(
                askedBy: trigger(disclosure.askedBy), requiresSDP: disclosure.requiresSDP,
                acceptsUnauthenticated: disclosure.unauthenticatedCBC == .accept, certificate: certificate),
            halfOpen: settings.opensHalfOpen, maximumSessions: settings.limits.sessions,
            maximumTransactions: settings.limits.transactions, timers: Timers(t1: settings.timers.t1),
            inviteTimeout: settings.timers.inviteC, tokenKey: tokenKey)
        controller.resolvesNames = settings.resolvesNames
        controller.learnsFarEnd = settings.farEndNAT == .learn
        controller.mediaTimeout = settings.timers.media
        controller.halfOpenTime = settings.timers.halfOpen
        controller.callsPerUser = settings.limits.callsPerUser
        controller.sessionTimer = settings.sessionTimer.map { timer in
            SessionTimerPolicy(expires: UInt32(timer.expires), minimum: UInt32(timer.minimum))
        }
        controller.admission = AdmissionPolicy(
            perSource: settings.limits.requestsPerSource, burstPerSource: 2 * settings.limits.requestsPerSource,
            inAll: settings.limits.requests, sources: settings.limits.sources)
        controller.authenticatesCalls = settings.registrar?.authenticatesCalls ?? false
        if let contactKey { controller.contactKey = contactKey }
        return controller
    }

    /// The registrar of the configured domains, without users.
    static func registrar(from settings: ProxySettings.Registrar) throws -> GatewayRegistrar {
        var registrar = RegistrarSettings(domains: settings.domains.map { Array($0.utf8) })
        registrar.minimumExpires = UInt64(settings.minimumExpires)
        registrar.defaultExpires = UInt64(settings.defaultExpires)
        registrar.maximumExpires = UInt64(settings.maximumExpires)
        registrar.contactsPerUser = settings.contactsPerUser
        let authenticator = DigestAuthenticator(
            realm: Array(settings.realm.utf8), allowsMD5: settings.md5 != .never, offersSHA256: settings.md5 != .only,
            nonceLifetime: settings.nonceLifetime,
            key: try SecretBytes.nonceKey(), digests: try LibcryptoDigests())
        return GatewayRegistrar(settings: registrar, authenticator: authenticator)
    }

    /// Certificates and keys from their PEM files.
    static func identities(from settings: ProxySettings) throws(ConfigurationError) -> [Identity] {
        var identities: [Identity] = []
        for paths in settings.disclosure.identities { identities.append(try IdentityFiles.read(paths)) }
        return identities
    }

    /// What TLS is spoken with; nothing without a `tls` section. Connections are made only where somebody is trusted.
    static func security(from settings: ProxySettings) throws -> TransportSecurity {
        guard let tls = settings.tls else { return TransportSecurity(server: nil, client: nil) }
        var files = TLSSettings()
        files.certificate = tls.certificate
        files.key = tls.key
        files.trust = tls.trust
        files.revocations = tls.crl
        files.minimumVersion =
            switch tls.minimumVersion {
            case .tls12: .tls12
            case .tls13: .tls13
            }
        files.verifiesClients =
            switch tls.verifiesClients {
            case .none: .none
            case .optional: .optional
            case .required: .required
            }
        do {
            return TransportSecurity(
                server: try TLSContext(.server, files),
                client: tls.trust == nil ? nil : try TLSContext(.client, files))
        } catch {
            throw settings.tlsPlace.error(
                "\(error)", allowed: "files in PEM: certificate with its chain, its key, and the authorities to trust")
        }
    }

    private static func trigger(_ asking: ProxySettings.Disclosure.Asking) -> DisclosurePolicy.Trigger {
        switch asking {
        case .header: .header
        case .recipient: .recipient
        case .either: .either
        }
    }

    static func kind(_ name: ProxySettings.TransportName) -> TransportKind {
        switch name {
        case .udp: .udp
        case .tcp: .tcp
        case .tls: .tls
        }
    }

    /// Every address of this machine, and the listeners' own: media must never be pointed at them.
    private static func ownAddresses(_ settings: ProxySettings) -> Set<IPAddress> {
        var addresses = Set(settings.listeners.map(\.endpoint.address))
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return addresses }
        defer { freeifaddrs(list) }
        var next = list
        while let entry = next {
            next = entry.pointee.ifa_next
            guard let address = entry.pointee.ifa_addr else { continue }
            // Where the address stands in struct sockaddr_in and sockaddr_in6 (<netinet/in.h>).
            let place: Range<Int>
            switch Int32(address.pointee.sa_family) {
            case AF_INET: place = 4..<8
            case AF_INET6: place = 8..<24
            default: continue
            }
            let octets = Array(UnsafeRawBufferPointer(start: UnsafeRawPointer(address), count: place.upperBound)[place])
            if let ip = IPAddress(octets: octets.span) { addresses.insert(ip) }
        }
        return addresses
    }
}
