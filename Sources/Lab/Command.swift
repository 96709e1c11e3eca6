import Glibc

/// A program that is run to its end.
public struct Command: Sendable {
    /// What it ended with and what it wrote, both streams together.
    public struct Result: Sendable {
        /// The exit code, or 128 plus the signal that ended it.
        public let status: Int32
        /// What it wrote to standard output and standard error.
        public let output: String
    }

    /// The program could not be run, or ended otherwise than wanted.
    public struct Failure: Error, CustomStringConvertible {
        /// What went wrong, in words.
        public let description: String

        /// A failure with what went wrong, in words.
        public init(description: String) { self.description = description }
    }

    /// Runs a program found in PATH and waits for its end.
    ///
    /// - Parameters:
    ///   - withErrors: whether what it writes to standard error is part of the output, or lost.
    ///   - limit: octets of output; a program that writes more is killed.
    /// - Throws: when it cannot be started, or writes more.
    public static func run(
        _ arguments: [String], withErrors: Bool = true, limit: Int = .max
    ) throws(Failure) -> Result {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure(description: "pipe: errno \(errno)") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        if withErrors {
            posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        } else {
            posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        }
        posix_spawn_file_actions_addclose(&actions, ends[0])
        posix_spawn_file_actions_addclose(&actions, ends[1])
        var vector = arguments.map { strdup($0) }
        defer { for argument in vector { free(argument) } }
        vector.append(nil)
        var child: pid_t = 0
        let code = posix_spawnp(&child, arguments.first ?? "", &actions, nil, vector, environ)
        close(ends[1])
        defer { close(ends[0]) }
        guard code == 0 else { throw Failure(description: "cannot start \(arguments): errno \(code)") }
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while output.count <= limit {
            let count = read(ends[0], &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            output += chunk[..<count]
        }
        if output.count > limit { kill(child, SIGKILL) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard output.count <= limit else {
            throw Failure(description: "\(arguments.joined(separator: " ")) wrote more than \(limit) octets")
        }
        return Result(status: exitCode(status), output: String(decoding: output, as: UTF8.self))
    }

    /// Runs a program that must end with 0, and gives what it wrote.
    @discardableResult
    public static func output(_ arguments: [String]) throws(Failure) -> String {
        let result = try run(arguments)
        guard result.status == 0 else {
            throw Failure(description: "\(arguments.joined(separator: " ")): status \(result.status): \(result.output)")
        }
        return result.output
    }

    /// What wait(2) reported, as a shell shows it.
    public static func exitCode(_ status: Int32) -> Int32 {
        status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
    }
}
