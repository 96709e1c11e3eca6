import GateProtocol
import Glibc

/// A connection to `sekisho-gated` that asks and waits.
struct GateConnection {
    struct Failure: Error {
        let what: String
    }

    private let descriptor: Int32
    private var decoder = FrameDecoder()
    private var nextID: UInt32 = 0
    private var buffer = [UInt8](repeating: 0, count: 65_540)

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let octets = Array(path.utf8)
        guard octets.count < MemoryLayout.size(ofValue: address.sun_path) else { throw Failure(what: "path too long") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: octets) }
        let code = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else { throw Failure(what: "cannot connect to \(path): errno \(errno)") }
        guard case .welcome = try ask(.hello(version: GateFrame.version)) else { throw Failure(what: "no welcome") }
    }

    /// Sends a request and waits for its reply.
    mutating func ask(_ request: GateRequest) throws -> GateReply {
        nextID &+= 1
        var output: [UInt8] = []
        try FrameEncoder.append(.request(request, id: nextID), to: &output)
        guard send(descriptor, output, output.count, 0) == output.count else { throw Failure(what: "cannot send") }
        while true {
            if let frame = try decoder.next() {
                guard case .reply(let reply) = frame.body, frame.id == nextID else {
                    throw Failure(what: "other frame")
                }
                return reply
            }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { throw Failure(what: "the gate closed the connection") }
            let octets = buffer
            decoder.append(octets.span.extracting(..<count))
        }
    }

    /// Sends a request that must be completed.
    mutating func complete(_ request: GateRequest) throws {
        let reply = try ask(request)
        switch reply {
        case .completed, .bound, .closed: return
        case .refused, .renewed, .listed, .welcome: throw Failure(what: "\(request): \(reply)")
        }
    }
}
