public import Crypto
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
    /// A connection that a peer had made is gone: its flow leads nowhere any more.
    func closed(_ connection: UInt64)
    /// A connection that a peer had made is lost, since the peer does not answer; `closed` follows.
    func timedOut(_ connection: UInt64)
    /// A TLS connection was not made, or broke; what waited for it is told to `failed(to:)` as well.
    func secureConnectionFailed(_ error: TLSError, with remote: Endpoint)
}

extension SIPTransportDelegate {
    /// Nothing is done about it.
    public func closed(_ connection: UInt64) {}

    /// Nothing is done about it.
    public func timedOut(_ connection: UInt64) {}

    /// Nothing is done about it.
    public func secureConnectionFailed(_ error: TLSError, with remote: Endpoint) {}
}

/// What TLS is spoken with; each way is closed without its context.
public struct TransportSecurity: Sendable {
    /// For connections that are accepted.
    public var server: TLSContext?
    /// For connections that are made.
    public var client: TLSContext?

    /// The contexts of the two ways.
    public init(server: TLSContext?, client: TLSContext?) {
        self.server = server
        self.client = client
    }
}

/// SIP over UDP, TCP and TLS (RFC 3261 section 18): listeners, connections, framing.
///
/// `@unchecked Sendable`: NIO's bootstraps want closures that may cross threads; every one of them runs on `eventLoop`,
/// which is checked at each entry point.
public final class SIPTransport: @unchecked Sendable {
    /// The loop that everything runs on.
    public let eventLoop: any EventLoop
    let limits: TransportLimits
    weak var delegate: (any SIPTransportDelegate)?
    let security: TransportSecurity
    private var datagrams: [Endpoint: DatagramSocket] = [:]
    private var isFlushScheduled = false
    var servers: [any Channel] = []
    var connections: [UInt64: Connection] = [:]
    /// The connections that requests for a place may take.
    var byPlace: [Place: UInt64] = [:]
    var perSource: [IPAddress: Int] = [:]
    var nextConnection: UInt64 = 0
    /// Places whose failure the delegate is about to be told.
    private var failing: Set<Destination> = []
    private var isClosing = false
    let allocator = ByteBufferAllocator()
    /// What was refused or lost, by cause.
    public internal(set) var counters = TransportCounters()

    /// A transport without listeners; the delegate is held weakly.
    public init(
        eventLoop: any EventLoop, limits: TransportLimits = TransportLimits(),
        security: TransportSecurity = TransportSecurity(server: nil, client: nil), delegate: any SIPTransportDelegate
    ) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.security = security
        self.delegate = delegate
    }

    /// Binds a listener; the future's endpoint is the one bound, so port 0 may be asked for.
    public func listen(_ transport: TransportKind, at endpoint: Endpoint) -> EventLoopFuture<Endpoint> {
        switch transport {
        case .udp: bindDatagrams(endpoint)
        case .tcp: bindStream(.tcp, endpoint)
        case .tls:
            security.server == nil
                ? eventLoop.makeFailedFuture(TransportError.unsupported(.tls)) : bindStream(.tls, endpoint)
        }
    }

    /// Closes every listener and connection.
    public func close() -> EventLoopFuture<Void> {
        eventLoop.preconditionInEventLoop()
        isClosing = true
        flushDatagrams()
        let channels = datagrams.values.map(\.channel) + servers + connections.values.compactMap(\.channel)
        delegate = nil
        return EventLoopFuture.andAllComplete(channels.map { $0.close() }, on: eventLoop)
    }

    // MARK: Sending

    /// Sends octets. What cannot be sent is told to the delegate, later, on the event loop.
    public func send(_ octets: [UInt8], to destination: Destination) {
        eventLoop.preconditionInEventLoop()
        switch destination.transport {
        case .udp: sendDatagram(octets, destination)
        case .tcp, .tls: sendStream(allocator.buffer(bytes: octets), destination)
        }
    }

    private func sendDatagram(_ octets: [UInt8], _ destination: Destination) {
        let local = destination.local
        let socket =
            local.flatMap { datagrams[$0] }
            ?? datagrams.first { $0.key.address.isIPv6 == destination.remote.address.isIPv6 }?.value
        guard let socket, Self.isReachable(destination.remote) else { return fail(destination) }
        if socket.isFull { flush(socket) }
        socket.append(octets, to: destination)
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        // Behind everything that has come in by now and what it leads to.
        eventLoop.execute { self.flushDatagrams() }
    }

    private func flushDatagrams() {
        isFlushScheduled = false
        for socket in datagrams.values { flush(socket) }
    }

    private func flush(_ socket: DatagramSocket) {
        socket.flush(failed: fail, lost: { counters.sendFailures += 1 })
    }

    /// Whether there can be anybody at the destination.
    static func isReachable(_ remote: Endpoint) -> Bool {
        guard remote.port != 0 else { return false }
        switch remote.address.scope {
        case .unicast, .loopback, .linkLocal, .embedded: return true
        case .unspecified, .multicast, .reserved: return false
        }
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
        let descriptor: Int32
        do throws(IOError) {
            descriptor = try DatagramSocket.bind(endpoint)
        } catch {
            return eventLoop.makeFailedFuture(error)
        }
        return DatagramBootstrap(group: eventLoop)
            .channelOption(.datagramVectorReadMessageCount, value: batch)
            // One system call each time that something came: a second one would find nothing, save in a flood.
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: batch * 65_536))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(DatagramHandler(transport: self))
                }
            }
            .withBoundSocket(descriptor)
            .flatMapThrowing { channel in
                guard let local = channel.localAddress.flatMap(Endpoint.init) else { throw TransportError.noAddress }
                self.datagrams[local] = DatagramSocket(channel: channel, descriptor: descriptor)
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

    func bind(
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
    /// TLS connections whose handshake failed, was too slow, or that a bad record or certificate ended.
    public var secureFailures: UInt64 = 0
    /// TLS connections that ended without close_notify: what came last may have been cut off.
    public var truncatedConnections: UInt64 = 0
    /// Connections closed because the peer did not read.
    public var stalledConnections: UInt64 = 0
    /// Connections lost because the peer did not answer any more.
    public var connectionsTimedOut: UInt64 = 0
    /// Messages that could not be sent.
    public var sendFailures: UInt64 = 0
    /// Datagram sockets opened again after an error.
    public var socketsReopened: UInt64 = 0
    /// Messages over the limit of octets.
    public var oversizedMessages: UInt64 = 0

    /// Every count at 0.
    public init() {}
}
