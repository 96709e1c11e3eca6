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

/// Everything that calls share: sockets, registrations on the disk, names, the operator's socket. It lives on the first
/// event loop; the calls live in shards, one on each.
///
/// `@unchecked Sendable`: NIO's futures want it; what a shard calls from another event loop goes to the first one.
final class Server: SIPTransportDelegate, ShardOwner, @unchecked Sendable {
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
    private var shards: [Shard] = []
    /// What the process before this one has left.
    private let opened: Journal.Opened
    private var transport: SIPTransport?
    private let resolver: HostResolver
    private let transports: LookupTransports
    private let store: RegistrationStore?
    private var upkeep: RepeatedTask?
    private var control: ControlServer?
    private let log: EventLog
    let startedAt = MonotonicTime(nanoseconds: CLinux_boottime())

    /// - Parameter eventLoops: one for each shard, at least one.
    init(_ parts: Parts, eventLoops: [any EventLoop]) throws {
        eventLoop = eventLoops[0]
        settings = parts.settings
        security = parts.security
        log = EventLog(level: parts.settings.logLevel)
        var contents: RegistrationStore.Contents?
        if let settings = parts.settings.registrar {
            let store = try RegistrationStore(settings, eventLoop: eventLoop)
            contents = try store.read()
            self.store = store
        } else {
            store = nil
        }
        resolver = HostResolver(eventLoop: eventLoop)
        transports = LookupTransports(
            parts.controller.listeners.map { LookupTransports($0.transport, isIPv6: $0.endpoint.address.isIPv6) })
        if let recovery = contents?.recovery { log.recovered(recovery) }
        let count = eventLoops.count
        let opened: Journal.Opened
        do throws(StoreError) {
            opened = try Journal.open(settings.journal, loops: count, log: log) {
                Self.shard(of: $0.span, among: count)
            }
        } catch {
            throw settings.journalPlace.error(
                "\(error)", allowed: "a file of its own for each sekishod on this machine")
        }
        self.opened = opened
        for (index, loop) in eventLoops.enumerated() {
            var registrar = try parts.settings.registrar.map(ControllerBuilder.registrar)
            if let contents {
                registrar?.replaceUsers(contents.users)
                registrar?.restore(contents.bindings, at: startedAt)
            }
            shards.append(
                try Shard(
                    parts.controller.share(index, of: eventLoops.count), registrar: registrar,
                    identities: parts.identities, gate: parts.settings.gate, journal: opened.journals[index],
                    log: log, owner: self, eventLoop: loop))
        }
    }

    /// Opens every socket.
    func start() -> EventLoopFuture<Void> {
        var limits = TransportLimits()
        limits.connections = settings.limits.connections
        limits.connectionsPerSource = settings.limits.connectionsPerSource
        limits.messageSeconds = Int64(settings.limits.messageSeconds)
        limits.pendingOctets = settings.limits.pendingOctets
        limits.idleSeconds = Int64(settings.limits.idleSeconds)
        limits.userTimeoutSeconds = Int64(settings.limits.userTimeoutSeconds)
        limits.messageOctets = settings.limits.messageOctets
        let transport = SIPTransport(eventLoop: eventLoop, limits: limits, security: security, delegate: self)
        self.transport = transport
        let control = ControlServer(settings, eventLoop: eventLoop) { [unowned self] request in
            answer(request)
        }
        self.control = control
        let everyone = Set(opened.records.joined().map(\.id))
        for (shard, own) in zip(shards, opened.records) {
            shard.start(with: own, elsewhere: everyone.subtracting(own.map(\.id)))
        }
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
        return EventLoopFuture.andAllSucceed(listeners, on: eventLoop).flatMap { control.start() }.map { [self] in
            for fault in opened.faults { log.journalFailed(fault) }
            if opened.lost > 0 { log.gaveUp(opened.lost) }
        }
    }

    /// Closes what nobody will go on with, then every socket.
    func stop() -> EventLoopFuture<Void> {
        // No message may open anything from here on.
        let closed = transport?.close() ?? eventLoop.makeSucceededVoidFuture()
        upkeep?.cancel()
        return EventLoopFuture.andAllComplete(shards.map { $0.stop(keepsCalls: settings.keepsOnExit) }, on: eventLoop)
            .flatMap { [self] in
                control?.stop()
                store?.stop()
                return closed.and(resolver.close()).map { _, _ in }
            }
    }

