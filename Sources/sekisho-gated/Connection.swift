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
    /// Changes that are done together, at most.
    private static let maximumTogether = 64

    private var decoder = FrameDecoder()
    /// Requests that were read and are not done, with the ids of their frames.
    private var requests: [GateRequest] = []
    private var ids: [UInt32] = []
    private var output: [UInt8] = []
    private var isGreeted = false
    /// Set after a reply that ends the connection; it closes when that is sent.
    private var farewell: String?

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Whether output waits for the peer.
    var wantsToWrite: Bool { !output.isEmpty }

    /// Reads what came and answers every whole request.
    ///
    /// - Parameters:
    ///   - buffer: room for `readOctets`; its contents do not matter.
    ///   - handle: gives a reply for each request.
    mutating func read(into buffer: inout [UInt8], _ handle: ([GateRequest]) -> [GateReply]) -> Fate {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 {
            let code = errno
            return code == EAGAIN || code == EINTR ? .open : .closed("receive: errno \(code)")
        }
        guard count > 0 else { return .closed("by the peer") }
        decoder.append(buffer.span.extracting(..<count))
        do throws(ParseError) {
            while farewell == nil, let frame = try decoder.next() {
                try take(frame, handle)
                if output.count > Self.maximumOutput, case .closed(let reason) = write() { return .closed(reason) }
            }
            try answer(handle)
        } catch {
            // What came before the fault is done.
            try? answer(handle)
            return .closed("protocol: \(error.description)")
        }
        return write()
    }

    private mutating func take(
        _ frame: GateFrame, _ handle: ([GateRequest]) -> [GateReply]
    ) throws(ParseError) {
        guard case .request(let request) = frame.body else { throw ParseError(.unsupported, in: "kind", at: 4) }
        if case .hello(let version) = request {
            if version == GateFrame.version { isGreeted = true } else { farewell = "protocol version \(version)" }
        } else if !isGreeted {
            farewell = "request before hello"
            return try FrameEncoder.append(.reply(.refused(GateRefusal(.notReady)), id: frame.id), to: &output)
        }
        switch request {
        case .openFromAny, .narrow, .close:
            requests.append(request)
            ids.append(frame.id)
            if requests.count == Self.maximumTogether { try answer(handle) }
        // A renewal takes its time and has its own reading of the clock; the reply to a list is long, and there is never
        // more than one before what is waiting to go out is looked at.
        case .hello, .renew, .list:
            try answer(handle)
            requests.append(request)
            ids.append(frame.id)
            try answer(handle)
        }
    }

    /// Has what was taken done, and appends the replies.
    private mutating func answer(_ handle: ([GateRequest]) -> [GateReply]) throws(ParseError) {
        guard !requests.isEmpty else { return }
        defer {
            requests.removeAll(keepingCapacity: true)
            ids.removeAll(keepingCapacity: true)
        }
        for (id, reply) in zip(ids, handle(requests)) { try FrameEncoder.append(.reply(reply, id: id), to: &output) }
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
