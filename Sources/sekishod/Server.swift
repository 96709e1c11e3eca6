import CLinux
import Configuration
import ControlProtocol
import Crypto
import GateProtocol
import Gateway
import Logging
import NIOCore
import NIOPosix
import Registration
import Resolver
import SIPText
import SIPTransactions
import ServerLocation
import Store
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
        var security: TransportSecurity
    }

    private let eventLoop: any EventLoop
    private let settings: ProxySettings
    private let security: TransportSecurity
    private(set) var controller: SessionController
    private var transport: SIPTransport?
    private var timers: TimerBoard<TimerKey>?
    private let gate: GateClient
    private let envelopes: EnvelopeWorker
    private let resolver: HostResolver
    private let transports: LookupTransports
    private let store: RegistrationStore?
    private var upkeep: RepeatedTask?
    private var control: ControlServer?
    private let log: EventLog
    let startedAt: MonotonicTime

    init(_ parts: Parts, eventLoop: any EventLoop) throws {
        self.eventLoop = eventLoop
        settings = parts.settings
        security = parts.security
        var registrar = try parts.settings.registrar.map(ControllerBuilder.registrar)
        let log = EventLog(level: parts.settings.logLevel)
        if let settings = parts.settings.registrar {
            let store = try RegistrationStore(settings, eventLoop: eventLoop)
            let contents = try store.read()
            if let recovery = contents.recovery { log.recovered(recovery) }
            registrar?.replaceUsers(contents.users)
            registrar?.restore(contents.bindings, at: MonotonicTime(nanoseconds: CLinux_boottime()))
            self.store = store
        } else {
            store = nil
        }
        controller = SessionController(settings: parts.controller, registrar: registrar)
        resolver = HostResolver(eventLoop: eventLoop)
        transports = LookupTransports(
            parts.controller.listeners.map { LookupTransports($0.transport, isIPv6: $0.endpoint.address.isIPv6) })
        gate = GateClient(path: parts.settings.gate, eventLoop: eventLoop)
        envelopes = try EnvelopeWorker(identities: parts.identities, eventLoop: eventLoop)
        self.log = log
        startedAt = MonotonicTime(nanoseconds: CLinux_boottime())
    }

    /// Opens every socket; the gate is connected to from then on, and again whenever it goes away.
    func start() -> EventLoopFuture<Void> {
        var limits = TransportLimits()
        limits.connections = settings.limits.connections
        limits.messageOctets = settings.limits.messageOctets
        let transport = SIPTransport(eventLoop: eventLoop, limits: limits, security: security, delegate: self)
        self.transport = transport
        timers = TimerBoard(eventLoop: eventLoop) { [unowned self] key in handle(.fired(key)) }
        let control = ControlServer(settings, eventLoop: eventLoop) { [unowned self] request in
            answer(request)
        }
        self.control = control
        gate.onConnect = { [unowned self] timeout in handle(.gateConnected(holeTimeout: timeout)) }
        gate.onDisconnect = { [unowned self] in handle(.gateDisconnected) }
        gate.connect()
        if let store {
            upkeep = eventLoop.scheduleRepeatedTask(
                initialDelay: RegistrationStore.pollInterval, delay: RegistrationStore.pollInterval
            ) { [unowned self] _ in lookAfter(store) }
        }
        let listeners = settings.listeners.map { listener in
            transport.listen(ControllerBuilder.kind(listener.transport), at: listener.endpoint)
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
        upkeep?.cancel()
        handle(.shutdown)
        return gate.drain(within: .seconds(1)).flatMap { [self] in
            gate.disconnect()
            control?.stop()
            store?.stop()
            return closed.and(resolver.close()).map { _, _ in }
        }
    }

    /// The operator adds and removes users by another process.
    private func lookAfter(_ store: RegistrationStore) {
        store.changedUsers().assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success(let users?): handle(.usersChanged(users))
            case .success(nil): break
            case .failure(let error): log.storeFailed(error)
            }
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

    func closed(_ connection: UInt64) { handle(.connectionClosed(connection)) }

    func secureConnectionFailed(_ error: TLSError, with remote: Endpoint) { log.write(error, with: remote) }

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
            case .locate(let token, let query):
                var target = LookupTarget(
                    query.isSecure ? .sips : .sip, query.host, port: query.port, supported: transports)
                target.transport = query.transport.map { .known($0) }
                resolver.locate(target) { [unowned self] result in
                    handle(.located(token, (try? result.get()) ?? []))
                }
            case .store(let token, let change):
                store?.apply(change) { [unowned self] succeeded in handle(.stored(token, succeeded)) }
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
