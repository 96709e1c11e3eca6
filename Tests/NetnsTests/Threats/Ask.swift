import Foundation
import Glibc
import Lab
import Testing
import Wire

/// Places in the testbed.
enum Host {
    static let caller = IPAddress.v4(0x0A01_0002)
    static let callee = IPAddress.v4(0x0A02_0002)
    static let stranger = IPAddress.v4(0x0A02_0003)
    static let near = Endpoint(.v4(0x0A01_0001), 5060)
    static let far = Endpoint(.v4(0x0A02_0001), 5060)
}

/// A request as text, with what differs from one test to another.
struct Ask {
    var method = "OPTIONS"
    var uri = "sip:gw.example.net"
    var via = "10.1.0.2:5070"
    var transport = "UDP"
    var from = "sip:alice@a.example.net"
    var to = "sip:gw.example.net"
    /// `;tag=` and what the other end is known by.
    var toTag = ""
    /// The sender's own URI; nil is at the address of the Via.
    var contact: String?
    var id: String
    var sequence = 1
    var rows: [String] = []
    /// The body; with one, its length stands in the request unless a row has another.
    var body = ""

    init(_ id: String) { self.id = id }

    /// The description of a phone at 10.1.0.2.
    static let description =
        "v=0\r\no=- 1 1 IN IP4 10.1.0.2\r\ns=-\r\nc=IN IP4 10.1.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"

    var text: String {
        var lines = [
            "\(method) \(uri) SIP/2.0", "Via: SIP/2.0/\(transport) \(via);branch=z9hG4bK-\(id)-\(sequence);rport",
            "Max-Forwards: 70", "From: <\(from)>;tag=\(id)", "To: <\(to)>\(toTag)", "Call-ID: \(id)",
            "CSeq: \(sequence) \(method)", "Contact: <\(contact ?? "sip:alice@\(via)")>",
        ]
        if !body.isEmpty { lines.append("Content-Type: application/sdp") }
        lines += rows
        if !rows.contains(where: { $0.lowercased().hasPrefix("content-length") || $0.hasPrefix("l:") }) {
            lines.append("Content-Length: \(body.utf8.count)")
        }
        return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    /// A call that the gateway would let through.
    static func call(_ id: String, _ transport: String = "TCP", rows: [String] = []) -> Ask {
        var ask = Ask(id)
        (ask.method, ask.uri, ask.to) = ("INVITE", "sip:bob@b.example.net", "sip:bob@b.example.net")
        (ask.transport, ask.rows, ask.body) = (transport, rows, description)
        return ask
    }
}

extension CallBed {
    /// Puts further sections into the proxy's configuration; before it starts.
    func configure(_ text: String) throws {
        let path = "\(directory)/sekishod.yaml"
        let before = try String(contentsOfFile: path, encoding: .utf8)
        try (before + text).write(toFile: path, atomically: false, encoding: .utf8)
    }

    /// Appends to the gate's configuration; before it starts.
    func configureGate(_ text: String) throws {
        let path = "\(directory)/gated.yaml"
        let before = try String(contentsOfFile: path, encoding: .utf8)
        try (before + text).write(toFile: path, atomically: false, encoding: .utf8)
    }

    /// Adds a route to the proxy's configuration; before it starts.
    func route(_ domain: String, toCalleeAt port: UInt16, over transport: String) throws {
        let path = "\(directory)/sekishod.yaml"
        let before = try String(contentsOfFile: path, encoding: .utf8)
        let row = "  - { domain: \(domain), to: \(callee), port: \(port), transport: \(transport) }\n"
        let after = before.replacingOccurrences(of: "routes:\n", with: "routes:\n" + row)
        try #require(after != before)
        try after.write(toFile: path, atomically: false, encoding: .utf8)
    }

    /// Makes home.example.net a domain of the gateway's own, with a user alice.
    func addRegistrar() throws {
        let database = "\(directory)/registrar.db"
        try configure("registrar: { domains: [home.example.net], database: \(database) }\n")
        try Command.output([
            "sh", "-c",
            "printf secret-alice | \(Self.binaries)/sekisho user add alice --database \(database) --realm home.example.net",
        ])
    }

    /// What `sekisho status --json` says.
    func status() throws -> Status { try Status(socket: gateway.controlSocket) }

    /// What the proxy has in memory, and open.
    func usage() throws -> Usage { try Usage(of: try #require(gateway.proxy)) }
}

/// What `sekisho status --json` says.
struct Status {
    private let fields: [String: Any]

    init(socket: String) throws {
        let text = try Command.output(["\(CallBed.binaries)/sekisho", "status", "--json", "--socket", socket])
        fields = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    var sessions: Int { fields["sessions"] as? Int ?? -1 }
    var pinholes: Int { fields["pinholes"] as? Int ?? -1 }

    /// A counter by its name; -1 where there is none.
    subscript(_ name: String) -> Int { (fields["counters"] as? [String: Any])?[name] as? Int ?? -1 }
}

/// What a process has in memory, and how many descriptors it has open.
struct Usage {
    let kibibytes: Int
    let descriptors: Int

    init(of child: Child) throws {
        let text = try String(contentsOfFile: "/proc/\(child.process)/status", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        kibibytes = try #require(Int(line.filter(\.isNumber)))
        descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(child.process)/fd").count
    }
}
