import GateProtocol
import Glibc
import Lab
import Wire

/// The asking side of a connection to a gate that runs as a process of its own.
final class GateClient {
    private let descriptor: Int32
    private var decoder = FrameDecoder()
    private var nextID: UInt32 = 1

    init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let code = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else { throw Command.Failure(description: "connect \(path): errno \(errno)") }
        var timeout = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// Sends octets as they are; false when the gate has closed the connection.
    @discardableResult
    func send(_ octets: [UInt8]) -> Bool {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count < 0, errno == EAGAIN {
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                guard poll(&entry, 1, 5000) > 0 else { return false }
                continue
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// The next reply; nil when the gate has closed the connection.
    func receive() throws -> GateReply? {
        guard case .reply(let reply)? = try receiveFrame()?.body else { return nil }
        return reply
    }

    /// The next reply with its id; nil when the gate has closed the connection.
    func receiveFrame() throws -> GateFrame? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            if let frame = try decoder.next() { return frame }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            decoder.append(buffer.span.extracting(..<count))
        }
    }

    /// Asks and waits for the reply.
    func ask(_ request: GateRequest) throws -> GateReply? {
        var octets: [UInt8] = []
        try FrameEncoder.append(.request(request, id: nextID), to: &octets)
        nextID += 1
        return send(octets) ? try receive() : nil
    }
}
