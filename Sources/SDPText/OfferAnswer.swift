public import Wire

/// Why two descriptions are not an offer and its answer.
public enum OfferAnswerError: Error, Hashable, Sendable {
    /// The answer must have as many m-lines as the offer (RFC 3264 section 6).
    case mediaCount(offer: Int, answer: Int)
    /// The m-lines at this index are of different media, or of different kinds of transport.
    case mediaMismatch(index: Int)
}

extension OfferAnswerError: CustomStringConvertible {
    /// What does not match, in words fit for a log.
    public var description: String {
        switch self {
        case .mediaCount(let offer, let answer): "answer has \(answer) m-lines where the offer has \(offer)"
        case .mediaMismatch(let index): "m-line \(index) of the answer is not of the kind the offer has there"
        }
    }
}

/// An offer and the answer to it, matched by the index of the m-line (RFC 3264 section 6).
public struct OfferAnswer: Hashable, Sendable {
    /// The streams that both sides accept and that a hole can be opened for, in the order of the m-lines.
    public let streams: [StreamPair]

    /// Matches an answer to its offer.
    ///
    /// - Throws: when the descriptions cannot belong together. A stream that one side refused is not compared.
    public init(offer: SessionDescription, answer: SessionDescription) throws(OfferAnswerError) {
        guard offer.media.count == answer.media.count else {
            throw .mediaCount(offer: offer.media.count, answer: answer.media.count)
        }
        var streams: [StreamPair] = []
        for index in offer.media.indices {
            let (offered, answered) = (offer.media[index], answer.media[index])
            guard offered.port != 0, answered.port != 0 else { continue }
            guard
                offer.octets(offered.kindToken) == answer.octets(answered.kindToken),
                offered.transport.isUDP == answered.transport.isUDP,
                offered.transport.isRTP == answered.transport.isRTP
            else {
                throw .mediaMismatch(index: index)
            }
            if let pair = StreamPair(index: index, offered: offered, answered: answered) { streams.append(pair) }
        }
        self.streams = streams
    }
}

/// Where one side of a stream receives.
public struct StreamSide: Hashable, Sendable {
    /// Where RTP, or whatever the transport carries, is received.
    public let rtp: Endpoint
    /// Nil when RTCP comes to the port of RTP, or not at all.
    public let rtcp: Endpoint?
}

/// One stream that both sides accept.
public struct StreamPair: Hashable, Sendable {
    /// The index of its m-line.
    public let index: Int
    /// As both have it.
    public let kind: MediaKind
    /// As the answer has it.
    public let transport: MediaTransport
    /// Where the side that made the offer receives.
    public let offerer: StreamSide
    /// Where the side that made the answer receives.
    public let answerer: StreamSide
    /// RTP and RTCP share a port: asked for in the offer and agreed to in the answer (RFC 5761 section 5.1.1).
    public let isMuxed: Bool
}

extension StreamPair {
    /// - Returns: nil unless both sides name a place to send to.
    init?(index: Int, offered: MediaDescription, answered: MediaDescription) {
        guard
            case .transport(let offererRTP, let offererRTCP) = offered.target,
            case .transport(let answererRTP, let answererRTCP) = answered.target
        else { return nil }
        self.index = index
        kind = answered.kind
        transport = answered.transport
        isMuxed = offered.transport.isRTP && offered.acceptsMux && answered.acceptsMux
        offerer = StreamSide(rtp: offererRTP, rtcp: isMuxed ? nil : offererRTCP)
        answerer = StreamSide(rtp: answererRTP, rtcp: isMuxed ? nil : answererRTCP)
    }
}

extension MediaDescription {
    var acceptsMux: Bool { isRTCPMux || isRTCPMuxOnly }
}
