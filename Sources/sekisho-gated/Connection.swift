import GateProtocol
import Glibc
import Wire

/// One connection: what came in and is not read, what is to go out and has not gone.
struct Connection {
    /// Octets that may wait for a peer that does not read: four of the largest replies, beside what the socket's own
    /// buffer takes. Who asks for more without reading is closed.
    private static let maximumOutput = 4 * (GateLimits.frameOctets + 4)
    /// Octets read at once.
    static let readOctets = 65_536

    /// What became of the connection.
    enum Fate {
        case open
        case closed(String)
    }

    let descriptor: Int32
    private var decoder = FrameDecoder()
    private var output: [UInt8] = []
    private var isGreeted = false
    /// Set after a reply that ends the connection; it closes when that is sent.
    private var farewell: String?

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Whether output waits for the peer.
    var wantsToWrite: Bool { !output.isEmpty }

    /// Reads what came and answers every whole request.
    ///
    /// - Parameter buffer: room for `readOctets`; its contents do not matter.
    mutating func read(into buffer: inout [UInt8], _ handle: (GateRequest) -> GateReply) -> Fate {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 {
            let code = errno
            return code == EAGAIN || code == EINTR ? .open : .closed("receive: errno \(code)")
        }
        guard count > 0 else { return .closed("by the peer") }
        decoder.append(buffer.span.extracting(..<count))
        do throws(ParseError) {
            while farewell == nil, let frame = try decoder.next() {
                try answer(frame, handle)
                if output.count > Self.maximumOutput, case .closed(let reason) = write() { return .closed(reason) }
            }
        } catch {
            return .closed("protocol: \(error.description)")
        }
        return write()
    }

    private mutating func answer(_ frame: GateFrame, _ handle: (GateRequest) -> GateReply) throws(ParseError) {
        guard case .request(let request) = frame.body else { throw ParseError(.unsupported, in: "kind", at: 4) }
        if case .hello(let version) = request {
            if version == GateFrame.version { isGreeted = true } else { farewell = "protocol version \(version)" }
        } else if !isGreeted {
            farewell = "request before hello"
            return try FrameEncoder.append(.reply(.refused(GateRefusal(.notReady)), id: frame.id), to: &output)
        }
        try FrameEncoder.append(.reply(handle(request), id: frame.id), to: &output)
    }

    /// Sends what the peer takes.
    mutating func write() -> Fate {
        if !output.isEmpty {
            let count = send(descriptor, output, output.count, Int32(MSG_NOSIGNAL))
            if count < 0, errno != EAGAIN, errno != EINTR { return .closed("send: errno \(errno)") }
            if count == output.count {
                output.removeAll(keepingCapacity: true)
            } else if count > 0 {
                output.removeSubrange(..<count)
            }
        }
        if output.count > Self.maximumOutput { return .closed("the peer does not read its replies") }
        if output.isEmpty, let farewell { return .closed(farewell) }
        return .open
    }
}
