import CLinux
import Configuration
import Crypto
import GateProtocol
import Gateway
import NIOCore
import Registration
import SIPText
import SIPTransactions
import Transport
import Wire

/// What a shard wants of the rest of the server; it may be called on any event loop.
protocol ShardOwner: AnyObject, Sendable {
    func send(_ octets: [UInt8], to destination: Destination)
    func locate(_ query: ServerQuery, for token: LookUpToken, of shard: Shard)
    func store(_ change: LocationChange, for token: StoreToken, of shard: Shard)
    func announce(_ announcement: Announcement, of shard: Shard)
}

/// One event loop's share of the calls: a controller, and the one switch that performs its effects. Calls are shared out by
/// their Call-ID, so nothing of one is ever in two shards.
///
/// `@unchecked Sendable`: everything but `send`, `start` and `stop` runs on its event loop, which these three go to.
final class Shard: @unchecked Sendable {
    /// What a shard holds at a moment.
    struct Snapshot: Sendable {
        var summaries: [SessionSummary]
        var counters: Counters
        var isGateConnected: Bool
    }

    let eventLoop: any EventLoop
    private var controller: SessionController
    private var timers: TimerBoard<TimerKey>?
    private let gate: GateClient
    private let envelopes: EnvelopeWorker
    private let journal: Journal?
    private let log: EventLog
    private unowned let owner: any ShardOwner

    init(
        _ settings: ControllerSettings, registrar: GatewayRegistrar?, identities: [Identity], gate path: String,
        journal: Journal?, log: EventLog, owner: any ShardOwner, eventLoop: any EventLoop
    ) throws {
        self.eventLoop = eventLoop
        self.owner = owner
        self.log = log
        self.journal = journal
        controller = SessionController(settings: settings, registrar: registrar)
        gate = GateClient(path: path, eventLoop: eventLoop)
        envelopes = try EnvelopeWorker(identities: identities, eventLoop: eventLoop)
    }

    /// Goes on with the calls of the process before this one, and connects to the gate, from now on and again whenever it
    /// goes away.
    ///
    /// - Parameters:
    ///   - records: of the sessions that are this shard's.
    ///   - elsewhere: the sessions that are other shards'.
    func start(with records: [SessionRecord], elsewhere: Set<SessionID>) {
        run {
            self.timers = TimerBoard(eventLoop: self.eventLoop) { [unowned self] key in handle(.fired(key)) }
            self.handle(.restored(records, elsewhere: elsewhere))
            self.gate.onConnect = { [unowned self] timeout, translates in
                handle(.gateConnected(holeTimeout: timeout, translates: translates))
            }
            self.gate.onDisconnect = { [unowned self] in handle(.gateDisconnected) }
            self.gate.connect()
        }
    }

    /// Ends the work; waits a second at most for the gate.
    ///
    /// - Parameter keepsCalls: whether another process is to go on with the calls that are up: else every hole closes.
    func stop(keepsCalls: Bool) -> EventLoopFuture<Void> {
        eventLoop.flatSubmit { [self] in
            // No timer may open anything from here on.
            timers = nil
            let isKept = keepsCalls && journal?.isWorking ?? false
            handle(isKept ? .suspend : .shutdown)
            return gate.drain(within: .seconds(1)).map { [self] in
                gate.disconnect()
                if !isKept { journal?.giveUp() }
            }
        }
    }

    /// What the operator is told of it.
    func snapshot() -> EventLoopFuture<Snapshot> {
        eventLoop.submit { [self] in
            Snapshot(
                summaries: controller.summaries, counters: controller.counters,
                isGateConnected: controller.isGateConnected)
        }
    }

    /// What happened in the call of this name, if it is one of this shard's.
    func account(of name: [UInt8]) -> EventLoopFuture<CallAccount?> {
        eventLoop.submit { [self] in controller.account(of: name) }
    }

    /// What a session has open; nil when the gate does not answer.
    func report(of session: SessionID) -> EventLoopFuture<HoleReport?> {
        eventLoop.flatSubmit { self.gate.report(of: session) }
    }

    /// What every session of the gate has open, those of other shards too.
    func reports() -> EventLoopFuture<GateClient.Listing> { eventLoop.flatSubmit { self.gate.reports() } }

    /// Takes an input; at once on its own event loop, else as soon as that gets to it, in order.
    func send(_ input: Input) { run { self.handle(input) } }

    private func run(_ body: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
    }

    private func handle(_ input: Input) {
        perform(controller.handle(input, at: MonotonicTime(nanoseconds: CLinux_boottime())))
    }

    /// Every effect, in order. What comes back of one is an input of its own, later.
    private func perform(_ effects: [Effect]) {
        for effect in effects {
            switch effect {
            case .send(let message, let destination): owner.send(message.serialized(), to: destination)
            case .startTimer(let key, let duration): timers?.start(key, after: duration)
            case .cancelTimer(let key): timers?.cancel(key)
            case .askGate(let token, let request):
                gate.send(request) { [unowned self] reply in
                    if let reply { handle(.gateReplied(token, reply)) }
                }
            case .openEnvelope(let token, let request):
                envelopes.open(request) { [unowned self] outcome in handle(.envelopeOpened(token, outcome)) }
            case .locate(let token, let query): owner.locate(query, for: token, of: self)
            case .store(let token, let change): owner.store(change, for: token, of: self)
            case .announce(let announcement): owner.announce(announcement, of: self)
            case .forgetKey(let handle): envelopes.forget(handle)
            case .journal(let entry): journal?.write(entry)
            case .log(let event): log.write(event)
            }
        }
    }
}
