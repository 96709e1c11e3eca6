import GateProtocol
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// Messages that are made to be read otherwise by the gateway than by the next element.
@Suite struct SmugglingTests {
    private func invite(_ phone: Phone, _ number: Int, rows: [String], body: [UInt8]) -> [UInt8] {
        let lines = [
            "INVITE sip:bob@outside.example SIP/2.0", "Via: \(String(decoding: phone.via(), as: UTF8.self))",
            "From: <sip:alice@inside.example>;tag=s\(number)", "To: <sip:bob@outside.example>",
            "Call-ID: smuggled-\(number)", "CSeq: 1 INVITE", "Content-Type: application/sdp",
        ]
        return Array(((lines + rows).joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }

    /// The kernel's SIP helper once cut such a length to 32 bits and read what stands behind as a message of its own
    /// (CVE-2026-23457): here neither the first message nor the second opens anything.
    @Test(arguments: [
        ["Content-Length: 4294967328"], ["Content-Length: -1"], ["Content-Length: +32"], ["Content-Length: 32, 32"],
        ["Content-Length: 32", "Content-Length: 32"], ["l: 32", "Content-Length: 0"],
        ["Content-Length: 00000000000000000032"], ["Content-Length: 18446744073709551648"], ["Content-Length:"],
        ["Content-Length: 0x20"], ["Content-Length : 65537"],
    ])
    func `a length with two meanings ends the stream, and what stands behind it is not read`(rows: [String]) throws {
        let script = Script(Setting(transport: .tcp))
        let phone = script.phone(.inside, 9)
        _ = script.phone(.outside, 32)
        let body = Body.description(phone.media())
        let smuggled = invite(phone, 2, rows: ["Content-Length: \(body.count)"], body: body)
        var framer = StreamFramer()
        framer.append(invite(phone, 1, rows: rows, body: body) + smuggled)
        #expect(throws: ParseError.self) { try framer.next() }
        // What can be answered is, before the connection closes.
        script.transmit(framer.faultyHead, from: phone, to: phone.gateway)
        #expect(script.sent.map(\.message.status) == [400])
        #expect(script.gate.asked.isEmpty)
        #expect(script.open.isEmpty)
        framer.append(smuggled)
        #expect(throws: ParseError.self) { try framer.next() }
    }

    @Test(arguments: [
        "Content-Length: 4294967328", "Content-Length: -1", "Content-Length: +32", "Content-Length: 32, 32",
        "Content-Length: 0\r\nContent-Length: 0",
    ])
    func `a datagram with such a length is answered by 400 and opens nothing`(row: String) {
        let script = Script()
        let phone = script.phone(.inside, 9)
        _ = script.phone(.outside, 32)
        let body = Body.description(phone.media())
        script.transmit(invite(phone, 1, rows: [row], body: body), from: phone, to: phone.gateway)
        #expect(script.sent.map(\.message.status) == [400])
        #expect(script.gate.asked.isEmpty)
    }

    @Test func `what follows the body of a datagram is not sent on`() throws {
        let script = Script()
        let phone = script.phone(.inside, 9)
        let callee = script.phone(.outside, 32)
        let body = Body.description(phone.media())
        let hidden = invite(phone, 2, rows: ["Content-Length: \(body.count)"], body: body)
        let octets = invite(phone, 1, rows: ["Content-Length: \(body.count)"], body: body) + hidden
        script.transmit(octets, from: phone, to: phone.gateway)
        #expect(callee.inbox.count { $0.method == .invite } == 1)
        let sent = try #require(callee.inbox.first)
        #expect(sent.copy(sent.body) == body)
        #expect(sent.value(of: .callID).map(sent.text) == "smuggled-1")
    }

    // MARK: Spellings

    /// Ways to write a field that a reader of lines misses (CVE-2020-28361 was the second).
    static let spellings: [@Sendable (String, String) -> String] = [
        { "\($0): \($1)" }, { "\($0) : \($1)" }, { "\($0)\t:\($1)" }, { "\($0):\($1)" },
        { "\($0.uppercased()): \($1)" },
        { "\($0.lowercased()):  \t\($1)" }, { "\($0):\r\n \($1)" }, { "\($0) :\r\n\t\r\n \($1)" },
        { "\($0)  \t :\t\($1)\t " }, { "\($0): \($1)\r\n " }, { "X: 1\r\n\($0):\($1)" },
        { name, value in
            "\(String(name.enumerated().map { $0.offset % 2 == 0 ? Character($0.element.lowercased()) : Character($0.element.uppercased()) })): \(value)"
        },
    ]

    private func options(_ phone: Phone, _ row: String) -> [UInt8] {
        Array(
            ([
                "OPTIONS sip:bob@outside.example SIP/2.0", row, "Via: \(String(decoding: phone.via(), as: UTF8.self))",
                "From: <sip:alice@inside.example>;tag=1", "To: <sip:bob@outside.example>", "Call-ID: spelled",
                "CSeq: 1 OPTIONS", "Content-Length: 0",
            ].joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    @Test(arguments: spellings.indices)
    func `a Route of the gateway's own is taken off however it is spelled`(spelling: Int) throws {
        let script = Script()
        let phone = script.phone(.inside, 9)
        let callee = script.phone(.outside, 32)
        let row = Self.spellings[spelling]("Route", "<sip:\(phone.gateway);lr>")
        script.transmit(options(phone, row), from: phone, to: phone.gateway)
        let sent = try #require(callee.inbox.first)
        #expect(!String(decoding: sent.serialized(), as: UTF8.self).lowercased().contains("route"))
    }

    @Test(arguments: spellings.indices, [("Max-Forwards", "0", 483), ("Proxy-Require", "x", 420)])
    func `what stops a request stops it however it is spelled`(
        spelling: Int, field: (name: String, value: String, status: UInt16)
    ) {
        let script = Script()
        let phone = script.phone(.inside, 9)
        let callee = script.phone(.outside, 32)
        let row = Self.spellings[spelling](field.name, field.value)
        script.transmit(options(phone, row), from: phone, to: phone.gateway)
        #expect(phone.inbox.map(\.status) == [field.status])
        #expect(callee.inbox.isEmpty)
    }

    // MARK: What the outside may not say

    /// The same header, written so that a comparison of octets misses it.
    static let claims = [
        "P-Asserted-Identity: x", "p-asserted-identity: x", "P-ASSERTED-IDENTITY: x", "P-Asserted-Identity : x",
        "P-Asserted-Identity\t: x", "P-Asserted-Identity:x", "P-Asserted-Identity:\r\n x", "P-asserted-IDENTITY  :  x",
        "P-Asserted-Identity: a\r\nP-Asserted-Identity: x", "P-Asserted-Identity:\t\"x\" <sip:x@y>",
        "Remote-Party-ID: x",
        "remote-party-id \t : x",
    ]

    @Test(arguments: claims)
    func `a stranger's claim of an identity is taken off however it is written`(row: String) throws {
        let script = Script { $0.relaysForStrangers = false }
        let callee = script.phone(.inside, 16)
        let octets = { (phone: Phone, uri: String) in
            Array(
                ("MESSAGE \(uri) SIP/2.0\r\nVia: \(String(decoding: phone.via(), as: UTF8.self))\r\n"
                    + "From: <sip:m@x.example>;tag=1\r\nTo: <\(uri)>\r\nCall-ID: claim-\(phone.number)\r\n"
                    + "CSeq: 1 MESSAGE\r\n\(row)\r\nSubject: kept\r\nContent-Length: 0\r\n\r\n").utf8)
        }
        let stranger = script.phone(.outside, 77)
        script.transmit(octets(stranger, "sip:bob@inside.example"), from: stranger, to: stranger.gateway)
        let passed = String(decoding: try #require(callee.inbox.last).serialized(), as: UTF8.self).lowercased()
        #expect(!passed.contains("asserted") && !passed.contains("remote-party"))
        #expect(passed.contains("subject: kept"))
        // The next hop of a route is believed.
        let neighbour = script.phone(.outside, 32)
        script.transmit(octets(neighbour, "sip:bob@inside.example"), from: neighbour, to: neighbour.gateway)
        let believed = String(decoding: try #require(callee.inbox.last).serialized(), as: UTF8.self).lowercased()
        #expect(believed.contains("asserted") || believed.contains("remote-party"))
    }

    @Test func `the gateway is no relay between strangers`() {
        let script = Script(Setting(caller: .outside, callee: .outside)) { $0.relaysForStrangers = false }
        let call = script.call()
        call.caller.invite()
        #expect(call.caller.statuses == [403])
        #expect(call.callee.requests.isEmpty)
        // A neighbour of the operator's own routes may.
        let neighbour = Leg(
            script.phone(.outside, 32), callID: "neighbour", isCaller: true, localURI: "sip:n@outside.example",
            remoteURI: "sip:bob@outside.example")
        neighbour.invite()
        #expect(neighbour.statuses.first != 403)
    }
}
