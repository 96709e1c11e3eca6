import Crypto
import Lab

/// A client and a server with the network between them in the hands of the test.
final class SessionPair {
    let client: TLSSession
    let server: TLSSession

    init(_ client: TLSContext, _ server: TLSContext, name: String = "gw.example.net") throws {
        self.client = try TLSSession(client, authenticating: Array(name.utf8))
        self.server = try TLSSession(server)
    }

    /// What a session wants to send.
    static func take(_ session: TLSSession) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: session.pendingOctets) { octets, count in
            count = session.takePending(into: UnsafeMutableRawBufferPointer(octets))
        }
    }

    static func read(_ session: TLSSession) throws(TLSError) -> (octets: [UInt8], hasEnded: Bool) {
        var all: [UInt8] = []
        var room = [UInt8](repeating: 0, count: TLSLimits.recordOctets)
        while true {
            var outcome = Result<TLSSession.Reading, TLSError>.success(.needsMore)
            room.withUnsafeMutableBytes { room in
                do throws(TLSError) { outcome = .success(try session.read(into: room)) } catch {
                    outcome = .failure(error)
                }
            }
            switch try outcome.get() {
            case .octets(let count): all += room[..<count]
            case .needsMore: return (all, false)
            case .ended: return (all, true)
            }
        }
    }

    /// Gives octets to a session in the pieces that the test wants.
    static func give(_ octets: [UInt8], to session: TLSSession, cutAt cut: Int?) throws(TLSError) {
        let place = min(cut ?? octets.count, octets.count)
        for piece in [Array(octets[..<place]), Array(octets[place...])] where !piece.isEmpty {
            let span = piece.span
            try session.feed(span)
            try session.advance()
        }
    }

    /// Lets both talk until neither has anything to send.
    ///
    /// - Parameter cut: where everything is cut in two, both ways.
    func exchange(cutAt cut: Int? = nil) throws(TLSError) {
        try client.advance()
        while true {
            let (out, back) = (Self.take(client), Self.take(server))
            if out.isEmpty && back.isEmpty { return }
            try Self.give(out, to: server, cutAt: cut)
            try Self.give(back, to: client, cutAt: cut)
        }
    }
}

/// Files for sessions, in a directory that goes with the value.
final class SessionFiles {
    private let command: OpenSSLCommand
    let authority: TestAuthority
    let gateway: TestAuthority.Files
    let proxy: TestAuthority.Files

    init() throws {
        command = try OpenSSLCommand()
        authority = try TestAuthority(directory: command.directory)
        gateway = try authority.issue("gateway") { $0.uris = ["sip:gw.example.net"] }
        proxy = try authority.issue("proxy") { $0.dnsNames = ["proxy.example.com"] }
    }

    func settings(
        _ files: TestAuthority.Files?, _ version: TLSSettings.Version = .tls12,
        clients: TLSSettings.ClientVerification = .none
    ) -> TLSSettings {
        var settings = TLSSettings()
        settings.certificate = files?.certificate
        settings.key = files?.key
        settings.trust = authority.certificate
        settings.minimumVersion = version
        settings.verifiesClients = clients
        return settings
    }
}
