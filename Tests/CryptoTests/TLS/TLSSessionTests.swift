import Crypto
import Glibc
import Lab
import Testing

@Suite struct TLSSessionTests {
    private let files: SessionFiles
    private let client: TLSContext
    private let server: TLSContext

    init() throws {
        files = try SessionFiles()
        client = try TLSContext(.client, files.settings(nil))
        server = try TLSContext(.server, files.settings(files.gateway))
    }

    private func open(_ cut: Int? = nil) throws -> SessionPair {
        let pair = try SessionPair(client, server)
        try pair.exchange(cutAt: cut)
        return pair
    }

    private func write(_ text: String, to session: TLSSession) throws {
        let octets = Array(text.utf8)
        let span = octets.span
        try session.write(span)
    }

    @Test func `both ends are open after the handshake and say who the server is`() throws {
        let pair = try open()
        #expect(pair.client.state == .open && pair.server.state == .open)
        #expect(pair.client.version == "TLSv1.3")
        #expect(pair.client.peer?.uris == ["sip:gw.example.net"])
        #expect(pair.client.peer?.domains == [Array("gw.example.net".utf8)])
        #expect(pair.server.peer == nil)
    }

    @Test func `no session ticket is given`() throws {
        let pair = try open()
        #expect(pair.server.pendingOctets == 0)
        #expect(try SessionPair.read(pair.client).octets.isEmpty)
    }

    /// Every byte boundary of a flight of either side, records and their headers cut anywhere.
    @Test func `a session is the same wherever the stream is cut`() throws {
        let message = String(repeating: "INVITE ", count: 30)
        // The server's first flight is the longest: all others are cut at each of their octets on the way.
        let longest = try {
            let pair = try SessionPair(client, server)
            try pair.client.advance()
            try SessionPair.give(SessionPair.take(pair.client), to: pair.server, cutAt: nil)
            return SessionPair.take(pair.server).count
        }()
        for cut in 1...longest {
            let pair = try open(cut)
            try #require(pair.client.state == .open && pair.server.state == .open, "cut at \(cut)")
            for (from, to) in [(pair.client, pair.server), (pair.server, pair.client)] {
                try write(message, to: from)
                try SessionPair.give(SessionPair.take(from), to: to, cutAt: cut)
                try #require(String(decoding: SessionPair.read(to).octets, as: UTF8.self) == message, "cut at \(cut)")
            }
        }
    }

    /// One recorded first flight of a client, replayed to a new server for every place that it can be cut at.
    @Test(arguments: [TLSSettings.Version.tls12, .tls13])
    func `a recorded client hello is answered once it is whole and not before`(_ version: TLSSettings.Version) throws {
        let recorder = try TLSSession(
            TLSContext(.client, files.settings(nil, version)), authenticating: Array("gw.example.net".utf8))
        try recorder.advance()
        let hello = SessionPair.take(recorder)
        for cut in 1..<hello.count {
            let session = try TLSSession(server)
            let (first, rest) = (Array(hello[..<cut]), Array(hello[cut...]))
            try SessionPair.give(first, to: session, cutAt: nil)
            #expect(session.pendingOctets == 0 && session.state == .handshaking)
            try SessionPair.give(rest, to: session, cutAt: nil)
            #expect(session.pendingOctets > 0)
        }
    }

    @Test func `octet by octet it works too`() throws {
        let pair = try SessionPair(client, server)
        try pair.client.advance()
        for _ in 0..<4 {
            for octet in SessionPair.take(pair.client) { try SessionPair.give([octet], to: pair.server, cutAt: nil) }
            for octet in SessionPair.take(pair.server) { try SessionPair.give([octet], to: pair.client, cutAt: nil) }
        }
        #expect(pair.client.state == .open && pair.server.state == .open)
    }

    @Test func `a long text takes several records and comes whole`() throws {
        let pair = try open()
        let text = String(repeating: "x", count: TLSLimits.recordOctets * 3 + 1)
        try write(text, to: pair.client)
        #expect(pair.client.pendingOctets > text.utf8.count)
        try SessionPair.give(SessionPair.take(pair.client), to: pair.server, cutAt: 100)
        #expect(try SessionPair.read(pair.server).octets.count == text.utf8.count)
    }

    @Test func `close_notify is said once and seen`() throws {
        let pair = try open()
        try write("last", to: pair.client)
        pair.client.close()
        pair.client.close()
        #expect(throws: TLSError(.misuse, while: "", "")) { try write("more", to: pair.client) }
        try SessionPair.give(SessionPair.take(pair.client), to: pair.server, cutAt: nil)
        let (octets, hasEnded) = try SessionPair.read(pair.server)
        #expect(octets == Array("last".utf8) && hasEnded && pair.server.isPeerClosed)
        #expect(pair.server.inputEnded() == nil)
        // The other half is open until it is closed, too (RFC 8446 section 6.1).
        #expect(!pair.client.isPeerClosed)
        pair.server.close()
        try SessionPair.give(SessionPair.take(pair.server), to: pair.client, cutAt: nil)
        #expect(try SessionPair.read(pair.client).hasEnded)
    }

