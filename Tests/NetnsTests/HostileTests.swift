import Glibc
import Lab
import Testing
import Wire

/// What a peer may not do: the daemons are real, the requests are written by hand.
@Suite(.serialized) struct HostileTests {
    /// An SDP's connection line and port, and the status that it gets.
    static let forged: [(connection: String, port: Int, status: String)] = [
        ("IN IP4 10.1.0.1", 4000, "403"),  // the gateway, inside
        ("IN IP4 10.2.0.1", 4000, "403"),  // the gateway, outside
        ("IN IP4 10.1.0.9", 4000, "403"),  // another phone
        ("IN IP4 10.2.0.3", 4000, "403"),  // a host outside
        ("IN IP4 127.0.0.1", 4000, "403"),
        ("IN IP4 224.0.0.9/1", 4000, "488"),
        ("IN IP4 169.254.3.4", 4000, "403"),
        ("IN IP4 240.0.0.1", 4000, "403"),
        ("IN IP4 255.255.255.255", 4000, "403"),
        ("IN IP6 fe80::1", 4000, "403"),
        ("IN IP6 ::1", 4000, "403"),
        ("IN IP6 ::ffff:10.1.0.2", 4000, "403"),
        ("IN IP6 64:ff9b::a01:2", 4000, "403"),
        ("IN IP4 10.1.0.2", 1023, "403"),
        ("IN IP4 10.1.0.2", 22, "403"),
        ("IN IP4 10.1.0.2", 5060, "403"),
        ("IN IP4 phone.example.net", 4000, "488"),
        ("IN IP4 10.1.0.256", 4000, "4"),
        ("IN IP4", 4000, "400"),
        ("IN IP4 10.1.0.2", 65_536, "400"),
    ]

    @Test func `an SDP that names what it may not opens nothing`() throws {
        let bed = try CallBed("forged")
        try bed.gateway.start()
        let empty = try bed.gateway.table()
        for (index, row) in Self.forged.enumerated() {
            let answer = try request(
                invite(callID: "forged-\(index)", connection: row.connection, port: row.port), in: bed)
            #expect(answer.hasPrefix("SIP/2.0 \(row.status)"), "\(row.connection) \(row.port): \(answer)")
        }
        #expect(try bed.gateway.table() == empty)
        // The same request with nothing wrong in it opens a hole: the table above is not refused for another reason.
        _ = try request(invite(callID: "good"), in: bed)
        #expect(try bed.eventually { try !bed.elements().isEmpty }, bed.story())
    }

    @Test func `an INVITE with a phone's address that comes from outside is dropped`() throws {
        let bed = try CallBed("spoofed")
        try bed.gateway.start()
        let text = invite(callID: "spoofed", connection: "IN IP4 10.1.0.77").replacing(
            "10.1.0.2:5070", with: "10.1.0.77:5070")
        try datagram(
            text, from: Endpoint(.v4(0x0A01_004D), 5070), to: Endpoint(.v4(0x0A02_0001), 5060), in: bed.testbed.stranger
        )
        usleep(300_000)
        #expect(try bed.elements().isEmpty)
        #expect(bed.gateway.proxy?.text.contains("spoofed") == false, bed.story())
        // The same from a host of the outside is heard, and refused for what it names.
        try datagram(
            text, from: Endpoint(.v4(0x0A02_0003), 5070), to: Endpoint(.v4(0x0A02_0001), 5060), in: bed.testbed.stranger
        )
        #expect(try bed.eventually { bed.gateway.proxy?.text.contains("spoofed") ?? false }, bed.story())
        #expect(try bed.elements().isEmpty)
    }

