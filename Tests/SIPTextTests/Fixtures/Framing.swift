import Corpus
import SIPText
import Wire

/// What a `StreamFramer` made of a stream.
struct Framing: Equatable {
    var frames: [StreamFramer.Frame] = []
    var error: ParseError?
    /// Octets left over, when there was no error.
    var buffered = 0

    /// Feeds the octets in pieces of the sizes given, the last one over and over, and takes out what there is in between.
    static func stream(_ octets: [UInt8], in sizes: [Int]) -> Framing {
        var framing = Framing()
        var framer = StreamFramer()
        var position = 0
        var piece = 0
        while position < octets.count, framing.error == nil {
            let end = min(position + sizes[min(piece, sizes.count - 1)], octets.count)
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

    func matches(_ expected: Fixture.Stream, _ octets: [UInt8]) -> Bool {
        switch expected {
        case .whole: self == Framing(frames: [.message(octets)])
        case .frames(let count): error == nil && buffered == 0 && frames.count == count
        case .incomplete: self == Framing(buffered: octets.count)
        case .error(let code): frames.isEmpty && error?.code == code
        }
    }
}
