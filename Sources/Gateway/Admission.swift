import SIPText
import SIPTransactions
import Wire

/// How many requests outside of calls may come (RFC 3261 gives no number; a phone sends a few a minute).
public struct AdmissionPolicy: Hashable, Sendable {
    /// Requests a second that one source may send for long.
    public var perSource: Int
    /// Requests that one source may send at once after it was silent.
    public var burstPerSource: Int
    /// Requests a second from all sources together.
    public var inAll: Int

    /// Sources that are told apart at one time; further ones share an allowance.
    public var sources: Int

    /// Requests a second of one source, at once of one source, and a second of all sources; how many sources are told apart.
    public init(perSource: Int = 100, burstPerSource: Int = 200, inAll: Int = 10_000, sources: Int = 8_192) {
        self.sources = max(1, sources)
        self.perSource = max(1, perSource)
        self.burstPerSource = max(self.perSource, burstPerSource)
        self.inAll = max(self.perSource, inAll)
    }

    /// What one of several controllers admits: a source's requests come to all of them, shared out by their Call-ID.
    func share(of count: Int) -> AdmissionPolicy {
        AdmissionPolicy(
            perSource: perSource.part(of: count), burstPerSource: burstPerSource.part(of: count),
            inAll: inAll.part(of: count), sources: sources)
    }
}

/// Token buckets: what each source may still send. A source that has been silent for long enough to have its whole
/// allowance again is forgotten, so the table holds only who is sending.
struct Admission {
    /// An allowance as the time at which it would be used up: it moves on by a request's share each, and back to now by
    /// itself (the generic cell rate algorithm, ITU-T I.371).
    struct Allowance {
        var usedUntil: MonotonicTime

        /// Takes one of `burst` that are given anew one every interval.
        ///
        /// - Returns: whether there was one.
        mutating func take(at now: MonotonicTime, every interval: Duration, burst: Int) -> Bool {
            let start = max(usedUntil, now)
            guard start - now <= interval * (burst - 1) else { return false }
            usedUntil = start + interval
            return true
        }
    }

    private let policy: AdmissionPolicy
    private let trusted: Set<IPAddress>
    /// Two generations: who sends is in the younger one, and the older one is dropped when every allowance in it is whole.
    private var sources: [IPAddress: Allowance] = [:]
    private var olderSources: [IPAddress: Allowance] = [:]
    private var generationEnds = MonotonicTime(nanoseconds: 0)
    private var others = Allowance(usedUntil: MonotonicTime(nanoseconds: 0))
    private var all = Allowance(usedUntil: MonotonicTime(nanoseconds: 0))

    /// - Parameter trusted: next hops of the operator's routes: they speak for many callers.
    init(_ policy: AdmissionPolicy, trusted: Set<IPAddress>) {
        self.policy = policy
        self.trusted = trusted
    }

    /// Sources that are told apart now.
    var count: Int { sources.count + olderSources.count }

    /// Whether one more request of that source may be looked at.
    mutating func admits(_ source: IPAddress, at now: MonotonicTime) -> Bool {
        if !trusted.contains(source), !admitsSource(source.network, at: now) { return false }
        return all.take(at: now, every: .seconds(1) / policy.inAll, burst: policy.inAll)
    }

    private mutating func admitsSource(_ source: IPAddress, at now: MonotonicTime) -> Bool {
        let interval = Duration.seconds(1) / policy.perSource
        if now >= generationEnds {
            olderSources = sources
            sources = [:]
            generationEnds = now + interval * policy.burstPerSource
        }
        var allowance: Allowance
        if let known = sources[source] ?? olderSources.removeValue(forKey: source) {
            allowance = known
        } else if count < policy.sources {
            allowance = Allowance(usedUntil: now)
        } else {
            return others.take(at: now, every: interval, burst: policy.burstPerSource)
        }
        let isAdmitted = allowance.take(at: now, every: interval, burst: policy.burstPerSource)
        sources[source] = allowance
        return isAdmitted
    }
}

// Who sends too much is answered without state, or not at all; requests of calls that are up go first.
extension SessionController {
    /// Whether a request may cost a transaction. One that belongs to a known call and comes from its sender may: it ends
    /// something, or keeps it up. So many of them that no phone means it count like any other.
    mutating func admits(_ request: Message, _ flow: Flow) -> Bool {
        if request.tag(of: .to) != nil, let (session, sender) = knownCall(of: request, from: flow),
            isPlace(flow.remote, of: sender, in: session)
        {
            if request.method == .ack || request.method == .bye { return true }
            if session.allowance.take(at: now, every: Session.requestInterval, burst: Session.requestBurst) {
                return true
            }
        }
        if request.method == .cancel, layer.hasInvite(of: request) { return true }
        return admission.admits(flow.remote.address, at: now)
    }

    /// 503 without a transaction (RFC 3261 section 21.5.4), with the same tag for the same request.
    mutating func refuseStatelessly(_ request: Message, _ flow: Flow) {
        counters.overLimit += 1
        guard request.method != .ack else { return }
        let tag = tokens.constantTag(for: request)
        var response = Message(status: 503, reason: "Service Unavailable", to: request, tag: tag)
        response.append(.retryAfter, decimal: TransactionLimits.retryAfterSeconds)
        answerStatelessly(response, request, flow)
    }

    /// Answers without a transaction, and over datagrams never with much more than was asked.
    mutating func answerStatelessly(_ response: Message, _ request: Message, _ flow: Flow) {
        guard let response = response.trimmed(to: request, isReliable: flow.transport.isReliable) else { return }
        effects.append(.send(response, Destination(respondingTo: request, from: flow)))
    }
}

extension Message {
    /// What an answer to who may not be who it seems to be is to its question in octets, at most: more would make the
    /// gateway a tool against whoever owns a forged source.
    private static let amplification = 2

    /// A response that may go to a request's source: without what is only good to know, when it is too long. Nil when it
    /// still is, which the request of no phone brings about.
    func trimmed(to request: Message, isReliable: Bool) -> Message? {
        guard !isReliable else { return self }
        let most = request.octetsAsSent * Self.amplification
        guard serialized().count > most else { return self }
        var response = self
        for name in [HeaderName.warning, .accept, .allow] { response.removeAll(name) }
        response.removeAll(.contentType)
        response.setBody([], contentType: nil)
        return response.serialized().count > most ? nil : response
    }

    /// How long a request was when it came. Its buffer does not tell: an edit leaves there what it has replaced. As it is
    /// written, it has a Via that is stamped, and a length of the body in a row of our own.
    private var octetsAsSent: Int {
        let written = "Content-Length: \r\n".utf8.count + "\(body.count)".utf8.count
        let own = fields.first { $0.name == .contentLength }.map { $0.text.count + $0.value.count + ":\r\n".utf8.count }
        return serialized().count - written + (own ?? 0) - stampOctets
    }

    /// Octets of the topmost Via that are not its sender's but of `stampVia`.
    private var stampOctets: Int {
        guard let via = topVia else { return 0 }
        let received = via.parameters.value(of: "received", in: bytes.span).map { ";received=".utf8.count + $0.count }
        let port = via.parameters.value(of: "rport", in: bytes.span).map { "=".utf8.count + $0.count }
        return (received ?? 0) + (port ?? 0)
    }
}
