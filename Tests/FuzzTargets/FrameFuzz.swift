import GateProtocol
import Wire

/// Frames between the daemons: the first four octets say in which pieces they come; what is read is written as it came.
enum FrameFuzz {
    private struct Reading: Equatable {
        var frames: [GateFrame] = []
        var error: ParseError?
    }

    @Sendable static func fault(_ octets: [UInt8]) -> String? {
        guard octets.count > 4 else { return nil }
        let sizes = octets.prefix(4).map { Int($0) + 1 }
        let stream = Array(octets.dropFirst(4))
        let whole = read(stream, in: [stream.count])
        guard read(stream, in: sizes) == whole else { return "pieces of \(sizes) give other frames" }
        var written: [UInt8] = []
        for frame in whole.frames {
            do throws(ParseError) { try FrameEncoder.append(frame, to: &written) } catch {
                return "what was read cannot be written: \(error)"
            }
        }
        return written == Array(stream.prefix(written.count)) ? nil : "written otherwise than it came"
    }

    private static func read(_ stream: [UInt8], in sizes: [Int]) -> Reading {
        var reading = Reading()
        var decoder = FrameDecoder()
        var position = 0
        var piece = 0
        while position < stream.count, reading.error == nil {
            let end = min(position + max(1, sizes[piece % sizes.count]), stream.count)
            let part = Array(stream[position..<end])
            decoder.append(part.span)
            position = end
            piece += 1
            do throws(ParseError) {
                while let frame = try decoder.next() { reading.frames.append(frame) }
            } catch { reading.error = error }
        }
        return reading
    }
}
