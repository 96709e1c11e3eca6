import Crypto
import NIOCore
import NIOPosix
import SIPText
import SIPTransactions
import Wire

@testable import Transport

/// A transport on a loop of its own, what it told its owner, and plain sockets to talk to it.
final class Bench: SIPTransportDelegate, @unchecked Sendable {
    enum Heard {
        case message(Message, Flow)
        case malformed(ParseError, Flow)
        case failed(Destination)
        case insecure(TLSError)
    }

    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private(set) var transport: SIPTransport?
    /// Touched on the event loop only.
    private var heard: [Heard] = []
    private var waiters: [(count: Int, promise: EventLoopPromise<[Heard]>)] = []
    /// What each message is answered with as soon as it is heard.
    private var answer: [UInt8] = []
    /// The connection of the last message that was answered so.
    private weak var answered: (any Channel)?

    init(
        _ security: TransportSecurity = TransportSecurity(server: nil, client: nil),
        _ change: (inout TransportLimits) -> Void = { _ in }
    ) {
        var limits = TransportLimits()
        change(&limits)
        transport = SIPTransport(eventLoop: group.next(), limits: limits, security: security, delegate: self)
    }

    var loop: any EventLoop { group.next() }

    func received(_ outcome: MessageParser.Outcome, on flow: Flow) {
        switch outcome {
        case .message(let message):
            if !answer.isEmpty {
                answered = answered ?? flow.connection.flatMap { transport?.connections[$0]?.channel }
                transport?.send(answer, to: Destination(flow.transport, flow.remote, connection: flow.connection))
            }
            note(.message(message, flow))
        case .malformed(let error, _): note(.malformed(error, flow))
        }
    }

    func failed(to destination: Destination) { note(.failed(destination)) }

    func secureConnectionFailed(_ error: TLSError, with remote: Endpoint) { note(.insecure(error)) }

    private func note(_ event: Heard) {
        heard.append(event)
        for waiter in waiters where heard.count >= waiter.count { waiter.promise.succeed(heard) }
        waiters.removeAll { heard.count >= $0.count }
    }

    /// Everything heard, once that many events came.
    func hear(_ count: Int) async throws -> [Heard] {
        try await loop.flatSubmit { [self] in
            let promise = loop.makePromise(of: [Heard].self)
            if heard.count >= count { promise.succeed(heard) } else { waiters.append((count, promise)) }
            return promise.futureResult
        }.get()
    }

    func messages(_ count: Int) async throws -> [(Message, Flow)] {
        try await hear(count).compactMap {
            if case .message(let message, let flow) = $0 { (message, flow) } else { nil }
        }
    }

    func listen(_ kind: TransportKind, _ address: IPAddress = .v4(0x7F00_0001)) async throws -> Endpoint {
        guard let transport else { throw TransportError.noAddress }
        return try await loop.flatSubmit { transport.listen(kind, at: Endpoint(address, 0)) }.get()
    }

    func send(_ octets: [UInt8], to destination: Destination) async throws {
        try await loop.submit { self.transport?.send(octets, to: destination) }.get()
    }

    func answerEach(with octets: [UInt8]) async throws { try await loop.submit { self.answer = octets }.get() }

    /// Whether anything still holds the connection that was answered.
    func holdsAnswered() async throws -> Bool { try await loop.submit { self.answered != nil }.get() }

    func counters() async throws -> TransportCounters {
        try await loop.submit { self.transport?.counters ?? TransportCounters() }.get()
    }

    func connectionCount() async throws -> Int {
        try await loop.submit { self.transport?.connections.count ?? 0 }.get()
    }

    func stop() async throws {
        try await loop.flatSubmit { self.transport?.close() ?? self.loop.makeSucceededVoidFuture() }.get()
        try await group.shutdownGracefully()
    }

    /// Runs a body with a bench and ends it whatever happens.
    static func run(
        _ change: (inout TransportLimits) -> Void = { _ in }, _ body: (Bench) async throws -> Void
    ) async throws {
        try await run(TransportSecurity(server: nil, client: nil), change, body)
    }

    /// The same with TLS.
    static func run(
        _ security: TransportSecurity, _ change: (inout TransportLimits) -> Void = { _ in },
        _ body: (Bench) async throws -> Void
    ) async throws {
        let bench = Bench(security, change)
        do {
            try await body(bench)
        } catch {
            try await bench.stop()
            throw error
        }
        try await bench.stop()
    }
}

/// A plain TCP peer: what it received, and when it was closed.
final class Peer: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var octets: [UInt8] = []
    private var waiters: [(count: Int, promise: EventLoopPromise<[UInt8]>)] = []
    private(set) var channel: (any Channel)?

    static func connect(to endpoint: Endpoint, on loop: any EventLoop, reads: Bool = true) async throws -> Peer {
        let peer = Peer()
        let channel = try await ClientBootstrap(group: loop)
            .channelOption(.autoRead, value: reads)
            .channelOption(.socketOption(.so_rcvbuf), value: reads ? 1 << 16 : 4_096)
            .channelInitializer { $0.pipeline.addHandler(peer) }
            .connect(to: try SocketAddress(endpoint)).get()
        peer.channel = channel
        return peer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        octets.append(contentsOf: unwrapInboundIn(data).readableBytesView)
        for waiter in waiters where octets.count >= waiter.count { waiter.promise.succeed(octets) }
        waiters.removeAll { octets.count >= $0.count }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func write(_ octets: [UInt8]) async throws {
        guard let channel else { return }
        try await channel.writeAndFlush(ByteBuffer(bytes: octets)).get()
    }

    /// What came, once there are that many octets.
    func read(_ count: Int) async throws -> [UInt8] {
        guard let loop = channel?.eventLoop else { return [] }
        return try await loop.flatSubmit { [self] in
            let promise = loop.makePromise(of: [UInt8].self)
            if octets.count >= count { promise.succeed(octets) } else { waiters.append((count, promise)) }
            return promise.futureResult
        }.get()
    }

    /// Returns when the other end has closed.
    func closed() async throws { try await channel?.closeFuture.get() }

    func close() async throws { try await channel?.close().get() }
}

/// Messages to send.
enum Sample {
    static func message(_ number: Int = 1, body: String = "") -> [UInt8] {
        Array(
            """
            MESSAGE sip:bob@example.com SIP/2.0\r
            Via: SIP/2.0/TCP 127.0.0.1:5060;branch=z9hG4bK\(number)\r
            From: <sip:alice@example.com>;tag=1\r
            To: <sip:bob@example.com>\r
            Call-ID: sample-\(number)\r
            CSeq: \(number) MESSAGE\r
            Content-Length: \(body.utf8.count)\r
            \r
            \(body)
            """.utf8)
    }
}
