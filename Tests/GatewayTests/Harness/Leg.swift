import SIPText
import SIPTransactions
import Wire

@testable import Gateway

/// One end of a call: a user agent as RFC 3261 sections 12 to 15 want it, driven by the script or by itself.
final class Leg {
    enum State: Equatable { case idle, calling, ringing, up, over }

    let phone: Phone
    let callID: String
    let isCaller: Bool
    let localURI: String
    let remoteURI: String
    let localTag: String
    var remoteTag: String?
    private var routes: [[UInt8]] = []
    private var target: [UInt8] = []
    private var sequence: UInt32 = 0
    private(set) var state = State.idle
    /// Responses that came to own requests, the 100 left out.
    private(set) var statuses: [UInt16] = []
    private(set) var responses: [Message] = []
    /// Requests that came, retransmissions left out.
    private(set) var requests: [Message] = []
    var port: UInt16 = 20_000
    /// Takes an INVITE while its own waits for an answer, which RFC 3261 section 14.2 forbids.
    var isRude = false
    /// Whether a 2xx of its own waits for the ACK: no other INVITE may be sent until then.
    var isUnacknowledged: Bool { !unacknowledged.isEmpty }
    /// Answers as if the CANCEL had come too late.
    var ignoresCancel = false
    /// Rings and answers by itself.
    var isAutomatic = false
    /// What it sends to a 2xx that makes the offer.
    var acknowledging: Body?
    var acknowledges = true
    /// What it says to a BYE; from 300 on the call goes on.
    var byeStatus: UInt16 = 200
    /// What it says to requests other than INVITE, BYE and UPDATE.
    var otherStatus: UInt16 = 200
    /// What its 401 and 407 ask for.
    var challenges: [(HeaderName, String)] = []
    /// What it puts into its answers to such requests.
    var otherAnswer = Body.none
    /// What it says to an UPDATE.
    var updateStatus: UInt16 = 200
    /// What it answers to the offer in an UPDATE.
    var updateAnswer: Body?
    /// Lets every new request lie.
    var isDeaf = false

    private var incoming: (id: TransactionID, message: Message)?
    private var outgoing: TransactionID?
    private var lastACK: (sequence: UInt32, message: Message)?
    private var isCancelling = false
    private var unacknowledged: [UInt32: Message] = [:]
    private var offered: [UInt32: Endpoint?] = [:]
    /// An INVITE that waits for its answer.
    var isAsked: Bool { incoming != nil }
    /// An own INVITE that waits for its answer.
    var isAsking: Bool { outgoing != nil }
    /// INVITEs without an offer: their ACK answers.
    private var delayed: Set<UInt32> = []
    /// The answer that it gave in a provisional response.
    private var previewed: Endpoint??
    /// The answers that came in provisional responses, by tag.
    private var previews: [String: Endpoint?] = [:]
    /// What both ends last agreed on: own and remote audio, nil while it is on hold.
    private(set) var agreed: (local: Endpoint?, remote: Endpoint?)? {
        didSet { agreedAt = phone.script.log.count }
    }
    /// How long the gateway's log was when they did.
    private(set) var agreedAt = 0

    /// - Parameter name: what tells the forks of one callee apart.
    init(_ phone: Phone, callID: String, isCaller: Bool, localURI: String, remoteURI: String, name: String = "") {
        self.phone = phone
        self.callID = callID
        self.isCaller = isCaller
        self.localURI = localURI
        self.remoteURI = remoteURI
        localTag = "\(isCaller ? "from" : "to")\(name)-\(callID)"
        target = Array(remoteURI.utf8)
        phone.add(self)
    }

    /// Where its audio comes to.
    var media: Endpoint { phone.media(port) }

    var lastStatus: UInt16? { statuses.last }
    var isUp: Bool { state == .up }

    // MARK: Requests of its own

    /// A request of this leg, in its dialog when there is one.
    func make(_ method: Method, _ body: Body = .none, sequence number: UInt32? = nil) -> Message {
        if number == nil { sequence += 1 }
        var message = Message(request: method, uri: target, sequence: number ?? sequence)
        message.append(.via, phone.via())
        message.append(.maxForwards, Array("70".utf8))
        for route in routes { message.append(.route, route) }
        message.append(.from, Array("<\(localURI)>;tag=\(localTag)".utf8))
        message.append(.to, Array("<\(remoteURI)>\(remoteTag.map { ";tag=\($0)" } ?? "")".utf8))
        message.append(.callID, Array(callID.utf8))
        message.append(.contact, phone.contact)
        if let (octets, type) = body.content { message.setBody(octets, contentType: Array(type.utf8)) }
        return message
    }

    /// Where a request goes: the first of the routes, which must be the gateway's address on this side.
    var nextHop: Endpoint {
        guard let first = routes.first, let endpoint = Leg.endpoint(ofRoute: first) else { return phone.gateway }
        return endpoint
    }

