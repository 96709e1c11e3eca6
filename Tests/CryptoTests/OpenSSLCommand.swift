import Crypto
import Glibc

/// Debian's `openssl` command, the oracle: it runs in a directory of its own that goes with the value.
final class OpenSSLCommand {
    let directory: String

    init() throws {
        var template = Array("/tmp/sekisho-crypto-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(command: "mkdtemp", output: "errno \(errno)") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        guard let entries = opendir(directory) else { return }
        while let entry = readdir(entries) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            unlink("\(directory)/\(name)")
        }
        closedir(entries)
        rmdir(directory)
    }

    struct Failure: Error {
        let command: String
        let output: String
    }

    func write(_ octets: [UInt8], to name: String) throws {
        let file = open("\(directory)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0 else { throw Failure(command: "write \(name)", output: "errno \(errno)") }
        defer { close(file) }
        guard octets.isEmpty || Glibc.write(file, octets, octets.count) == octets.count else {
            throw Failure(command: "write \(name)", output: "errno \(errno)")
        }
    }

    func read(_ name: String) throws -> [UInt8] {
        let file = open("\(directory)/\(name)", O_RDONLY)
        guard file >= 0 else { throw Failure(command: "read \(name)", output: "errno \(errno)") }
        defer { close(file) }
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            guard count > 0 else { return octets }
            octets += buffer[..<count]
        }
    }

    /// Writes key and certificate as `name.key` and `name.pem`.
    func write(_ identity: Identity, as name: String) throws {
        let pem = try identity.key.pem()
        var text: [UInt8] = []
        for index in 0..<pem.count { text.append(pem.bytes[index]) }
        try write(text, to: "\(name).key")
        if let certificate = identity.certificate { try write(certificate.pem(), to: "\(name).pem") }
    }

    /// Runs `openssl` with file names taken in the directory; its exit status must be 0.
    func run(_ arguments: String...) throws {
        let status = try status(of: arguments)
        guard status == 0 else {
            let output = (try? read("stderr")) ?? []
            throw Failure(
                command: "openssl " + arguments.joined(separator: " "), output: String(decoding: output, as: UTF8.self))
        }
    }

    /// Runs `openssl` and gives its exit status.
    func status(of arguments: [String]) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "\(directory)/stdout", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, "\(directory)/stderr", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        // The shell only changes the directory; glibc's call for that is hidden from Swift.
        let command = ["sh", "-c", "cd \"$0\" && exec openssl \"$@\"", directory] + arguments
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        let error = posix_spawn(&child, "/bin/sh", &actions, nil, words, environ)
        guard error == 0 else { throw Failure(command: "openssl", output: "posix_spawn: \(error)") }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        return status
    }
}
