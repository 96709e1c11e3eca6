import GateProtocol
import Gateway
import SIPText
import SIPTransactions
import Wire

/// Calls through a session controller, recorded once with everything that came in and when, so that they can be played
/// again without the phones' own work: a controller of the same key sends the same octets for the same inputs.
struct RecordedCalls {
    enum Event {
        case octets([UInt8], Flow)
        case input(Input)
    }

    struct Failure: Error {
        let what: String
    }

    /// A call begins each millisecond.
    private static let pause = Duration.milliseconds(1)
    private static let domain = "b.example.net"

    private let settings: ControllerSettings
    private var events: [(time: MonotonicTime, event: Event)] = []
    /// What has come in of SIP.
    private(set) var messages: [[UInt8]] = []

    private static func endpoint(_ text: String) throws -> Endpoint {
        guard let endpoint = Endpoint(text) else { throw Failure(what: "no endpoint: \(text)") }
        return endpoint
    }

    init(count: Int) throws {
        let gateway = (inside: try Self.endpoint("10.1.0.1:5060"), outside: try Self.endpoint("10.2.0.1:5060"))
        let phone = (caller: try Self.endpoint("10.1.0.2:5060"), callee: try Self.endpoint("10.2.0.2:5060"))
        guard let inside = Prefix("10.1.0.0/24") else { throw Failure(what: "no prefix") }
        // Transactions end soon, so that the tables are in their steady state soon.
        var settings = ControllerSettings(
            name: Array("gw.example.net".utf8), names: [],
            listeners: [Listener(.udp, gateway.inside), Listener(.udp, gateway.outside)],
            routes: [StaticRoute(domain: Array(Self.domain.utf8), destination: Destination(.udp, phone.callee))],
            policy: PinholePolicy(inside: [inside], ownAddresses: [gateway.inside.address, gateway.outside.address]),
            disclosure: DisclosurePolicy(
                askedBy: .either, requiresSDP: true, acceptsUnauthenticated: false, certificate: []),
            halfOpen: true, maximumSessions: 30_000, maximumTransactions: 500_000,
            timers: Timers(t1: .milliseconds(10), t2: .milliseconds(40), t4: .milliseconds(50)),
            inviteTimeout: .seconds(190), tokenKey: (1, 2))
        settings.admission = AdmissionPolicy(perSource: 1_000_000, burstPerSource: 1_000_000, inAll: 1_000_000)
        self.settings = settings
        let inner = Flow(transport: .udp, local: gateway.inside, remote: phone.caller)
        let outer = Flow(transport: .udp, local: gateway.outside, remote: phone.callee)

        var controller = SessionController(settings: settings)
        var agenda = Agenda()
        agenda.add(.input(.gateConnected(holeTimeout: .seconds(3_600))), at: MonotonicTime(nanoseconds: 0))
        for number in 0..<count {
            let at = MonotonicTime(nanoseconds: 0) + Self.pause * (number + 1)
            agenda.add(.octets(Phones.invite(number), inner), at: at)
        }
        let end = MonotonicTime(nanoseconds: 0) + Self.pause * count + settings.timers.transactionTime * 4
        var ended = 0
        // The renewal comes for ever.
        while let (now, event) = agenda.next(), now < end {
            events.append((now, event))
            let input: Input
            switch event {
            case .input(let other): input = other
            case .octets(let octets, let flow):
                messages.append(octets)
                guard case .message(let message) = MessageParser.parse(octets) else {
                    throw Failure(what: "not parsed")
                }
                input = .received(message, flow)
            }
            for effect in controller.handle(input, at: now) {
                switch effect {
                case .send(let message, let destination):
                    guard case .message(let seen) = MessageParser.parse(message.serialized()) else {
                        throw Failure(what: "sent what cannot be read")
                    }
                    let isCaller = destination.remote == phone.caller
                    if isCaller, seen.cseq.method == .bye, seen.status == 200 { ended += 1 }
                    let answers = isCaller ? Phones.caller(seen) : Phones.callee(seen)
                    for octets in answers { agenda.add(.octets(octets, isCaller ? inner : outer), at: now) }
                case .startTimer(let key, let duration): agenda.start(key, at: now + duration)
                case .cancelTimer(let key): agenda.cancel(key)
                case .askGate(let token, let request):
                    let reply: GateReply =
                        switch request {
                        case .list: .listed([], more: false)
                        case .renew: .renewed(missing: [])
                        case .hello, .openFromAny, .narrow, .close: .completed
                        }
                    agenda.add(.input(.gateReplied(token, reply)), at: now)
                case .log, .locate, .store, .openEnvelope, .announce, .forgetKey, .journal: break
                }
            }
        }
        guard ended == count, controller.summaries.isEmpty else {
            throw Failure(what: "\(ended) of \(count) calls ended")
        }
    }

    /// Reads, handles and writes everything again.
    ///
    /// - Returns: messages that went out.
    func play() throws -> Int {
        var controller = SessionController(settings: settings)
        var sent = 0
        for (time, event) in events {
            let input: Input
            switch event {
            case .input(let other): input = other
            case .octets(let octets, let flow):
                guard case .message(let message) = MessageParser.parse(octets) else {
                    throw Failure(what: "not parsed")
                }
                input = .received(message, flow)
            }
            for effect in controller.handle(input, at: time) {
                guard case .send(let message, _) = effect else { continue }
                guard !message.serialized().isEmpty else { throw Failure(what: "nothing was written") }
                sent += 1
            }
        }
        return sent
    }
}

/// What is to come, in the order of time.
private struct Agenda {
    private var queue: [(time: MonotonicTime, event: RecordedCalls.Event, timer: TimerKey?)] = []
    private var timers: [TimerKey: MonotonicTime] = [:]
    private var position = 0

    mutating func add(_ event: RecordedCalls.Event, at time: MonotonicTime, timer: TimerKey? = nil) {
        var low = position
        var high = queue.count
        while low < high {
            let middle = (low + high) / 2
            if queue[middle].time <= time { low = middle + 1 } else { high = middle }
        }
        queue.insert((time, event, timer), at: low)
    }

    mutating func start(_ key: TimerKey, at time: MonotonicTime) {
        timers[key] = time
        add(.input(.fired(key)), at: time, timer: key)
    }

    mutating func cancel(_ key: TimerKey) { timers[key] = nil }

    mutating func next() -> (MonotonicTime, RecordedCalls.Event)? {
        while position < queue.count {
            let (time, event, timer) = queue[position]
            position += 1
            guard let timer else { return (time, event) }
            guard timers[timer] == time else { continue }
            timers[timer] = nil
            return (time, event)
        }
        return nil
    }
}
