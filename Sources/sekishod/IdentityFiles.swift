import Configuration
import Crypto

/// Certificates and keys from the PEM files that the configuration names. What is wrong with one is told like everything
/// else that is wrong with the configuration: in one line, with the place of its path.
enum IdentityFiles {
    private static let certificates =
        "a file with a certificate in PEM, for a key on P-256 or of RSA with 2048 to 4096 bits"
    private static let keys = "a file with the certificate's private key in PEM, without a passphrase"

    /// A certificate and its key.
    static func read(_ paths: ProxySettings.Disclosure.Identity) throws(ConfigurationError) -> Identity {
        let certificate = try certificate(of: paths)
        let key = try key(of: paths)
        do throws(CryptoError) {
            return try Identity(key: key, certificate: certificate)
        } catch {
            throw paths.keyPlace.error("the key of another certificate", allowed: keys)
        }
    }

    private static func certificate(
        of paths: ProxySettings.Disclosure.Identity
    ) throws(ConfigurationError) -> Certificate {
        let octets = try File.contents(of: paths.certificate, paths.certificatePlace, certificates)
        do throws(CryptoError) {
            return try Certificate(pem: octets.span)
        } catch {
            throw paths.certificatePlace.error(problem(error, "no certificate in PEM"), allowed: certificates)
        }
    }

    private static func key(of paths: ProxySettings.Disclosure.Identity) throws(ConfigurationError) -> PrivateKey {
        try File.check(paths.key, paths.keyPlace, keys)
        do throws(CryptoError) {
            let secret = try SecretBytes(contentsOf: paths.key)
            return try PrivateKey(pem: secret.bytes)
        } catch {
            throw paths.keyPlace.error(problem(error, "no private key in PEM without a passphrase"), allowed: keys)
        }
    }

    /// libcrypto's own words ("no start line") say less than what was looked for.
    private static func problem(_ error: CryptoError, _ absent: String) -> String {
        switch error.code {
        case .library: absent
        case .file: "cannot be read, or is longer than \(SecretBytes.maximumFileOctets) octets"
        case .unsupported, .mismatch, .outOfRange, .wiped: error.reason
        }
    }
}
