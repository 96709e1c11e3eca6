import GateProtocol
import Registration
import SIPText
import SIPTransactions
import Wire

@testable import Gateway

/// A gateway between phones in virtual time: what each of them sends, what the gate answers and which timers run out is
/// played in order, and every effect is performed completely before the next input.
final class Script {
    /// What waits to happen.
    private enum Event {
        case gateway(Input)
        case phone(Phone, [UInt8])
    }

    private enum Timer: Hashable {
        case gateway(TimerKey)
        case phone(Int, TimerToken)
        case task(Int)
    }

    let setting: Setting
    var controller: SessionController
    let gate = FakeGate()
    private(set) var now = MonotonicTime(nanoseconds: 0)
    private var queue: [Event] = []
    private var timers: [Timer: (due: MonotonicTime, order: Int)] = [:]
    private var tasks: [Int: () -> Void] = [:]
    private var order = 0
    private var phones: [Phone] = []
    private var isPumping = false
    private(set) var callCount = 0

    /// Everything that the gateway sent, in order.
    private(set) var sent: [(message: Message, destination: Destination)] = []
    /// Messages that the gateway sent to nobody.
    private(set) var astray: [(message: Message, destination: Destination)] = []
    private(set) var log: [GatewayEvent] = []
    private(set) var forgotten: [KeyHandle] = []
    /// What the controllers of other event loops were told.
    private(set) var announced: [Announcement] = []
    /// What the journal holds, and how often it was written to.
    private(set) var journal: [SessionID: [UInt8]] = [:]
    private(set) var writes = 0
    /// What was done before it was written.
    private(set) var premature: [String] = []
    private var starts = 0
    /// Envelopes that the gateway wanted opened.
    private(set) var envelopes: [(token: EnvelopeToken, request: EnvelopeRequest)] = []
    /// What comes of opening an envelope; nil leaves it to `open`.
    var opener: ((EnvelopeRequest) -> EnvelopeOutcome?)?
    /// What was put on the disk, and whether that works.
    private(set) var stored: [LocationChange] = []
    var storeWorks = true
    /// The servers of domains, and what the gateway asked for.
    var servers: [[UInt8]: [Destination]] = [:]
    private(set) var lookedUp: [ServerQuery] = []
    var nameServersAnswer = true
    /// Messages of the gateway, by number, that cannot be delivered.
    var lostSends: Set<Int> = []
    /// Messages to the gateway, by number, that arrive twice.
    var doubled: Set<Int> = []
    private(set) var arrivals = 0
    /// What happened, in words, when a test wants to be understood.
    var isTracing = false
    private(set) var trace: [String] = []

    init(
        _ setting: Setting = Setting(), registrar: GatewayRegistrar? = nil,
        change: (inout ControllerSettings) -> Void = { _ in }
    ) {
        self.setting = setting
        var routes: [StaticRoute] = []
        for (side, host) in [(Side.inside, UInt32(16)), (.outside, 32)] {
            let remote = Endpoint(setting.family.address(side, host), 5060)
            routes.append(
                StaticRoute(domain: Array(side.domain.utf8), destination: Destination(setting.transport, remote)))
        }
        var settings = ControllerSettings.script(routes: routes)
        change(&settings)
        controller = SessionController(settings: settings, registrar: registrar)
        feed(.gateConnected(holeTimeout: gate.holeTimeout))
        log = []
    }

    /// A call from the setting's caller to its callee, not begun.
    func call() -> Call {
        callCount += 1
        return Call(self, number: callCount)
    }

    /// A phone, made at its first use. Callees stand where their domain's route leads.
    func phone(_ side: Side, _ host: UInt32) -> Phone {
        let endpoint = Endpoint(setting.family.address(side, host), 5060)
        if let phone = phones.first(where: { $0.endpoint == endpoint }) { return phone }
        let phone = Phone(self, side: side, endpoint: endpoint, number: phones.count + 1)
        phones.append(phone)
        return phone
    }

    // MARK: Time

    func advance(by duration: Duration) {
        let end = now + duration
        pump()
        while let (timer, entry) = timers.min(by: { ($0.value.due, $0.value.order) < ($1.value.due, $1.value.order) }),
            entry.due <= end
        {
            timers[timer] = nil
            now = max(now, entry.due)
            switch timer {
            case .gateway(let key): queue.append(.gateway(.fired(key)))
            case .phone(let number, let token): phones[number - 1].fired(token)
            case .task(let number): tasks.removeValue(forKey: number)?()
            }
            pump()
        }
        now = end
    }

    /// Lets every timer of SIP run out: timer C is the longest, and starts again at each provisional response.
    func settle() { advance(by: .seconds(600)) }

