import CMSText
import Crypto
import SDPText
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import UserAgent

/// Numbers in order instead of random ones.
struct CountingGenerator: RandomNumberGenerator, Sendable {
    var last: UInt64
    mutating func next() -> UInt64 {
        last += 1
        return last
    }
}

/// The agent with everything around it but sockets and clock: effects are performed at once, what would be sent and
/// which timers run is kept.
struct Bench {
    var agent: Agent
    let desk: EnvelopeDesk
    let listener: Listener
    /// Messages that would have been sent since they were last taken.
    var sent: [(Message, Destination)] = []
    /// Everything that was ever sent.
    private var history: [(Message, Destination)] = []
    var timers: [TimerKey: Duration] = [:]
    var reports: [Report] = []
    var media: [MediaCommand] = []
    var finished: [CallNumber] = []
    var mediaPort: UInt16 = 0
    /// What the clock of the desk says, in seconds since 1970.
    var now: Int64 = 1_800_000_000

    init(
        address: String, identity: Identity? = nil, policy: DisclosurePolicy = DisclosurePolicy(),
        answering: AnswerPlan? = nil, seed: UInt64 = 0, transport: TransportKind = .udp, mediaPort: UInt16 = 4_000
    ) throws {
        listener = Listener(transport, Endpoint(try #require(IPAddress(address)), 5_060))
        desk = try EnvelopeDesk(identity: identity, policy: policy)
        agent = Agent(
            settings: AgentSettings(
                listeners: [listener], answering: answering, certificate: identity?.certificate?.der ?? []),
            tokens: TokenSource(CountingGenerator(last: seed)))
        self.mediaPort = mediaPort
    }

    mutating func handle(_ input: Input) {
        var inputs = [input]
        while !inputs.isEmpty {
            for effect in agent.handle(inputs.removeFirst(), at: MonotonicTime(nanoseconds: 0)) {
                switch effect {
                case .send(let message, let destination):
                    sent.append((message, destination))
                    history.append((message, destination))
                case .startTimer(let key, let duration): timers[key] = duration
                case .cancelTimer(let key): timers[key] = nil
                case .media(let number, .open):
                    inputs.append(.mediaOpened(number, Endpoint(listener.endpoint.address, mediaPort)))
                case .media(_, let command): media.append(command)
                case .seal(let work, let request): inputs.append(.sealed(work, desk.seal(request)))
                case .open(let work, let contents, let keys): inputs.append(.opened(work, desk.open(contents, keys)))
                case .examine(let work, let der, let host):
                    inputs.append(.examined(work, desk.examine(der, host: host, now: now)))
                case .forget(let key): desk.forget(key)
                case .report(let report): reports.append(report)
                case .finished(let number): finished.append(number)
                }
            }
        }
    }

    /// What was sent since the last time.
    mutating func takeSent() -> [Message] {
        defer { sent = [] }
        return sent.map(\.0)
    }

    /// The one message that was sent since the last time.
    mutating func takeOne(_ location: SourceLocation = #_sourceLocation) throws -> Message {
        let messages = takeSent()
        try #require(messages.count == 1, "\(messages.map(firstLine))", sourceLocation: location)
        return messages[0]
    }

    /// A message as it comes from the network.
    mutating func receive(_ message: Message, from remote: String = "192.0.2.9:5060") throws {
        guard case .message(let parsed) = MessageParser.parse(message.serialized()) else {
            Issue.record("not acceptable: \(message.text(message.body))")
            return
        }
        // A response comes from where its request went.
        let asked = history.last {
            $0.0.isRequest && parsed.status != nil && $0.0.cseq.number == parsed.cseq.number
                && $0.0.cseq.method == parsed.cseq.method
        }
        let flow = Flow(
            transport: listener.transport, local: listener.endpoint,
            remote: try asked?.1.remote ?? #require(Endpoint(remote)),
            connection: listener.transport.isReliable ? 1 : nil)
        handle(.received(parsed, flow))
    }

    mutating func receive(_ text: String, from remote: String = "192.0.2.9:5060") throws {
        try receive(try message(text), from: remote)
    }

    /// Lets a timer of the first call run out; it must be running.
    mutating func fire(_ timer: CallTimer, call: Int = 1, _ location: SourceLocation = #_sourceLocation) throws {
        let key = TimerKey.call(CallNumber(value: call), timer)
        try #require(timers.removeValue(forKey: key) != nil, "\(timer) does not run", sourceLocation: location)
        handle(.fired(key))
    }

    /// Lets every running timer of transactions with that name run out.
    mutating func fire(transactionTimer name: TimerName) {
        for key in timers.keys {
            guard case .transaction(let token) = key, token.name == name else { continue }
            timers[key] = nil
            handle(.fired(key))
        }
    }

    func runs(_ timer: CallTimer, call: Int = 1) -> Duration? { timers[.call(CallNumber(value: call), timer)] }

    var ending: Ending? {
        for case .ended(_, let ending) in reports { return ending }
        return nil
    }

    var isEstablished: Bool { reports.contains(.established(CallNumber(value: 1))) }

    var bodies: [BodyReport] {
        reports.compactMap { if case .body(_, let body) = $0 { body } else { nil } }
    }
}

/// A message written with line feeds; Content-Length is made when there is a body.
func message(_ text: String, _ location: SourceLocation = #_sourceLocation) throws -> Message {
    let parts = text.split(separator: "\n\n", maxSplits: 1, omittingEmptySubsequences: false)
    var octets = Array(parts[0].split(separator: "\n").joined(separator: "\r\n").utf8) + Array("\r\n\r\n".utf8)
    if parts.count > 1 { octets += Array(parts[1].split(separator: "\n").map { $0 + "\r\n" }.joined().utf8) }
    guard case .message(let message) = MessageParser.parse(octets) else {
        Issue.record("not a message: \(text)", sourceLocation: location)
        throw ParseError(.unsupported, in: "test", at: 0)
    }
    return message
}

func firstLine(_ message: Message) -> String {
    String(decoding: message.serialized().prefix { $0 != ASCII.cr }, as: UTF8.self)
}

func value(_ message: Message, _ name: HeaderName) -> String { message.value(of: name).map(message.text) ?? "" }

func bodyText(_ message: Message) -> String { message.text(message.body) }

/// A key pair whose certificate names hosts and is valid around the bench's clock.
func identity(_ names: [String] = [], notBefore: Int64 = 1_700_000_000, notAfter: Int64 = 1_900_000_000) throws
    -> Identity
{
    let key = try PrivateKey.generateP256()
    var builder = CertificateBuilder(commonName: "test", notBefore: notBefore, notAfter: notAfter)
    builder.dnsNames = names
    return try Identity(key: key, certificate: try builder.selfSigned(by: key))
}

extension Identity {
    func requireCertificate() throws -> Certificate { try #require(certificate) }
}
