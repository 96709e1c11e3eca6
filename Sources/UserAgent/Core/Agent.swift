import SIPText
import SIPTransactions
import Wire

/// The device without its sockets, keys and clock: calls over one transaction layer.
///
/// An input gives effects. Timers are effects and come back as inputs.
struct Agent: Sendable {
    /// Transactions at one time. A telephone has few calls; this is for a peer that floods it.
    static let maximumTransactions = 256

    let settings: AgentSettings
    private var layer: TransactionLayer
    private var tokens: TokenSource
    private var calls: [CallNumber: Call] = [:]
    private var clients: [TransactionID: (call: CallNumber, purpose: Purpose, destination: Destination)] = [:]
    /// INVITEs that are not answered finally, for CANCEL.
    private var invites: [TransactionID: CallNumber] = [:]
    private var lastCall = 0
    private var effects: [Effect] = []

    init(settings: AgentSettings, tokens: TokenSource) {
        self.settings = settings
        self.tokens = tokens
        layer = TransactionLayer(timers: settings.timers, maximumTransactions: Self.maximumTransactions)
    }

    /// Calls that are not finished.
    var callCount: Int { calls.count }

    /// A number for the next call.
    mutating func nextCall() -> CallNumber {
        lastCall += 1
        return CallNumber(value: lastCall)
    }

    mutating func handle(_ input: Input, at time: MonotonicTime) -> [Effect] {
        effects = []
        switch input {
        case .received(let message, let flow): receive(message, flow)
        case .malformed(_, let answerable, let flow): refuseMalformed(answerable, flow)
        case .fired(.transaction(let token)): run(layer.fired(token))
        case .fired(.call(let number, let timer)): feed(.fired(timer), to: number)
        case .transportFailed(let destination): run(layer.transportFailed(to: destination))
        case .place(let number, let plan):
            calls[number] = Call(number, callSettings(.caller(plan)), tokens)
            feed(.begin, to: number)
        case .hangUp:
            for number in calls.keys.sorted(by: { $0.value < $1.value }) { feed(.hangUp, to: number) }
        case .mediaOpened(let number, let endpoint): feed(.mediaOpened(endpoint), to: number)
        case .mediaFailed(let number, let why): feed(.mediaFailed(why), to: number)
        case .sealed(let work, let outcome): feed(.sealed(work.number, outcome), to: work.call)
        case .opened(let work, let outcome): feed(.opened(work.number, outcome), to: work.call)
        case .examined(let work, let verdict): feed(.examined(work.number, verdict), to: work.call)
        }
        return effects
    }

    private func callSettings(_ plan: CallSettings.Plan) -> CallSettings {
        CallSettings(
            plan: plan, listeners: settings.listeners, timers: settings.timers, certificate: settings.certificate)
    }

    // MARK: From the network

    private mutating func receive(_ message: Message, _ flow: Flow) {
        var message = message
        if message.isRequest { message.stampVia(source: flow.remote) }
        run(layer.receive(message, from: flow))
    }

    /// Anyone can see that it is no message: 400, when there is somebody to say it to.
    private mutating func refuseMalformed(_ answerable: Message?, _ flow: Flow) {
        guard var request = answerable else { return }
        request.stampVia(source: flow.remote)
        let response = Message(status: 400, reason: "Bad Request", to: request, tag: tokens.token())
        effects.append(.send(response, Destination(respondingTo: request, from: flow)))
    }

    private mutating func run(_ actions: [TransactionAction]) {
        for action in actions {
            switch action {
            case .send(let message, let destination): effects.append(.send(message, destination))
            case .start(let token, let duration): effects.append(.startTimer(.transaction(token), duration))
            case .cancel(let token): effects.append(.cancelTimer(.transaction(token)))
            case .request(let message, let id, let flow): take(message, id, flow)
            case .cancelRequest(let message, let id, let invite, _): takeCancel(message, id, of: invite)
            case .acknowledge(let message, _, _):
                if let number = call(owning: message) { feed(.acknowledged(message), to: number) }
            case .response(let message, let id):
                if let client = clients[id] { feed(.response(message, client.purpose), to: client.call) }
            case .strayResponse(let message, _): takeStray(message)
            case .timedOut(let id):
                if let client = clients[id] { feed(.timedOut(client.purpose), to: client.call) }
            case .failed(let id):
                if let client = clients[id] { feed(.failed(client.purpose), to: client.call) }
            case .ended(let id):
                clients[id] = nil
                invites[id] = nil
            }
        }
    }

    /// A 2xx whose transaction is over is acknowledged again all the same (RFC 3261 section 13.2.2.4).
    private mutating func takeStray(_ message: Message) {
        guard message.cseq.method == .invite, let status = message.status, (200..<300).contains(status),
            let found = calls.first(where: { $0.value.dialog?.sent(message) ?? false })
        else { return }
        let purpose: Purpose = found.value.invite?.cseq.number == message.cseq.number ? .invite : .reinvite
        feed(.response(message, purpose), to: found.key)
    }

    private func call(owning request: Message) -> CallNumber? {
        calls.first { $0.value.dialog?.owns(request) ?? false }?.key
    }