    func schedule(after duration: Duration, _ body: @escaping () -> Void) {
        order += 1
        tasks[order] = body
        timers[.task(order)] = (now + duration, order)
    }

    func startTimer(_ token: TimerToken, of phone: Phone, after duration: Duration) {
        order += 1
        timers[.phone(phone.number, token)] = (now + duration, order)
    }

    func cancelTimer(_ token: TimerToken, of phone: Phone) { timers[.phone(phone.number, token)] = nil }

    // MARK: Messages

    /// Octets from a phone to one of the gateway's addresses.
    func transmit(_ octets: [UInt8], from phone: Phone, to local: Endpoint) {
        let flow = Flow(
            transport: setting.transport, local: local, remote: phone.endpoint, connection: phone.connection)
        if isTracing { note("\(phone.side) \(phone.number) > gateway", octets) }
        let copies = doubled.contains(arrivals) ? 2 : 1
        arrivals += 1
        for _ in 0..<copies {
            switch MessageParser.parse(octets, requiresLength: setting.transport.isReliable) {
            case .message(let message): queue.append(.gateway(.received(message, flow)))
            case .malformed(let error, let request):
                queue.append(.gateway(.malformed(error, answerable: request, flow)))
            }
        }
        pump()
    }

    func feed(_ input: Input) {
        queue.append(.gateway(input))
        pump()
    }