    /// Sends octets from an address that need not be the host's.
    private func datagram(_ text: String, from source: Endpoint, to target: Endpoint, in host: Namespace) throws {
        let descriptor = try host.run { socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) }
        defer { close(descriptor) }
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_IP), IP_TRANSPARENT, &on, socklen_t(MemoryLayout<Int32>.size))
        func address(_ endpoint: Endpoint) -> sockaddr_in {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = endpoint.port.bigEndian
            if case .v4(let value) = endpoint.address { address.sin_addr.s_addr = value.bigEndian }
            return address
        }
        var (own, other) = (address(source), address(target))
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafePointer(to: &own) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        try #require(bound == 0)
        let octets = Array(text.utf8)
        let sent = withUnsafePointer(to: &other) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, octets, octets.count, 0, $0, size)
            }
        }
        try #require(sent == octets.count)
    }

    @Test func `malformed requests are answered with where and why, and the daemon lives on`() throws {
        let bed = try CallBed("malformed")
        try bed.gateway.start()
        let good = invite(callID: "x")
        let rows: [(String, String, String)] = [
            (
                "a second Call-ID", good.replacing("CSeq:", with: "Call-ID: y\r\nCSeq:"),
                "SIP/2.0 400 Bad Request - Call-ID"
            ),
            (
                "CSeq of another method", good.replacing("1 INVITE", with: "1 BYE"),
                "SIP/2.0 400 Bad Request - CSeq method"
            ),
            ("a body that is too short", good.replacing("Content-Length: ", with: "Content-Length: 9"), "SIP/2.0 400"),
            ("Max-Forwards 0", good.replacing("Max-Forwards: 70", with: "Max-Forwards: 0"), "SIP/2.0 483"),
            (
                "another scheme", good.replacing("INVITE sip:bob@b.example.net", with: "INVITE http://b.example.net"),
                "SIP/2.0 416"
            ),
            (
                "a domain, and no name server", good.replacing("INVITE sip:bob@b.", with: "INVITE sip:bob@nowhere."),
                "SIP/2.0 504"
            ),
            ("a version to come", good.replacing("net SIP/2.0\r\nVia", with: "net SIP/7.0\r\nVia"), "SIP/2.0 505"),
            ("garbage in CMS", good.replacing("application/sdp", with: "application/pkcs7-mime"), "SIP/2.0 400"),
        ]
        for (index, (name, text, status)) in rows.enumerated() {
            // A branch of its own: otherwise the gateway would rightly take the next one for a retransmission.
            let answer = try request(text.replacing("branch=z9hG4bK-x", with: "branch=z9hG4bK-x\(index)"), in: bed)
            #expect(answer.hasPrefix(status), "\(name): \(answer)")
        }
        #expect(bed.gateway.proxy?.isRunning == true)
        #expect(try bed.elements().isEmpty)
    }

    @Test func `a daemon that lacks something says what, and what to do`() throws {
        let bed = try CallBed("missing")
        let gated = "\(CallBed.binaries)/sekisho-gated"
        try Command.output(["chmod", "-R", "a+rwX", bed.directory])
        let unprivileged = try Command.run([
            "ip", "netns", "exec", bed.testbed.gateway.name, "setpriv", "--reuid", "65534", "--regid", "65534",
            "--clear-groups", gated, "--config", "\(bed.directory)/gated.yaml",
        ])
        #expect(unprivileged.status != 0 && unprivileged.output.contains("CAP_NET_ADMIN"), "\(unprivileged)")
        let elsewhere = try Command.run([
            "ip", "netns", "exec", bed.testbed.inside.name, gated, "--config", "\(bed.directory)/gated.yaml",
        ])
        #expect(elsewhere.status != 0 && elsewhere.output.contains("lan0"), "\(elsewhere)")
        let path = "\(bed.directory)/bad.yaml"
        try Command.output(["sh", "-c", "printf 'socket: /run/x\\ninsid: {}\\n' > \(path)"])
        let misspelt = try Command.run([gated, "--config", path])
        #expect(misspelt.status != 0 && misspelt.output.contains("bad.yaml:2:1: insid: "), "\(misspelt)")
    }
}

/// An INVITE as an ordinary phone at 10.1.0.2 sends it.
func invite(callID: String, connection: String = "IN IP4 10.1.0.2", port: Int = 4000) -> String {
    let body =
        "v=0\r\no=- 1 1 IN IP4 10.1.0.2\r\ns=-\r\nc=\(connection)\r\nt=0 0\r\nm=audio \(port) RTP/AVP 0\r\n"
    return "INVITE sip:bob@b.example.net SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.2:5070;branch=z9hG4bK-\(callID);rport\r\n"
        + "Max-Forwards: 70\r\nFrom: <sip:alice@a.example.net>;tag=\(callID)\r\nTo: <sip:bob@b.example.net>\r\n"
        + "Call-ID: \(callID)\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@10.1.0.2:5070>\r\n"
        + "Content-Type: application/sdp\r\nContent-Length: \(body.utf8.count)\r\n\r\n" + body
}

/// Sends a request from the caller's namespace and gives the first answer above 100 (100 when there is no other).
func request(_ text: String, in bed: CallBed) throws -> String {
    let descriptor = try bed.testbed.inside.run { socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) }
    defer { close(descriptor) }
    func address(_ last: UInt32, _ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = (UInt32(0x0A01_0000) + last).bigEndian
        return address
    }
    var (own, gateway) = (address(2, 5070), address(1, 5060))
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    let bound = withUnsafePointer(to: &own) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
    }
    try #require(bound == 0)
    let octets = Array(text.utf8)
    let sent = withUnsafePointer(to: &gateway) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(descriptor, octets, octets.count, 0, $0, size) }
    }
    try #require(sent == octets.count)
    var last = ""
    var buffer = [UInt8](repeating: 0, count: 65_536)
    for _ in 0..<4 {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 1_000) > 0 else { return last }
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return last }
        last = String(decoding: buffer[..<count], as: UTF8.self)
        if !last.hasPrefix("SIP/2.0 100") { return last }
    }
    return last
}
