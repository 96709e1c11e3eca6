import Corpus
import SIPText
import Wire

/// A stream of SIP: the first four octets say in which pieces it comes, and it must not matter.
enum StreamFuzz {
    @Sendable static func fault(_ octets: [UInt8]) -> String? {
        guard octets.count > 4 else { return nil }
        let sizes = octets.prefix(4).map { Int($0) + 1 }
        let stream = Array(octets.dropFirst(4))
        let whole = Framing.stream(stream, in: [stream.count])
        guard Framing.stream(stream, in: sizes) == whole else { return "pieces of \(sizes) give other frames" }
        var total = whole.buffered
        for case .message(let frame) in whole.frames {
            total += frame.count
            guard frame.count <= MessageLimits.headOctets + MessageLimits.bodyOctets else {
                return "a frame is too long"
            }
            guard Framing.stream(frame, in: [frame.count]) == Framing(frames: [.message(frame)]) else {
                return "a frame alone is not the same frame"
            }
            // The framer cuts where the parser ends, whatever the parser thinks of the rest.
            guard case .message(let message) = MessageParser.parse(frame, requiresLength: true) else { continue }
            guard message.body.range.upperBound == frame.count || message.body.isEmpty else {
                return "framer and parser end the message at different octets"
            }
        }
        return total <= stream.count ? nil : "more came out than went in"
    }
}
