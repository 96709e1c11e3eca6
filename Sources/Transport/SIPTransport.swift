public import NIOCore
import NIOPosix
public import SIPText
public import SIPTransactions
public import Wire

/// What the transport tells its owner, on the event loop.
public protocol SIPTransportDelegate: AnyObject {
    /// Octets were read as a message, or could not be.
    func received(_ outcome: MessageParser.Outcome, on flow: Flow)
    /// A message could not be delivered: connecting failed, or the connection broke.
    func failed(to destination: Destination)
}

/// SIP over UDP and TCP (RFC 3261 section 18): listeners, connections, framing.
///
/// `@unchecked Sendable`: NIO's bootstraps want closures that may cross threads; every one of them runs on `eventLoop`,
/// which is checked at each entry point.
public final class SIPTransport: @unchecked Sendable {
    /// The loop that everything runs on.
    public let eventLoop: any EventLoop
    let limits: TransportLimits
    weak var delegate: (any SIPTransportDelegate)?
    private var datagrams: [Endpoint: any Channel] = [:]
    private var servers: [any Channel] = []
    var connections: [UInt64: Connection] = [:]
    private var byRemote: [Endpoint: UInt64] = [:]
    private var perSource: [IPAddress: Int] = [:]
    private var nextConnection: UInt64 = 0
    /// Places whose failure the delegate is about to be told.
    private var failing: Set<Destination> = []
    private var isClosing = false
    private let allocator = ByteBufferAllocator()
    /// What was refused or lost, by cause.
    public internal(set) var counters = TransportCounters()

    /// One TCP connection.
    struct Connection {
        var channel: (any Channel)?
        let remote: Endpoint
        let isAccepted: Bool
        /// Messages that wait for the connection to be made.
        var waiting: [(ByteBuffer, Destination)] = []
        /// Where the last message went that was given to the connection: it may be lost with it.
        var last: Destination?
    }