    /// The operator adds and removes users by another process.
    private func lookAfter(_ store: RegistrationStore) {
        store.changedUsers().assumeIsolated().whenComplete { [self] result in
            switch result {
            case .success(let users?): broadcast(.usersChanged(users))
            case .success(nil): break
            case .failure(let error): log.storeFailed(error)
            }
        }
    }

    // MARK: What comes in

    func received(_ outcome: MessageParser.Outcome, on flow: Flow) {
        switch outcome {
        case .message(let message): shard(of: message).send(.received(message, flow))
        case .malformed(let error, let answerable): shards[0].send(.malformed(error, answerable: answerable, flow))
        }
    }

    /// Calls by their Call-ID. The first shard has the registrar that changes anything; the others follow it.
    private func shard(of message: Message) -> Shard {
        guard shards.count > 1, message.cseq.method != .register, let callID = message.value(of: .callID) else {
            return shards[0]
        }
        return shards[Self.shard(of: message.octets(callID), among: shards.count)]
    }

    private static func shard(of octets: Span<UInt8>, among count: Int) -> Int {
        guard count > 1 else { return 0 }
        // FNV-1a: it need not withstand anybody, who chooses one shard for all calls gets the rate of one.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in 0..<octets.count { hash = (hash ^ UInt64(octets[index])) &* 0x0000_0100_0000_01B3 }
        return Int((hash >> 32) % UInt64(count))
    }

    private func broadcast(_ input: Input) {
        for shard in shards { shard.send(input) }
    }

    func failed(to destination: Destination) { broadcast(.transportFailed(destination)) }

    func closed(_ connection: UInt64) { broadcast(.connectionClosed(connection)) }

    func timedOut(_ connection: UInt64) { broadcast(.connectionTimedOut(connection)) }

    func secureConnectionFailed(_ error: TLSError, with remote: Endpoint) { log.write(error, with: remote) }

    // MARK: What shards want

    func send(_ octets: [UInt8], to destination: Destination) {
        guard !eventLoop.inEventLoop else {
            transport?.send(octets, to: destination)
            return
        }
        eventLoop.execute { self.transport?.send(octets, to: destination) }
    }

    func locate(_ query: ServerQuery, for token: LookUpToken, of shard: Shard) {
        eventLoop.execute { [self] in
            var target = LookupTarget(
                query.isSecure ? .sips : .sip, query.host, port: query.port, supported: transports)
            target.transport = query.transport.map { .known($0) }
            resolver.locate(target) { result in
                switch result {
                case .success(let destinations): shard.send(.located(token, destinations))
                case .failure(let error): shard.send(.located(token, [], isTemporary: error.isTemporary))
                }
            }
        }
    }

    func store(_ change: LocationChange, for token: StoreToken, of shard: Shard) {
        eventLoop.execute { [self] in
            guard let store else { return shard.send(.stored(token, false)) }
            store.apply(change) { [self] succeeded in
                shard.send(.stored(token, succeeded))
                guard succeeded else { return }
                for other in shards where other !== shard { other.send(.locationChanged(change)) }
            }
        }
    }

    func announce(_ announcement: Announcement, of shard: Shard) {
        for other in shards where other !== shard { other.send(.announced(announcement)) }
    }

    // MARK: Control

    private func answer(_ request: ControlServer.Request) -> EventLoopFuture<[UInt8]> {
        let now = MonotonicTime(nanoseconds: CLinux_boottime())
        let snapshots = EventLoopFuture.whenAllSucceed(shards.map { $0.snapshot() }, on: eventLoop)
        switch request {
        case .status:
            return snapshots.map { [self] in
                Reports.status(of: $0, startedAt: startedAt, transport: transport?.counters, at: now)
            }
        case .sessions:
            return snapshots.and(shards[0].reports()).map { Reports.sessions($0.flatMap(\.summaries), $1, at: now) }
        case .call(let name):
            let accounts = EventLoopFuture.whenAllSucceed(shards.map { $0.account(of: name) }, on: eventLoop)
            return accounts.flatMap { [self] accounts in
                guard let account = accounts.compactMap({ $0 }).max(by: Reports.isBetter) else {
                    return eventLoop.makeSucceededFuture(
                        ControlAnswer.refused("no call is known by that name; the last few hundred are").json)
                }
                guard account.end == nil else {
                    return eventLoop.makeSucceededFuture(Reports.call(account, account.lastReport, at: now))
                }
                return shards[0].report(of: account.summary.id).map { Reports.call(account, $0, at: now) }
            }
        }
    }
}
