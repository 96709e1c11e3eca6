import GateProtocol
import SDPText
import Wire

/// The offer/answer exchange of a call (RFC 3264, RFC 6337): what was agreed on last, what is asked for now, and what the
/// branches of a forked call agreed on early.
///
/// A value: a message that is refused leaves the one from before it.
struct Negotiation: Sendable {
    /// An offer that waits for its answer.
    struct Offer: Sendable {
        let description: SessionDescription
        let party: Party
        /// Where the offerer is.
        let place: Place
        /// The CSeq number of the INVITE that it stood in a response to: the ACK with that number brings the answer, or
        /// there is none.
        let invite: UInt32?
    }

    enum Exchange: Sendable {
        /// Every offer has its answer.
        case settled
        case offered(Offer)
    }

    /// An answer in a provisional response.
    struct EarlyAnswer: Sendable {
        var paths: [AgreedPath]
        /// Inside endpoints whose media goes directly to another phone inside, and that the outside was told of.
        var direct: [Endpoint] = []
        /// The branch of the INVITE that it came by; when that one fails its media goes with it.
        var branch: Int
        /// Whether an offer that followed in its dialog was answered: what the INVITE's 2xx repeats is older.
        var isUpdated = false
        /// An offer that followed in its dialog and waits for its answer, and the endpoints that it opens.
        var offer: Offer?
        var halfOpen: [Endpoint] = []
        var reserved: [Endpoint] = []
        /// Cleared when the answer could not be honoured: nothing is open for it until a 2xx makes it final.
        var isOpen = true
    }

    /// Branches of a forked call that have early media at one time; further ones have theirs with the 2xx.
    static let maximumEarlyAnswers = 4

    var exchange = Exchange.settled
    /// The paths of the last settled exchange: what a failed re-INVITE falls back to.
    var stable: [AgreedPath] = []
    /// The inside endpoints of that exchange whose media goes directly to another phone inside: where addresses are translated
    /// the outside knows them by external ones, which must stay theirs.
    var stableDirect: [Endpoint] = []
    /// The answers in provisional responses, by the callee's tag: a forked call has several.
    var early: [[UInt8]: EarlyAnswer] = [:]
    /// The endpoints of an offer that waits for its answer.
    var halfOpen: [Endpoint] = []
    /// Those that nothing is open for, where the other side must be told of an external endpoint all the same.
    var reserved: [Endpoint] = []

    /// What should be open.
    var wanted: Holes {
        guard !early.isEmpty else {
            return Holes(halfOpen: halfOpen, agreed: stable, reserved: reserved + stableDirect)
        }
        var paths = stable
        var halfOpen = halfOpen
        var reserved = reserved + stableDirect
        for (_, answer) in early.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) where answer.isOpen {
            for path in answer.paths where !paths.contains(path) { paths.append(path) }
            for endpoint in answer.halfOpen where !halfOpen.contains(endpoint) { halfOpen.append(endpoint) }
            for endpoint in answer.reserved + answer.direct where !reserved.contains(endpoint) {
                reserved.append(endpoint)
            }
        }
        return Holes(halfOpen: halfOpen, agreed: paths, reserved: reserved)
    }

    /// The endpoints of the offer that waits for its answer close.
    ///
    /// - Parameter isTranslated: whether their external endpoints stay: the other side was told of them.
    mutating func closeHalfOpen(isTranslated: Bool) {
        if isTranslated { reserved += halfOpen }
        halfOpen = []
    }
}

extension Negotiation {
    /// The offer that waits for its answer.
    var openOffer: Offer? {
        switch exchange {
        case .settled: nil
        case .offered(let offer): offer
        }
    }

    /// An offer that waits for its answer, inside an early dialog too.
    var latestOffer: Offer? { openOffer ?? early.values.lazy.compactMap(\.offer).first }

    /// Whether an offer waits for its answer, if only inside an early dialog.
    var hasOpenOffer: Bool { openOffer != nil || early.values.contains { $0.offer != nil } }

    /// Whether a response to that INVITE may make an offer: none is open, or the one that it made before.
    func mayOffer(_ party: Party, inResponseTo invite: UInt32) -> Bool {
        openOffer.map { $0.party == party && $0.invite == invite } ?? true
    }

