public import Glibc

/// A program that runs beside its starter, in a namespace of its own choosing, and ends with it.
///
/// Its output is collected in a file, so that it never waits for a reader.
public final class Child {
    /// The process id.
    public let process: pid_t
    /// What it is called in messages.
    public let name: String
    private let output: String
    private var status: Int32?

    /// A program of this package, by its name: it lies beside the running one.
    public static func product(_ name: String) -> String {
        var path = [CChar](repeating: 0, count: 4_096)
        let length = readlink("/proc/self/exe", &path, path.count)
        let own = String(decoding: path.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/"
            + name
    }

    /// Starts a program found in PATH or by its path.
    ///
    /// - Parameters:
    ///   - name: for messages and the name of the output file.
    ///   - namespace: where it runs; nil is the starter's own.
    ///   - directory: where the output file is made.
    ///   - diesWithStarter: the kernel kills it when the starting thread ends, for starters that may be killed
    ///     themselves; not for threads that come and go.
    public init(
        _ name: String, _ arguments: [String], in namespace: Namespace? = nil, directory: String,
        diesWithStarter: Bool = false
    ) throws {
        self.name = name
        output = "\(directory)/\(name).out"
        var line: [String] = diesWithStarter ? ["setpriv", "--pdeathsig", "KILL"] : []
        if let namespace { line += ["ip", "netns", "exec", namespace.name] }
        line += arguments
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        Descriptors.close(in: &actions)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own: Ctrl-C reaches the starter, which ends its children in order. No signal stays blocked.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        var vector: [UnsafeMutablePointer<CChar>?] = line.map { strdup($0) }
        defer { for argument in vector { free(argument) } }
        vector.append(nil)
        var child: pid_t = 0
        let code = posix_spawnp(&child, line[0], &actions, &attributes, vector, environ)
        guard code == 0 else {
            throw Command.Failure(description: "cannot start \(name): \(String(cString: strerror(code)))")
        }
        process = child
    }

    deinit {
        guard isRunning else { return }
        signal(SIGKILL)
        _ = wait(seconds: 5)
    }

    /// Everything that it wrote so far, both streams.
    public var text: String {
        guard let file = fopen(output, "r") else { return "" }
        defer { fclose(file) }
        var octets: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { return String(decoding: octets, as: UTF8.self) }
            octets += chunk[..<count]
        }
    }

    /// Waits until it has written a text.
    ///
    /// - Throws: when it ends before, or is silent for too long; with what it wrote.
    public func expect(_ wanted: String, seconds: Double = 10) throws {
        for _ in 0..<Int(seconds * 100) {
            if text.contains(wanted) { return }
            guard isRunning else { break }
            usleep(10_000)
        }
        if text.contains(wanted) { return }
        throw Command.Failure(description: "\(name) did not write “\(wanted)”; it wrote:\n\(text)")
    }

    /// Whether it has not ended yet.
    public var isRunning: Bool {
        if status != nil { return false }
        var raw: Int32 = 0
        guard waitpid(process, &raw, WNOHANG) == process else { return true }
        status = Command.exitCode(raw)
        return false
    }

    /// Sends a signal, unless the program is known to have ended.
    public func signal(_ number: Int32) { if status == nil { kill(process, number) } }

    /// Waits for its end: the exit code, or 128 and the signal; nil when it still runs after that time.
    public func wait(seconds: Double) -> Int32? {
        for _ in 0..<Int(seconds * 100) {
            if !isRunning { return status }
            usleep(10_000)
        }
        return status
    }

    /// Asks it to end, waits, and kills it when it does not.
    @discardableResult
    public func stop(seconds: Double = 5) -> Int32? {
        guard isRunning else { return status }
        signal(SIGTERM)
        if let status = wait(seconds: seconds) { return status }
        signal(SIGKILL)
        return wait(seconds: seconds)
    }
}
