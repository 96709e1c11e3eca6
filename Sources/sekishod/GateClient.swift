import GateProtocol
import NIOCore
import NIOPosix
import Wire

/// The connection to the gate: hello first, then requests and their replies in any number; connects again by itself.
///
/// `@unchecked Sendable`: NIO's bootstrap wants it; everything runs on one event loop.
final class GateClient: @unchecked Sendable {
    private let path: String
    private let eventLoop: any EventLoop
    private var channel: (any Channel)?
    private var waiting: [UInt32: (GateReply?) -> Void] = [:]
    private var nextID: UInt32 = 0
    /// Frames that are written when the event loop has done what came in.
    private var output: [UInt8] = []
    private var isFlushScheduled = false
    private var isReady = false
    private var isStopped = false
    private var drained: EventLoopPromise<Void>?
    /// After how long holes close that are not renewed, and whether the gate translates addresses.
    var onConnect: ((Duration, Bool) -> Void)?
    var onDisconnect: (() -> Void)?

    /// When the oldest request without a reply was sent.
    private var oldest: NIODeadline?
    private var watch: RepeatedTask?

    /// Between two attempts to connect.
    static let retry = TimeAmount.milliseconds(20)
    /// What the gate may take to answer. It takes microseconds; one that hangs is as good as gone, and calls must not wait
    /// for it.
    static let patience = TimeAmount.seconds(2)

    init(path: String, eventLoop: any EventLoop) {
        self.path = path
        self.eventLoop = eventLoop
    }

    /// Connects, and keeps trying.
    func connect() {
        guard !isStopped else { return }
        ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(GateHandler(client: self))
                }
            }
            .connect(unixDomainSocketPath: path)
            .whenComplete { result in
                switch result {
                case .success(let channel):
                    self.channel = channel
                    self.startWatch()
                    self.transmit(.hello(version: GateFrame.version)) { reply in
                        guard case .welcome(_, let timeout, let translates) = reply else {
                            channel.close(promise: nil)
                            return
                        }
                        self.isReady = true
                        self.onConnect?(timeout, translates)
                    }
                case .failure: self.connectLater()
                }
            }
    }

    /// Closes the connection when the gate owes a reply for too long.
    private func startWatch() {
        watch = eventLoop.scheduleRepeatedTask(initialDelay: Self.patience, delay: Self.patience) { _ in
            guard let oldest = self.oldest, NIODeadline.now() - oldest > Self.patience else { return }
            self.channel?.close(promise: nil)
        }
    }

    private func connectLater() {
        guard !isStopped else { return }
        eventLoop.assumeIsolated().scheduleTask(in: Self.retry) { self.connect() }
    }

    /// Sends a request. The completion gets nil when the connection is gone before the reply.
    func send(_ request: GateRequest, completion: @escaping (GateReply?) -> Void) {
        guard isReady else { return completion(nil) }
        transmit(request, completion: completion)
    }

    private func transmit(_ request: GateRequest, completion: @escaping (GateReply?) -> Void) {
        guard channel != nil else { return completion(nil) }
        nextID &+= 1
        do {
            try FrameEncoder.append(.request(request, id: nextID), to: &output)
        } catch {
            // More than a frame can carry: the policy's limits are lower, so the gate would have refused it too.
            return completion(.refused(GateRefusal(.tooManyHoles)))
        }
        waiting[nextID] = completion
        oldest = oldest ?? NIODeadline.now()
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        // What a burst of messages asks for goes out by one system call.
        eventLoop.execute { self.flush() }
    }

    private func flush() {
        isFlushScheduled = false
        if let channel, !output.isEmpty {
            channel.writeAndFlush(channel.allocator.buffer(bytes: output), promise: nil)
        }
        output.removeAll(keepingCapacity: true)
    }

    /// What the gate says that sessions have open.
    struct Listing: Sendable {
        var reports: [HoleReport] = []
        /// Whether these are all: false when there is no gate, or it went away before its last page.
        var isComplete = false
    }

    /// What one session has open, with its counters; nil when the gate does not answer.
    func report(of session: SessionID) -> EventLoopFuture<HoleReport?> {
        let promise = eventLoop.makePromise(of: HoleReport?.self)
        send(.list(after: session.value == 0 ? nil : SessionID(session.value - 1))) { reply in
            guard case .listed(let page, _) = reply else { return promise.succeed(nil) }
            promise.succeed(page.first { $0.session == session } ?? HoleReport(session: session))
        }
        return promise.futureResult
    }

    /// What every session has open, with its counters.
    func reports() -> EventLoopFuture<Listing> {
        let promise = eventLoop.makePromise(of: Listing.self)
        collect([], after: nil, promise)
        return promise.futureResult
    }

    private func collect(_ reports: [HoleReport], after last: SessionID?, _ promise: EventLoopPromise<Listing>) {
        send(.list(after: last)) { reply in
            guard case .listed(let page, let more) = reply else { return promise.succeed(Listing(reports: reports)) }
            if more, let last = page.last {
                self.collect(reports + page, after: last.session, promise)
            } else {
                promise.succeed(Listing(reports: reports + page, isComplete: true))
            }
        }
    }

    /// Waits until every request has its reply.
    func drain(within limit: TimeAmount) -> EventLoopFuture<Void> {
        guard !waiting.isEmpty else { return eventLoop.makeSucceededVoidFuture() }
        let promise = eventLoop.makePromise(of: Void.self)
        drained = promise
        eventLoop.assumeIsolated().scheduleTask(in: limit) { self.finishDraining() }
        return promise.futureResult
    }

    private func finishDraining() {
        drained?.succeed()
        drained = nil
    }

    func disconnect() {
        isStopped = true
        channel?.close(promise: nil)
    }

    fileprivate func received(_ id: UInt32, _ reply: GateReply) {
        let completion = waiting.removeValue(forKey: id)
        // The gate answers in order: a reply shows that it works, and the wait for the next one begins.
        oldest = waiting.isEmpty ? nil : NIODeadline.now()
        completion?(reply)
        if waiting.isEmpty { finishDraining() }
    }

    fileprivate func lost() {
        guard channel != nil else { return }
        channel = nil
        oldest = nil
        watch?.cancel()
        let wasReady = isReady
        isReady = false
        output = []
        let failed = waiting
        waiting = [:]
        for (_, completion) in failed { completion(nil) }
        if wasReady, !isStopped { onDisconnect?() }
        finishDraining()
        connectLater()
    }
}

/// Frames in and out of octets.
private final class GateHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let client: GateClient
    private var decoder = FrameDecoder()

    init(client: GateClient) { self.client = client }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let octets = Array(unwrapInboundIn(data).readableBytesView)
        decoder.append(octets.span)
        do throws(ParseError) {
            while let frame = try decoder.next() {
                guard case .reply(let reply) = frame.body else { return context.close(promise: nil) }
                client.received(frame.id, reply)
            }
        } catch {
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { client.lost() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
