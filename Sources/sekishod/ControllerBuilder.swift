import Configuration
import Crypto
import GateProtocol
import Gateway
import Glibc
import SIPTransactions
import Wire

/// From the operator's configuration to what the controller works with: files are read, addresses looked up, random bits
/// drawn here.
enum ControllerBuilder {
    static func settings(from settings: ProxySettings, identities: [Identity]) -> ControllerSettings {
        let disclosure = settings.disclosure
        var ports = PinholePolicy.defaultForbiddenPorts
        for range in settings.forbiddenPorts { ports.formUnion(range) }
        let policy = PinholePolicy(
            inside: settings.inside, ownAddresses: ownAddresses(settings), forbidden: settings.forbidden,
            forbiddenPorts: ports, maximumSessions: settings.limits.sessions)
        let certificate = identities.first?.certificate?.der ?? []
        var random = SystemRandomNumberGenerator()
        let tokenKey = (random.next(), random.next())
        return ControllerSettings(
            name: Array(settings.name.utf8), names: settings.otherNames.map { Array($0.utf8) },
            listeners: settings.listeners.map { Listener(kind($0.transport), $0.endpoint) },
            routes: settings.routes.map { route in
                StaticRoute(
                    domain: Array(route.domain.utf8), destination: Destination(kind(route.transport), route.endpoint))
            },
            policy: policy,
            disclosure: DisclosurePolicy(
                askedBy: trigger(disclosure.askedBy), requiresSDP: disclosure.requiresSDP,
                acceptsUnauthenticated: disclosure.unauthenticatedCBC == .accept, certificate: certificate),
            halfOpen: settings.opensHalfOpen, maximumSessions: settings.limits.sessions,
            maximumTransactions: settings.limits.transactions, timers: Timers(t1: settings.timers.t1),
            inviteTimeout: settings.timers.inviteC, tokenKey: tokenKey)
    }

    /// Certificates and keys from their PEM files.
    static func identities(from settings: ProxySettings) throws(ConfigurationError) -> [Identity] {
        var identities: [Identity] = []
        for paths in settings.disclosure.identities { identities.append(try IdentityFiles.read(paths)) }
        return identities
    }

    private static func trigger(_ asking: ProxySettings.Disclosure.Asking) -> DisclosurePolicy.Trigger {
        switch asking {
        case .header: .header
        case .recipient: .recipient
        case .either: .either
        }
    }

    private static func kind(_ name: ProxySettings.TransportName) -> TransportKind {
        switch name {
        case .udp: .udp
        case .tcp: .tcp
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
