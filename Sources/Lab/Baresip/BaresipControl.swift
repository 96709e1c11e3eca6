import Glibc
import Wire

/// The connection to a baresip's `ctrl_tcp` module: JSON objects in netstrings, commands one way, answers and events the
/// other.
final class BaresipControl {
    private let descriptor: Int32
    private var received: [UInt8] = []

    /// Connects to the port, on loopback, as soon as baresip listens there.
    init(port: UInt16, in namespace: Namespace, seconds: Double) throws {
        guard let loopback = IPAddress("127.0.0.1") else { throw Command.Failure(description: "no loopback") }
        descriptor = try namespace.run {
            for _ in 0..<Int(seconds * 50) {
                let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
                let address = SocketAddress(Endpoint(loopback, port))
                if address.withPointer({ connect(descriptor, $0, $1) }) == 0 { return descriptor }
                close(descriptor)
                usleep(20_000)
            }
            throw Command.Failure(description: "baresip does not take commands at port \(port)")
        }
    }

    deinit { close(descriptor) }

    /// Gives a command of baresip's menu; its answer comes with the events.
    func send(_ command: String, _ parameters: String) throws {
        let text = "{\"command\":\"\(command)\",\"params\":\"\(parameters)\"}"
        let octets = Array("\(text.utf8.count):\(text),".utf8)
        guard Glibc.send(descriptor, octets, octets.count, Int32(MSG_NOSIGNAL)) == octets.count else {
            throw Command.Failure(description: "baresip has closed its control connection: errno \(errno)")
        }
    }

    /// Everything that it said so far.
    var text: String {
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return String(decoding: received, as: UTF8.self) }
            received += chunk[..<count]
        }
    }
}
