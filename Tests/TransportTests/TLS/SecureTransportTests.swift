import Crypto
import Lab
import NIOCore
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Transport

/// TLS between two of our transports.
@Suite(.serialized, .timeLimit(.minutes(10))) struct SecureTransportTests {
    let files: SecureFiles

    init() throws { files = try SecureFiles() }

    static func message(_ number: Int, via: String = "proxy.example.com:5061;alias") -> [UInt8] {
        let text = String(decoding: Sample.message(number), as: UTF8.self)
        return Array(text.replacing("TCP 127.0.0.1:5060;", with: "TLS \(via);").utf8)
    }

    @Test(arguments: TransportTests.loopbacks)
    func `a message goes over a connection that is made for it, and the answer comes back`(
        _ address: IPAddress
    ) async throws {
        try await Bench.run(files.security(files.proxy)) { proxy in
            try await Bench.run(files.security(files.gateway, clients: .required)) { gateway in
                let there = try await gateway.listen(.tls, address)
                try await proxy.send(Self.message(1), to: Destination(.tls, there, serverName: gatewayName))
                let flow = try #require(try await gateway.messages(1).first).1
                #expect(flow.transport == .tls && flow.local == there && flow.authenticatedDomains == [proxyName])
                let back = Destination(.tls, flow.remote, connection: flow.connection)
                try await gateway.send(Self.message(2), to: back)
                let answer = try #require(try await proxy.messages(1).first).1
                #expect(answer.authenticatedDomains == [gatewayName])
                // The connection that was made is used again, also for a request that names nobody.
                try await proxy.send(Self.message(3), to: Destination(.tls, there, serverName: gatewayName))
                try await proxy.send(Self.message(4), to: Destination(.tls, there))
                #expect(Set(try await gateway.messages(3).map(\.1)).count == 1)
                #expect(try await proxy.connectionCount() == 1)
            }
        }
    }

    @Test func `messages wait for the handshake in their order`() async throws {
        try await Bench.run(files.security(nil)) { client in
            try await Bench.run(files.security(files.gateway)) { gateway in
                let there = try await gateway.listen(.tls)
                for number in 1...20 {
                    try await client.send(Self.message(number), to: Destination(.tls, there, serverName: gatewayName))
                }
                let messages = try await gateway.messages(20)
                #expect(messages.map { Int($0.0.cseq.number) } == Array(1...20))
                #expect(messages.allSatisfy { $0.1.authenticatedDomains.isEmpty })
            }
        }
    }

    @Test func `another name at the same place is another connection, and a false one is none`() async throws {
        let both = try files.authority.issue("both") { $0.dnsNames = ["a.example.net", "b.example.net"] }
        try await Bench.run(files.security(nil)) { client in
            try await Bench.run(files.security(both)) { server in
                let there = try await server.listen(.tls)
                try await client.send(
                    Self.message(1), to: Destination(.tls, there, serverName: Array("a.example.net".utf8)))
                _ = try await server.messages(1)
                // The certificate that was verified covers this name as well.
                try await client.send(
                    Self.message(2), to: Destination(.tls, there, serverName: Array("b.example.net".utf8)))
                _ = try await server.messages(2)
                #expect(try await client.connectionCount() == 1)
                let wrong = Destination(.tls, there, serverName: gatewayName)
                try await client.send(Self.message(3), to: wrong)
                let heard = try await client.hear(2)
                guard case .insecure(let error) = heard.first, case .failed(wrong) = heard.last else {
                    Issue.record("\(heard)")
                    return
                }
                #expect(error.code == .untrusted && error.description.contains("gw.example.net"))
                #expect(try await server.messages(2).count == 2)
                #expect(try await client.counters().secureFailures == 1)
            }
        }
    }

    @Test func `without a name, or without authorities, nobody is connected to`() async throws {
        try await Bench.run(files.security(nil)) { client in
            try await Bench.run(files.security(files.gateway)) { gateway in
                let there = try await gateway.listen(.tls)
                try await client.send(Self.message(1), to: Destination(.tls, there))
                guard case .failed = try await client.hear(2).last else { throw TransportError.noAddress }
                #expect(try await gateway.connectionCount() == 0)
                try await Bench.run { plain in
                    try await plain.send(Self.message(1), to: Destination(.tls, there, serverName: gatewayName))
                    guard case .failed = try await plain.hear(2).last else { throw TransportError.noAddress }
                }
            }
        }
    }

    // MARK: RFC 5923

    /// The gateway has a connection that the proxy made, and sends to the proxy's address.
    private func reuse(
        via: String, name: [UInt8], clients: TLSSettings.ClientVerification = .required, isReused: Bool
    ) async throws {
        try await Bench.run(files.security(files.proxy)) { proxy in
            try await Bench.run(files.security(files.gateway, clients: clients)) { gateway in
                let (here, there) = (try await proxy.listen(.tls), try await gateway.listen(.tls))
                let port = via.replacing("PORT", with: "\(here.port)")
                try await proxy.send(Self.message(1, via: port), to: Destination(.tls, there, serverName: gatewayName))
                _ = try await gateway.messages(1)
                try await gateway.send(Self.message(2), to: Destination(.tls, here, serverName: name))
                if name == proxyName { _ = try await proxy.messages(1) } else { _ = try await gateway.hear(3) }
                let count = try await gateway.connectionCount()
                #expect(count == (isReused || name != proxyName ? 1 : 2))
            }
        }
    }

    @Test func `an accepted connection takes requests to the domain that its peer proved`() async throws {
        try await reuse(via: "proxy.example.com:PORT;alias", name: proxyName, isReused: true)
    }

    @Test func `without alias a new connection is made`() async throws {
        try await reuse(via: "proxy.example.com:PORT", name: proxyName, isReused: false)
    }

    @Test func `with alias but another port a new connection is made`() async throws {
        try await reuse(via: "proxy.example.com:1;alias", name: proxyName, isReused: false)
    }

    @Test func `with alias but without a certificate a new connection is made`() async throws {
        try await reuse(via: "proxy.example.com:PORT;alias", name: proxyName, clients: .none, isReused: false)
    }

    @Test func `requests to another domain do not take the alias`() async throws {
        // The proxy cannot prove that it is this domain: the new connection is refused, too.
        try await reuse(
            via: "other.example.org:PORT;alias", name: Array("other.example.org".utf8), isReused: false)
    }
}