    /// A transport without listeners; the delegate is held weakly.
    public init(
        eventLoop: any EventLoop, limits: TransportLimits = TransportLimits(), delegate: any SIPTransportDelegate
    ) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.delegate = delegate
    }

    /// Binds a listener; the future's endpoint is the one bound, so port 0 may be asked for.
    public func listen(_ transport: TransportKind, at endpoint: Endpoint) -> EventLoopFuture<Endpoint> {
        switch transport {
        case .udp: bindDatagrams(endpoint)
        case .tcp: bindStream(endpoint)
        case .tls: eventLoop.makeFailedFuture(TransportError.unsupported(.tls))
        }
    }

    /// Closes every listener and connection.
    public func close() -> EventLoopFuture<Void> {
        eventLoop.preconditionInEventLoop()
        isClosing = true
        let channels = Array(datagrams.values) + servers + connections.values.compactMap(\.channel)
        delegate = nil
        return EventLoopFuture.andAllComplete(channels.map { $0.close() }, on: eventLoop)
    }

    // MARK: Sending

    /// Sends octets. What cannot be sent is told to the delegate, later, on the event loop.
    public func send(_ octets: [UInt8], to destination: Destination) {
        eventLoop.preconditionInEventLoop()
        switch destination.transport {
        case .udp: sendDatagram(octets, destination)
        case .tcp: sendStream(octets, destination)
        case .tls: fail(destination)
        }
    }

    private func sendDatagram(_ octets: [UInt8], _ destination: Destination) {
        let local = destination.local
        let channel =
            local.flatMap { datagrams[$0] }
            ?? datagrams.first { $0.key.address.isIPv6 == destination.remote.address.isIPv6 }?.value
        guard let channel, channel.isWritable, Self.isReachable(destination.remote),
            let address = try? SocketAddress(destination.remote)
        else { return fail(destination) }
        let envelope = AddressedEnvelope(remoteAddress: address, data: allocator.buffer(bytes: octets))
        channel.writeAndFlush(envelope).whenFailure { _ in self.fail(destination) }
    }

    private func sendStream(_ octets: [UInt8], _ destination: Destination) {
        let buffer = allocator.buffer(bytes: octets)
        let candidates = [destination.connection, byRemote[destination.remote]].compactMap { $0 }
        if let id = candidates.first(where: { connections[$0] != nil }) {
            write(buffer, destination, on: id)
        } else if Self.isReachable(destination.remote) {
            connect(destination, first: buffer)
        } else {
            fail(destination)
        }
    }

    /// Whether the system takes the destination at all: an error that is not of the network ends a socket of NIO.
    private static func isReachable(_ remote: Endpoint) -> Bool {
        guard remote.port != 0 else { return false }
        switch remote.address.scope {
        case .unicast, .loopback, .linkLocal, .embedded: return true
        case .unspecified, .multicast, .reserved: return false
        }
    }

    private func write(_ buffer: ByteBuffer, _ destination: Destination, on id: UInt64) {
        guard let channel = connections[id]?.channel else {
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

    /// Tells the delegate later, and once for many messages to one place: each telling looks at every transaction.
    func fail(_ destination: Destination) {
        counters.sendFailures += 1
        guard failing.insert(destination).inserted else { return }
        eventLoop.execute {
            self.failing.remove(destination)
            self.delegate?.failed(to: destination)
        }
    }

    // MARK: UDP

    private func bindDatagrams(_ endpoint: Endpoint) -> EventLoopFuture<Endpoint> {
        let batch = limits.datagramBatch
        let bound = DatagramBootstrap(group: eventLoop)
            .channelOption(.socketOption(.so_rcvbuf), value: 1 << 20)
            .channelOption(.datagramVectorReadMessageCount, value: batch)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: batch * 65_536))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(transport: self))
                }
            }
        return bind(endpoint, bound.bind(to:)).flatMapThrowing { channel in
            guard let local = channel.localAddress.flatMap(Endpoint.init) else { throw TransportError.noAddress }
            self.datagrams[local] = channel
            channel.closeFuture.whenComplete { _ in self.reopen(local) }
            return local
        }
    }

    /// A datagram socket that an error closed is opened again, for as long as it takes.
    private func reopen(_ local: Endpoint) {
        datagrams[local] = nil
        guard !isClosing else { return }
        counters.socketsReopened += 1
        bindDatagrams(local).whenFailure { _ in
            self.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { self.reopen(local) }
        }
    }

    // MARK: TCP

    private func bindStream(_ endpoint: Endpoint) -> EventLoopFuture<Endpoint> {
        let bootstrap = ServerBootstrap(group: eventLoop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel) }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(
                .writeBufferWaterMark, value: .init(low: limits.pendingOctets / 2, high: limits.pendingOctets))
        return bind(endpoint, bootstrap.bind(to:)).flatMapThrowing { channel in
            guard let local = channel.localAddress.flatMap(Endpoint.init) else { throw TransportError.noAddress }
            self.servers.append(channel)
            return local
        }
    }

    private func accept(_ channel: any Channel) throws {
        guard let remote = channel.remoteAddress.flatMap(Endpoint.init),
            let local = channel.localAddress.flatMap(Endpoint.init)
        else { throw TransportError.noAddress }
        guard connections.count < limits.acceptedConnections,
            perSource[remote.address.network, default: 0] < limits.connectionsPerSource
        else {
            counters.connectionsRefused += 1
            throw TransportError.tooManyConnections
        }
        let id = newConnection(remote: remote, isAccepted: true)
        connections[id]?.channel = channel
        try add(id, to: channel, local: local, remote: remote)
        channel.closeFuture.whenComplete { _ in self.lost(id) }
    }

    private func connect(_ destination: Destination, first buffer: ByteBuffer) {
        guard connections.count < limits.connections, let address = try? SocketAddress(destination.remote) else {
            return fail(destination)
        }
        let id = newConnection(remote: destination.remote, isAccepted: false)
        connections[id]?.waiting = [(buffer, destination)]
        var bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(.seconds(limits.messageSeconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(
                .writeBufferWaterMark, value: .init(low: limits.pendingOctets / 2, high: limits.pendingOctets))
        if let local = destination.local, let source = try? SocketAddress(Endpoint(local.address, 0)) {
            bootstrap = bootstrap.bind(to: source)
        }
        bootstrap.connect(to: address).whenComplete { result in
            switch result {
            case .success(let channel): self.connected(id, channel, destination.remote)
            case .failure: self.lost(id)
            }
        }
    }

    private func connected(_ id: UInt64, _ channel: any Channel, _ remote: Endpoint) {
        guard let waiting = connections[id]?.waiting, let local = channel.localAddress.flatMap(Endpoint.init),
            (try? add(id, to: channel, local: local, remote: remote)) != nil
        else {
            channel.close(promise: nil)
            return lost(id)
        }
        connections[id]?.channel = channel
        connections[id]?.waiting = []
        for (buffer, destination) in waiting { write(buffer, destination, on: id) }
    }

    private func add(_ id: UInt64, to channel: any Channel, local: Endpoint, remote: Endpoint) throws {
        let flow = Flow(transport: .tcp, local: local, remote: remote, connection: id)
        let isAccepted = connections[id]?.isAccepted ?? true
        try channel.pipeline.syncOperations.addHandler(
            StreamHandler(transport: self, flow: flow, id: id, expectsMessage: isAccepted))
    }

    private func newConnection(remote: Endpoint, isAccepted: Bool) -> UInt64 {
        nextConnection += 1
        connections[nextConnection] = Connection(remote: remote, isAccepted: isAccepted)
        byRemote[remote] = nextConnection
        perSource[remote.address.network, default: 0] += 1
        return nextConnection
    }

    /// A connection is gone, or was never made: what waits on it has failed, and what was sent may never be answered.
    func lost(_ id: UInt64) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        if byRemote[connection.remote] == id { byRemote[connection.remote] = nil }
        let source = connection.remote.address.network
        let left = perSource[source, default: 1] - 1
        perSource[source] = left > 0 ? left : nil
        for (_, destination) in connection.waiting { fail(destination) }
        if let last = connection.last, !connection.isAccepted { fail(last) }
    }

    private func bind(
        _ endpoint: Endpoint, _ bind: (SocketAddress) -> EventLoopFuture<any Channel>
    ) -> EventLoopFuture<any Channel> {
        do {
            return bind(try SocketAddress(endpoint))
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
    }
}

/// Why a listener or a connection is not there.
public enum TransportError: Error, Sendable {
    case unsupported(TransportKind)
    case noAddress
    case tooManyConnections
}

/// What was refused or lost.
public struct TransportCounters: Sendable, Equatable {
    /// Connections not accepted because there were too many, in all or from one address.
    public var connectionsRefused: UInt64 = 0
    /// Connections closed because what came is not framed as SIP.
    public var framingErrors: UInt64 = 0
    /// Connections closed because the rest of a message, or anything at all, was overdue.
    public var slowConnections: UInt64 = 0
    /// Connections closed because the peer did not read.
    public var stalledConnections: UInt64 = 0
    /// Messages that could not be sent.
    public var sendFailures: UInt64 = 0
    /// Datagram sockets opened again after an error.
    public var socketsReopened: UInt64 = 0
    /// Messages over the limit of octets.
    public var oversizedMessages: UInt64 = 0

    /// Every count at 0.
    public init() {}
}
