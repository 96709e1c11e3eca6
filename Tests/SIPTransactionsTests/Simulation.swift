import SIPText
import SIPTransactions
import Wire

/// Two layers and their transaction users on one link, in a time of their own that jumps from event to event.
///
/// The caller's user sends one request, and ACKs each 2xx to an INVITE. The callee's user answers as the script says and
/// repeats its 2xx to an INVITE until the ACK comes (RFC 3261 section 13.3.1.4). The link carries octets, takes 10 ms, and
/// does what is asked with chosen messages, counted from 0 over both directions.
struct Simulation {
    enum Side: Int, Hashable { case caller, callee }

    /// What the callee's user does with a request.
    struct Script: Sendable {
        var method: String
        /// Statuses and when they are given after the request came.
        var answers: [(after: Duration, status: UInt16)]
        var transport: TransportKind
    }

    /// What the link does with the n-th message.
    enum Treatment: Sendable { case deliver, lose, double }

    private enum Event {
        case arrival(Message, Side)
        case timer(Side, TimerToken)
        case answer(TransactionID, UInt16)
        /// The callee's user repeats its 2xx, and doubles the pause.
        case repetition(TransactionID, pause: Duration)
        /// The caller's user waits no longer: timer C of a proxy, or a person.
        case patience
    }

    static let delay = Duration.milliseconds(10)
    static let patience = Duration.seconds(180)

    private let script: Script
    private let treatment: (Int) -> Treatment
    private var layers: [Side: TransactionLayer]
    private var queue: [(at: Duration, order: Int, event: Event)] = []
    private var order = 0
    private var armed: [Side: [TimerToken: Int]] = [.caller: [:], .callee: [:]]
    private var requestOfCallee: [TransactionID: Message] = [:]
    private var unacknowledged: Set<TransactionID> = []
    /// The caller's transaction while it lasts.
    private var waiting: TransactionID?

    private(set) var now = Duration.zero
    /// Messages given to the link.
    private(set) var sent = 0
    /// What the caller's user saw of its request.
    private(set) var finals: [Message] = []
    private(set) var timeOuts = 0
    /// When each transaction ended.
    private(set) var endingTimes: [Duration] = []
    /// What the callee's user saw.
    private(set) var requests = 0
    private(set) var acknowledged = 0
    /// Anything that must not happen.
    private(set) var faults: [String] = []

    init(_ script: Script, timers: Timers = Timers(), treatment: @escaping (Int) -> Treatment) {
        self.script = script
        self.treatment = treatment
        let layer = TransactionLayer(timers: timers, maximumTransactions: 10)
        layers = [.caller: layer, .callee: layer]
    }

    /// Transactions and timers left over.
    var leftOver: Int { layers.values.map(\.count).reduce(0, +) + armed.values.map(\.count).reduce(0, +) }

    /// Sends the request and lets everything happen that follows from it.
    mutating func run() {
        let request = Sample.request(script.method, sentBy: "10.0.0.254:5060")
        let destination = Destination(
            script.transport, Sample.caller, connection: script.transport.isReliable ? 1 : nil)
        guard let (id, actions) = layers[.caller]?.request(request, to: destination) else {
            faults.append("the request was not taken")
            return
        }
        waiting = id
        schedule(.patience, after: Self.patience)
        perform(actions, at: .caller)
        while let next = queue.indices.min(by: { (queue[$0].at, queue[$0].order) < (queue[$1].at, queue[$1].order) }) {
            let (time, order, event) = queue.remove(at: next)
            now = time
            handle(event, order)
        }
    }

    private mutating func schedule(_ event: Event, after delay: Duration) {
        order += 1
        queue.append((now + delay, order, event))
    }

    private mutating func handle(_ event: Event, _ order: Int) {
        switch event {
        case .arrival(let message, let side):
            let flow = Flow(
                transport: script.transport, local: side == .caller ? Sample.gateway : Sample.caller,
                remote: side == .caller ? Sample.caller : Sample.gateway,
                connection: script.transport.isReliable ? 1 : nil)
            var message = message
            if message.isRequest { message.stampVia(source: flow.remote) }
            perform(layers[side]?.receive(message, from: flow) ?? [], at: side)
        case .timer(let side, let token):
            guard armed[side]?[token] == order else { return }
            armed[side]?[token] = nil
            perform(layers[side]?.fired(token) ?? [], at: side)
        case .answer(let id, let status):
            guard let request = requestOfCallee[id] else { return }
            if script.method == "INVITE", (200..<300).contains(status) {
                unacknowledged.insert(id)
                schedule(.repetition(id, pause: Timers().t1), after: Timers().t1)
            }
            perform(layers[.callee]?.respond(Sample.response(status, to: request), to: id) ?? [], at: .callee)
        case .repetition(let id, let pause):
            guard unacknowledged.contains(id), let request = requestOfCallee[id] else { return }
            perform(layers[.callee]?.respond(Sample.response(200, to: request), to: id) ?? [], at: .callee)
            let next = min(pause * 2, Timers().t2)
            schedule(.repetition(id, pause: next), after: next)
        case .patience:
            guard let id = waiting else { return }
            perform(layers[.caller]?.abandon(id) ?? [], at: .caller)
        }
    }

    private mutating func perform(_ actions: [TransactionAction], at side: Side) {
        for action in actions {
            switch action {
            case .send(let message, _): transmit(message, to: side == .caller ? .callee : .caller)
            case .start(let token, let duration):
                schedule(.timer(side, token), after: duration)
                armed[side]?[token] = order
            case .cancel(let token):
                if armed[side]?.removeValue(forKey: token) == nil {
                    faults.append("cancelled what is not armed: \(token)")
                }
            case .request(let message, let id, _):
                if side == .caller { faults.append("the caller was called") }
                requests += 1
                requestOfCallee[id] = message
                for answer in script.answers { schedule(.answer(id, answer.status), after: answer.after) }
            case .response(let message, _):
                if let status = message.status, status >= 200 {
                    finals.append(message)
                    if script.method == "INVITE", status < 300 { acknowledge() }
                }
            case .acknowledge:
                acknowledged += 1
                unacknowledged = []
            case .timedOut: timeOuts += side == .caller ? 1 : 0
            case .ended(let id):
                endingTimes.append(now)
                requestOfCallee[id] = nil
                unacknowledged.remove(id)
                if waiting == id, side == .caller { waiting = nil }
                for token in armed[side]?.keys.map({ $0 }) ?? [] where token.transaction == id {
                    faults.append("armed after the end: \(token)")
                }
            case .strayResponse, .failed, .cancelRequest: faults.append("unexpected: \(action)")
            }
        }
    }

    /// The ACK for a 2xx is the user's own, with a branch of its own, and no transaction.
    private mutating func acknowledge() {
        transmit(
            Sample.request("ACK", branch: "z9hG4bKack", sentBy: "10.0.0.254:5060", toTag: "b1"), to: .callee)
    }

    private mutating func transmit(_ message: Message, to side: Side) {
        let number = sent
        sent += 1
        guard case .message(let copy) = MessageParser.parse(message.serialized()) else {
            faults.append("sent what cannot be read")
            return
        }
        switch treatment(number) {
        case .deliver: schedule(.arrival(copy, side), after: Self.delay)
        case .lose: break
        case .double:
            schedule(.arrival(copy, side), after: Self.delay)
            schedule(.arrival(copy, side), after: Self.delay * 3)
        }
    }
}
