public import Crypto
import Glibc

/// An authority that certifies whatever a test wants, with its files in PEM in one directory.
public final class TestAuthority {
    /// Paths of a certificate and its private key.
    public struct Files: Hashable, Sendable {
        /// The certificate's path.
        public let certificate: String
        /// The key's path.
        public let key: String

        /// Files that are there already.
        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// Where the files are.
    public let directory: String
    /// The name of the authority's files, without what follows the dot.
    public let name: String
    /// The authority's key and certificate.
    public let identity: Identity

    /// Makes the authority and writes its certificate and key.
    public init(_ name: String = "authority", directory: String) throws {
        self.directory = directory
        self.name = name
        let key = try PrivateKey.generateP256()
        var builder = Self.builder(name)
        builder.isAuthority = true
        builder.keyUsage = [.keyCertSign, .crlSign]
        identity = try Identity(key: key, certificate: builder.selfSigned(by: key))
        try Self.write(identity, name, in: directory)
    }

    /// The path of the authority's certificate: who trusts it names this file.
    public var certificate: String { "\(directory)/\(name).pem" }

    /// Issues a certificate for a new P-256 key and writes both.
    ///
    /// - Parameters:
    ///   - name: of the files, and the common name unless `change` sets another.
    ///   - isSelfSigned: by its own key instead of the authority's.
    ///   - change: what it says; valid now, for a day, when nothing is changed.
    public func issue(
        _ name: String, isSelfSigned: Bool = false, _ change: (inout CertificateBuilder) -> Void
    ) throws -> Files {
        let key = try PrivateKey.generateP256()
        var builder = Self.builder(name)
        change(&builder)
        let certificate =
            try isSelfSigned ? builder.selfSigned(by: key) : builder.signed(by: identity, for: key.publicKey)
        return try Self.write(Identity(key: key, certificate: certificate), name, in: directory)
    }

    /// Issues a certificate for SIP domains, each as URI and as DNS name (RFC 5922 section 7.1).
    ///
    /// - Returns: the path of one file with the certificate and its key, as programs want it that take one file.
    public func issue(_ name: String, domains: [String]) throws -> String {
        let files = try issue(name) {
            $0.dnsNames = domains
            $0.uris = domains.map { "sip:\($0)" }
        }
        let path = "\(directory)/\(name).both.pem"
        let both = try Command.output(["cat", files.certificate, files.key])
        try Self.write(Array(both.utf8), to: path)
        return path
    }

    /// Seconds since 1970-01-01 UTC.
    public static func now() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec)
    }

    private static func builder(_ name: String) -> CertificateBuilder {
        CertificateBuilder(commonName: name, notBefore: now() - 60, notAfter: now() + 86_400)
    }

    @discardableResult
    private static func write(_ identity: Identity, _ name: String, in directory: String) throws -> Files {
        let files = Files(certificate: "\(directory)/\(name).pem", key: "\(directory)/\(name).key")
        try write(identity.certificate?.pem() ?? [], to: files.certificate)
        let secret = try identity.key.pem()
        var octets: [UInt8] = []
        for index in 0..<secret.bytes.count { octets.append(secret.bytes[index]) }
        try write(octets, to: files.key)
        return files
    }

    private static func write(_ octets: [UInt8], to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Command.Failure(description: "cannot write \(path)") }
        defer { close(file) }
        guard Glibc.write(file, octets, octets.count) == octets.count else {
            throw Command.Failure(description: "cannot write \(path)")
        }
    }
}
