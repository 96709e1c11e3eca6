import Crypto
import NIOCore
import Wire

/// TLS between the socket and the framing: ciphertext below, plaintext above.
///
/// It holds no more than the record that is not whole yet: what is read goes up at once, and what is written goes down at
/// once, where the channel's watermark bounds it.
final class TLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let session: TLSSession
    private let transport: SIPTransport
    private let id: UInt64
    private let remote: Endpoint
    private var deadline: Scheduled<Void>?
    /// The connection was closed from this side: nothing more is read or written.
    private var isOver = false

    init(session: TLSSession, transport: SIPTransport, id: UInt64, remote: Endpoint) {
        self.session = session
        self.transport = transport
        self.id = id
        self.remote = remote
    }

    /// The handshake must be over in the time of a message. A client begins it.
    func handlerAdded(context: ChannelHandlerContext) {
        let seconds = transport.limits.messageSeconds
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(seconds)) {
            self.transport.counters.slowConnections += 1
            self.end(
                context,
                TLSError(.limit, while: "shaking hands by TLS", "it is not over after \(seconds) seconds"))
        }
        guard context.channel.isActive else { return }
        progress(context)
    }

    func channelActive(context: ChannelHandlerContext) {
        progress(context)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var received = unwrapInboundIn(data)
        // A record at a time: the session's own buffer stays small however much came at once.
        while !isOver, let piece = received.readSlice(length: min(received.readableBytes, TLSLimits.recordOctets)),
            piece.readableBytes > 0
        {
            let octets = piece.readableBytesUInt8Span
            do throws(TLSError) { try session.feed(octets) } catch { return end(context, error) }
            progress(context)
        }
    }

    /// The peer closed: by close_notify before this, or somebody cut the connection.
    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        if !isOver, let error = session.inputEnded() { transport.secureFailed(error, remote) }
        isOver = true
        transport.lost(id)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let plaintext = unwrapOutboundIn(data)
        let octets = plaintext.readableBytesUInt8Span
        do throws(TLSError) {
            try session.write(octets)
            context.write(wrapOutboundOut(pending(context)), promise: promise)
        } catch {
            promise?.fail(error)
        }
    }

    /// Says close_notify first.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if !isOver {
            isOver = true
            deadline?.cancel()
            session.close()
            send(context)
        }
        context.close(mode: mode, promise: promise)
    }

    // MARK: Between the two

    /// Does everything that what came allows.
    private func progress(_ context: ChannelHandlerContext) {
        guard !isOver else { return }
        do throws(TLSError) {
            if session.state == .handshaking {
                try session.advance()
                send(context)
                guard session.state == .open else { return }
                deadline?.cancel()
                do { try transport.secured(id, session.peer, context.channel) } catch {
                    return context.close(promise: nil)
                }
            }
            try deliver(context)
        } catch {
            end(context, error)
        }
    }

    /// Reads to the end of what came.
    private func deliver(_ context: ChannelHandlerContext) throws(TLSError) {
        while !isOver {
            var plaintext = context.channel.allocator.buffer(capacity: TLSLimits.recordOctets)
            switch try read(into: &plaintext) {
            case .octets: context.fireChannelRead(wrapInboundOut(plaintext))
            case .needsMore:
                // An answer of TLS itself, to a key update or to a renegotiation that is refused.
                return send(context)
            case .ended: return close(context: context, mode: .all, promise: nil)
            }
        }
    }

    private func read(into buffer: inout ByteBuffer) throws(TLSError) -> TLSSession.Reading {
        var outcome = Result<TLSSession.Reading, TLSError>.success(.needsMore)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: TLSLimits.recordOctets) { room in
            do throws(TLSError) {
                let reading = try session.read(into: room)
                outcome = .success(reading)
                if case .octets(let count) = reading { return count }
            } catch {
                outcome = .failure(error)
            }
            return 0
        }
        return try outcome.get()
    }

    private func pending(_ context: ChannelHandlerContext) -> ByteBuffer {
        let count = session.pendingOctets
        var buffer = context.channel.allocator.buffer(capacity: count)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { session.takePending(into: $0) }
        return buffer
    }

    private func send(_ context: ChannelHandlerContext) {
        guard session.pendingOctets > 0 else { return }
        guard isOver || context.channel.isWritable else {
            // It asks TLS for answers, and does not read them.
            transport.counters.stalledConnections += 1
            return context.close(promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(pending(context)), promise: nil)
    }

    /// Sends the alert that the error left, and closes.
    private func end(_ context: ChannelHandlerContext, _ error: TLSError) {
        guard !isOver else { return }
        transport.secureFailed(error, remote)
        close(context: context, mode: .all, promise: nil)
    }
}
