import ArgumentParser
import Crypto
import Glibc
import Wire

/// Reads small files that the user named.
enum InputFile {
    /// Octets in a key or certificate file; a chain of certificates has some thousands.
    static let limit = 1 << 20

    static func read(_ path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw FileError(path, "open", errno) }
        defer { Glibc.close(file) }
        var octets: [UInt8] = []
        var chunk: [UInt8] = Array(repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(file, &chunk, chunk.count)
            guard count >= 0 else { throw FileError(path, "read", errno) }
            guard count > 0 else { return octets }
            octets += chunk[..<count]
            guard octets.count <= limit else { throw FileError(path, "read", EFBIG) }
        }
    }
}

/// Writes small files that the user named.
enum OutputFile {
    static func write(_ octets: [UInt8], to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw FileError(path, "open", errno) }
        defer { Glibc.close(file) }
        try append(octets, to: file, path)
    }

    static func append(_ octets: [UInt8], to file: Int32, _ path: String) throws {
        var start = 0
        while start < octets.count {
            let count = octets[start...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw FileError(path, "write", errno) }
            start += count
        }
    }
}

/// A file that cannot be read or written, and why.
struct FileError: Error, CustomStringConvertible {
    let description: String

    init(_ path: String, _ operation: StaticString, _ code: Int32) {
        let reason = strerror(code).map { String(cString: $0) } ?? "error \(code)"
        description = "\(path): \(operation): \(reason)"
    }
}

/// Certificates in PEM or DER.
enum CertificateFile {
    static func load(_ path: String) throws -> Certificate {
        let octets = try InputFile.read(path)
        do {
            // A SEQUENCE begins every certificate in DER, and no PEM file.
            return octets.first == 0x30 ? try Certificate(der: octets) : try Certificate(pem: octets.span)
        } catch {
            throw ValidationError("\(path): \(error)")
        }
    }
}

/// A private key in PEM.
enum PrivateKeyFile {
    static func load(_ path: String) throws -> PrivateKey {
        do {
            let octets = try SecretBytes(contentsOf: path)
            return try PrivateKey(pem: octets.bytes)
        } catch {
            throw ValidationError("\(path): \(error)")
        }
    }
}

/// The wall clock.
enum SystemClock {
    /// Seconds since 1970-01-01 UTC.
    static func unixSeconds() -> Int64 { Int64(time(nil)) }
}
