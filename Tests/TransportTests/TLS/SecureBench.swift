import Crypto
import Foundation
import Glibc
import Lab
import SIPTransactions
import Testing
import Wire

@testable import Transport

/// An authority, the certificates of two domains, and transports that speak TLS with them.
final class SecureFiles {
    let directory: String
    let authority: TestAuthority
    let gateway: TestAuthority.Files
    let proxy: TestAuthority.Files

    init() throws {
        var template = Array("/tmp/sekisho-tls-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Command.Failure(description: "mkdtemp: errno \(errno)") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        authority = try TestAuthority(directory: directory)
        gateway = try authority.issue("gateway") { $0.uris = ["sip:gw.example.net"] }
        proxy = try authority.issue("proxy") { $0.dnsNames = ["proxy.example.com"] }
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func security(
        _ files: TestAuthority.Files?, clients: TLSSettings.ClientVerification = .none, revocations: String? = nil
    ) throws -> TransportSecurity {
        var settings = TLSSettings()
        settings.certificate = files?.certificate
        settings.key = files?.key
        settings.trust = authority.certificate
        settings.revocations = revocations
        settings.verifiesClients = clients
        return TransportSecurity(
            server: files == nil ? nil : try TLSContext(.server, settings), client: try TLSContext(.client, settings))
    }
}

/// Whom the certificates are for.
let gatewayName = Array("gw.example.net".utf8)
let proxyName = Array("proxy.example.com".utf8)
