import Glibc

/// Reads the daemons' settings from files: the only place of this module that touches one.
public enum ConfigurationReader {
    /// Octets in a configuration file. A thousand routes take a tenth of it.
    public static let maximumFileSize = 1 << 20

    /// Reads `gated.yaml`.
    ///
    /// - Throws: the first thing wrong with the file, as one line for the operator.
    public static func gateSettings(atPath path: String) throws(ConfigurationError) -> GateSettings {
        try GateSettings(yaml: try octets(atPath: path), file: path)
    }

    /// Reads `sekishod.yaml`.
    ///
    /// - Throws: the first thing wrong with the file, as one line for the operator.
    public static func proxySettings(atPath path: String) throws(ConfigurationError) -> ProxySettings {
        try ProxySettings(yaml: try octets(atPath: path), file: path)
    }

    /// The whole file, at most `maximumFileSize` octets.
    static func octets(atPath path: String) throws(ConfigurationError) -> [UInt8] {
        // Non-blocking: opening a FIFO by mistake must not hang a daemon's start.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ConfigurationError(file: path, problem: "not a regular file")
        }
        var octets = [UInt8](repeating: 0, count: maximumFileSize + 1)
        var count = 0
        while count < octets.count {
            let free = octets.count - count
            let start = count
            let received = octets.withUnsafeMutableBytes { buffer in
                buffer.baseAddress.map { read(descriptor, $0 + start, free) } ?? 0
            }
            if received < 0, errno == EINTR { continue }
            guard received >= 0 else { throw failure(path, errno) }
            if received == 0 { break }
            count += received
        }
        guard count <= maximumFileSize else {
            throw ConfigurationError(
                file: path, problem: "the file is too long", allowed: "at most \(maximumFileSize) octets")
        }
        octets.removeSubrange(count...)
        return octets
    }

    private static func failure(_ path: String, _ code: Int32) -> ConfigurationError {
        ConfigurationError(file: path, problem: "cannot be read: \(String(cString: strerror(code)))")
    }
}
