import CMSText
public import Crypto
public import NIOCore
public import SIPText
public import SIPTransactions
public import Transport
public import Wire

/// The reference device: the agent with sockets, keys, timers and sound.
///
/// `@unchecked Sendable`: its state is touched on its event loop only; the public entries go there first.
public final class Device: @unchecked Sendable {
    /// Everything of the device happens here.
    public let eventLoop: any EventLoop
    private let settings: DeviceSettings
    private let desk: EnvelopeDesk
    private let started = Clock.now()
    private var transport: SIPTransport?
    private var timers: TimerBoard<TimerKey>?
    /// Timers that run: none may fire when the device is closed.
    private var running: Set<TimerKey> = []
    private var agent: Agent?
    private var inputs: [Input] = []
    private var isProcessing = false
    private var media: [CallNumber: MediaSession] = [:]
    private var summaries: [CallNumber: CallSummary] = [:]
    private var waiting: [CallNumber: EventLoopPromise<CallSummary>] = [:]
    private var finished: [CallSummary] = []
    private var nextWaiting: [EventLoopPromise<CallSummary>] = []
    /// Where SIP is received. Read it on the event loop.
    public private(set) var listeners: [Listener] = []

    private init(_ settings: DeviceSettings, on eventLoop: any EventLoop) throws(CryptoError) {
        self.settings = settings
        self.eventLoop = eventLoop
        desk = try EnvelopeDesk(identity: settings.identity, policy: settings.disclosure)
    }

    /// Binds the SIP sockets and gives the device that is ready.
    ///
    /// Its sockets are made on the event loop's thread: one that was moved into a network namespace keeps its device
    /// there.
    public static func start(_ settings: DeviceSettings, on eventLoop: any EventLoop) -> EventLoopFuture<Device> {
        eventLoop.flatSubmit {
            let device: Device
            do { device = try Device(settings, on: eventLoop) } catch { return eventLoop.makeFailedFuture(error) }
            let transport = SIPTransport(eventLoop: eventLoop, security: settings.security, delegate: device)
            device.transport = transport
            device.timers = TimerBoard(eventLoop: eventLoop) { [weak device] in device?.fired($0) }
            return device.listen(on: transport, attempt: 0).map {
                device.ready()
                return device
            }
        }
    }

    /// Another attempt when a port that the kernel chose for one transport is taken in the next.
    private static let listenAttempts = 8

    private func listen(on transport: SIPTransport, attempt: Int) -> EventLoopFuture<Void> {
        listeners = []
        var bound = eventLoop.makeSucceededFuture(settings.port)
        for kind in settings.transports {
            bound = bound.flatMap { port in
                guard kind != .tls || self.settings.security.server != nil else {
                    // Nobody connects here; Via and Contact name it all the same.
                    self.listeners.append(Listener(.tls, Endpoint(self.settings.address, port == 0 ? 5_061 : port)))
                    return self.eventLoop.makeSucceededFuture(port)
                }
                return transport.listen(kind, at: Endpoint(self.settings.address, port)).map { endpoint in
                    self.listeners.append(Listener(kind, endpoint))
                    return endpoint.port
                }
            }
        }
        return bound.map { _ in }.flatMapError { error in
            guard self.settings.port == 0, attempt < Self.listenAttempts else {
                return self.eventLoop.makeFailedFuture(error)
            }
            let fresh = SIPTransport(
                eventLoop: self.eventLoop, security: self.settings.security, delegate: self)
            self.transport = fresh
            return transport.close().flatMap { self.listen(on: fresh, attempt: attempt + 1) }
        }
    }

    private func ready() {
        agent = Agent(
            settings: AgentSettings(
                listeners: listeners, timers: settings.timers, answering: settings.answering,
                certificate: settings.identity?.certificate?.der ?? []),
            tokens: TokenSource(SystemRandomNumberGenerator()))
        for listener in listeners { tell(.listening(listener)) }
    }

    // MARK: For the user

    /// Makes a call; the future is fulfilled when nothing of it is left.
    public func call(_ request: CallRequest) -> EventLoopFuture<CallSummary> {
        eventLoop.flatSubmit {
            let promise = self.eventLoop.makePromise(of: CallSummary.self)
            guard let number = self.agent?.nextCall() else {
                promise.fail(ChannelError.alreadyClosed)
                return promise.futureResult
            }
            self.waiting[number] = promise
            let disclosures = request.disclosures.map {
                Disclosure(host: Array($0.host.utf8), recipient: self.desk.add($0.certificate))
            }
            self.process(
                .place(
                    number,
                    CallPlan(
                        target: Array(request.target.utf8), from: Array(request.from.utf8),
                        destination: request.destination, proxy: request.proxy.map { Array($0.utf8) },
                        protection: request.protection, recipients: request.recipients.map(self.desk.add),
                        disclosures: disclosures, reuse: request.reuse, timing: request.timing,
                        formats: request.formats)))
            return promise.futureResult
        }
    }

