public import SIPText
import Wire

/// Every transaction of one event loop: between messages and the transaction user, be it proxy or user agent
/// (RFC 3261 section 17).
///
/// Each call returns what is to be done, in order. No time is read: timers are actions, and come back by `fired`. A
/// timer of zero, which reliable transports have, has fired before it could be armed, and no action shows it.
///
/// State is made by new requests only, never by a response or an ACK, and never beyond the maximum.
public struct TransactionLayer: Sendable {
    private let timers: Timers
    private let maximumTransactions: Int
    private var transactions = TransactionMap<Transaction>()
    private var servers: [TransactionKey: TransactionID] = [:]
    private var clients: [TransactionKey: TransactionID] = [:]
    /// Those whose destination names a connection, by its number.
    private(set) var connections: [UInt64: Set<TransactionID>] = [:]
    private var lastSerial: UInt64 = 0
    /// Places below the highest one given that no transaction has.
    private var freePlaces: [Int] = []

    /// - Parameters:
    ///   - timers: T1, T2 and T4.
    ///   - maximumTransactions: of server and client transactions together; `TransactionLimits.reserveForEnding` come on
    ///     top.
    public init(timers: Timers, maximumTransactions: Int) {
        self.timers = timers
        self.maximumTransactions = maximumTransactions
    }

    /// Transactions that have not ended.
    public var count: Int { transactions.count }

    /// Whether the INVITE that a CANCEL names is here (RFC 3261 section 9.2).
    public func hasInvite(of cancel: Message) -> Bool {
        TransactionKey(server: cancel, as: .invite).map { servers[$0] != nil } ?? false
    }

    /// Where the messages of a transaction go. Nil when it has ended.
    public func destination(of id: TransactionID) -> Destination? { transactions.read(id) { $0.destination } }

    /// The request that a transaction was made for: as it came, or as it was sent. Nil when the transaction has ended.
    public func request(of id: TransactionID) -> Message? { transactions.read(id) { $0.request } }
}

// MARK: - From the network

extension TransactionLayer {
    /// Takes a message that came.
    ///
    /// A retransmission is answered here. A new request becomes a server transaction, or is answered with a 503 when
    /// there is no place for one.
    ///
    /// - Parameters:
    ///   - message: of a request the topmost Via is stamped with `received` and `rport` already; one without a Via that
    ///     can be read is absorbed.
    ///   - flow: what it came by.
    ///   - isOfCall: whether it belongs to a call that is up, which may take of the places that are kept for ending calls.
    ///   - repeats: how often a failure is sent again at most for want of an ACK; RFC 3261 section 17.2.1 sets no limit but
    ///     timer H.
    public mutating func receive(
        _ message: Message, from flow: Flow, isOfCall: Bool = false, repeats: Int = .max
    ) -> [TransactionAction] {
        guard let method = message.method else { return receive(response: message, from: flow) }
        guard let key = TransactionKey(server: message) else { return [] }
        if method == .ack {
            guard let id = servers[key] else { return [.acknowledge(message, flow, nil)] }
            return feed(.ack(message), to: id) { .acknowledge($0, flow, id) }
        }
        if let id = servers[key] { return feed(.retransmission, to: id) }

        var invite: TransactionID?
        if method == .cancel, let key = TransactionKey(server: message, as: .invite) { invite = servers[key] }
        let ends = invite != nil || isOfCall || Self.isInDialogBye(message)
        guard hasPlace(forEnding: ends) else { return [refusal(of: message, key, from: flow)] }
        let isReliable = flow.transport.isReliable
        let machine: Transaction.Machine =
            method == .invite
            ? .inviteServer(InviteServer(timers: timers, isReliable: isReliable, repeats: repeats))
            : .nonInviteServer(NonInviteServer(timers: timers, isReliable: isReliable))
        let id = insert(
            Transaction(
                machine, key: key, request: message.withoutBody(),
                destination: Destination(respondingTo: message, from: flow)))
        return method == .cancel ? [.cancelRequest(message, id, of: invite, flow)] : [.request(message, id, flow)]
    }

