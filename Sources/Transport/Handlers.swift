import Glibc
import NIOCore
import SIPText
import SIPTransactions
import Wire

/// Reads each datagram as one message (RFC 3261 section 18.3).
final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let transport: SIPTransport
    private var local: Endpoint?

    init(transport: SIPTransport) { self.transport = transport }

    func channelActive(context: ChannelHandlerContext) {
        local = context.channel.localAddress.flatMap(Endpoint.init)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        local = local ?? context.channel.localAddress.flatMap(Endpoint.init)
        // From port 0 nothing can come that could be answered.
        guard let remote = Endpoint(envelope.remoteAddress), remote.port != 0, let local else { return }
        guard envelope.data.readableBytes <= transport.limits.messageOctets else {
            transport.counters.oversizedMessages += 1
            let error = ParseError(.tooLong, in: "message", at: transport.limits.messageOctets)
            let flow = Flow(transport: .udp, local: local, remote: remote)
            transport.delegate?.received(
                MessageParser.parse(Array(envelope.data.readableBytesView)).refused(for: error), on: flow)
            return
        }
        let octets = Array(envelope.data.readableBytesView)
        // Line ends alone keep a binding at a NAT alive (RFC 5626 section 3.5) and are no message.
        guard octets.contains(where: { $0 != ASCII.cr && $0 != ASCII.lf && $0 != ASCII.nul }) else { return }
        let flow = Flow(transport: .udp, local: local, remote: remote)
        transport.delegate?.received(MessageParser.parse(octets), on: flow)
    }

    /// An ICMP error for an earlier datagram is not a fault of the socket.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}

/// Cuts a connection's octets into messages; closes it at the first framing error and when a message takes too long.
final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let transport: SIPTransport
    private let flow: Flow
    private let id: UInt64
    private var framer: StreamFramer
    private var deadline: Scheduled<Void>?
    private var isFirst: Bool
    private var isInMessage: Bool
    /// Whether messages are held that wait for others' turn to be over.
    private var isPaused = false
    /// Messages taken since others had their turn.
    private var taken = 0
    /// Whether the connection has ended; what had come of it by then is still handed on.
    private var isOver = false

    /// - Parameter expectsMessage: the peer connected and must say something soon; one that was connected to need not.
    init(transport: SIPTransport, flow: Flow, id: UInt64, expectsMessage: Bool) {
        self.transport = transport
        self.flow = flow
        self.id = id
        framer = StreamFramer(maximumOctets: transport.limits.messageOctets)
        isFirst = expectsMessage
        isInMessage = expectsMessage
    }

    func handlerAdded(context: ChannelHandlerContext) {
        arm(context, seconds: isFirst ? transport.limits.messageSeconds : transport.limits.idleSeconds)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        framer.append(unwrapInboundIn(data).readableBytesView)
        // What comes while messages are held stands behind them.
        if !isPaused { takeTurn(context) }
    }

    /// Hands on what is whole, but no more than a turn's worth.
    private func takeTurn(_ context: ChannelHandlerContext) {
        var isDelivered = false
        do throws(ParseError) {
            while !isPaused, let frame = try framer.next() {
                taken += 1
                if taken == transport.limits.pipelinedMessages { pause(context) }
                switch frame {
                case .message(let octets):
                    isDelivered = true
                    let outcome = MessageParser.parse(octets, requiresLength: true)
                    if case .message(let message) = outcome { transport.noteAlias(in: message, on: flow) }
                    transport.delegate?.received(outcome, on: flow)
                case .ping:
                    guard context.channel.isWritable else {
                        // It asks for answers and does not read them.
                        transport.counters.stalledConnections += 1
                        return context.close(promise: nil)
                    }
                    context.writeAndFlush(
                        wrapOutboundOut(context.channel.allocator.buffer(string: "\r\n")), promise: nil)
                }
            }
        } catch {
            transport.counters.framingErrors += 1
            // The head may be enough of a request to be told what is wrong before the connection ends.
            if error.code == .tooLong { transport.counters.oversizedMessages += 1 }
            let head = framer.faultyHead
            let outcome: MessageParser.Outcome =
                head.isEmpty ? .malformed(error, answerable: nil) : MessageParser.parse(head, requiresLength: true)
            transport.delegate?.received(outcome.refused(for: error), on: flow)
            context.close(mode: .all, promise: nil)
            return
        }
        isFirst = isFirst && !isDelivered
        if framer.buffered > 0 || isFirst {
            // The clock of a message begun is not wound up again by each of its octets.
            if isDelivered || !isInMessage { arm(context, seconds: transport.limits.messageSeconds) }
            isInMessage = true
        } else {
            arm(context, seconds: transport.limits.idleSeconds)
            isInMessage = false
        }
    }

    /// Lets every other connection and timer have its turn before the next messages of this one; until then nothing more
    /// is read of it, so that the peer's own sending is held up.
    private func pause(_ context: ChannelHandlerContext) {
        isPaused = true
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().execute { [self] in
            guard context.channel.isActive else { return }
            (isPaused, taken) = (false, 0)
            takeTurn(context)
            // It may be over, or wait again.
            guard !isPaused, context.channel.isActive else { return }
            try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if !isPaused { taken = 0 }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        isOver = true
        deadline?.cancel()
        transport.lost(id)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Of a peer that cannot be reached any more the kernel says that, when it knows (tcp(7)).
        let code = (error as? IOError)?.errnoCode
        if code == ETIMEDOUT || code == EHOSTUNREACH || code == ENETUNREACH { transport.timedOut(id) }
        context.close(promise: nil)
    }

    /// Winds the clock up that closes the connection, unless writing an answer has found it reset: nothing would stop the
    /// clock then, which holds the channel.
    private func arm(_ context: ChannelHandlerContext, seconds: Int64) {
        deadline?.cancel()
        guard !isOver else { return }
        let transport = transport
        let channel = context.channel
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(seconds)) {
            transport.counters.slowConnections += 1
            channel.close(promise: nil)
        }
    }
}

extension MessageParser.Outcome {
    /// What is not taken, for whatever else is right or wrong with it.
    fileprivate func refused(for error: ParseError) -> MessageParser.Outcome {
        switch self {
        case .message(let message): .malformed(error, answerable: message.isRequest ? message : nil)
        case .malformed(let own, let answerable):
            // A message that is cut off at its head is always too short; any other fault is the sender's to know.
            .malformed(own.code == .truncated || error.code == .tooLong ? error : own, answerable: answerable)
        }
    }
}
