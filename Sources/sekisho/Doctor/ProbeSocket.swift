import Glibc
import Lab
import Wire

/// A UDP or TCP socket of the test, in a namespace.
final class ProbeSocket {
    let endpoint: Endpoint
    private let descriptor: Int32

    /// - Parameter isStream: whether it listens for TCP connections.
    init(_ endpoint: Endpoint, isStream: Bool = false, in namespace: Namespace) throws {
        self.endpoint = endpoint
        descriptor = try namespace.run {
            let descriptor = try Self.open(endpoint, isStream)
            if isStream, listen(descriptor, 4) != 0 {
                close(descriptor)
                throw Command.Failure(description: "listen \(endpoint): \(String(cString: strerror(errno)))")
            }
            return descriptor
        }
    }

    deinit { close(descriptor) }

    private static func open(_ endpoint: Endpoint, _ isStream: Bool) throws -> Int32 {
        let kind = isStream ? SOCK_STREAM : SOCK_DGRAM
        let descriptor = socket(
            endpoint.address.isIPv6 ? AF_INET6 : AF_INET,
            Int32(kind.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw Command.Failure(description: "socket: errno \(errno)") }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard SocketAddress(endpoint).withPointer({ bind(descriptor, $0, $1) }) == 0 else {
            let code = errno
            close(descriptor)
            throw Command.Failure(description: "bind \(endpoint): \(String(cString: strerror(code)))")
        }
        return descriptor
    }

    /// Sends a datagram. That a rule refuses it with an error of ICMP is not known here.
    func send(_ text: String, to destination: Endpoint) {
        let octets = Array(text.utf8)
        _ = SocketAddress(destination).withPointer { sendto(descriptor, octets, octets.count, 0, $0, $1) }
    }

    /// The next datagram and where it comes from; nil when there is none yet.
    func receive() -> (text: String, source: Endpoint)? {
        var octets = [UInt8](repeating: 0, count: 2_048)
        var source = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let count = withUnsafeMutablePointer(to: &source) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &octets, octets.count, 0, $0, &length)
            }
        }
        guard count >= 0, let from = SocketAddress.endpoint(source) else { return nil }
        return (String(decoding: octets[..<count], as: UTF8.self), from)
    }

    /// Begins a TCP connection from an address; what becomes of it, `isConnected` says.
    init(connectingFrom source: Endpoint, to destination: Endpoint, in namespace: Namespace) throws {
        endpoint = source
        descriptor = try namespace.run { try Self.open(source, true) }
        _ = SocketAddress(destination).withPointer { connect(descriptor, $0, $1) }
    }

    /// Whether the connection that it began is there.
    var isConnected: Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&entry, 1, 0) > 0, entry.revents & Int16(POLLHUP | POLLERR) == 0 else { return false }
        var failure: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length) == 0 && failure == 0
    }
}
