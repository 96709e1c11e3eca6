import Configuration
import ControlProtocol
import Glibc
import NIOCore
import NIOPosix
import Wire

/// Answers `sekisho status` and its like on a Unix socket: one line asks, one document answers, then the connection
/// closes.
///
/// `@unchecked Sendable`: NIO's bootstrap wants it; everything runs on one event loop.
final class ControlServer: @unchecked Sendable {
    typealias Request = ControlRequest

    private let path: String
    private let place: Place
    private let eventLoop: any EventLoop
    private let answer: (Request) -> EventLoopFuture<[UInt8]>
    private var channel: (any Channel)?

    /// How long a client may take to ask.
    static let patience = TimeAmount.seconds(5)

    init(
        _ settings: ProxySettings, eventLoop: any EventLoop, answer: @escaping (Request) -> EventLoopFuture<[UInt8]>
    ) {
        path = settings.control
        place = settings.controlPlace
        self.eventLoop = eventLoop
        self.answer = answer
    }

    func start() -> EventLoopFuture<Void> {
        // A socket left by a run that was killed would keep the name taken.
        ServerBootstrap(group: eventLoop)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ControlHandler(server: self))
                }
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
            .flatMapThrowing { channel in
                self.channel = channel
                // The group may ask, too: that is the operators'.
                guard chmod(self.path, 0o660) == 0 else { throw IOError(errnoCode: errno, reason: "chmod") }
            }
            .flatMapErrorThrowing { error in
                throw self.place.unixSocketError(self.path, code: SocketFailure.code(of: error))
            }
    }

    func stop() {
        channel?.close(promise: nil)
        unlink(path)
    }

    fileprivate func reply(to request: Request) -> EventLoopFuture<[UInt8]> { answer(request) }
}

private final class ControlHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: ControlServer
    private var received: [UInt8] = []
    private var deadline: Scheduled<Void>?

    init(server: ControlServer) { self.server = server }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: ControlServer.patience) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received.append(contentsOf: unwrapInboundIn(data).readableBytesView)
        let channel = context.channel
        do throws(ParseError) {
            guard let request = try ControlRequest(received.span) else { return }
            deadline?.cancel()
            server.reply(to: request).whenSuccess { document in
                channel.writeAndFlush(channel.allocator.buffer(bytes: document)).whenComplete { _ in
                    channel.close(promise: nil)
                }
            }
        } catch {
            let document = ControlAnswer.refused("unknown request").json
            channel.writeAndFlush(channel.allocator.buffer(bytes: document)).whenComplete { _ in
                channel.close(promise: nil)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) { deadline?.cancel() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
