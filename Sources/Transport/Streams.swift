import Crypto
import Glibc
import NIOCore
import NIOPosix
import SIPText
import SIPTransactions
import Wire

// TCP, and TLS on it.
extension SIPTransport {
    func bindStream(_ transport: TransportKind, _ endpoint: Endpoint) -> EventLoopFuture<Endpoint> {
        var bootstrap = ServerBootstrap(group: eventLoop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel, transport) }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .writeBufferWaterMark, value: .init(low: limits.pendingOctets / 2, high: limits.pendingOctets))
        for (option, value) in limits.livenessOptions { bootstrap = bootstrap.childChannelOption(option, value: value) }
        return bind(endpoint, bootstrap.bind(to:)).flatMapThrowing { channel in
            guard let local = channel.localAddress.flatMap(Endpoint.init) else { throw TransportError.noAddress }
            self.servers.append(channel)
            return local
        }
    }

    private func accept(_ channel: any Channel, _ transport: TransportKind) throws {
        guard let remote = channel.remoteAddress.flatMap(Endpoint.init) else { throw TransportError.noAddress }
        guard connections.count < limits.acceptedConnections,
            perSource[remote.address.network, default: 0] < limits.connectionsPerSource
        else {
            counters.connectionsRefused += 1
            throw TransportError.tooManyConnections
        }
        let id = newConnection(transport, remote: remote, isAccepted: true)
        channel.closeFuture.whenComplete { _ in self.lost(id) }
        try prepare(id, channel)
    }

    // MARK: Sending

    func sendStream(_ buffer: ByteBuffer, _ destination: Destination) {
        if let id = connection(for: destination) {
            write(buffer, destination, on: id)
        } else if Self.isReachable(destination.remote) {
            connect(destination, first: buffer)
        } else {
            fail(destination)
        }
    }

    private func write(_ buffer: ByteBuffer, _ destination: Destination, on id: UInt64) {
        guard let connection = connections[id], connection.isOpen, let channel = connection.channel else {
            guard connections[id].map({ $0.waiting.count < limits.waitingMessages }) ?? false else {
                return fail(destination)
            }
            connections[id]?.waiting.append((buffer, destination))
            return
        }
        guard channel.isWritable else {
            // The peer does not read: what it was sent would pile up here.
            counters.stalledConnections += 1
            channel.close(promise: nil)
            return fail(destination)
        }
        connections[id]?.last = destination
        channel.writeAndFlush(buffer).whenFailure { _ in self.fail(destination) }
    }

    // MARK: Connecting

    private func connect(_ destination: Destination, first buffer: ByteBuffer) {
        guard connections.count < limits.connections, let address = try? SocketAddress(destination.remote) else {
            return fail(destination)
        }
        // Whom to authenticate must be known before anything is said to whoever is there.
        guard destination.transport == .tcp || (security.client != nil && !destination.serverName.isEmpty) else {
            let reason =
                security.client == nil
                ? "no authorities are trusted" : "no connection is open, and no name is known that a new one must prove"
            secureFailed(TLSError(.misuse, while: "connecting by TLS", reason), destination.remote)
            return fail(destination)
        }
        let id = newConnection(
            destination.transport, remote: destination.remote, isAccepted: false, serverName: destination.serverName)
        connections[id]?.waiting = [(buffer, destination)]
        var bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(.seconds(limits.connectSeconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(
                .writeBufferWaterMark, value: .init(low: limits.pendingOctets / 2, high: limits.pendingOctets))
        for (option, value) in limits.livenessOptions { bootstrap = bootstrap.channelOption(option, value: value) }
        if let local = destination.local, let source = try? SocketAddress(Endpoint(local.address, 0)) {
            bootstrap = bootstrap.bind(to: source)
        }
        bootstrap.connect(to: address).whenComplete { result in
            switch result {
            case .success(let channel):
                guard self.connections[id] != nil, (try? self.prepare(id, channel)) != nil else {
                    channel.close(promise: nil)
                    return self.lost(id)
                }
            case .failure: self.lost(id)
            }
        }
    }

    /// Sets a connected channel up: it is open at once, or when its handshake is over.
    private func prepare(_ id: UInt64, _ channel: any Channel) throws {
        guard let connection = connections[id] else { return }
        connections[id]?.channel = channel
        guard connection.transport == .tls else { return try open(id, channel) }
        guard let context = connection.isAccepted ? security.server : security.client else {
            throw TransportError.unsupported(.tls)
        }
        let session = try TLSSession(context, authenticating: connection.serverName)
        try channel.pipeline.syncOperations.addHandler(
            TLSHandler(session: session, transport: self, id: id, remote: connection.remote))
    }

    /// The handshake is over and the peer is who it should be.
    func secured(_ id: UInt64, _ peer: TLSPeer?, _ channel: any Channel) throws {
        connections[id]?.domains = peer?.domains ?? []
        try open(id, channel)
    }

    /// Begins to read messages, and writes those that waited.
    private func open(_ id: UInt64, _ channel: any Channel) throws {
        guard let connection = connections[id] else { return }
        guard let local = channel.localAddress.flatMap(Endpoint.init) else { throw TransportError.noAddress }
        let flow = Flow(
            transport: connection.transport, local: local, remote: connection.remote, connection: id,
            authenticatedDomains: connection.domains)
        try channel.pipeline.syncOperations.addHandler(
            StreamHandler(transport: self, flow: flow, id: id, expectsMessage: connection.isAccepted))
        connections[id]?.isOpen = true
        connections[id]?.waiting = []
        for (buffer, destination) in connection.waiting { write(buffer, destination, on: id) }
    }

    // MARK: Reuse

    /// An accepted TLS connection whose peer proved its domains, and asks for it by `alias`, takes the requests that go
    /// to these domains at the address and port that it listens on (RFC 5923 sections 5 and 8).
    func noteAlias(in message: Message, on flow: Flow) {
        guard !flow.authenticatedDomains.isEmpty, message.isRequest, let id = flow.connection,
            let connection = connections[id], connection.isAccepted, connection.places.isEmpty,
            let via = message.topVia, via.parameters.contains("alias", in: message.bytes.span)
        else { return }
        // 5061: RFC 3261 section 19.1.2.
        let endpoint = Endpoint(flow.remote.address, via.port ?? 5_061)
        for domain in flow.authenticatedDomains.prefix(TransportLimits.aliasedDomains) {
            claim(Place(.tls, endpoint, domain), for: id)
        }
    }

    /// A TLS connection failed: counted, and told to the owner with the reason.
    func secureFailed(_ error: TLSError, _ remote: Endpoint) {
        switch error.code {
        case .truncated: counters.truncatedConnections += 1
        case .handshake, .untrusted, .record, .limit, .misuse: counters.secureFailures += 1
        }
        delegate?.secureConnectionFailed(error, with: remote)
    }
}

extension TransportLimits {
    /// What lets the kernel find out that a peer is gone, whoever made the connection: RFC 9293 section 3.8.4, RFC 5482.
    fileprivate var livenessOptions: [(ChannelOptions.Types.SocketOption, ChannelOptions.Types.SocketOption.Value)] {
        [
            (.socketOption(.so_keepalive), 1),
            (.tcpOption(.keepIdle), .init(userTimeoutSeconds)),
            (.tcpOption(.keepInterval), .init(max(1, userTimeoutSeconds / 6))),
            (.tcpOption(.userTimeout), .init(userTimeoutSeconds * 1_000)),
        ]
    }
}

extension NIOBSDSocket.Option {
    /// Seconds of silence after which the kernel asks whether the peer is there (tcp(7)).
    fileprivate static let keepIdle = NIOBSDSocket.Option(rawValue: TCP_KEEPIDLE)
    /// Seconds between two such questions.
    fileprivate static let keepInterval = NIOBSDSocket.Option(rawValue: TCP_KEEPINTVL)
    /// Milliseconds after which unanswered octets, or questions, end the connection.
    fileprivate static let userTimeout = NIOBSDSocket.Option(rawValue: TCP_USER_TIMEOUT)
}
