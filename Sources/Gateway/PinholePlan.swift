import GateProtocol
import SDPText
import Wire

/// From SDP to holes: which endpoints an offer opens, which paths offer and answer name together.
enum PinholePlan {
    /// The endpoints of an offer, RTP and RTCP, each once. A stream over TCP beside others goes by no hole, and the site's
    /// own rules decide about it.
    ///
    /// - Parameters:
    ///   - signalling: where the offerer's signalling comes from: inside, media may come from nowhere else.
    ///   - direct: inside addresses that a party outside may name; nothing is opened for them.
    /// - Throws: `Rejection` when a stream names what no hole may lead to.
    static func offered(
        _ offer: SessionDescription, side: Side, signalling: IPAddress, direct: Set<IPAddress>, policy: PinholePolicy
    ) throws(Rejection) -> [Endpoint] {
        var endpoints: [Endpoint] = []
        let hasOthers = offer.targets.contains { $0 != .unsupported(.transport) && $0 != .rejected }
        for target in offer.targets {
            switch target {
            case .rejected, .held: continue
            case .unsupported(.transport) where hasOthers: continue
            case .unsupported(let why): throw .notAcceptable("\(why.phrase)")
            case .transport(let rtp, let rtcp):
                for endpoint in [rtp, rtcp].compactMap({ $0 }) {
                    if side == .outside, direct.contains(endpoint.address) { continue }
                    try check(endpoint, side: side, signalling: signalling, policy: policy)
                    if !endpoints.contains(endpoint) { endpoints.append(endpoint) }
                }
            }
        }
        if let refusal = policy.refusal(Holes(halfOpen: side == .inside ? endpoints : [])) { throw Rejection(refusal) }
        return endpoints
    }

    /// The paths that an offer and its answer agree on.
    ///
    /// - Parameters:
    ///   - inside: where the signalling of the inside party comes from.
    ///   - direct: inside addresses that the party outside may name; nothing is opened for them.
    /// - Throws: `Rejection` when the answer does not fit, or names what no hole may lead to.
    static func answered(
        offer: SessionDescription, answer: SessionDescription, offererSide: Side, inside: IPAddress,
        direct: Set<IPAddress>, policy: PinholePolicy
    ) throws(Rejection) -> [MediaPath] {
        let exchange: OfferAnswer
        do {
            exchange = try OfferAnswer(offer: offer, answer: answer)
        } catch {
            throw .notAcceptable("the answer does not fit the offer: \(error)")
        }
        for (offered, target) in zip(offer.targets, answer.targets) {
            guard case .unsupported(let why) = target, offered != .rejected, offered != target else { continue }
            throw .notAcceptable("\(why.phrase)")
        }
        var paths: [MediaPath] = []
        for stream in exchange.streams {
            let (near, far) =
                offererSide == .inside ? (stream.offerer, stream.answerer) : (stream.answerer, stream.offerer)
            var ends = [(near.rtp, far.rtp)]
            if let nearRTCP = near.rtcp, let farRTCP = far.rtcp { ends.append((nearRTCP, farRTCP)) }
            for (insideEnd, outsideEnd) in ends {
                if direct.contains(outsideEnd.address) { continue }
                try check(insideEnd, side: .inside, signalling: inside, policy: policy)
                try check(outsideEnd, side: .outside, signalling: inside, policy: policy)
                let path = MediaPath(inside: insideEnd, outside: outsideEnd)
                if !paths.contains(path) { paths.append(path) }
            }
        }
        if let refusal = policy.refusal(Holes(paths: paths)) { throw Rejection(refusal) }
        return paths
    }

    private static func check(
        _ endpoint: Endpoint, side: Side, signalling: IPAddress, policy: PinholePolicy
    ) throws(Rejection) {
        switch side {
        case .inside:
            if let refusal = policy.refusal(inside: endpoint) { throw Rejection(refusal) }
            guard endpoint.address == signalling else {
                throw .forbidden("\(endpoint): media may come from the phone's own address only, \(signalling)")
            }
        case .outside:
            if let refusal = policy.refusal(outside: endpoint) { throw Rejection(refusal) }
        }
    }
}