    /// INVITE, or re-INVITE when the call is up.
    func invite(_ body: Body? = nil, change: (inout Message) -> Void = { _ in }) {
        if state == .idle { state = .calling }
        let body = body ?? .media(media)
        var message = make(.invite, body)
        change(&message)
        if let endpoint = body.ownMedia { offered[message.cseq.number] = .some(endpoint) }
        if case .none = body { delayed.insert(message.cseq.number) }
        isCancelling = false
        previews = [:]
        phone.request(message, to: nextHop, for: self) { outgoing = $0 }
    }

    func cancel() {
        guard let outgoing, let invite = phone.sent(in: outgoing) else { return }
        isCancelling = true
        phone.request(Message.cancel(for: invite), to: nextHop, for: self)
    }

    func bye() {
        guard state != .over else { return }
        state = .over
        phone.request(make(.bye), to: nextHop, for: self)
    }

    /// Any other request; also a BYE that need not be the end.
    func send(
        _ method: Method, _ body: Body = .none, fields: [(HeaderName, String)] = [],
        change: (inout Message) -> Void = { _ in }
    ) {
        var message = make(method, body)
        change(&message)
        for (name, value) in fields { message.append(name, Array(value.utf8)) }
        if method == .update, let endpoint = body.ownMedia { offered[message.cseq.number] = .some(endpoint) }
        phone.request(message, to: nextHop, for: self)
    }

    /// An ACK by hand.
    func acknowledge(_ body: Body = .none, change: (inout Message) -> Void = { _ in }) {
        let number = responses.last { $0.cseq.method == .invite }?.cseq.number ?? sequence
        var message = make(.ack, body, sequence: number)
        change(&message)
        lastACK = (number, message)
        phone.script.transmit(message.serialized(), from: phone, to: nextHop)
    }

    // MARK: Responses of its own

    /// A response to the INVITE under way.
    func respond(
        _ status: UInt16, _ body: Body = .none, tag: String? = nil, change: (inout Message) -> Void = { _ in }
    ) {
        guard let (id, invite) = incoming else { return }
        if tag == nil, status < 200, Body.media(of: invite) != nil, let local = body.ownMedia {
            previewed = .some(local)
        }
        var message = response(status, to: invite, body, tag: tag)
        change(&message)
        phone.respond(message, to: id)
    }

    func ring() { respond(180) }

    /// 2xx: it is sent again until the ACK comes (RFC 3261 section 13.3.1.4).
    func answer(
        _ body: Body? = nil, status: UInt16 = 200, tag: String? = nil, change: (inout Message) -> Void = { _ in }
    ) {
        guard let (id, invite) = incoming else { return }
        let body = body ?? .media(media)
        let number = invite.cseq.number
        var message = response(status, to: invite, body, tag: tag)
        change(&message)
        if let local = body.ownMedia {
            if let remote = Body.media(of: invite) { agreed = (local, remote) } else { offered[number] = .some(local) }
        }
        if case .none = body, tag == nil, let local = previewed, let remote = Body.media(of: invite) {
            agreed = (local, remote)
        }
        previewed = nil
        if state != .over { state = .up }
        incoming = nil
        unacknowledged[number] = message
        phone.respond(message, to: id)
        repeatAnswer(message, id, after: .milliseconds(500), since: phone.script.now)
    }

    func reject(_ status: UInt16 = 486, change: (inout Message) -> Void = { _ in }) {
        guard incoming != nil else { return }
        respond(status, change: change)
        incoming = nil
        if state != .up { state = .over }
    }

    func response(_ status: UInt16, to request: Message, _ body: Body, tag: String? = nil) -> Message {
        var message = Message(status: status, reason: "Said", to: request, tag: Array((tag ?? localTag).utf8))
        message.appendFields(of: .recordRoute, from: request)
        message.append(.contact, phone.contact)
        if status == 401 || status == 407 {
            for (name, value) in challenges { message.append(name, Array(value.utf8)) }
        }
        if let (octets, type) = body.content { message.setBody(octets, contentType: Array(type.utf8)) }
        return message
    }

    private func repeatAnswer(
        _ message: Message, _ id: TransactionID, after pause: Duration, since start: MonotonicTime
    ) {
        phone.script.schedule(after: pause) { [self] in
            guard unacknowledged[message.cseq.number] != nil else { return }
            guard phone.script.now - start < .seconds(32) else {
                unacknowledged[message.cseq.number] = nil
                return bye()
            }
            phone.respond(message, to: id)
            repeatAnswer(message, id, after: min(pause * 2, .seconds(4)), since: start)
        }
    }

    // MARK: What comes

    func request(_ message: Message, _ id: TransactionID) {
        requests.append(message)
        guard !isDeaf else { return }
        learn(from: message)
        switch message.method {
        case .invite where !isRude && outgoing != nil:
            phone.respond(response(491, to: message, .none), to: id)
        case .invite:
            incoming = (id, message)
            previewed = nil
            guard state != .over else { return reject(481) }
            if state == .idle { state = .ringing }
            if isAutomatic {
                if state != .up { ring() }
                answer()
            }
        case .bye where message.tag(of: .to).map(message.text) != localTag:
            phone.respond(response(200, to: message, .none), to: id)
        case .bye where byeStatus >= 300: phone.respond(response(byeStatus, to: message, .none), to: id)
        case .bye:
            state = .over
            phone.respond(response(byeStatus, to: message, .none), to: id)
            if incoming != nil { reject(487) }
        case .update where updateStatus >= 300: phone.respond(response(updateStatus, to: message, .none), to: id)
        case .update:
            let remote = Body.media(of: message)
            if let remote { agreed = (media, remote) }
            phone.respond(response(200, to: message, remote == nil ? .none : updateAnswer ?? .media(media)), to: id)
        default: phone.respond(response(state == .over ? 481 : otherStatus, to: message, otherAnswer), to: id)
        }
    }