    private mutating func take(_ message: Message, _ id: TransactionID, _ flow: Flow) {
        if let refusal = refusal(of: message) { return run(layer.respond(refusal, to: id)) }
        if message.method == .options {
            var response = Message(status: 200, reason: "OK", to: message, tag: tokens.token())
            response.append(.allow, Allowed.methods)
            response.append(.accept, Allowed.types)
            return run(layer.respond(response, to: id))
        }
        if message.tag(of: .to) != nil {
            guard let number = call(owning: message) else {
                return respond(to: message, id, 481, "Call/Transaction Does Not Exist")
            }
            return feed(.request(message, id, flow), to: number)
        }
        guard message.method == .invite else {
            return respond(to: message, id, 481, "Call/Transaction Does Not Exist")
        }
        takeCall(message, id, flow)
    }

    private mutating func takeCall(_ message: Message, _ id: TransactionID, _ flow: Flow) {
        let isMerged = calls.values.contains { call in
            guard let other = call.invite, call.role == .callee, let a = other.value(of: .callID),
                let b = message.value(of: .callID)
            else { return false }
            return other.same(a, as: message, b) && other.cseq.number == message.cseq.number
        }
        guard !isMerged else { return respond(to: message, id, 482, "Loop Detected") }
        guard let plan = settings.answering else { return respond(to: message, id, 480, "Temporarily Unavailable") }
        let busy = calls.values.count { $0.state != .lingering }
        guard busy < plan.maximumCalls else { return respond(to: message, id, 486, "Busy Here") }
        let number = nextCall()
        calls[number] = Call(number, callSettings(.callee(plan)), tokens)
        invites[id] = number
        feed(.request(message, id, flow), to: number)
    }

    private mutating func takeCancel(_ message: Message, _ id: TransactionID, of invite: TransactionID?) {
        guard let invite else { return respond(to: message, id, 481, "Call/Transaction Does Not Exist") }
        respond(to: message, id, 200, "OK")
        if let number = invites[invite] { feed(.cancelled, to: number) }
    }

    /// What is wrong with a request before its call is asked (RFC 3261 section 8.2).
    private mutating func refusal(of message: Message) -> Message? {
        let tag = tokens.token()
        switch message.method {
        case .invite, .bye, .options: break
        case .other:
            var response = Message(status: 501, reason: "Not Implemented", to: message, tag: tag)
            response.append(.allow, Allowed.methods)
            return response
        case .register, .prack, .update, .info, .message, .refer, .subscribe, .notify, .publish, .ack, .cancel, nil:
            var response = Message(status: 405, reason: "Method Not Allowed", to: message, tag: tag)
            response.append(.allow, Allowed.methods)
            return response
        }
        let required = message.values(of: .require)
        guard required.isEmpty else {
            var response = Message(status: 420, reason: "Bad Extension", to: message, tag: tag)
            for option in required { response.append(.unsupported, message.copy(option)) }
            return response
        }
        guard message.method != .invite || message.address(of: .contact) != nil else {
            return Message(status: 400, phrase: Array("Bad Request (Contact missing)".utf8), to: message, tag: tag)
        }
        return nil
    }

    private mutating func respond(to message: Message, _ id: TransactionID, _ status: UInt16, _ reason: StaticString) {
        run(layer.respond(Message(status: status, reason: reason, to: message, tag: tokens.token()), to: id))
    }

    // MARK: For the calls

    private mutating func feed(_ input: CallInput, to number: CallNumber) {
        guard let wanted = calls[number]?.handle(input, &tokens) else { return }
        for effect in wanted { perform(effect, of: number) }
    }

    private mutating func perform(_ effect: CallEffect, of number: CallNumber) {
        switch effect {
        case .request(let message, let destination, let purpose): request(message, destination, purpose, of: number)
        case .respond(let message, let id): run(layer.respond(message, to: id))
        case .acknowledge(let message, let destination): effects.append(.send(message, destination))
        case .cancelInvite: cancelInvite(of: number)
        case .abandonInvite:
            for (id, client) in clients where client.call == number && client.purpose == .invite {
                run(layer.abandon(id))
            }
        case .startTimer(let timer, let duration): effects.append(.startTimer(.call(number, timer), duration))
        case .cancelTimer(let timer): effects.append(.cancelTimer(.call(number, timer)))
        case .media(let command): effects.append(.media(number, command))
        case .seal(let work, let request): effects.append(.seal(WorkID(call: number, number: work), request))
        case .open(let work, let contents, let keys):
            effects.append(.open(WorkID(call: number, number: work), contents, keys))
        case .examine(let work, let der, let host):
            effects.append(.examine(WorkID(call: number, number: work), der, host: host))
        case .forget(let key): effects.append(.forget(key))
        case .report(let report): effects.append(.report(report))
        case .finished:
            calls[number] = nil
            effects.append(.finished(number))
        }
    }

    private mutating func request(
        _ message: Message, _ destination: Destination, _ purpose: Purpose, of number: CallNumber
    ) {
        guard let (id, actions) = layer.request(message, to: destination) else {
            return feed(.failed(purpose), to: number)
        }
        clients[id] = (number, purpose, destination)
        run(actions)
    }

    private mutating func cancelInvite(of number: CallNumber) {
        for (id, client) in clients where client.call == number && client.purpose == .invite {
            guard let invite = layer.request(of: id) else { continue }
            request(Message.cancel(for: invite), client.destination, .aside, of: number)
        }
    }
}
