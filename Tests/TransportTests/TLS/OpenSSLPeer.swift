import Glibc
import Lab
import Wire

/// `openssl s_client` or `s_server`: the other end of a connection. Its standard input is a FIFO that the test writes.
final class OpenSSLPeer {
    private let child: Child
    private let input: Int32

    init(_ name: String, directory: String, _ arguments: [String]) throws {
        let fifo = "\(directory)/\(name).in"
        guard mkfifo(fifo, 0o600) == 0 else { throw Command.Failure(description: "mkfifo \(fifo): errno \(errno)") }
        // Open for reading and writing: it never ends for the program, whoever writes.
        child = try Child(
            name, ["sh", "-c", "exec openssl \"$@\" <>\(fifo)", "openssl"] + arguments, directory: directory)
        input = open(fifo, O_RDWR | O_CLOEXEC)
    }

    deinit {
        close(input)
        child.stop()
    }

    /// A client of an endpoint.
    static func client(
        _ name: String, directory: String, of endpoint: Endpoint, trust: String, _ more: [String] = []
    ) throws -> OpenSSLPeer {
        try OpenSSLPeer(
            name, directory: directory,
            ["s_client", "-connect", "\(endpoint)", "-CAfile", trust, "-verify_return_error"] + more)
    }

    /// A server on a port that is free; it listens when this returns.
    static func server(
        _ name: String, directory: String, _ files: TestAuthority.Files, _ more: [String] = []
    ) throws -> (peer: OpenSSLPeer, endpoint: Endpoint) {
        let peer = try OpenSSLPeer(
            name, directory: directory,
            ["s_server", "-accept", "127.0.0.1:0", "-cert", files.certificate, "-key", files.key] + more)
        try peer.expect("ACCEPT 127.0.0.1:")
        let port = peer.text.split(separator: "ACCEPT 127.0.0.1:").last?.prefix { $0.isNumber }
        guard let port = port.flatMap({ UInt16($0) }) else { throw Command.Failure(description: peer.text) }
        return (peer, Endpoint(.v4(0x7F00_0001), port))
    }

    /// Types a text.
    func type(_ octets: [UInt8]) { _ = write(input, octets, octets.count) }

    func expect(_ text: String) throws { try child.expect(text) }

    func stop() { child.stop() }

    var text: String { child.text }

    /// Waits for its end.
    func end() -> Int32? { child.wait(seconds: 10) }
}
