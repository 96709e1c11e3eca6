import ArgumentParser
import Crypto
import Glibc

/// A password from the terminal, or from what standard input is. Never from the command line, which every user of the
/// machine can read.
enum Password {
    /// Shorter ones are guessed from a challenge and its answer that someone overheard: Digest protects no better.
    static let octets = 8...128

    /// Asks for it twice on a terminal; otherwise takes the first line of standard input.
    static func read() throws -> SecretBytes {
        guard isatty(0) == 1 else { return try line(from: 0) }
        let first = try ask("Password: ")
        let second = try ask("Again: ")
        guard first.equals(second) else { throw ValidationError("the two are not the same") }
        return first
    }

    private static func ask(_ prompt: String) throws -> SecretBytes {
        var before = termios()
        guard tcgetattr(0, &before) == 0 else { throw ValidationError("the terminal cannot be set up") }
        var silent = before
        // Not shown; and Ctrl-C ends the line instead of the program, which would leave the terminal silent.
        silent.c_lflag &= ~tcflag_t(ECHO | ISIG)
        silent.c_lflag |= tcflag_t(ICANON)
        withUnsafeMutableBytes(of: &silent.c_cc) { $0[Int(VEOL)] = interrupt }
        guard tcsetattr(0, TCSAFLUSH, &silent) == 0 else { throw ValidationError("the terminal cannot be set up") }
        defer {
            tcsetattr(0, TCSAFLUSH, &before)
            write(to: 2, "\n")
        }
        write(to: 2, prompt)
        return try line(from: 0)
    }

    /// Ctrl-C.
    private static let interrupt: UInt8 = 0x03

    /// One line without its end; what was read on the way is overwritten.
    private static func line(from file: Int32) throws -> SecretBytes {
        var buffer = [UInt8](repeating: 0, count: octets.upperBound + 2)
        defer { for index in buffer.indices { buffer[index] = 0 } }
        var count = 0
        // Octet by octet: what follows the line is not ours.
        while count < buffer.count {
            let got = buffer[count...].withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, 1) }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw ValidationError("standard input: \(String(cString: strerror(errno)))") }
            if got == 0 || buffer[count] == 0x0A { break }
            if buffer[count] == interrupt { throw ExitCode(130) }
            count += 1
        }
        if count > 0, buffer[count - 1] == 0x0D { count -= 1 }
        guard octets.contains(count) else {
            throw ValidationError("a password has \(octets.lowerBound) to \(octets.upperBound) octets")
        }
        guard buffer[..<count].allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw ValidationError("a password has no control characters")
        }
        return SecretBytes(copying: buffer.span.extracting(0..<count))
    }

    private static func write(to file: Int32, _ text: String) {
        let octets = Array(text.utf8)
        _ = Glibc.write(file, octets, octets.count)
    }
}
