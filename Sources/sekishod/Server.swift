import CLinux
import Configuration
import ControlProtocol
import Crypto
import GateProtocol
import Gateway
import Logging
import NIOCore
import NIOPosix
import SIPText
import SIPTransactions
import Transport
import Wire

/// The one switch that performs effects, and everything it performs them with. It lives on one event loop.
///
/// `@unchecked Sendable`: NIO's futures want it; `start`, `stop` and every callback run on the event loop.
final class Server: SIPTransportDelegate, @unchecked Sendable {
    /// What a server is made of.
    struct Parts: Sendable {
        var settings: ProxySettings
        var controller: ControllerSettings
        var identities: [Identity]
    }

    private let eventLoop: any EventLoop
    private let settings: ProxySettings
    private(set) var controller: SessionController
    private var transport: SIPTransport?
    private var timers: TimerBoard<TimerKey>?
    private let gate: GateClient
    private let envelopes: EnvelopeWorker
    private var control: ControlServer?
    private let log: EventLog
    let startedAt: MonotonicTime

    init(_ parts: Parts, eventLoop: any EventLoop) throws {
        self.eventLoop = eventLoop
        settings = parts.settings
        controller = SessionController(settings: parts.controller)
        gate = GateClient(path: parts.settings.gate, eventLoop: eventLoop)
        envelopes = try EnvelopeWorker(identities: parts.identities, eventLoop: eventLoop)
        log = EventLog(level: parts.settings.logLevel)
        startedAt = MonotonicTime(nanoseconds: CLinux_boottime())
    }

    /// Opens every socket; the gate is connected to from then on, and again whenever it goes away.
    func start() -> EventLoopFuture<Void> {
        var limits = TransportLimits()
        limits.connections = settings.limits.connections
        limits.messageOctets = settings.limits.messageOctets
        let transport = SIPTransport(eventLoop: eventLoop, limits: limits, delegate: self)
        self.transport = transport
        timers = TimerBoard(eventLoop: eventLoop) { [unowned self] key in handle(.fired(key)) }
        let control = ControlServer(settings, eventLoop: eventLoop) { [unowned self] request in
            answer(request)
        }
        self.control = control
        gate.onConnect = { [unowned self] timeout in handle(.gateConnected(holeTimeout: timeout)) }
        gate.onDisconnect = { [unowned self] in handle(.gateDisconnected) }
        gate.connect()
        let listeners = settings.listeners.map { listener in
            transport.listen(listener.transport == .udp ? .udp : .tcp, at: listener.endpoint)
                .map { _ in }
                .flatMapErrorThrowing { error in
                    throw listener.bindError(code: SocketFailure.code(of: error))
                }
        }
        // Last, since it takes the place of an earlier socket: a second server has failed by then.
        return EventLoopFuture.andAllSucceed(listeners, on: eventLoop).flatMap { control.start() }
    }

    /// Closes every hole, then every socket. Waits a second at most for the gate.
    func stop() -> EventLoopFuture<Void> {
        // No message and no timer may open anything from here on.
        let closed = transport?.close() ?? eventLoop.makeSucceededVoidFuture()
        timers = nil
        handle(.shutdown)
        return gate.drain(within: .seconds(1)).flatMap { [self] in
            gate.disconnect()
            control?.stop()
            return closed
        }
    }

    // MARK: Inputs

    func received(_ outcome: MessageParser.Outcome, on flow: Flow) {
        switch outcome {
        case .message(let message): handle(.received(message, flow))
        case .malformed(let error, let answerable): handle(.malformed(error, answerable: answerable, flow))
        }
    }

    func failed(to destination: Destination) { handle(.transportFailed(destination)) }

    private func handle(_ input: Input) {
        perform(controller.handle(input, at: MonotonicTime(nanoseconds: CLinux_boottime())))
    }

    // MARK: Effects

    /// Every effect, in order. What comes back of one is an input of its own, later.
    private func perform(_ effects: [Effect]) {
        for effect in effects {
            switch effect {
            case .send(let message, let destination): transport?.send(message.serialized(), to: destination)
            case .startTimer(let key, let duration): timers?.start(key, after: duration)
            case .cancelTimer(let key): timers?.cancel(key)
            case .askGate(let token, let request):
                gate.send(request) { [unowned self] reply in
                    if let reply { handle(.gateReplied(token, reply)) }
                }
            case .openEnvelope(let token, let request):
                envelopes.open(request) { [unowned self] outcome in handle(.envelopeOpened(token, outcome)) }
            case .forgetKey(let handle): envelopes.forget(handle)
            case .log(let event): log.write(event)
            }
        }
    }

    // MARK: Control

    private func answer(_ request: ControlServer.Request) -> EventLoopFuture<[UInt8]> {
        let now = MonotonicTime(nanoseconds: CLinux_boottime())
        switch request {
        case .status:
            return eventLoop.makeSucceededFuture(Reports.status(of: self, transport: transport?.counters, at: now))
        case .sessions:
            let summaries = controller.summaries
            return gate.reports().map { Reports.sessions(summaries, $0, at: now) }
        }
    }
}