    private mutating func receive(response: Message, from flow: Flow) -> [TransactionAction] {
        // The Via asks for responses from where the request went (RFC 3581 section 4): one from elsewhere was made by
        // somebody who has seen the request.
        guard let key = TransactionKey(client: response), let id = clients[key],
            let destination = destination(of: id),
            destination.remote.address == flow.remote.address
                || destination.connection.map({ $0 == flow.connection }) ?? false
        else { return [.strayResponse(response, flow)] }
        return feed(.received(response), to: id)
    }

    /// The stateless 503 (RFC 3261 section 21.5.4); its tag is the same for the same request (section 8.2.7).
    private func refusal(of request: Message, _ key: TransactionKey, from flow: Flow) -> TransactionAction {
        var tag: [UInt8] = []
        ASCII.append(decimal: key.fingerprint, to: &tag)
        var response = Message(status: 503, reason: "Service Unavailable", to: request, tag: tag)
        response.append(.retryAfter, decimal: TransactionLimits.retryAfterSeconds)
        return .send(response, Destination(respondingTo: request, from: flow))
    }

    /// Takes a timer that fired; one of a transaction that has ended is absorbed.
    public mutating func fired(_ token: TimerToken) -> [TransactionAction] {
        feed(.fired(token.name), to: token.transaction)
    }

    /// The transport could not send a message of this transaction.
    public mutating func transportFailed(_ id: TransactionID) -> [TransactionAction] {
        feed(.transportFailed, to: id)
    }

    /// The transport could not send to this destination: every transaction that sends there is told. Destinations are
    /// the same when transport, remote address and connection are. Looks at every transaction.
    public mutating func transportFailed(to destination: Destination) -> [TransactionAction] {
        let ids = transactions.ids { transaction in
            let other = transaction.destination
            return other.transport == destination.transport && other.remote == destination.remote
                && other.connection == destination.connection
        }
        return fail(ids)
    }

    /// A connection is gone: every transaction whose destination names it is told.
    public mutating func connectionFailed(_ connection: UInt64) -> [TransactionAction] {
        guard let ids = connections[connection] else { return [] }
        return fail(ids)
    }

    private mutating func fail(_ ids: some Collection<TransactionID>) -> [TransactionAction] {
        var actions: [TransactionAction] = []
        for id in ids.sorted(by: { $0.number < $1.number }) { actions += feed(.transportFailed, to: id) }
        return actions
    }
}

// MARK: - From the transaction user

extension TransactionLayer {
    /// Answers in a server transaction: provisional, final, and for an INVITE each further 2xx.
    ///
    /// A 408 to anything but INVITE is not sent and ends the transaction (RFC 4320 section 4.2). A response to a
    /// transaction that has ended is absorbed.
    public mutating func respond(_ response: Message, to id: TransactionID) -> [TransactionAction] {
        feed(.respond(response), to: id)
    }

    /// Answers a request that nothing was begun for, and forgets it at once (RFC 3261 section 8.2.7): a refusal keeps no
    /// place, and who forges its source makes nobody retransmit to it. A copy of the request is refused again. One that had
    /// a provisional response already is answered as by `respond`, since its sender repeats nothing any more.
    ///
    /// - Parameters:
    ///   - response: the same for each copy of the request, its To tag too.
    ///   - short: what is sent in its place where the request has had no answer yet; nil for silence.
    public mutating func refuse(_ response: Message, or short: Message?, to id: TransactionID) -> [TransactionAction] {
        guard let destination = destination(of: id) else { return [] }
        guard transactions.read(id, \.isUntouched) ?? false else { return respond(response, to: id) }
        remove(id)
        return (short.map { [.send($0, destination)] } ?? []) + [.ended(id)]
    }

