import SIPText
import SIPTransactions
import Wire

@testable import Gateway

/// One phone of a script: the transaction layer, and legs that decide.
final class Phone {
    unowned let script: Script
    let side: Side
    let endpoint: Endpoint
    let number: Int
    /// The connection that it is reached by; nil over UDP.
    let connection: UInt64?
    private var layer = TransactionLayer(timers: Timers(), maximumTransactions: 10_000)
    private var legs: [String: Leg] = [:]
    private var owners: [TransactionID: Leg] = [:]
    /// Everything that came, retransmissions included.
    private(set) var inbox: [Message] = []
    /// What it does with each message when it is a proxy and no phone.
    var relay: ((Message) -> Void)?
    /// Leaves what belongs to no call to the test.
    var isSilent = false
    private var branches = 0

    init(_ script: Script, side: Side, endpoint: Endpoint, number: Int) {
        self.script = script
        self.side = side
        self.endpoint = endpoint
        self.number = number
        connection = script.setting.transport.isReliable ? UInt64(number) : nil
    }

    /// The gateway's address on this phone's side.
    var gateway: Endpoint { script.setting.family.gateway(side) }

    /// Where its audio comes to.
    func media(_ port: UInt16 = 20_000) -> Endpoint { Endpoint(endpoint.address, port) }

    func add(_ leg: Leg) { legs[leg.callID] = leg }

    // MARK: Sending

    /// The Via of a new transaction.
    func via() -> [UInt8] {
        branches += 1
        return Array(
            "SIP/2.0/\("\(script.setting.transport)".uppercased()) \(endpoint);rport;branch=z9hG4bK-\(number)-\(branches)"
                .utf8)
    }

    var contact: [UInt8] {
        let transport = script.setting.transport
        return Array(
            "<sip:phone\(number)@\(endpoint)\(transport == .udp ? "" : ";transport=\(transport)")>".utf8)
    }

    /// - Parameter begun: called before anything is sent, since all that follows happens before this returns.
    func request(_ message: Message, to next: Endpoint, for leg: Leg?, begun: (TransactionID) -> Void = { _ in }) {
        guard let (id, actions) = layer.request(message, to: Destination(script.setting.transport, next)) else {
            return
        }
        owners[id] = leg
        begun(id)
        run(actions)
    }

    func respond(_ response: Message, to id: TransactionID) { run(layer.respond(response, to: id)) }

    func sent(in id: TransactionID) -> Message? { layer.request(of: id) }

    func fired(_ token: TimerToken) { run(layer.fired(token)) }

    // MARK: Receiving

    func receive(_ octets: [UInt8]) {
        guard case .message(let message) = MessageParser.parse(octets, requiresLength: connection != nil) else {
            return
        }
        inbox.append(message)
        if let relay { return relay(message) }
        let flow = Flow(transport: script.setting.transport, local: endpoint, remote: gateway)
        run(layer.receive(message, from: flow))
    }

    private func run(_ actions: [TransactionAction]) {
        for action in actions {
            switch action {
            case .send(let message, let destination):
                script.transmit(message.serialized(), from: self, to: destination.remote)
            case .start(let token, let duration): script.startTimer(token, of: self, after: duration)
            case .cancel(let token): script.cancelTimer(token, of: self)
            case .request(let message, let id, _):
                if let leg = leg(of: message) {
                    leg.request(message, id)
                } else if !isSilent {
                    respond(Message(status: 481, reason: "No Such Call", to: message, tag: Array("none".utf8)), to: id)
                }
            case .cancelRequest(let message, let id, let invite, _):
                respond(Message(status: invite == nil ? 481 : 200, reason: "Cancelling", to: message, tag: nil), to: id)
                if invite != nil { leg(of: message)?.cancelled() }
            case .acknowledge(let message, _, _): leg(of: message)?.acknowledged(message)
            case .response(let message, let id): owners[id]?.response(message, id)
            case .strayResponse(let message, _): leg(of: message)?.strayed(message)
            case .timedOut(let id), .failed(let id): owners[id]?.unanswered(id)
            case .ended(let id): owners[id] = nil
            }
        }
    }

    private func leg(of message: Message) -> Leg? {
        guard let callID = message.value(of: .callID) else { return nil }
        return legs[message.text(callID)]
    }
}
