import SIPText
import SIPTransactions
import Wire

/// A dialog as one of its two sides keeps it (RFC 3261 section 12).
struct Dialog: Equatable, Sendable {
    let callID: [UInt8]
    /// The From value of own requests, its tag in it.
    let local: [UInt8]
    /// The To value of own requests, its tag in it when the peer has one.
    let remote: [UInt8]
    let localTag: [UInt8]
    /// Empty for a peer of RFC 2543.
    let remoteTag: [UInt8]
    /// The Route values of own requests, in their order.
    private(set) var routeSet: [[UInt8]]
    /// The URI that own requests are for: the peer's Contact.
    private(set) var remoteTarget: [UInt8]
    /// The CSeq number of the last own request.
    private(set) var localSequence: UInt32
    /// The CSeq number of the peer's last request; nil before the first.
    private(set) var remoteSequence: UInt32?
    /// Own addresses; each request takes the one of the transport it goes by.
    let listeners: [Listener]
    /// The user part of own Contacts.
    let user: [UInt8]
    /// What was reached before, for URIs that name no address.
    let reached: Destination

    /// The caller's side, made by a response with a tag to its INVITE (section 12.1.2).
    init(response: Message, invite: Message, listeners: [Listener], user: [UInt8], reached: Destination) {
        callID = invite.value(of: .callID).map(invite.copy) ?? []
        local = invite.value(of: .from).map(invite.copy) ?? []
        remote = response.value(of: .to).map(response.copy) ?? []
        localTag = invite.tag(of: .from).map(invite.copy) ?? []
        remoteTag = response.tag(of: .to).map(response.copy) ?? []
        routeSet = response.values(of: .recordRoute).reversed().map(response.copy)
        remoteTarget =
            response.address(of: .contact).map { response.copy($0.uri) } ?? invite.requestURI.map(invite.copy) ?? []
        localSequence = invite.cseq.number
        remoteSequence = nil
        self.listeners = listeners
        self.user = user
        self.reached = reached
    }

    /// The callee's side, made by an INVITE that is answered with this tag (section 12.1.1).
    init(invite: Message, tag: [UInt8], sequence: UInt32, listeners: [Listener], user: [UInt8], reached: Destination) {
        callID = invite.value(of: .callID).map(invite.copy) ?? []
        local = (invite.value(of: .to).map(invite.copy) ?? []) + Array(";tag=".utf8) + tag
        remote = invite.value(of: .from).map(invite.copy) ?? []
        localTag = tag
        remoteTag = invite.tag(of: .from).map(invite.copy) ?? []
        routeSet = invite.values(of: .recordRoute).map(invite.copy)
        remoteTarget = invite.address(of: .contact).map { invite.copy($0.uri) } ?? []
        localSequence = sequence
        remoteSequence = invite.cseq.number
        self.listeners = listeners
        self.user = user
        self.reached = reached
    }

    /// Whether a request that came belongs to this dialog (section 12.2.2).
    func owns(_ request: Message) -> Bool {
        guard let id = request.value(of: .callID), ASCII.equal(request.octets(id), callID.span) else { return false }
        return Self.equal(request, request.tag(of: .to), localTag)
            && Self.equal(request, request.tag(of: .from), remoteTag)
    }

    private static func equal(_ message: Message, _ tag: Slice?, _ expected: [UInt8]) -> Bool {
        guard let tag else { return expected.isEmpty }
        return ASCII.equal(message.octets(tag), expected.span)
    }

    /// Takes note of a request of the peer.
    ///
    /// - Returns: false when it is older than the last one: it is answered with 500 (section 12.2.2).
    mutating func accept(_ request: Message) -> Bool {
        if let last = remoteSequence, request.cseq.number <= last { return false }
        remoteSequence = request.cseq.number
        return true
    }

    /// A target refresh: the Contact of a re-INVITE, or of its 2xx, replaces the one before.
    mutating func refresh(from message: Message) {
        if let contact = message.address(of: .contact) { remoteTarget = message.copy(contact.uri) }
    }

    /// A new request of this dialog and where it goes (section 12.2.1.1).
    mutating func request(_ method: Method, _ tokens: inout TokenSource) -> (Message, Destination) {
        localSequence += 1
        return make(method, localSequence, &tokens)
    }

    /// The ACK for a 2xx (section 13.2.2.4): a request of its own, with the INVITE's CSeq number.
    func acknowledgement(sequence: UInt32, _ tokens: inout TokenSource) -> (Message, Destination) {
        make(.ack, sequence, &tokens)
    }

    private func make(_ method: Method, _ sequence: UInt32, _ tokens: inout TokenSource) -> (Message, Destination) {
        var routes = routeSet
        var target = remoteTarget
        let nextHop: [UInt8]
        if let first = routes.first {
            nextHop = NextHop.uri(of: first)
            if !NextHop.isLoose(nextHop) {
                // A strict router wants its own URI as Request-URI and the target as last Route.
                routes.removeFirst()
                routes.append([ASCII.less] + target + [ASCII.greater])
                target = nextHop
            }
        } else {
            nextHop = target
        }
        var destination = NextHop.destination(of: nextHop, otherwise: reached)
        let listener = listeners.facing(destination)
        destination.local = listener?.endpoint
        var message = Message(request: method, uri: target, sequence: sequence)
        if let listener { message.prepend(.via, listener.via(branch: tokens.branch())) }
        message.append(.maxForwards, Array("70".utf8))
        for route in routes { message.append(.route, route) }
        message.append(.from, local)
        message.append(.to, remote)
        message.append(.callID, callID)
        if method == .invite, let listener { message.append(.contact, listener.contact(user: user)) }
        return (message, destination)
    }
}

extension Dialog {
    /// Whether a response is to a request of this side of the dialog.
    func sent(_ response: Message) -> Bool {
        guard let id = response.value(of: .callID), ASCII.equal(response.octets(id), callID.span) else { return false }
        return Self.equal(response, response.tag(of: .from), localTag)
    }
}
