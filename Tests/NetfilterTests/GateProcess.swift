import GateProtocol
import Glibc
import Lab

/// A gate that runs as a process of its own, in a testbed.
final class GateProcess {
    let testbed: GatewayTestbed
    /// The socket that it listens on.
    let path: String
    private let directory: String
    private var starts = 0

    init(_ name: String) throws {
        testbed = try GatewayTestbed(name)
        directory = "/tmp/sekisho-test-\(getpid())-\(name)"
        path = directory + "/gate.sock"
        try Command.output(["mkdir", "-p", directory])
        // The socket's own mode is what is tested.
        try Command.output(["chmod", "755", directory])
    }

    deinit { _ = try? Command.run(["rm", "-r", directory]) }

    /// A program of this package: it lies beside the test bundle.
    private static func product(_ name: String) -> String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &path, path.count - 1)
        let own = String(decoding: path.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return own.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/" + name
    }

    /// Starts a gate.
    ///
    /// - Parameters:
    ///   - program: runs the gate: `env`, `setpriv`.
    ///   - configuration: more lines of the configuration file.
    func start(by program: [String] = [], configuration: String = "") throws -> Child {
        starts += 1
        let file = "\(directory)/\(starts).yaml"
        let text = """
            socket: \(path)
            inside: { interface: lan0, prefixes: [10.1.0.0/24, "fd00:1::/64"] }
            outside: { interface: wan0 }
            forbidden: [10.2.0.77]
            \(configuration.contains("allow_user") ? "" : "allow_user: root")
            \(configuration)

            """
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        defer { close(descriptor) }
        guard write(descriptor, text, text.utf8.count) == text.utf8.count else {
            throw Command.Failure(description: "cannot write \(file): errno \(errno)")
        }
        return try Child(
            "gate\(starts)", program + [Self.product("sekisho-gated"), "--config", file], in: testbed.gateway,
            directory: directory)
    }

    func startReady(configuration: String = "") throws -> Child {
        let child = try start(configuration: configuration)
        try child.expect("ready")
        return child
    }

    /// A connection that has said hello.
    func connect() throws -> GateClient {
        let client = try GateClient(path: path)
        guard case .welcome = try client.ask(.hello(version: GateFrame.version)) else {
            throw Command.Failure(description: "no welcome")
        }
        return client
    }

    func ruleset() throws -> String { try testbed.gateway.command("nft", "list", "ruleset") }
}
