import SDPText
import SIPText
import Wire

/// Offer and answer of the one audio stream of a call (RFC 3264).
struct Negotiation: Equatable, Sendable {
    private var builder: SDPBuilder
    /// The description that was sent last.
    private(set) var local: [UInt8]?
    /// The description of the peer that holds.
    private(set) var remote: SessionDescription?
    /// An offer of ours that waits for its answer.
    private var pendingOffer: SessionDescription?
    var isOfferPending: Bool { pendingOffer != nil }
    /// Where the peer wants its packets; nil while no stream is agreed on, or the peer's address is the unspecified one:
    /// an older way to put a call on hold (RFC 3264 section 8.4).
    private(set) var target: MediaTarget?

    init(address: IPAddress, port: UInt16, sessionID: UInt64, formats: [SDPBuilder.AudioFormat]) {
        // sess-id fits in what readers take for a signed number.
        builder = SDPBuilder(address: address, port: port, sessionID: sessionID >> 1, formats: formats)
    }

    /// A description to be offered. A later one has the next version (RFC 3264 section 8).
    mutating func offer() -> [UInt8] {
        if local != nil { builder.version += 1 }
        let bytes = builder.offer()
        local = bytes
        pendingOffer = try? SessionDescription(parsing: bytes)
        return bytes
    }

    /// Answers an offer.
    ///
    /// - Returns: nil when no stream of it can be taken: 488.
    mutating func answer(to offer: SessionDescription) -> [UInt8]? {
        var candidate = builder
        guard var answer = candidate.answer(to: offer) else { return nil }
        if let local, local != answer.bytes {
            candidate.version += 1
            guard let next = candidate.answer(to: offer) else { return nil }
            answer = next
        }
        guard let own = try? SessionDescription(parsing: answer.bytes),
            let pairs = try? OfferAnswer(offer: offer, answer: own)
        else { return nil }
        builder = candidate
        local = answer.bytes
        remote = offer
        target = pairs.streams.first.map {
            Self.target($0.offerer, offer.media[$0.index], answer.format)
        }
        return answer.bytes
    }

    /// Takes the answer to the own offer.
    ///
    /// - Parameter isFinal: whether it stands in a final response; one in a provisional response is a preview, and may
    ///   be of another callee than the one that answers in the end (RFC 3261 section 13.2.1).
    /// - Returns: false when it is no answer to it, or agrees on no stream.
    mutating func take(answer: SessionDescription, isFinal: Bool) -> Bool {
        guard let offer = pendingOffer, let pairs = try? OfferAnswer(offer: offer, answer: answer) else { return false }
        guard let stream = pairs.streams.first else {
            let isHeld = zip(offer.media, answer.media).contains { $0.port != 0 && $1.target == .held }
            if isHeld { accept(answer, nil, isFinal: isFinal) }
            return isHeld
        }
        let media = answer.media[stream.index]
        let known = builder.formats
        let format = media.formats.compactMap { token in
            known.first { Array(answer.octets(token)) == Array("\($0.rawValue)".utf8) }
        }.first
        guard let format else { return false }
        accept(answer, Self.target(stream.answerer, media, format), isFinal: isFinal)
        return true
    }

    private mutating func accept(_ answer: SessionDescription, _ target: MediaTarget?, isFinal: Bool) {
        remote = answer
        self.target = target
        if isFinal { pendingOffer = nil }
    }

    private static func target(
        _ side: StreamSide, _ media: MediaDescription, _ format: SDPBuilder.AudioFormat
    ) -> MediaTarget {
        MediaTarget(
            rtp: side.rtp, rtcp: side.rtcp, format: format, sends: media.direction.receives,
            receives: media.direction.sends)
    }
}
