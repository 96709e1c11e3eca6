public import SIPText
public import Wire

/// What a `StreamFramer` made of a stream.
public struct Framing: Equatable, Sendable {
    /// The frames, in their order.
    public var frames: [StreamFramer.Frame] = []
    /// Why the stream ended.
    public var error: ParseError?
    /// Octets left over, when there was no error.
    public var buffered = 0

    /// Frames and an error to compare with.
    public init(frames: [StreamFramer.Frame] = [], error: ParseError? = nil, buffered: Int = 0) {
        self.frames = frames
        self.error = error
        self.buffered = buffered
    }

    /// Feeds the octets in pieces of the sizes given, over and over, and takes out what there is in between.
    public static func stream(_ octets: [UInt8], in sizes: [Int]) -> Framing {
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

    /// Whether it is what a fixture says.
    public func matches(_ expected: Fixture.Stream, _ octets: [UInt8]) -> Bool {
        switch expected {
        case .whole: self == Framing(frames: [.message(octets)])
        case .frames(let count): error == nil && buffered == 0 && frames.count == count
        case .incomplete: self == Framing(buffered: octets.count)
        case .error(let code): frames.isEmpty && error?.code == code
        }
    }
}
