import SIPText

/// One transaction of the layer: its machine and what the machine does not know.
struct Transaction: Sendable {
    enum Machine: Sendable {
        case inviteServer(InviteServer)
        case nonInviteServer(NonInviteServer)
        case inviteClient(InviteClient)
        case nonInviteClient(NonInviteClient)
    }

    /// What happens to a transaction, before it is known which machine's input that is.
    enum Event: Sendable {
        /// The request came once more.
        case retransmission
        case ack(Message)
        /// The transaction user answers.
        case respond(Message)
        /// A response came.
        case received(Message)
        /// The transaction user waits no longer.
        case giveUp
        case fired(TimerName)
        case transportFailed
    }

    private var machine: Machine
    let key: TransactionKey
    let request: Message
    /// Where every message of the transaction goes.
    let destination: Destination

    init(_ machine: Machine, key: TransactionKey, request: Message, destination: Destination) {
        self.machine = machine
        self.key = key
        self.request = request
        self.destination = destination
    }

    var isServer: Bool {
        switch machine {
        case .inviteServer, .nonInviteServer: true
        case .inviteClient, .nonInviteClient: false
        }
    }

    /// Whether it is a server's and nothing was answered in it yet.
    var isUntouched: Bool {
        switch machine {
        case .inviteServer(let machine): machine.isUntouched
        case .nonInviteServer(let machine): machine.isUntouched
        case .inviteClient, .nonInviteClient: false
        }
    }

    /// Gives the machine the input that the event is to it; an event that is none to it is absorbed.
    mutating func handle(_ event: Event) -> [Effect] {
        switch machine {
        case .inviteServer(var machine):
            guard let input = InviteServer.Input(event) else { return [] }
            let effects = machine.handle(input)
            self.machine = .inviteServer(machine)
            return effects
        case .nonInviteServer(var machine):
            guard let input = NonInviteServer.Input(event) else { return [] }
            let effects = machine.handle(input)
            self.machine = .nonInviteServer(machine)
            return effects
        case .inviteClient(var machine):
            guard let input = InviteClient.Input(event) else { return [] }
            let effects = machine.handle(input)
            self.machine = .inviteClient(machine)
            return effects
        case .nonInviteClient(var machine):
            guard let input = NonInviteClient.Input(event) else { return [] }
            let effects = machine.handle(input)
            self.machine = .nonInviteClient(machine)
            return effects
        }
    }
}

// MARK: - The columns of the figures

extension InviteServer.Input {
    init?(_ event: Transaction.Event) {
        switch event {
        case .retransmission: self = .invite
        case .ack(let ack): self = .ack(ack)
        case .respond(let response):
            switch StatusClass(response) {
            case .provisional: self = .provisional(response)
            case .success: self = .success(response)
            case .failure: self = .failure(response)
            case nil: return nil
            }
        case .fired(let name): self = .fired(name)
        case .transportFailed: self = .transportFailed
        case .received, .giveUp: return nil
        }
    }
}

extension NonInviteServer.Input {
    init?(_ event: Transaction.Event) {
        switch event {
        case .retransmission: self = .request
        case .respond(let response) where response.status == 408: self = .giveUp
        case .respond(let response):
            switch StatusClass(response) {
            case .provisional: self = .provisional(response)
            case .success, .failure: self = .final(response)
            case nil: return nil
            }
        case .giveUp: self = .giveUp
        case .fired(let name): self = .fired(name)
        case .transportFailed: self = .transportFailed
        case .ack, .received: return nil
        }
    }
}

extension InviteClient.Input {
    init?(_ event: Transaction.Event) {
        switch event {
        case .received(let response):
            switch StatusClass(response) {
            case .provisional: self = .provisional(response)
            case .success: self = .success(response)
            case .failure: self = .failure(response)
            case nil: return nil
            }
        case .giveUp: self = .giveUp
        case .fired(let name): self = .fired(name)
        case .transportFailed: self = .transportFailed
        case .retransmission, .ack, .respond: return nil
        }
    }
}

extension NonInviteClient.Input {
    init?(_ event: Transaction.Event) {
        switch event {
        case .received(let response):
            switch StatusClass(response) {
            case .provisional: self = .provisional(response)
            case .success, .failure: self = .final(response)
            case nil: return nil
            }
        case .fired(let name): self = .fired(name)
        case .transportFailed: self = .transportFailed
        case .retransmission, .ack, .respond, .giveUp: return nil
        }
    }
}

/// The three kinds of response that transactions tell apart; nil for a request.
private enum StatusClass {
    case provisional, success, failure

    init?(_ message: Message) {
        guard let status = message.status else { return nil }
        self = status < 200 ? .provisional : status < 300 ? .success : .failure
    }
}
