import GateProtocol
import SDPText
import Wire

/// From SDP to holes: which endpoints an offer opens, which paths offer and answer name together.
enum PinholePlan {
    /// Endpoints and paths that an offer, or an answer, gets for ICE beside those of c= and m=, all streams together. A session
    /// has `GateLimits.holesPerSession`, of which re-INVITEs and forks need theirs; the pair that ICE agrees on comes into c=
    /// and m= by another offer (RFC 8839 section 4.2.3), and has its path for good then.
    static let candidateEndpoints = 4
    static let candidatePaths = 8

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
                    if side == .outside, direct.contains(endpoint.address) {
                        // Nor may a phone be told to send to another one's signalling.
                        if let refusal = policy.refusal(inside: endpoint) { throw Rejection(refusal) }
                        continue
                    }
                    try check(endpoint, side: side, signalling: signalling, policy: policy)
                    if !endpoints.contains(endpoint) { endpoints.append(endpoint) }
                }
            }
        }
        if let refusal = policy.refusal(Holes(halfOpen: side == .inside ? endpoints : [])) { throw Rejection(refusal) }
        guard side == .inside else { return endpoints }
        // Where ICE may send its checks to, as far as there is room.
        let most = endpoints.count + candidateEndpoints
        for (stream, target) in zip(offer.media, offer.targets) {
            guard case .transport(_, let rtcp) = target else { continue }
            for candidate in candidates(of: stream, hasRTCP: rtcp != nil, side: side, signalling: signalling, policy)
            where endpoints.count < most && !endpoints.contains(candidate.endpoint) {
                endpoints.append(candidate.endpoint)
            }
        }
        return endpoints
    }

    /// The candidates of a stream that a hole may be for. An agent names all of its addresses, most of which nobody shall
    /// reach: those are passed over and refuse nothing.
    private static func candidates(
        of stream: MediaDescription, hasRTCP: Bool, side: Side, signalling: IPAddress, _ policy: PinholePolicy
    ) -> [Candidate] {
        stream.candidates.filter { candidate in
            (hasRTCP || candidate.component == 1)
                && (try? check(candidate.endpoint, side: side, signalling: signalling, policy: policy)) != nil
        }
    }

    /// The paths that ICE may choose instead of the one that c= and m= name: each of one end's candidates with each of the
    /// other's, the first ones first.
    private static func alternatives(
        _ inside: MediaDescription, _ outside: MediaDescription, hasRTCP: Bool, signalling: IPAddress,
        direct: Set<IPAddress>, _ policy: PinholePolicy
    ) -> [MediaPath] {
        let near = candidates(of: inside, hasRTCP: hasRTCP, side: .inside, signalling: signalling, policy)
        let far = candidates(of: outside, hasRTCP: hasRTCP, side: .outside, signalling: signalling, policy)
        var paths: [MediaPath] = []
        for other in far where !direct.contains(other.endpoint.address) {
            for own in near
            where own.component == other.component && own.endpoint.address.isIPv6 == other.endpoint.address.isIPv6 {
                paths.append(MediaPath(inside: own.endpoint, outside: other.endpoint))
            }
        }
        return paths
    }

    /// The paths that an offer and its answer agree on.
    ///
    /// - Parameters:
    ///   - inside: where the signalling of the inside party comes from.
    ///   - direct: inside addresses that the party outside may name; nothing is opened for them.
    /// - Returns: the paths, and inside endpoints whose media goes directly to another phone inside.
    /// - Throws: `Rejection` when the answer does not fit, or names what no hole may lead to.
    static func answered(
        offer: SessionDescription, answer: SessionDescription, offererSide: Side, inside: IPAddress,
        direct: Set<IPAddress>, policy: PinholePolicy
    ) throws(Rejection) -> (paths: [MediaPath], direct: [Endpoint]) {
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
        var directEnds: [Endpoint] = []
        for stream in exchange.streams {
            let (near, far) =
                offererSide == .inside ? (stream.offerer, stream.answerer) : (stream.answerer, stream.offerer)
            var ends = [(near.rtp, far.rtp)]
            if let nearRTCP = near.rtcp, let farRTCP = far.rtcp { ends.append((nearRTCP, farRTCP)) }
            for (insideEnd, outsideEnd) in ends {
                if direct.contains(outsideEnd.address) {
                    if let refusal = policy.refusal(inside: outsideEnd) { throw Rejection(refusal) }
                    try check(insideEnd, side: .inside, signalling: inside, policy: policy)
                    directEnds.append(insideEnd)
                    continue
                }
                try check(insideEnd, side: .inside, signalling: inside, policy: policy)
                try check(outsideEnd, side: .outside, signalling: inside, policy: policy)
                let path = MediaPath(inside: insideEnd, outside: outsideEnd)
                if !paths.contains(path) { paths.append(path) }
            }
        }
        if let refusal = policy.refusal(Holes(paths: paths)) { throw Rejection(refusal) }
        for stream in exchange.streams {
            let (one, other) = (offer.media[stream.index], answer.media[stream.index])
            let (near, far) = offererSide == .inside ? (one, other) : (other, one)
            let all = alternatives(
                near, far, hasRTCP: !stream.isMuxed, signalling: inside, direct: direct, policy)
            let most = paths.count + max(1, candidatePaths / exchange.streams.count)
            for path in all where paths.count < most && !paths.contains(path) { paths.append(path) }
        }
        return (paths, directEnds)
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
