import Glibc
import Testing

/// A program that a test runs: its input and output, its exit status, and its end when the test forgets it.
final class Child {
    let process: pid_t
    private let input: Int32
    private let output: Int32
    private var isReaped = false
    /// Standard output and standard error so far.
    private(set) var text = ""

    /// - Parameter command: a program, looked up in PATH, and its arguments.
    init(_ command: [String]) throws {
        let (theirInput, ourInput) = try Self.pipe()
        let (ourOutput, theirOutput) = try Self.pipe()
        defer {
            close(theirInput)
            close(theirOutput)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, theirInput, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, theirOutput, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, theirOutput, STDERR_FILENO)
        var arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let result = posix_spawnp(&process, command[0], &actions, nil, &arguments, environ)
        self.process = process
        input = ourInput
        output = ourOutput
        isReaped = result != 0
        try #require(result == 0, "\(command[0]): \(String(cString: strerror(result)))")
    }

    deinit {
        if !isReaped {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        close(input)
        close(output)
    }

    /// The end to read and the end to write; neither is handed on to other programs.
    private static func pipe() throws -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(Glibc.pipe(&ends) == 0)
        for end in ends { try #require(fcntl(end, F_SETFD, FD_CLOEXEC) == 0) }
        return (ends[0], ends[1])
    }

    /// Writes to the program's standard input.
    func write(_ text: String) throws {
        let octets = Array(text.utf8)
        try #require(Glibc.write(input, octets, octets.count) == octets.count)
    }

    /// Reads until the text has come; false when the program ends or is silent for ten seconds before it has.
    func reads(until wanted: String) -> Bool {
        while !text.contains(wanted) {
            var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 10_000) == 1, readMore() else { return false }
        }
        return true
    }

    /// Reads to the end of the output and waits; the exit status, or 128 and the signal.
    func status() -> Int32 {
        while readMore() {}
        var status: Int32 = 0
        waitpid(process, &status, 0)
        isReaped = true
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 128 + signal
    }

    private func readMore() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(output, &buffer, buffer.count)
        guard count > 0 else { return false }
        text += String(decoding: buffer.prefix(count), as: UTF8.self)
        return true
    }

    /// Runs a command to its end, which has to be a good one.
    @discardableResult
    static func run(_ command: [String]) throws -> String {
        let child = try Child(command)
        let status = child.status()
        try #require(status == 0, "\(command.joined(separator: " ")): \(child.text)")
        return child.text
    }

    @discardableResult
    static func run(_ command: String) throws -> String {
        try run(command.split(separator: " ").map(String.init))
    }
}
