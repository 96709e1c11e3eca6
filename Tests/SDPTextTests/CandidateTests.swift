import SDPText
import Testing
import Wire

/// Candidates of ICE (RFC 8839 section 5.1), as far as a firewall has to do with them.
@Suite struct CandidateTests {
    private func candidates(_ lines: [String]) throws -> [Candidate] {
        let head = ["v=0", "o=- 1 1 IN IP4 10.1.0.2", "s=-", "c=IN IP4 10.1.0.2", "t=0 0", "m=audio 4000 RTP/AVP 0"]
        let text = (head + lines).joined(separator: "\r\n") + "\r\n"
        return try SessionDescription(parsing: Array(text.utf8)).media[0].candidates
    }

    @Test func `address, port and component are read`() throws {
        let found = try candidates([
            "a=candidate:1 1 UDP 2130706431 10.1.0.2 4000 typ host",
            "a=candidate:1 2 udp 2130706430 10.1.0.2 4001 typ host generation 0",
            "a=candidate:2 1 udp 1694498815 2001:db8::7 5000 typ srflx raddr 10.1.0.2 rport 4000",
        ])
        #expect(found.map(\.component) == [1, 2, 1])
        #expect(
            found.map(\.endpoint).compactMap(\.description) == ["10.1.0.2:4000", "10.1.0.2:4001", "[2001:db8::7]:5000"])
    }

    @Test(arguments: [
        "a=candidate:1 1 TCP 2130706431 10.1.0.2 9 typ host tcptype active",
        "a=candidate:1 1 udp 2130706431 5b1c.local 4000 typ host", "a=candidate:1 3 udp 1 10.1.0.2 4000 typ host",
        "a=candidate:1 1 udp 1 10.1.0.2 0 typ host", "a=candidate:1 1 udp 1 10.1.0.2 65536 typ host",
        "a=candidate:1 1 udp 1 10.1.0.2", "a=candidate", "a=candidate:", "a=candidate:1 x udp 1 10.1.0.2 4000 typ host",
    ])
    func `what no hole can be for is passed over`(_ line: String) throws {
        #expect(try candidates([line, "a=candidate:1 1 udp 1 10.1.0.2 4000 typ host"]).count == 1)
    }

    @Test func `so many are looked at and not one more`() throws {
        let most = SessionDescription.Limits.candidates
        for count in [most, most + 1] {
            let lines = (0..<count).map { "a=candidate:1 1 udp 1 10.1.0.2 \(5000 + 2 * $0) typ host" }
            #expect(try candidates(lines).count == most)
        }
    }

    @Test func `their endpoints are replaced like those of the stream`() throws {
        let lines = [
            "v=0", "o=- 1 1 IN IP4 10.1.0.2", "s=-", "c=IN IP4 10.1.0.2", "t=0 0", "m=audio 4000 RTP/AVP 0",
            "a=candidate:1 1 UDP 7 10.1.0.2 4000 typ host", "a=candidate:1 2 UDP 6 10.1.0.2 4001 typ host x y",
            "a=candidate:2 1 UDP 5 192.168.1.1 4000 typ host",
        ]
        let description = try SessionDescription(parsing: Array((lines.joined(separator: "\r\n") + "\r\n").utf8))
        let changed = try description.replacingEndpoints { endpoint in
            endpoint.address == .v4(0x0A01_0002) ? Endpoint(.v4(0xC633_6401), endpoint.port + 16_000) : nil
        }
        let text = String(decoding: changed.bytes, as: UTF8.self).split(separator: "\r\n").suffix(4).map(String.init)
        #expect(
            text == [
                "m=audio 20000 RTP/AVP 0", "a=candidate:1 1 UDP 7 198.51.100.1 20000 typ host",
                "a=candidate:1 2 UDP 6 198.51.100.1 20001 typ host x y",
                "a=candidate:2 1 UDP 5 192.168.1.1 4000 typ host",
            ])
    }
}
