import SIPText
import Wire

/// What a `StreamFramer` made of a stream.
struct Framing: Equatable {
    var frames: [StreamFramer.Frame] = []
    var error: ParseError?
    /// Octets left over, when there was no error.
    var buffered = 0

    /// Feeds the octets in pieces of the sizes given, over and over, and takes out what there is in between.
    static func stream(_ octets: [UInt8], in sizes: [Int]) -> Framing {
        var framing = Framing()
        var framer = StreamFramer()
        var position = 0
        var piece = 0
        while position < octets.count, framing.error == nil {
            let end = min(position + max(1, sizes[piece % sizes.count]), octets.count)
            framer.append(octets[position..<end])
            position = end
            piece += 1
            do throws(ParseError) {
                while let frame = try framer.next() { framing.frames.append(frame) }
            } catch { framing.error = error }
        }
        framing.buffered = framing.error == nil ? framer.buffered : 0
        return framing
    }
}

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
