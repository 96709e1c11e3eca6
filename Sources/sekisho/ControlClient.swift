import ControlProtocol
import Glibc
import Wire

/// Asks a running `sekishod` over its control socket.
enum ControlClient {
    /// What the server may take to answer.
    static let patienceSeconds = 5
    /// The longest answer: ten thousand sessions of a few kilobytes each.
    static let maximumOctets = 64 << 20

    /// Why there is no answer.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// How the server says that it is doing, in the answer to that question.
    static func status(in document: [UInt8]) throws -> StatusReport {
        switch try ControlAnswer(json: document.span, to: .status) {
        case .status(let report): return report
        case .refused(let why): throw Failure(description: why)
        case .sessions, .call: throw Failure(description: "the server answered another question")
        }
    }

    /// The sessions in the answer to that question, and how many there are; warns when the gate did not say what is open.
    static func sessions(in document: [UInt8]) throws -> (reports: [SessionReport], total: UInt64) {
        switch try ControlAnswer(json: document.span, to: .sessions) {
        case .sessions(let reports, let total, let gateAnswered):
            if !gateAnswered {
                Terminal.warn(
                    "the gate does not answer: what is open is not known; see systemctl status sekisho-gated")
            }
            return (reports, total)
        case .refused(let why): throw Failure(description: why)
        case .status, .call: throw Failure(description: "the server answered another question")
        }
    }

    /// The answer's document as it came.
    static func ask(_ request: ControlRequest, at path: String) throws -> [UInt8] {
        let descriptor = try connect(to: path)
        defer { close(descriptor) }
        let line = request.line
        guard write(descriptor, line, line.count) == line.count else {
            throw Failure(description: "cannot ask \(path): \(String(cString: strerror(errno)))")
        }
        var document: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count >= 0 else {
                throw Failure(description: "no answer from \(path): \(String(cString: strerror(errno)))")
            }
            if count == 0 { return document }
            document.append(contentsOf: buffer[..<count])
            guard document.count <= maximumOctets else {
                throw Failure(description: "the answer of \(path) has no end")
            }
        }
    }

    /// A connection to a daemon's socket, which gives up waiting after `patienceSeconds`.
    static func connect(to path: String, of daemon: String = "sekishod") throws -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let octets = Array(path.utf8)
        guard octets.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Failure(description: "\(path) is too long for the name of a socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: octets) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "socket: \(String(cString: strerror(errno)))") }
        var patience = timeval(tv_sec: patienceSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw Failure(
                description: "cannot reach \(daemon) at \(path): \(reason); is it running, and may you use the socket?")
        }
        return descriptor
    }
}