    /// The next call that was taken and is over.
    public func nextFinishedCall() -> EventLoopFuture<CallSummary> {
        eventLoop.flatSubmit {
            guard self.finished.isEmpty else {
                return self.eventLoop.makeSucceededFuture(self.finished.removeFirst())
            }
            let promise = self.eventLoop.makePromise(of: CallSummary.self)
            self.nextWaiting.append(promise)
            return promise.futureResult
        }
    }

    /// Ends every call: CANCEL, BYE or a refusal.
    public func hangUp() { eventLoop.execute { self.process(.hangUp) } }

    /// Calls that are not over, media sockets included.
    public func callCount() -> EventLoopFuture<Int> { eventLoop.submit { self.agent?.callCount ?? 0 } }

    /// Keys held, of all calls; for tests.
    public func keyCount() -> EventLoopFuture<Int> { eventLoop.submit { self.desk.keyCount } }

    /// Closes every socket. Calls that are not over are left where they are.
    public func close() -> EventLoopFuture<Void> {
        eventLoop.flatSubmit {
            for session in self.media.values { session.close() }
            self.media = [:]
            self.agent = nil
            for key in self.running { self.timers?.cancel(key) }
            self.running = []
            self.timers = nil
            for promise in Array(self.waiting.values) + self.nextWaiting { promise.fail(ChannelError.alreadyClosed) }
            self.waiting = [:]
            self.nextWaiting = []
            let transport = self.transport
            self.transport = nil
            return transport?.close() ?? self.eventLoop.makeSucceededVoidFuture()
        }
    }

    // MARK: Inputs and effects

    /// One input after the other, each with its effects performed.
    private func process(_ input: Input) {
        eventLoop.preconditionInEventLoop()
        inputs.append(input)
        guard !isProcessing else { return }
        isProcessing = true
        while !inputs.isEmpty {
            let input = inputs.removeFirst()
            guard let effects = agent?.handle(input, at: Clock.now()) else { break }
            for effect in effects { perform(effect) }
        }
        isProcessing = false
    }

    private func fired(_ key: TimerKey) {
        running.remove(key)
        process(.fired(key))
    }

    private func perform(_ effect: Effect) {
        switch effect {
        case .send(let message, let destination):
            settings.onMessage?(.sent, message, destination.transport, destination.remote)
            transport?.send(message.serialized(), to: destination)
        case .startTimer(let key, let duration):
            running.insert(key)
            timers?.start(key, after: duration)
        case .cancelTimer(let key):
            running.remove(key)
            timers?.cancel(key)
        case .media(let number, let command): perform(command, of: number)
        case .seal(let work, let request): inputs.append(.sealed(work, desk.seal(request)))
        case .open(let work, let contents, let keys): inputs.append(.opened(work, desk.open(contents, keys)))
        case .examine(let work, let der, let host):
            inputs.append(.examined(work, desk.examine(der, host: host, now: Clock.unixSeconds())))
        case .forget(let key): desk.forget(key)
        case .report(let report): tell(report)
        case .finished(let number): finish(number)
        }
    }

    private func perform(_ command: MediaCommand, of number: CallNumber) {
        switch command {
        case .open:
            MediaSession.open(
                at: settings.address, port: settings.mediaPort, settings.sound, records: settings.records, on: eventLoop
            ).whenComplete { result in
                switch result {
                case .success(let session):
                    self.media[number] = session
                    self.process(.mediaOpened(number, session.local))
                case .failure(let error): self.process(.mediaFailed(number, "\(error)"))
                }
            }
        case .run(let target):
            if target.receives { summaries[number, default: CallSummary(number: number)].expectsMedia = true }
            media[number]?.run(target)
        case .enter(let phase): media[number]?.enter(phase)
        case .stopSending: media[number]?.stopSending()
        case .close:
            guard let session = media.removeValue(forKey: number) else { return }
            session.close()
            for entry in session.counts.reports { tell(.packets(number, entry)) }
            tell(.stream(number, session.report))
            summaries[number]?.recording = session.recording
        }
    }

    private func tell(_ report: Report) {
        if let number = report.call { summaries[number, default: CallSummary(number: number)].take(report) }
        settings.onReport?(report, Int((Clock.now() - started).wholeNanoseconds / 1_000_000))
    }

    private func finish(_ number: CallNumber) {
        let summary = summaries.removeValue(forKey: number) ?? CallSummary(number: number)
        if let promise = waiting.removeValue(forKey: number) {
            promise.succeed(summary)
        } else if nextWaiting.isEmpty {
            finished.append(summary)
        } else {
            nextWaiting.removeFirst().succeed(summary)
        }
    }
}

extension Device: SIPTransportDelegate {
    /// For the transport: octets were read.
    public func received(_ outcome: MessageParser.Outcome, on flow: Flow) {
        switch outcome {
        case .message(let message):
            settings.onMessage?(.received, message, flow.transport, flow.remote)
            process(.received(message, flow))
        case .malformed(let error, let answerable): process(.malformed(error, answerable: answerable, flow))
        }
    }

    /// For the transport: a message was not delivered.
    public func failed(to destination: Destination) { process(.transportFailed(destination)) }

    /// For the transport: a TLS connection was not made, or broke.
    public func secureConnectionFailed(_ error: TLSError, with remote: Endpoint) {
        settings.onSecureFailure?(error, remote)
    }
}
