import SDPText
import Testing
import Wire

/// Other endpoints in the place of those of a description: what a gateway that translates addresses does.
@Suite struct EndpointReplacementTests {
    private let inside = IPAddress.v4(0x0A01_0002)
    private let external = IPAddress.v4(0xC633_6401)

    private func description(_ lines: [String]) throws -> SessionDescription {
        try SessionDescription(parsing: Array(lines.joined(separator: "\r\n").utf8) + [13, 10])
    }

    /// Ports p of the inside address become p + 10,000 of the external one; others stay.
    private func replaced(_ lines: [String], but kept: Set<UInt16> = []) throws -> [String] {
        let changed = try description(lines).replacingEndpoints { endpoint in
            guard endpoint.address == inside, !kept.contains(endpoint.port) else { return nil }
            return Endpoint(external, endpoint.port + 10_000)
        }
        return String(decoding: changed.bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
    }

    @Test func `ports, the session's address and that of o= change, and nothing else`() throws {
        let lines = [
            "v=0", "o=alice 17 4 IN IP4 10.1.0.2", "s=x", "c=IN IP4 10.1.0.2", "t=0 0", "m=audio 4000 RTP/AVP 0 8",
            "a=x:10.1.0.2", "m=video 4002 RTP/AVP 31",
        ]
        #expect(
            try replaced(lines) == [
                "v=0", "o=alice 17 4 IN IP4 198.51.100.1", "s=x", "c=IN IP4 198.51.100.1", "t=0 0",
                "m=audio 14000 RTP/AVP 0 8", "a=x:10.1.0.2", "m=video 14002 RTP/AVP 31",
            ])
    }