    /// Takes an offer into account.
    ///
    /// - Parameters:
    ///   - party: who makes it.
    ///   - place: where that party is.
    ///   - tags: those of the message, where it may follow the answer in a provisional response of their dialog: the offer
    ///     is then that early dialog's alone, and the other branches of the INVITE keep what they have.
    ///   - invite: the CSeq number of the INVITE that the offer stands in a response to.
    ///   - direct: inside addresses that a party outside may name: the media goes there without the gateway.
    /// - Throws: `Rejection` when another offer is open, or when the offer may not have what it asks for; nothing is open
    ///   then that was not open before.
    mutating func offer(
        _ description: SessionDescription, by party: Party, at place: Place, tags: [[UInt8]], invite: UInt32?,
        direct: Set<IPAddress>, settings: ControllerSettings
    ) throws(Rejection) {
        let tag = tags.first { early[$0] != nil }
        let open = tag.map { early[$0]?.offer } ?? openOffer
        if let open, invite == nil { throw open.party == party ? .tooEarly : .pending }
        let endpoints = try PinholePlan.offered(
            description, side: place.side, signalling: place.address, direct: direct, policy: settings.policy)
        let known = (tag.flatMap { early[$0]?.paths } ?? stable).map(\.path.inside)
        let (half, reserved) = Self.opening(endpoints.filter { !known.contains($0) }, at: place, settings)
        let offer = Offer(description: description, party: party, place: place, invite: invite)
        if let tag {
            early[tag]?.offer = offer
            early[tag]?.halfOpen = half
            early[tag]?.reserved = reserved
            // The only branch that said anything has gone past the INVITE's offer; one that comes later has its answer.
            if early.count == 1 { halfOpen = [] }
        } else {
            halfOpen = half
            self.reserved = reserved
            exchange = .offered(offer)
        }
    }

    /// What of an offer's endpoints is opened, and what only gets an external endpoint.
    private static func opening(
        _ endpoints: [Endpoint], at place: Place, _ settings: ControllerSettings
    ) -> (halfOpen: [Endpoint], reserved: [Endpoint]) {
        guard place.side == .inside else { return ([], []) }
        return settings.halfOpen ? (endpoints, []) : ([], settings.translates ? endpoints : [])
    }

    /// Takes the offer in a provisional response to an INVITE without one into account: it is its early dialog's alone, since
    /// each branch of a forked call makes its own. What comes again changes nothing.
    ///
    /// - Throws: as `offer`.
    mutating func offerEarly(
        _ description: SessionDescription, by party: Party, at place: Place, dialog: (tag: [UInt8], branch: Int),
        invite: UInt32, direct: Set<IPAddress>, settings: ControllerSettings
    ) throws(Rejection) {
        guard early[dialog.tag] == nil, early.count < Self.maximumEarlyAnswers else { return }
        let endpoints = try PinholePlan.offered(
            description, side: place.side, signalling: place.address, direct: direct, policy: settings.policy)
        let known = stable.map(\.path.inside)
        var answer = EarlyAnswer(paths: [], branch: dialog.branch)
        answer.offer = Offer(description: description, party: party, place: place, invite: invite)
        (answer.halfOpen, answer.reserved) = Self.opening(
            endpoints.filter { !known.contains($0) }, at: place, settings)
        early[dialog.tag] = answer
    }

    /// Whether the offer in a provisional response of that dialog has been answered: a description in the 2xx repeats it.
    func hasAgreed(early tag: [UInt8]) -> Bool { early[tag]?.isUpdated ?? false }

    /// A 2xx makes the offer: what the branches offered early is none any more.
    mutating func forgetEarly() { early = [:] }

    /// Takes the answer to the other party's open offer into account; without one it changes nothing.
    ///
    /// - Parameters:
    ///   - party: whose answer it is.
    ///   - place: where that party is.
    ///   - dialog: the answerer's tag and the INVITE's branch, for a response to the INVITE.
    ///   - isProvisional: whether it stands in a provisional response, which settles nothing.
    /// - Throws: `Rejection` when the answer may not have what it asks for; the session is then unchanged.
    mutating func answer(
        _ description: SessionDescription, by party: Party, at place: Place, dialog: (tag: [UInt8], branch: Int)?,
        isProvisional: Bool, direct: Set<IPAddress>, settings: ControllerSettings
    ) throws(Rejection) {
        guard let offer = openOffer, offer.party == party.other else { return }
        let agreed = try paths(of: offer, description, at: place, direct, settings)
        guard let (tag, branch) = dialog else { return settle(on: agreed.paths, agreed.direct) }
        guard isProvisional else {
            // What an UPDATE has agreed on since then holds.
            return early[tag]?.isUpdated ?? false
                ? settle(withEarlyAnswerOf: tag) : settle(on: agreed.paths, agreed.direct)
        }
        guard early[tag] != nil || early.count < Self.maximumEarlyAnswers else { return }
        guard !(early[tag]?.isUpdated ?? false), early[tag]?.offer == nil else { return }
        early[tag] = EarlyAnswer(paths: agreed.paths, direct: agreed.direct, branch: branch)
    }