    /// Speaks to this fork of the callee from now on.
    func turn(to fork: Leg) {
        remoteTag = fork.localTag
        target = Array(String(decoding: fork.phone.contact, as: UTF8.self).dropFirst().dropLast().utf8)
    }

    /// BYE to a fork of the callee that answered too.
    func end(fork tag: String, at phone: Phone? = nil) {
        let (own, ownTarget) = (remoteTag, target)
        remoteTag = tag
        if let phone { target = Array(String(decoding: phone.contact, as: UTF8.self).dropFirst().dropLast().utf8) }
        acknowledge()
        self.phone.request(make(.bye), to: nextHop, for: self)
        remoteTag = own
        target = ownTarget
    }

    func cancelled() {
        guard incoming != nil, !ignoresCancel else { return }
        reject(487)
    }

    func acknowledged(_ message: Message) {
        requests.append(message)
        guard unacknowledged.removeValue(forKey: message.cseq.number) != nil else { return }
        if let local = offered.removeValue(forKey: message.cseq.number), let remote = Body.media(of: message) {
            agreed = (local, remote)
        }
    }

    func response(_ message: Message, _ id: TransactionID) {
        guard let status = message.status, status > 100 else { return }
        statuses.append(status)
        responses.append(message)
        switch message.cseq.method {
        case .invite: inviteAnswered(message, status, id)
        case .update where status < 300:
            if let local = offered.removeValue(forKey: message.cseq.number), let remote = Body.media(of: message) {
                agreed = (local, remote)
            }
        default: break
        }
    }

    /// A response to a transaction that is over: a 2xx is still acknowledged.
    func strayed(_ message: Message) {
        if let lastACK, lastACK.sequence == message.cseq.number, message.cseq.method == .invite {
            phone.script.transmit(lastACK.message.serialized(), from: phone, to: nextHop)
        }
    }

    private func inviteAnswered(_ message: Message, _ status: UInt16, _ id: TransactionID) {
        if status < 200 {
            if state == .calling { state = .ringing }
            if offered[message.cseq.number] != nil, let remote = Body.media(of: message), let tag = message.tag(of: .to)
            {
                previews[message.text(tag)] = .some(remote)
            }
            return learn(from: message)
        }
        if outgoing == id { outgoing = nil }
        guard status < 300 else {
            offered[message.cseq.number] = nil
            if state != .up { state = .over } else if status == 481 || status == 408 { bye() }
            return
        }
        if let lastACK, lastACK.sequence == message.cseq.number {
            return phone.script.transmit(lastACK.message.serialized(), from: phone, to: nextHop)
        }
        learn(from: message)
        if state != .over { state = .up }
        guard acknowledges else { return }
        var body = Body.none
        if let remote = Body.media(of: message) {
            if let local = offered.removeValue(forKey: message.cseq.number) {
                agreed = (local, remote)
            } else if delayed.contains(message.cseq.number) {
                body = acknowledging ?? .media(media)
                if let local = body.ownMedia { agreed = (local, remote) }
            }
        } else if let tag = message.tag(of: .to), let remote = previews[message.text(tag)],
            let local = offered.removeValue(forKey: message.cseq.number)
        {
            agreed = (local, remote)
        } else if let acknowledging {
            body = acknowledging
        }
        previews = [:]
        acknowledge(body)
        if isCancelling { bye() }
    }

    /// No response came, or none can come.
    func unanswered(_ id: TransactionID) {
        guard outgoing == id else { return }
        outgoing = nil
        if state == .up { bye() } else { state = .over }
    }

    /// The dialog's tag, route set and target (section 12.1).
    private func learn(from message: Message) {
        if let tag = message.tag(of: message.isRequest ? .from : .to), state != .up || remoteTag == nil {
            remoteTag = message.text(tag)
        }
        if let contact = message.address(of: .contact) { target = message.copy(contact.uri) }
        guard state != .up, message.cseq.method == .invite else { return }
        let recorded = message.values(of: .recordRoute).map(message.copy)
        routes = message.isRequest ? recorded : recorded.reversed()
    }

    /// The endpoint that a Route value names.
    static func endpoint(ofRoute value: [UInt8]) -> Endpoint? {
        guard let address = NameAddress(in: value.span, Slice(0..<value.count)),
            let uri = try? URI(in: value.span, address.uri),
            let host = IPAddress(text: value.span.extracting(uri.host.range))
        else { return nil }
        return Endpoint(host, uri.port ?? 5060)
    }
}
