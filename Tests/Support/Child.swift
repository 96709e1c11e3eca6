import Glibc

/// A program that runs beside the test, in a namespace, until the test ends it. It is killed with the object.
public final class Child {
    public let process: Int32
    private let output: Int32
    private var collected: [UInt8] = []
    private var status: Int32?

    /// A program of this package, by its name: it lies beside the test bundle.
    public static func product(_ name: String) -> String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &path, path.count - 1)
        let own = String(decoding: path.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return own.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/" + name
    }

    /// Starts the program; both its output streams can be read with `waitForLine`.
    public init(_ arguments: [String], in namespace: Namespace) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Command.Failure(description: "pipe: errno \(errno)") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        posix_spawn_file_actions_addclose(&actions, ends[1])
        var vector = (["ip", "netns", "exec", namespace.name] + arguments).map { strdup($0) }
        defer { for argument in vector { free(argument) } }
        vector.append(nil)
        var child: pid_t = 0
        let code = posix_spawnp(&child, "ip", &actions, nil, vector, environ)
        close(ends[1])
        guard code == 0 else {
            close(ends[0])
            throw Command.Failure(description: "cannot start \(arguments): errno \(code)")
        }
        process = child
        output = ends[0]
    }

    deinit {
        if status == nil {
            kill(process, SIGKILL)
            _ = wait()
        }
        close(output)
    }

    /// Everything that was written until now and read by `waitForLine` or `wait`.
    public var text: String { String(decoding: collected, as: UTF8.self) }

    /// Waits until the output has a line with this in it.
    ///
    /// - Throws: when the program ends before, or after ten seconds.
    public func waitForLine(_ part: String) throws {
        while !text.split(separator: "\n").contains(where: { $0.contains(part) }) {
            guard readMore(milliseconds: 10_000) else {
                throw Command.Failure(description: "no line with \"\(part)\" in: \(text)")
            }
        }
    }

    /// Sends a signal.
    public func signal(_ number: Int32) { kill(process, number) }

    /// Waits for the end and gives the exit code, or 128 plus the signal.
    public func wait() -> Int32 {
        if let status { return status }
        while readMore(milliseconds: 10_000) {}
        var code: Int32 = 0
        while waitpid(process, &code, 0) < 0, errno == EINTR {}
        let result = Command.exitCode(code)
        status = result
        return result
    }

    /// - Returns: false at the end of the output, or when nothing came in time.
    private func readMore(milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds) > 0 else { return false }
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = read(output, &chunk, chunk.count)
        guard count > 0 else { return false }
        collected += chunk[..<count]
        return true
    }
}
