import Crypto
import Glibc
import Lab
import NIOCore
import SIPTransactions
import Testing
import Wire

@testable import Transport

/// Certificates of a server that is wanted to be `gw.example.net`: the first is good, the others are not.
@Suite(.serialized, .timeLimit(.minutes(10))) struct CertificateTests {
    enum Kind: String, CaseIterable, Sendable {
        case good, expired, notYetValid, otherName, commonNameOnly, wildcard, otherPurpose, selfSigned, authority,
            weakKey, revoked, otherAuthority, uriOverridesDNS, userURI, forgetfulAuthority
    }

    let files: SecureFiles

    init() throws { files = try SecureFiles() }

    private func make(_ kind: Kind) throws -> TestAuthority.Files {
        let now = TestAuthority.now()
        let name = "gw.example.net"
        return switch kind {
        case .good, .revoked: try files.authority.issue("leaf") { $0.uris = ["sip:\(name)"] }
        case .expired:
            try files.authority.issue("leaf") {
                $0.uris = ["sip:\(name)"]
                ($0.notBefore, $0.notAfter) = (now - 7_200, now - 3_600)
            }
        case .notYetValid:
            try files.authority.issue("leaf") {
                $0.uris = ["sip:\(name)"]
                $0.notBefore = now + 3_600
            }
        case .otherName: try files.authority.issue("leaf") { $0.dnsNames = ["gw.example.org"] }
        case .commonNameOnly: try files.authority.issue("leaf") { $0.commonName = name }
        case .wildcard: try files.authority.issue("leaf") { $0.dnsNames = ["*.example.net"] }
        case .otherPurpose:
            try files.authority.issue("leaf") {
                $0.uris = ["sip:\(name)"]
                $0.extendedKeyUsage = ["1.3.6.1.5.5.7.3.1"]
            }
        case .selfSigned: try files.authority.issue("leaf", isSelfSigned: true) { $0.uris = ["sip:\(name)"] }
        case .authority:
            try files.authority.issue("leaf") {
                $0.uris = ["sip:\(name)"]
                $0.isAuthority = true
                $0.keyUsage.append(.keyCertSign)
            }
        case .forgetfulAuthority:
            try files.authority.issue("leaf") {
                $0.uris = ["sip:\(name)"]
                $0.isAuthority = true
            }
        case .weakKey: try weak(name)
        case .otherAuthority:
            try TestAuthority("stranger", directory: files.directory).issue("leaf") { $0.uris = ["sip:\(name)"] }
        case .uriOverridesDNS:
            try files.authority.issue("leaf") {
                $0.uris = ["sip:gw.example.org"]
                $0.dnsNames = [name]
            }
        case .userURI: try files.authority.issue("leaf") { $0.uris = ["sip:alice@\(name)"] }
        }
    }

    /// RSA of 1024 bits, which our own builder does not make.
    private func weak(_ name: String) throws -> TestAuthority.Files {
        let made = TestAuthority.Files(
            certificate: "\(files.directory)/leaf.pem", key: "\(files.directory)/leaf.key")
        try Command.output([
            "openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", made.key, "-out", made.certificate,
            "-subj", "/CN=\(name)", "-addext", "subjectAltName=URI:sip:\(name)", "-addext",
            "basicConstraints=critical,CA:FALSE", "-days", "1", "-CA", files.authority.certificate, "-CAkey",
            "\(files.directory)/\(files.authority.name).key",
        ])
        return made
    }

    /// The authority's revocation list, with the certificate on it or empty.
    private func revocations(of revoked: String?) throws -> String {
        let directory = files.directory
        let path = "\(directory)/list.crl"
        try Command.output([
            "sh", "-ec",
            """
            cd \(directory)
            : > index.txt
            printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index.txt\\ndefault_md=sha256\\ndefault_crl_days=1\\n' > ca.cnf
            ca() { openssl ca -config ca.cnf -cert \(files.authority.certificate) -keyfile \(files.authority.name).key "$@"; }
            \(revoked.map { "ca -revoke \($0)" } ?? "")
            ca -gencrl -out \(path)
            """,
        ])
        return path
    }

    @Test(arguments: Kind.allCases)
    func `one of fifteen certificates is accepted`(_ kind: Kind) async throws {
        let leaf = try make(kind)
        let list = try revocations(of: kind == .revoked ? leaf.certificate : nil)
        let (server, endpoint) = try OpenSSLPeer.server(
            "server", directory: files.directory, leaf, ["-cipher", "DEFAULT@SECLEVEL=0"])
        try await Bench.run(files.security(nil, revocations: list)) { client in
            let destination = Destination(.tls, endpoint, serverName: gatewayName)
            try await client.send(SecureTransportTests.message(1), to: destination)
            guard kind != .good else { return try server.expect("MESSAGE sip:bob@example.com") }
            let heard = try await client.hear(2)
            guard case .insecure(let error) = heard.first, case .failed(destination) = heard.last else {
                Issue.record("\(kind): \(heard)")
                return
            }
            #expect(error.code == .untrusted, "\(kind): \(error)")
            #expect(!server.text.contains("MESSAGE sip:bob"), "\(kind)")
        }
    }

    /// What a client proves by each of them; nil where it is refused.
    private static func domains(_ kind: Kind) -> [[UInt8]]? {
        switch kind {
        case .good: [gatewayName]
        case .otherName, .uriOverridesDNS: [Array("gw.example.org".utf8)]
        case .commonNameOnly, .wildcard, .userURI: []
        case .expired, .notYetValid, .otherPurpose, .selfSigned, .authority, .forgetfulAuthority, .weakKey, .revoked,
            .otherAuthority:
            nil
        }
    }

    @Test(arguments: Kind.allCases)
    func `a client is who its certificate says, or is refused`(_ kind: Kind) async throws {
        let leaf = try make(kind)
        let list = try revocations(of: kind == .revoked ? leaf.certificate : nil)
        let security = try files.security(files.gateway, clients: .required, revocations: list)
        try await Bench.run(security) { gateway in
            let client = try OpenSSLPeer.client(
                "client", directory: files.directory, of: try await gateway.listen(.tls),
                trust: files.authority.certificate,
                ["-quiet", "-cert", leaf.certificate, "-key", leaf.key, "-cipher", "DEFAULT@SECLEVEL=0"])
            client.type(SecureTransportTests.message(1))
            switch (try await gateway.hear(1).first, Self.domains(kind)) {
            case (.message(_, let flow), .some(let domains)): #expect(flow.authenticatedDomains == domains)
            case (.insecure(let error), .none): #expect(error.code == .untrusted, "\(error)")
            case (let heard, _): Issue.record("\(kind): \(String(describing: heard)) \(client.text)")
            }
        }
    }

    @Test(arguments: ["authority", "stranger"])
    func `without the authority's list nothing is taken once lists are wanted`(_ name: String) async throws {
        // A list that another key signed for the same name, and one of another name.
        let other = try SecureFiles()
        _ = try TestAuthority("stranger", directory: other.directory)
        let list = try CertificateTests.list(of: other, name)
        let (server, endpoint) = try OpenSSLPeer.server("server", directory: files.directory, files.gateway)
        try await Bench.run(files.security(nil, revocations: list)) { client in
            try await client.send(
                SecureTransportTests.message(1), to: Destination(.tls, endpoint, serverName: gatewayName))
            guard case .insecure(let error) = try await client.hear(1).first else { throw TransportError.noAddress }
            #expect(error.code == .untrusted && error.description.contains("CRL"), "\(error)")
            withExtendedLifetime(server) {}
        }
    }

    private static func list(of files: SecureFiles, _ name: String) throws -> String {
        let path = "\(files.directory)/list.crl"
        try Command.output([
            "sh", "-ec",
            """
            cd \(files.directory)
            : > index.txt
            printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index.txt\\ndefault_md=sha256\\ndefault_crl_days=1\\n' > ca.cnf
            openssl ca -config ca.cnf -cert \(name).pem -keyfile \(name).key -gencrl -out \(path)
            """,
        ])
        return path
    }
}
