import Glibc

extension SecretBytes {
    /// The longest key file that is read; an RSA key of 16,384 bits has 13 kilobytes of PEM.
    public static let maximumFileOctets = 65_536

    /// Reads a file of key material straight into octets that are overwritten with their owner.
    ///
    /// - Throws: `file` with the path and the system's reason.
    public init(contentsOf path: String) throws(CryptoError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file(path, String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var buffer = SecretBytes(count: Self.maximumFileOctets + 1)
        var length = 0
        while length < buffer.count {
            let count = read(descriptor, buffer.mutablePointer.map { $0 + length }, buffer.count - length)
            guard count >= 0 else { throw .file(path, String(cString: strerror(errno))) }
            if count == 0 { break }
            length += count
        }
        guard length <= Self.maximumFileOctets else {
            throw .file(path, "it is longer than \(Self.maximumFileOctets) octets")
        }
        self.init(copying: buffer.bytes.extracting(0..<length))
    }
}