    @Test func `an end without close_notify is a truncation`() throws {
        let pair = try open()
        #expect(pair.server.inputEnded() == TLSError(.truncated, while: "", ""))
        #expect(pair.server.state == .failed)
    }

    @Test func `an altered record ends the session with an alert`() throws {
        let pair = try open()
        try write("hello", to: pair.client)
        var record = SessionPair.take(pair.client)
        record[record.count - 1] ^= 1
        try SessionPair.give(record, to: pair.server, cutAt: nil)
        #expect(throws: TLSError(.record, while: "", "")) { try SessionPair.read(pair.server) }
        #expect(pair.server.state == .failed && pair.server.pendingOctets > 0)
        #expect(throws: TLSError(.misuse, while: "", "")) { try write("x", to: pair.server) }
    }

    @Test func `what is no TLS is refused at its first record`() throws {
        let session = try TLSSession(server)
        #expect(throws: TLSError(.handshake, while: "", "")) {
            try SessionPair.give(Array("REGISTER sip:example.com SIP/2.0\r\n".utf8), to: session, cutAt: nil)
        }
    }

    @Test func `so many octets may be unread and not one more`() throws {
        let session = try TLSSession(server)
        let most = [UInt8](repeating: 0x16, count: TLSLimits.unreadOctets)
        let span = most.span
        try session.feed(span)
        #expect(session.unreadOctets == TLSLimits.unreadOctets)
        let one = [UInt8](repeating: 0x16, count: 1)
        #expect(throws: TLSError(.limit, while: "", "")) {
            let span = one.span
            try session.feed(span)
        }
    }

    @Test func `a client says whom it wants and a server does not`() throws {
        #expect(throws: TLSError(.misuse, while: "", "")) { try TLSSession(client) }
        #expect(throws: TLSError(.misuse, while: "", "")) { try TLSSession(server, authenticating: [0x61]) }
        let longest = [UInt8](repeating: 0x61, count: TLSLimits.nameOctets)
        #expect(throws: Never.self) { try TLSSession(client, authenticating: longest) }
        #expect(throws: TLSError(.limit, while: "", "")) { try TLSSession(client, authenticating: longest + [0x61]) }
        #expect(throws: TLSError(.limit, while: "", "")) { try TLSSession(client, authenticating: [0x61, 0]) }
    }

    // MARK: Mutual authentication

    @Test(arguments: [TLSSettings.Version.tls12, .tls13])
    func `both show who they are where the server asks`(_ version: TLSSettings.Version) throws {
        let server = try TLSContext(.server, files.settings(files.gateway, clients: .required))
        let client = try TLSContext(.client, files.settings(files.proxy, version))
        let pair = try SessionPair(client, server)
        try pair.exchange()
        #expect(pair.server.peer?.dnsNames == ["proxy.example.com"])
        #expect(pair.server.peer?.domains == [Array("proxy.example.com".utf8)])
    }

    @Test func `a client without a certificate is refused only where one is required`() throws {
        let optional = try SessionPair(client, TLSContext(.server, files.settings(files.gateway, clients: .optional)))
        try optional.exchange()
        #expect(optional.server.state == .open && optional.server.peer == nil)
        let required = try SessionPair(client, TLSContext(.server, files.settings(files.gateway, clients: .required)))
        #expect(throws: TLSError(.handshake, while: "", "")) { try required.exchange() }
    }

    @Test func `a client of another authority is refused where certificates are asked for`() throws {
        let other = try SessionFiles()
        var settings = other.settings(other.proxy)
        settings.trust = files.authority.certificate
        let client = try TLSContext(.client, settings)
        let pair = try SessionPair(client, TLSContext(.server, files.settings(files.gateway, clients: .optional)))
        #expect(throws: TLSError(.untrusted, while: "", "")) { try pair.exchange() }
    }

    // MARK: Files

    @Test func `files that are missing or do not belong together are named`() throws {
        var settings = files.settings(TestAuthority.Files(certificate: files.gateway.certificate, key: files.proxy.key))
        #expect(throws: CryptoError(.mismatch, while: "", "")) { try TLSContext(.server, settings) }
        settings.key = "/nowhere/key"
        let error = #expect(throws: CryptoError.self) { try TLSContext(.server, settings) }
        #expect(error?.description.contains("/nowhere/key") ?? false)
        settings.key = nil
        #expect(throws: CryptoError(.mismatch, while: "", "")) { try TLSContext(.server, settings) }
        settings.certificate = nil
        #expect(throws: CryptoError(.mismatch, while: "", "")) { try TLSContext(.server, settings) }
        settings.trust = nil
        #expect(throws: CryptoError(.mismatch, while: "", "")) { try TLSContext(.client, settings) }
        settings.trust = "/nowhere/ca"
        let trust = #expect(throws: CryptoError.self) { try TLSContext(.client, settings) }
        #expect(trust?.code == .file && trust?.description.contains("/nowhere/ca") ?? false)
        settings = files.settings(nil)
        settings.revocations = files.gateway.certificate
        #expect(throws: CryptoError(.file, while: "", "")) { try TLSContext(.client, settings) }
    }
}
