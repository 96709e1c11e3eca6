import Configuration
import Glibc

/// Small files, read whole.
enum File {
    /// A certificate chain or key has a few kilobytes; nothing that the server reads at start is larger.
    static let maximumOctets = 1 << 20

    /// - Parameters:
    ///   - path: of the file.
    ///   - place: where the path stands.
    ///   - allowed: what the file has to be, for the error.
    static func contents(of path: String, _ place: Place, _ allowed: String) throws(ConfigurationError) -> [UInt8] {
        let descriptor = try open(path, place, allowed)
        defer { close(descriptor) }
        var contents: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw unreadable(place, allowed) }
            if count == 0 { return contents }
            contents.append(contentsOf: buffer[..<count])
            guard contents.count <= maximumOctets else {
                throw place.error("longer than \(maximumOctets) octets", allowed: allowed)
            }
        }
    }

    /// Whether there is a regular file that this process may read.
    static func check(_ path: String, _ place: Place, _ allowed: String) throws(ConfigurationError) {
        close(try open(path, place, allowed))
    }

    private static func open(_ path: String, _ place: Place, _ allowed: String) throws(ConfigurationError) -> Int32 {
        // Non-blocking: opening a FIFO by mistake must not hang the start.
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw unreadable(place, allowed) }
        var status = stat()
        let isKnown = fstat(descriptor, &status) == 0
        guard isKnown, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            let isDirectory = isKnown && status.st_mode & S_IFMT == S_IFDIR
            throw place.error(isDirectory ? "a directory" : "not a regular file", allowed: allowed)
        }
        return descriptor
    }

    /// The error of the system call that has just failed.
    private static func unreadable(_ place: Place, _ allowed: String) -> ConfigurationError {
        let code = errno
        let who = code == EACCES ? " for user \(ProcessUser.name)" : ""
        return place.error("cannot be read: \(String(cString: strerror(code)))\(who)", allowed: allowed)
    }
}
