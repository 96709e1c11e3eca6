import CLinux
import Glibc
import Lab
import Wire

/// A socket of a host in a test that knows nothing of SIP: what is sent is what a test wrote, octet for octet.
final class PlainSocket {
    enum Kind { case udp, tcp }

    let descriptor: Int32

    /// Opens and binds the socket; port 0 is any.
    init(_ kind: Kind, _ own: Endpoint, in namespace: Namespace) throws {
        let type = kind == .udp ? SOCK_DGRAM : SOCK_STREAM
        descriptor = try namespace.run { socket(AF_INET, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0) }
        guard descriptor >= 0 else { throw Command.Failure(description: "socket: errno \(errno)") }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        if kind == .tcp {
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        guard Self.with(own, { bind(descriptor, $0, $1) }) == 0 else {
            throw Command.Failure(description: "bind \(own): errno \(errno)")
        }
    }

    private init(accepted descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// A connection that is made.
    convenience init(from own: Endpoint, to other: Endpoint, in namespace: Namespace) throws {
        try self.init(.tcp, own, in: namespace)
        guard Self.with(other, { connect(descriptor, $0, $1) }) == 0 else {
            throw Command.Failure(description: "connect \(other): errno \(errno)")
        }
    }

    /// Lets others connect.
    func listen() throws {
        guard Glibc.listen(descriptor, 16) == 0 else { throw Command.Failure(description: "listen: errno \(errno)") }
    }

    /// The next connection that another end makes; nil when none came in time.
    func accept(milliseconds: Int32 = 5_000) -> PlainSocket? {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds) > 0 else { return nil }
        let connection = Glibc.accept(descriptor, nil, nil)
        return connection < 0 ? nil : PlainSocket(accepted: connection)
    }

    static func with<Value>(_ endpoint: Endpoint, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = endpoint.port.bigEndian
        if case .v4(let value) = endpoint.address { address.sin_addr.s_addr = value.bigEndian }
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// Octets on a connection.
    ///
    /// - Returns: whether the other end was still there.
    @discardableResult
    func send(_ text: String) -> Bool {
        var octets = Array(text.utf8)[...]
        while !octets.isEmpty {
            let count = octets.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            octets = octets.dropFirst(count)
        }
        return true
    }

    /// One datagram.
    @discardableResult
    func send(_ octets: [UInt8], to other: Endpoint) -> Bool {
        Self.with(other) { sendto(descriptor, octets, octets.count, 0, $0, $1) } == octets.count
    }

    @discardableResult
    func send(_ text: String, to other: Endpoint) -> Bool { send(Array(text.utf8), to: other) }

    /// The next octets or datagram; nil when none came in time, empty at the end of a connection.
    func receive(milliseconds: Int32 = 2_000) -> String? {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    /// What comes until the other end closes; nil when it does not.
    func receiveToEnd(milliseconds: Int32 = 5_000) -> String? {
        var text = ""
        while let more = receive(milliseconds: milliseconds) {
            if more.isEmpty { return text }
            text += more
        }
        return nil
    }

    /// The next datagram and whence it came.
    func receiveFrom(milliseconds: Int32) -> (text: String, source: Endpoint)? {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &buffer, buffer.count, 0, $0, &size)
            }
        }
        guard count > 0 else { return nil }
        return (
            String(decoding: buffer[..<count], as: UTF8.self),
            Endpoint(.v4(UInt32(bigEndian: address.sin_addr.s_addr)), UInt16(bigEndian: address.sin_port))
        )
    }

    /// Closes with a reset instead of in order.
    func reset() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    }
}