    /// Makes a client transaction and sends the request.
    ///
    /// - Parameters:
    ///   - request: any but ACK; its topmost Via is the caller's, with a branch that no living transaction has.
    ///   - destination: where the request, its retransmissions and the ACK for a non-2xx go.
    /// - Returns: nil when there is no place, or the topmost Via is not as it must be.
    public mutating func request(
        _ request: Message, to destination: Destination
    ) -> (TransactionID, [TransactionAction])? {
        guard let method = request.method, method != .ack, let key = TransactionKey(client: request),
            clients[key] == nil, hasPlace(forEnding: method == .cancel || request.tag(of: .to) != nil)
        else { return nil }
        let isReliable = destination.transport.isReliable
        let machine: Transaction.Machine
        let effects: [Effect]
        if method == .invite {
            let (client, first) = InviteClient.start(request, timers: timers, isReliable: isReliable)
            (machine, effects) = (.inviteClient(client), first)
        } else {
            let (client, first) = NonInviteClient.start(request, timers: timers, isReliable: isReliable)
            (machine, effects) = (.nonInviteClient(client), first)
        }
        let id = insert(Transaction(machine, key: key, request: request, destination: destination))
        return (id, perform(effects, of: id, destination) { .response($0, id) })
    }

    /// Ends a transaction that the transaction user waits for no longer: an INVITE client transaction without a final
    /// response, after CANCEL (RFC 3261 section 9.1) or timer C (section 16.8), or a server transaction other than an
    /// INVITE's that will not be answered (RFC 4320 section 4.2). Absorbed by every other.
    public mutating func abandon(_ id: TransactionID) -> [TransactionAction] { feed(.giveUp, to: id) }
}

// MARK: - The table

extension TransactionLayer {
    private func hasPlace(forEnding ends: Bool) -> Bool {
        transactions.count < maximumTransactions + (ends ? TransactionLimits.reserveForEnding : 0)
    }

    private static func isInDialogBye(_ request: Message) -> Bool {
        request.method == .bye && request.tag(of: .to) != nil
    }

    private mutating func insert(_ transaction: Transaction) -> TransactionID {
        lastSerial += 1
        let id = TransactionID(serial: lastSerial, place: freePlaces.popLast() ?? transactions.count)
        if transaction.isServer { servers[transaction.key] = id } else { clients[transaction.key] = id }
        if let connection = transaction.destination.connection { connections[connection, default: []].insert(id) }
        transactions[id] = transaction
        return id
    }

    private mutating func remove(_ id: TransactionID) {
        guard let transaction = transactions.removeValue(of: id) else { return }
        freePlaces.append(id.place)
        if transaction.isServer { servers[transaction.key] = nil } else { clients[transaction.key] = nil }
        if let connection = transaction.destination.connection {
            connections[connection]?.remove(id)
            if connections[connection]?.isEmpty ?? false { connections[connection] = nil }
        }
    }

    private mutating func feed(_ event: Transaction.Event, to id: TransactionID) -> [TransactionAction] {
        feed(event, to: id) { .response($0, id) }
    }

    private mutating func feed(
        _ event: Transaction.Event, to id: TransactionID, deliver: (Message) -> TransactionAction
    ) -> [TransactionAction] {
        // In place: a transaction that is read out of the table is copied whole.
        let result = transactions.change(id) { ($0.handle(event), $0.destination) }
        guard let (effects, destination) = result else { return [] }
        return perform(effects, of: id, destination, deliver: deliver)
    }

    private mutating func perform(
        _ effects: [Effect], of id: TransactionID, _ destination: Destination,
        deliver: (Message) -> TransactionAction
    ) -> [TransactionAction] {
        var actions: [TransactionAction] = []
        actions.reserveCapacity(effects.count)
        for effect in effects {
            switch effect {
            case .send(let message): actions.append(.send(message, destination))
            case .deliver(let message): actions.append(deliver(message))
            case .start(let name, .zero): actions += feed(.fired(name), to: id, deliver: deliver)
            case .start(let name, let duration):
                actions.append(.start(TimerToken(transaction: id, name: name), duration))
            case .cancel(let name): actions.append(.cancel(TimerToken(transaction: id, name: name)))
            case .timedOut: actions.append(.timedOut(id))
            case .failed: actions.append(.failed(id))
            case .ended:
                remove(id)
                actions.append(.ended(id))
            }
        }
        return actions
    }
}
