public import Wire

/// Cuts a stream into frames and reads them, however the stream was split.
///
/// Feed what arrived with `append`, then call `next` until it gives nil. After an error the stream has no frame
/// boundary any more: every further call throws the same error, and the connection must be closed.
public struct FrameDecoder: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0
    private var failure: ParseError?

    /// A decoder at the start of a stream.
    public init() {}

    /// Octets that are held and not yet read; never more than a frame and what was appended last.
    public var bufferedOctets: Int { buffer.count - start }

    /// Takes what arrived.
    public mutating func append(_ bytes: Span<UInt8>) {
        guard failure == nil else { return }
        if start == buffer.count {
            buffer.removeAll(keepingCapacity: true)
        } else if start > 0 {
            buffer.removeSubrange(..<start)
        }
        start = 0
        bytes.withUnsafeBufferPointer { buffer.append(contentsOf: $0) }
    }

    /// The next frame, or nil when more octets are needed.
    ///
    /// - Throws: the fault, with its offset from the start of the frame (its length field included).
    public mutating func next() throws(ParseError) -> GateFrame? {
        if let failure { throw failure }
        do throws(ParseError) {
            return try read()
        } catch {
            failure = error
            buffer = []
            start = 0
            throw error
        }
    }

    private mutating func read() throws(ParseError) -> GateFrame? {
        guard buffer.count - start >= 4 else { return nil }
        var length = 0
        for index in 0..<4 { length = length << 8 | Int(buffer[start + index]) }
        guard length >= GateFrame.headerOctets else { throw ParseError(.truncated, in: "frame length", at: 0) }
        guard length <= GateLimits.frameOctets else { throw ParseError(.tooLong, in: "frame length", at: 0) }
        guard buffer.count - start - 4 >= length else { return nil }
        let frame = try Self.decode(buffer.span.extracting(start..<(start + 4 + length)))
        start += 4 + length
        return frame
    }

    /// Reads one whole frame, its length field included.
    static func decode(_ bytes: Span<UInt8>) throws(ParseError) -> GateFrame {
        var cursor = Cursor(bytes, at: 4)
        let code = try cursor.integer(UInt8.self, in: "kind")
        guard let kind = GateFrame.Kind(rawValue: code) else {
            throw ParseError(.unsupported, in: "kind", at: cursor.offset - 1)
        }
        let id = try cursor.integer(UInt32.self, in: "request id")
        let body = try cursor.body(kind)
        guard cursor.isAtEnd else { throw ParseError(.inconsistent, in: "frame length", at: cursor.offset) }
        return GateFrame(id: id, body)
    }
}
