import Crypto
import Glibc

/// The certification authority of a test, and the certificates of its phones and proxies.
public final class PeerAuthority {
    /// Its own certificate, a PEM file: what everyone trusts.
    public let path: String
    private let identity: Identity
    private let directory: String
    private let now: Int64

    /// Makes it; its files go to the directory.
    public init(directory: String) throws {
        self.directory = directory
        path = "\(directory)/authority.pem"
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        now = Int64(time.tv_sec)
        var builder = CertificateBuilder(
            commonName: "Test Authority", notBefore: now - 60, notAfter: now + 86_400)
        builder.isAuthority = true
        builder.keyUsage = [.keyCertSign, .crlSign]
        let key = try PrivateKey.generateP256()
        let certificate = try builder.selfSigned(by: key)
        try TextFile.write(String(decoding: try certificate.pem(), as: UTF8.self), to: path)
        identity = try Identity(key: key, certificate: certificate)
    }

    /// A key and a certificate for a SIP domain (RFC 5922 section 7.1: as URI and as DNS name).
    ///
    /// - Returns: a PEM file with both.
    public func issue(_ name: String, domain: String) throws -> String {
        let key = try PrivateKey.generateP256()
        var builder = CertificateBuilder(commonName: domain, notBefore: now - 60, notAfter: now + 86_400)
        builder.dnsNames = [domain]
        builder.uris = ["sip:\(domain)"]
        let certificate = try builder.signed(by: identity, for: key.publicKey)
        var octets = try certificate.pem()
        let secret = try key.pem()
        for index in 0..<secret.bytes.count { octets.append(secret.bytes[index]) }
        let file = "\(directory)/\(name).tls.pem"
        try TextFile.write(String(decoding: octets, as: UTF8.self), to: file)
        return file
    }
}