    /// Takes the answer to an offer inside an early dialog into account.
    ///
    /// - Parameter tags: those of the message.
    /// - Returns: whether there was such an offer.
    mutating func answerEarly(
        _ description: SessionDescription, by party: Party, at place: Place, tags: [[UInt8]], direct: Set<IPAddress>,
        settings: ControllerSettings
    ) throws(Rejection) -> Bool {
        guard let tag = tags.first(where: { early[$0]?.offer != nil }), let offer = early[tag]?.offer,
            offer.party == party.other
        else { return false }
        let agreed = try paths(of: offer, description, at: place, direct, settings)
        early[tag]?.paths = agreed.paths
        early[tag]?.direct = agreed.direct
        early[tag]?.isUpdated = true
        early[tag]?.offer = nil
        early[tag]?.halfOpen = []
        early[tag]?.reserved = []
        return true
    }

    /// The paths of an offer and its answer.
    private func paths(
        of offer: Offer, _ answer: SessionDescription, at place: Place, _ direct: Set<IPAddress>,
        _ settings: ControllerSettings
    ) throws(Rejection) -> (paths: [AgreedPath], direct: [Endpoint]) {
        // On one side with the offerer, the media does not come by here.
        guard place.side != offer.place.side else { return ([], []) }
        let (paths, direct) = try PinholePlan.answered(
            offer: offer.description, answer: answer, offererSide: offer.place.side,
            inside: place.side == .inside ? place.address : offer.place.address, direct: direct,
            policy: settings.policy)
        let (description, far) = place.side == .outside ? (answer, place) : (offer.description, offer.place)
        let unreachable = settings.unreachable(in: description, from: far.address)
        let agreed = paths.map { path in
            AgreedPath(path, learnedFrom: unreachable.contains(path.outside) ? far.address : nil)
        }
        if let refusal = settings.policy.refusal(Holes(learning: agreed.compactMap(\.learning))) {
            throw Rejection(refusal)
        }
        return (agreed, settings.translates ? direct : [])
    }

    /// A 2xx came without SDP of its own: the answer was given in a provisional response of the same dialog, or never.
    mutating func settle(withEarlyAnswerOf tag: [UInt8]) {
        let dialog = early[tag]
        settle(on: dialog?.paths ?? stable, dialog?.direct ?? stableDirect)
        guard let dialog, let offer = dialog.offer else { return }
        exchange = .offered(offer)
        halfOpen = dialog.halfOpen
        reserved = dialog.reserved
    }

    /// An offer inside an early dialog was refused.
    ///
    /// - Returns: whether there was one.
    mutating func rollBackEarly(_ tags: [[UInt8]]) -> Bool {
        guard let tag = tags.first(where: { early[$0]?.offer != nil }) else { return false }
        early[tag]?.offer = nil
        early[tag]?.halfOpen = []
        early[tag]?.reserved = []
        return true
    }

    /// The INVITE is being cancelled: nothing is open for its offer, but a 2xx that crosses the CANCEL still answers it.
    mutating func suspendOffer() {
        early = [:]
        halfOpen = []
        reserved = []
    }

    /// One early dialog is over. When it was the last, nobody may send to the offer's endpoints until another one answers it.
    ///
    /// - Parameter isTranslated: whether their external endpoints stay.
    mutating func leaveEarly(_ tag: [UInt8], isLast: Bool, isTranslated: Bool) {
        early[tag] = nil
        if isLast { closeHalfOpen(isTranslated: isTranslated) }
    }

    /// An INVITE has failed, and with it what was agreed on early.
    ///
    /// - Parameter isItsOwn: whether the open offer is the INVITE's or one in a response to it.
    mutating func inviteFailed(isItsOwn: Bool) {
        early = [:]
        if isItsOwn { rollBack() }
    }

    /// The offer was refused: what was open before it stays (RFC 6141), what it asked for goes.
    mutating func rollBack() { settle(on: stable, stableDirect) }

    /// What was agreed on cannot be had, and what was open before is agreed on no more.
    mutating func abandonMedia() { settle(on: [], []) }

    private mutating func settle(on paths: [AgreedPath], _ direct: [Endpoint]) {
        stable = paths
        stableDirect = direct
        early = [:]
        halfOpen = []
        reserved = []
        exchange = .settled
    }
}
