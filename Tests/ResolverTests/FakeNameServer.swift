import NIOCore
import NIOPosix
import Wire

/// A name server that answers what the test says: the whole message, made from the query; nil is silence.
final class FakeNameServer: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let reply: @Sendable ([UInt8]) -> [UInt8]?
    /// Touched on the channel's event loop only, like those below.
    private var queries: [[UInt8]] = []
    private var held: [(context: ChannelHandlerContext, client: SocketAddress, answer: [UInt8])] = []
    private let holds: Bool
    private var channel: (any Channel)?

    private init(holds: Bool, _ reply: @escaping @Sendable ([UInt8]) -> [UInt8]?) {
        self.holds = holds
        self.reply = reply
    }

    /// - Parameter holds: answers are kept until `release`.
    static func start(
        on loop: any EventLoop, holds: Bool = false, _ reply: @escaping @Sendable ([UInt8]) -> [UInt8]?
    ) async throws -> (FakeNameServer, Endpoint) {
        let server = FakeNameServer(holds: holds, reply)
        let channel = try await DatagramBootstrap(group: loop)
            .channelInitializer { $0.pipeline.addHandler(server) }
            .bind(host: "127.0.0.1", port: 0).get()
        server.channel = channel
        return (server, Endpoint(.v4(0x7F00_0001), UInt16(channel.localAddress?.port ?? 0)))
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let query = Array(envelope.data.readableBytesView)
        queries.append(query)
        guard let answer = reply(query) else { return }
        if holds {
            held.append((context, envelope.remoteAddress, answer))
        } else {
            send(answer, to: envelope.remoteAddress, context)
        }
    }

    private func send(_ answer: [UInt8], to client: SocketAddress, _ context: ChannelHandlerContext) {
        let envelope = AddressedEnvelope(remoteAddress: client, data: ByteBuffer(bytes: answer))
        context.writeAndFlush(wrapOutboundOut(envelope), promise: nil)
    }

    func count() async throws -> Int {
        guard let channel else { return 0 }
        return try await channel.eventLoop.submit { self.queries.count }.get()
    }

    /// Returns when that many queries have come.
    func hear(_ wanted: Int) async throws {
        while try await count() < wanted { try await Task.sleep(for: .milliseconds(10)) }
    }

    func release() async throws {
        try await channel?.eventLoop.submit { [self] in
            for (context, client, answer) in held { send(answer, to: client, context) }
            held = []
        }.get()
    }

    /// Lets go of every answer until no thread of the resolver waits for one.
    func releaseUntilSettled(_ bench: Bench) async throws {
        while try await bench.counters().underWay > 0 {
            try await release()
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    func close() async throws { try await channel?.close().get() }

    /// Header and question of the query, made the head of an answer with that many records; for "no such name", code 3,
    /// with an SOA record that lets it be kept for 300 s.
    static func head(_ query: [UInt8], answers: UInt16, code: UInt8 = 0) -> [UInt8] {
        // The question ends behind the root label, type and class.
        var end = 12
        while end < query.count, query[end] != 0 { end += Int(query[end]) + 1 }
        end = min(query.count, end + 5)
        var head = Array(query.prefix(end))
        head[2] = 0x81
        head[3] = 0x80 | code
        head.replaceSubrange(4..<12, with: [0, 1, UInt8(answers >> 8), UInt8(truncatingIfNeeded: answers), 0, 0, 0, 0])
        guard code == 3 else { return head }
        head[9] = 1
        // The owner is the question's name; MNAME and RNAME are the root.
        head += [0xC0, 12, 0, 6, 0, 1, 0, 0, 1, 0x2C, 0, 22, 0, 0]
        for _ in 0..<5 { head += [0, 0, 1, 0x2C] }
        return head
    }
}
