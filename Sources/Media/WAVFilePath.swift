internal import Glibc

extension WAVFile {
    /// Reads a file, up to the limit.
    public static func load(path: String) throws(WAVError) -> WAVFile {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, errno: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= Limits.octets {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return try WAVFile(parsing: bytes.span) }
            guard count > 0 else {
                let code = errno
                if code == EINTR { continue }
                throw .system(call: "read", path: path, errno: code)
            }
            bytes += buffer[..<count]
        }
        throw .tooLarge
    }

    /// Writes a file. One that was not there before can be read by its owner only: it may hold what people said.
    public func save(path: String) throws(WAVError) {
        let bytes = try serialized()
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, errno: errno) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { rest in
                write(descriptor, UnsafeRawBufferPointer(rebasing: rest[written...]).baseAddress, rest.count - written)
            }
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                close(descriptor)
                throw .system(call: "write", path: path, errno: code)
            }
            written += count
        }
        // A full disk may show only here.
        guard close(descriptor) == 0 else { throw .system(call: "close", path: path, errno: errno) }
    }

    /// What the system calls an error.
    static func message(of code: Int32) -> String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }
}
