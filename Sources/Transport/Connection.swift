import NIOCore
import SIPTransactions
import Wire

extension SIPTransport {
    /// One TCP connection, with TLS on it or without.
    struct Connection {
        let transport: TransportKind
        var channel: (any Channel)?
        let remote: Endpoint
        let isAccepted: Bool
        /// Whether messages can be written: it is made and, with TLS, the handshake is over.
        var isOpen = false
        /// Whom TLS had to authenticate; empty for an accepted connection and for plain TCP.
        let serverName: [UInt8]
        /// The SIP domains of the peer's verified certificate, lower case.
        var domains: [[UInt8]] = []
        /// The places that requests reach by it.
        var places: [Place] = []
        /// Messages that wait for the connection to be open.
        var waiting: [(ByteBuffer, Destination)] = []
        /// Where the last message went that was given to the connection: it may be lost with it.
        var last: Destination?

        /// Whether what is for a name may go there: to nobody in particular, to whom we authenticated, or to a domain
        /// that the peer proved to be.
        func serves(_ name: [UInt8]) -> Bool { name.isEmpty || name == serverName || domains.contains(name) }
    }

    /// Where requests go, as far as connections are told apart by it.
    struct Place: Hashable {
        let transport: TransportKind
        let remote: Endpoint
        /// Whom TLS must authenticate; empty for nobody in particular, and for plain TCP.
        let name: [UInt8]

        init(_ transport: TransportKind, _ remote: Endpoint, _ name: [UInt8]) {
            self.transport = transport
            self.remote = remote
            self.name = transport == .tls ? name : []
        }
    }

    func newConnection(
        _ transport: TransportKind, remote: Endpoint, isAccepted: Bool, serverName: [UInt8] = []
    ) -> UInt64 {
        nextConnection += 1
        let id = nextConnection
        connections[id] = Connection(
            transport: transport, remote: remote, isAccepted: isAccepted,
            serverName: transport == .tls ? serverName : [])
        perSource[remote.address.network, default: 0] += 1
        switch transport {
        case .udp: break
        case .tcp: claim(Place(.tcp, remote, []), for: id)
        case .tls:
            // Whoever connects by TLS is somebody only by what its certificate says, see `noteAlias`.
            guard !isAccepted else { break }
            claim(Place(.tls, remote, serverName), for: id)
            claim(Place(.tls, remote, []), for: id)
        }
        return id
    }

    func claim(_ place: Place, for id: UInt64) {
        byPlace[place] = id
        connections[id]?.places.append(place)
    }

    /// The connection that a message takes: the one it names, else one to its place (RFC 5923 section 8).
    func connection(for destination: Destination) -> UInt64? {
        let (transport, name) = (destination.transport, destination.serverName)
        let candidates = [
            destination.connection, byPlace[Place(transport, destination.remote, name)],
            byPlace[Place(transport, destination.remote, [])],
        ]
        return candidates.compactMap { $0 }.first { id in
            guard let connection = connections[id], connection.transport == transport,
                connection.remote.address == destination.remote.address
            else { return false }
            return transport == .tcp || connection.serves(name)
        }
    }

    /// The peer of a connection does not answer.
    func timedOut(_ id: UInt64) {
        counters.connectionsTimedOut += 1
        if connections[id]?.isAccepted ?? false { delegate?.timedOut(id) }
    }

    /// A connection is gone, or was never made: what waits on it has failed, and what was sent may never be answered.
    func lost(_ id: UInt64) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        for place in connection.places where byPlace[place] == id { byPlace[place] = nil }
        let source = connection.remote.address.network
        let left = perSource[source, default: 1] - 1
        perSource[source] = left > 0 ? left : nil
        for (_, destination) in connection.waiting { fail(destination) }
        if let last = connection.last, !connection.isAccepted { fail(last) }
        if connection.isAccepted { delegate?.closed(id) }
    }
}
