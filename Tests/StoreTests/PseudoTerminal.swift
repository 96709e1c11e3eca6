import Glibc
import Lab
import Testing

/// A program whose three standard streams are a terminal, and the test on the other side of it.
final class PseudoTerminal {
    private let master: Int32
    private var process: pid_t = 0
    /// Everything that the terminal has shown.
    private(set) var screen = ""

    init(_ arguments: [String]) throws {
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(master >= 0)
        // unlockpt(3) and ptsname(3), whose declarations are hidden: TIOCSPTLCK and TIOCGPTN of asm-generic/ioctls.h.
        var (unlocked, number): (Int32, Int32) = (0, 0)
        try #require(ioctl(master, 0x4004_5431, &unlocked) == 0)
        try #require(ioctl(master, 0x8004_5430, &number) == 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for stream: Int32 in 0...2 {
            posix_spawn_file_actions_addopen(&actions, stream, "/dev/pts/\(number)", O_RDWR | O_NOCTTY, 0)
        }
        var vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        defer { for argument in vector { free(argument) } }
        vector.append(nil)
        try #require(posix_spawn(&process, arguments[0], &actions, nil, vector, environ) == 0)
    }

    deinit { close(master) }

    func type(_ text: String) { _ = Array(text.utf8).withUnsafeBytes { write(master, $0.baseAddress, $0.count) } }

    /// Reads until the screen shows the text so many times, or the program is gone.
    func wait(for text: String, times: Int = 1) {
        while screen.ranges(of: text).count < times, readMore() {}
    }

    /// Reads until the program is gone.
    ///
    /// - Returns: its exit code.
    func end() -> Int32 {
        while readMore() {}
        var status: Int32 = 0
        waitpid(process, &status, 0)
        return status >> 8 & 0xFF
    }

    private func readMore() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4_096)
        // EIO when nobody has the other side open any more.
        let count = read(master, &chunk, chunk.count)
        guard count > 0 else { return false }
        screen += String(decoding: chunk[..<count], as: UTF8.self)
        return true
    }
}