    @Test func `a stream's own address changes where it stands`() throws {
        let lines = [
            "v=0", "o=- 1 1 IN IP4 10.1.0.2", "s=-", "t=0 0", "m=audio 4000 RTP/AVP 0", "c=IN IP4 10.1.0.2",
            "m=video 5000 RTP/AVP 31", "c=IN IP4 10.1.0.2",
        ]
        #expect(
            try replaced(lines, but: [5000, 5001]) == [
                "v=0", "o=- 1 1 IN IP4 198.51.100.1", "s=-", "t=0 0", "m=audio 14000 RTP/AVP 0",
                "c=IN IP4 198.51.100.1", "m=video 5000 RTP/AVP 31", "c=IN IP4 10.1.0.2",
            ])
    }

    @Test(arguments: [
        // RTCP beside RTP needs no word; elsewhere it does, and what was said before is said anew.
        ("", [UInt16](), [String]()),
        ("a=rtcp:4001", [], ["a=rtcp:14001"]),
        ("a=rtcp:4007 IN IP4 10.1.0.2", [], ["a=rtcp:14007 IN IP4 198.51.100.1"]),
        ("a=rtcp:4007", [4007], []),
    ])
    func `RTCP goes with RTP`(_ attribute: String, _ kept: [UInt16], _ expected: [String]) throws {
        let lines =
            ["v=0", "o=- 1 1 IN IP4 10.1.0.2", "s=-", "c=IN IP4 10.1.0.2", "t=0 0", "m=audio 4000 RTP/AVP 0"]
            + (attribute.isEmpty ? [] : [attribute])
        #expect(try replaced(lines, but: Set(kept)).filter { $0.hasPrefix("a=rtcp") } == expected)
    }

    @Test func `RTCP that does not come beside RTP any more is said`() throws {
        let lines = ["v=0", "o=- 1 1 IN IP4 10.1.0.2", "s=-", "c=IN IP4 10.1.0.2", "t=0 0", "m=audio 4000 RTP/AVP 0"]
        let changed = try description(lines).replacingEndpoints { endpoint in
            Endpoint(external, endpoint.port == 4000 ? 20_000 : 30_001)
        }
        #expect(String(decoding: changed.bytes, as: UTF8.self).hasSuffix("m=audio 20000 RTP/AVP 0\r\na=rtcp:30001\r\n"))
    }

    @Test func `what is refused, held or by name stays`() throws {
        let lines = [
            "v=0", "o=- 1 1 IN IP4 10.1.0.2", "s=-", "c=IN IP4 0.0.0.0", "t=0 0", "m=audio 4000 RTP/AVP 0",
            "m=video 0 RTP/AVP 31",
        ]
        #expect(try replaced(lines) == lines)
    }

    @Test func `what has no new endpoint and must not be told is refused, and leaves no trace`() throws {
        let lines = [
            "v=0", "o=- 1 1 IN IP4 10.1.0.2", "s=-", "c=IN IP4 10.1.0.2", "t=0 0", "m=audio 4000 RTP/AVP 0",
            "a=candidate:1 1 UDP 7 10.1.0.2 4000 typ host", "a=candidate:2 1 TCP 6 10.1.0.2 9 typ host tcptype active",
            "a=candidate:3 1 UDP 5 198.51.100.7 4000 typ srflx", "m=video 5000 RTP/AVP 31", "c=IN IP4 10.1.0.3",
            "m=application 9 TCP/BFCP *",
        ]
        let description = try SessionDescription(parsing: Array((lines.joined(separator: "\r\n") + "\r\n").utf8))
        func changed(_ replacement: (Endpoint) -> Endpoint?) throws -> [String] {
            let result = try description.replacingEndpoints(
                hiding: { Prefix("10.0.0.0/8")?.contains($0) ?? false }, standIn: external, replacement)
            return String(decoding: result.bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
        }
        #expect(
            try changed { _ in nil } == [
                "v=0", "o=- 1 1 IN IP4 198.51.100.1", "s=-", "c=IN IP4 198.51.100.1", "t=0 0", "m=audio 0 RTP/AVP 0",
                "a=candidate:3 1 UDP 5 198.51.100.7 4000 typ srflx", "m=video 0 RTP/AVP 31", "c=IN IP4 198.51.100.1",
                "m=application 9 TCP/BFCP *",
            ])
        #expect(
            try changed { $0 == Endpoint(inside, 4000) ? Endpoint(external, 20_000) : nil } == [
                "v=0", "o=- 1 1 IN IP4 198.51.100.1", "s=-", "c=IN IP4 198.51.100.1", "t=0 0",
                "m=audio 20000 RTP/AVP 0", "a=candidate:1 1 UDP 7 198.51.100.1 20000 typ host",
                "a=candidate:3 1 UDP 5 198.51.100.7 4000 typ srflx", "m=video 0 RTP/AVP 31", "c=IN IP4 198.51.100.1",
                "m=application 9 TCP/BFCP *",
            ])
    }

    @Test func `a candidate's related address that must not be told is not`() throws {
        let head = ["v=0", "o=- 1 1 IN IP4 10.1.0.2", "s=-", "c=IN IP4 10.1.0.2", "t=0 0", "m=audio 4000 RTP/AVP 0"]
        let lines = [
            "a=candidate:3 1 UDP 5 198.51.100.7 4000 typ srflx raddr 10.1.0.2 rport 4000",
            "a=candidate:4 1 UDP 5 198.51.100.7 4002 typ srflx raddr 10.1.0.2 rport 4002 generation 0",
            "a=candidate:5 1 UDP 5 198.51.100.7 4004 typ relay raddr 192.0.2.1 rport 9000",
            "a=candidate:6 1 UDP 5 198.51.100.7 4006 typ srflx raddr 10.1.0.2",
            "a=candidate:7 1 UDP 5 198.51.100.7 4008 typ srflx generation 0 raddr fd00:1::2 rport 4",
            "a=candidate:8 1 UDP 5 198.51.100.7 4010 typ srflx raddr phone.local rport 4",
        ]
        let description = try SessionDescription(parsing: Array((head + lines).joined(separator: "\r\n").utf8))
        let hidden = ["10.0.0.0/8", "fd00::/8"].compactMap { Prefix($0) }
        let result = try description.replacingEndpoints(
            hiding: { address in hidden.contains { $0.contains(address) } }, standIn: external
        ) { _ in nil }
        #expect(
            String(decoding: result.bytes, as: UTF8.self).split(separator: "\r\n").dropFirst(6).map(String.init) == [
                "a=candidate:3 1 UDP 5 198.51.100.7 4000 typ srflx raddr 0.0.0.0 rport 9",
                "a=candidate:4 1 UDP 5 198.51.100.7 4002 typ srflx raddr 0.0.0.0 rport 9 generation 0",
                lines[2], "a=candidate:6 1 UDP 5 198.51.100.7 4006 typ srflx raddr 0.0.0.0 rport 9",
                "a=candidate:7 1 UDP 5 198.51.100.7 4008 typ srflx generation 0 raddr :: rport 9", lines[5],
            ])
    }
}