    /// Plays what waits, in order.
    private func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        while !queue.isEmpty {
            switch queue.removeFirst() {
            case .gateway(let input): perform(controller.handle(input, at: now))
            case .phone(let phone, let octets): phone.receive(octets)
            }
        }
    }

    private func perform(_ effects: [Effect]) {
        for effect in effects {
            switch effect {
            case .send(let message, let destination): deliver(message, destination)
            case .startTimer(let key, let duration):
                order += 1
                timers[.gateway(key)] = (now + duration, order)
            case .cancelTimer(let key): timers[.gateway(key)] = nil
            case .askGate(let token, let request): ask(token, request)
            case .openEnvelope(let token, let request):
                envelopes.append((token, request))
                if let outcome = opener?(request) { queue.append(.gateway(.envelopeOpened(token, outcome))) }
            case .locate(let token, let query):
                lookedUp.append(query)
                queue.append(
                    .gateway(.located(token, servers[query.host] ?? [], isTemporary: !nameServersAnswer)))
            case .store(let token, let change):
                stored.append(change)
                queue.append(.gateway(.stored(token, storeWorks)))
            case .announce(let announcement): announced.append(announcement)
            case .forgetKey(let key): forgotten.append(key)
            case .journal(let entry): write(entry)
            case .log(let event): log.append(event)
            }
        }
    }

    private func write(_ entry: JournalEntry) {
        writes += 1
        switch entry {
        case .keep(let id, let octets): journal[id] = octets
        case .drop(let id): journal[id] = nil
        case .renewed: writes -= 1
        }
    }

    /// The gate is asked to open something: that it will be was written before.
    private func checkIntent(_ request: GateRequest) {
        switch request {
        case .openFromAny(let id, _), .narrow(let id, _):
            if journal[id] == nil { premature.append("gate: \(request)") }
        case .close, .hello, .renew, .list: break
        }
    }

    /// A 2xx makes a call: it was written before.
    private func checkCall(_ message: Message) {
        guard let status = message.status, (200..<300).contains(status), message.cseq.method == .invite,
            let session = controller.sessions.values.first(where: {
                $0.isAnswered && message.value(of: .callID).map(message.copy) == $0.callID
            })
        else { return }
        let record = journal[session.id].flatMap(SessionRecord.init)
        if record?.isEstablished != true { premature.append("2xx: \(session.id)") }
    }

    /// The process is killed, and another begins with what was written. The gate notices, or is killed with it.
    ///
    /// - Parameters:
    ///   - empty: the gate holds nothing any more.
    ///   - change: what is different in the settings of the new process.
    func restart(empty: Bool = false, change: (inout ControllerSettings) -> Void = { _ in }) {
        starts += 1
        var settings = controller.settings
        settings.tokenKey = (UInt64(starts) << 8, 2)
        change(&settings)
        controller = SessionController(settings: settings)
        for timer in timers.keys { if case .gateway = timer { timers[timer] = nil } }
        gate.waiting = []
        let records = journal.sorted { $0.key < $1.key }.compactMap { SessionRecord(octets: $0.value) }
        feed(.restored(records))
        regainGate(empty: empty)
    }

    private func deliver(_ message: Message, _ destination: Destination) {
        defer { sent.append((message, destination)) }
        checkCall(message)
        if isTracing { note("gateway > \(destination.remote)", message.serialized()) }
        if lostSends.contains(sent.count) { return queue.append(.gateway(.transportFailed(destination))) }
        let phone = phones.first { phone in
            destination.connection.map { $0 == phone.connection } ?? (destination.remote == phone.endpoint)
        }
        guard let phone else { return astray.append((message, destination)) }
        queue.append(.phone(phone, message.serialized()))
    }

    /// Start line, CSeq, tags, Call-ID and description of a message.
    private func note(_ way: String, _ octets: [UInt8]) {
        let lines = String(decoding: octets, as: UTF8.self).split(separator: "\r\n")
        let wanted = lines.filter { line in
            ["Call-ID", "CSeq", "To:", "From:", "c=", "m=", "Content-Type"].contains { line.hasPrefix($0) }
        }
        trace.append("\(now.nanoseconds / 1_000_000) \(way): \(lines.first ?? "") | \(wanted.joined(separator: " | "))")
    }

    // MARK: The gate

    private func ask(_ token: GateToken, _ request: GateRequest) {
        guard gate.isConnected else { return }
        checkIntent(request)
        let fault = gate.note(request)
        if isTracing { trace.append("\(now.nanoseconds / 1_000_000) gate: \(request) \(fault.map { "\($0)" } ?? "")") }
        if gate.isManual { return gate.waiting.append((token, request)) }
        if let delay = gate.delay {
            let connection = gate.connections
            return schedule(after: delay) { [self] in
                if gate.isConnected, gate.connections == connection { answer(token, request, fault) }
            }
        }
        answer(token, request, fault)
    }

    private func answer(_ token: GateToken, _ request: GateRequest, _ fault: FakeGate.Fault?) {
        switch fault {
        case nil: feed(.gateReplied(token, gate.perform(request, at: now)))
        case .refuse(let reason): feed(.gateReplied(token, .refused(GateRefusal(reason))))
        case .vanish(let afterDoing):
            if afterDoing { _ = gate.perform(request, at: now) }
            loseGate()
            schedule(after: .seconds(2)) { self.regainGate() }
        }
    }

    /// Answers what a manual gate was asked first; with nil, does it.
    func answerGate(_ refusal: GateRefusal.Reason? = nil) {
        guard !gate.waiting.isEmpty else { return }
        let (token, request) = gate.waiting.removeFirst()
        feed(.gateReplied(token, refusal.map { .refused(GateRefusal($0)) } ?? gate.perform(request, at: now)))
    }

    func loseGate() {
        gate.isConnected = false
        gate.waiting = []
        feed(.gateDisconnected)
    }

    /// - Parameter empty: the gate was restarted and holds nothing.
    func regainGate(empty: Bool = false) {
        gate.isConnected = true
        gate.connections += 1
        if empty { gate.entries = [:] }
        feed(.gateConnected(holeTimeout: gate.holeTimeout, translates: gate.external != nil))
    }

    /// The gate translates inside endpoints to ports of this address from now on.
    func translate(to external: IPAddress) {
        gate.external = external
        regainGate()
    }

    /// Says what came of the oldest envelope.
    func open(_ outcome: EnvelopeOutcome) {
        guard !envelopes.isEmpty else { return }
        feed(.envelopeOpened(envelopes.removeFirst().token, outcome))
    }

    // MARK: What is left

    /// Everything that is open at the gate.
    var open: [Holes] { gate.open(at: now) }

    /// Whether nothing is open at the gate.
    var isClosed: Bool { open.allSatisfy { $0.isEmpty } }

    /// What a gateway without calls holds: nothing.
    var leftovers: [String] {
        var found: [String] = []
        if !controller.contexts.isEmpty { found.append("contexts: \(controller.contexts.count)") }
        if !controller.clients.isEmpty { found.append("clients: \(controller.clients.count)") }
        if controller.layer.count > 0 { found.append("transactions: \(controller.layer.count)") }
        if !controller.examining.isEmpty { found.append("envelopes: \(controller.examining.count)") }
        if !controller.gate.pending.isEmpty { found.append("gate requests: \(controller.gate.pending.count)") }
        found += premature
        if controller.sessions.isEmpty, !journal.isEmpty { found.append("journal: \(journal.count)") }
        if controller.dialogs.values.map(\.count).reduce(0, +) != controller.sessions.count {
            found.append("dialogs: \(controller.dialogs.count)")
        }
        for timer in timers.keys {
            switch timer {
            case .gateway(.renewal), .phone, .task: continue
            case .gateway(.transaction), .gateway(.inviteTimeout), .gateway(.trying), .gateway(.halfOpen),
                .gateway(.end),
                .gateway(.sessionExpires):
                found.append("timer: \(timer)")
            }
        }
        return found
    }
}
