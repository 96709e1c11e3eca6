import Crypto
import Glibc
import Lab
import NIOCore
import SIPTransactions
import Testing
import Wire

@testable import Transport

/// TLS with Debian's `openssl` command at the other end.
@Suite(.serialized, .timeLimit(.minutes(10))) struct OpenSSLPeerTests {
    let files: SecureFiles

    init() throws { files = try SecureFiles() }

    static let versions = ["-tls1_2", "-tls1_3"]

    private func client(_ endpoint: Endpoint, _ more: [String]) throws -> OpenSSLPeer {
        try .client("client", directory: files.directory, of: endpoint, trust: files.authority.certificate, more)
    }

    @Test(arguments: versions)
    func `s_client sends a message and closes with close_notify`(_ version: String) async throws {
        try await Bench.run(files.security(files.gateway)) { gateway in
            let client = try client(try await gateway.listen(.tls), [version, "-quiet"])
            client.type(SecureTransportTests.message(1))
            let flow = try #require(try await gateway.messages(1).first).1
            try await gateway.send(
                Array("SIP/2.0 200 OK\r\n\r\n".utf8), to: Destination(.tls, flow.remote, connection: flow.connection))
            try client.expect("SIP/2.0 200 OK")
            client.stop()
            try await gateway.settle { $0 == 0 }
        }
    }

    @Test func `close_notify from us ends s_client in order`() async throws {
        try await Bench.run(files.security(files.gateway)) { gateway in
            let client = try client(try await gateway.listen(.tls), ["-tls1_3"])
            client.type(Array("no SIP\r\n\r\n".utf8))
            // Closed for the framing error: s_client says "closed" for close_notify, and an error for a mere end.
            _ = try await gateway.hear(1)
            try client.expect("closed")
            #expect(client.end() == 0)
            #expect(!client.text.contains("unexpected eof"))
        }
    }

    @Test func `a client that is killed before close_notify is a truncation`() async throws {
        try await Bench.run(files.security(files.gateway)) { gateway in
            let there = try await gateway.listen(.tls)
            let peer = try await Peer.connect(to: there, on: gateway.loop)
            let session = try TLSSession(
                files.security(nil).client ?? { throw TransportError.noAddress }(), authenticating: gatewayName)
            try await peer.shakeHands(session)
            try await peer.close()
            guard case .insecure(let error) = try await gateway.hear(1).first else {
                Issue.record("no error")
                return
            }
            #expect(error.code == .truncated)
            #expect(try await gateway.counters().truncatedConnections == 1)
        }
    }

    @Test func `renegotiation is refused and costs nothing`() async throws {
        try await Bench.run(files.security(files.gateway)) { gateway in
            let client = try client(try await gateway.listen(.tls), ["-tls1_2"])
            try client.expect("Verify return code: 0 (ok)")
            client.type(Array("R\n".utf8))
            try client.expect("RENEGOTIATING")
            _ = client.end()
            #expect(client.text.contains("no renegotiation"), "\(client.text)")
            // Who asks for it is told no, and what it does then is its own.
            #expect(try await gateway.counters().secureFailures <= 1)
        }
    }

    @Test(arguments: ["-tls1", "-tls1_1"])
    func `older versions are refused`(_ version: String) async throws {
        try await Bench.run(files.security(files.gateway)) { gateway in
            let client = try client(try await gateway.listen(.tls), [version, "-cipher", "DEFAULT@SECLEVEL=0"])
            guard case .insecure(let error) = try await gateway.hear(1).first else { throw TransportError.noAddress }
            #expect(error.code == .handshake)
            #expect(client.end() != 0)
        }
    }

    @Test(arguments: versions)
    func `s_server is connected to, and asks for our certificate`(_ version: String) async throws {
        try await Bench.run(files.security(files.proxy)) { proxy in
            let (server, endpoint) = try OpenSSLPeer.server(
                "server", directory: files.directory, files.gateway,
                [version, "-Verify", "2", "-verify_return_error", "-CAfile", files.authority.certificate])
            try await proxy.send(
                SecureTransportTests.message(7), to: Destination(.tls, endpoint, serverName: gatewayName))
            try server.expect("MESSAGE sip:bob@example.com SIP/2.0")
            try server.expect("CN = proxy")
            server.type(SecureTransportTests.message(8))
            #expect(try await proxy.messages(1).first?.1.authenticatedDomains == [gatewayName])
        }
    }

    @Test func `s_server sees the name that was asked for`() async throws {
        try await Bench.run(files.security(nil)) { client in
            let (server, endpoint) = try OpenSSLPeer.server(
                "server", directory: files.directory, files.proxy,
                [
                    "-servername", "gw.example.net", "-cert2", files.gateway.certificate, "-key2", files.gateway.key,
                    "-servername_fatal",
                ])
            try await client.send(
                SecureTransportTests.message(1), to: Destination(.tls, endpoint, serverName: gatewayName))
            try server.expect("Hostname in TLS extension: \"gw.example.net\"")
            try server.expect("MESSAGE sip:bob")
        }
    }

    // MARK: Hostile peers

    @Test func `a peer that connects and is silent is closed after the time of a message`() async throws {
        try await Bench.run(files.security(files.gateway), { $0.messageSeconds = 1 }) { gateway in
            let peer = try await Peer.connect(to: try await gateway.listen(.tls), on: gateway.loop)
            try await peer.write([0x16, 0x03])
            try await peer.closed()
            #expect(try await gateway.counters().slowConnections == 1)
            #expect(try await gateway.connectionCount() == 0)
        }
    }

    @Test func `a server that accepts and is silent fails what waits for it`() async throws {
        try await Bench.run { silent in
            try await Bench.run(files.security(nil), { $0.messageSeconds = 1 }) { client in
                let there = try await silent.listen(.tcp)
                let destination = Destination(.tls, there, serverName: gatewayName)
                try await client.send(SecureTransportTests.message(1), to: destination)
                let heard = try await client.hear(2)
                #expect(heard.contains { if case .failed(destination) = $0 { true } else { false } })
                #expect(try await client.connectionCount() == 0)
            }
        }
    }

    @Test func `a peer that does not read is closed and its backlog is bounded`() async throws {
        try await Bench.run(files.security(files.gateway), { $0.pendingOctets = 65_536 }) { gateway in
            let there = try await gateway.listen(.tls)
            let peer = try await Peer.connect(to: there, on: gateway.loop)
            let session = try TLSSession(
                files.security(nil).client ?? { throw TransportError.noAddress }(), authenticating: gatewayName)
            try await peer.shakeHands(session)
            try await peer.send(SecureTransportTests.message(1), session)
            let flow = try #require(try await gateway.messages(1).first).1
            try await peer.stopReading()
            let destination = Destination(.tls, flow.remote, connection: flow.connection)
            let large = Sample.message(2, body: String(repeating: "x", count: 60_000))
            for _ in 0..<400 where try await gateway.counters().stalledConnections == 0 {
                try await gateway.send(large, to: destination)
            }
            #expect(try await gateway.counters().stalledConnections == 1)
            try await gateway.settle { $0 == 0 }
        }
    }

    /// Answers that nobody reads are not kept.
    @Test func `a flood of pings whose answers are not read ends the connection`() async throws {
        try await Bench.run(files.security(files.gateway), { $0.pendingOctets = 65_536 }) { gateway in
            let there = try await gateway.listen(.tls)
            // A small receive buffer, so that the answers pile up soon.
            let peer = try await Peer.connect(to: there, on: gateway.loop, reads: false)
            try await peer.startReading()
            let session = try TLSSession(
                files.security(nil).client ?? { throw TransportError.noAddress }(), authenticating: gatewayName)
            try await peer.shakeHands(session)
            try await peer.send(SecureTransportTests.message(1), session)
            _ = try await gateway.messages(1)
            try await peer.stopReading()
            let pings = [UInt8](String(repeating: "\r\n\r\n", count: 4_000).utf8)
            for _ in 0..<1_000 where try await gateway.connectionCount() == 1 {
                do { try await peer.send(pings, session) } catch { break }
            }
            try await gateway.settle { $0 == 0 }
            #expect(try await gateway.counters().stalledConnections == 1)
        }
    }

    /// Sixteen million octets, in four forms: none may stay, and each ends its connection.
    @Test(arguments: ["plain", "zero", "records", "head"])
    func `a flood of 16 MB costs no memory`(_ kind: String) async throws {
        try await Bench.run(files.security(files.gateway)) { gateway in
            let there = try await gateway.listen(.tls)
            let peer = try await Peer.connect(to: there, on: gateway.loop)
            let session = try TLSSession(
                files.security(nil).client ?? { throw TransportError.noAddress }(), authenticating: gatewayName)
            let piece: [UInt8]
            switch kind {
            case "plain": piece = [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)
            case "zero": piece = [UInt8](repeating: 0, count: 65_536)
            case "records":
                // A handshake message that claims to be 16 MB long, in records that are well formed.
                let header: [UInt8] = [0x16, 0x03, 0x01, 0x40, 0x00]
                piece = header + [0x01, 0xFF, 0xFF, 0xFF] + [UInt8](repeating: 1, count: 16_380)
            default:
                try await peer.shakeHands(session)
                piece = []
            }
            let before = residentOctets()
            var sent = 0
            while sent < 16 << 20 {
                do {
                    if kind == "head" {
                        // One header that never ends, encrypted as it should be.
                        let text = sent == 0 ? "MESSAGE sip:a@b SIP/2.0\r\nX: " : ""
                        try await peer.send(Array(text.utf8) + [UInt8](repeating: 0x61, count: 16_000), session)
                        sent += 16_000
                    } else {
                        try await peer.write(piece)
                        sent += piece.count
                    }
                } catch { break }
            }
            try await peer.closed()
            try await gateway.settle { $0 == 0 }
            #expect(residentOctets() - before < 4 << 20)
        }
    }

    private func residentOctets() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        fgets(&line, 256, file)
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
            * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
