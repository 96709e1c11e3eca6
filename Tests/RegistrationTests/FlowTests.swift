import Registration
import SIPText
import SIPTransactions
import Testing
import Wire

/// Path (RFC 3327) and outbound (RFC 5626).
@Suite struct FlowTests {
    static let instance = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\""

    private func overTCP(_ bench: Bench, _ connection: UInt64 = 7) {
        bench.flow.transport = .tcp
        bench.flow.connection = connection
    }

    private func contact(_ number: Int, host: String = "192.0.2.1", _ more: String = "") -> String {
        "Contact: <sip:alice@\(host);transport=tcp>;reg-id=\(number);\(Self.instance)\(more)"
    }

    @Test func `Path values are kept in their order and come back in the 200`() throws {
        let bench = try Bench()
        let response = try bench.answer(
            Register([
                "Contact: <sip:alice@192.0.2.1>", "Path: <sip:p3.example.net;lr>, <sip:p2.example.net;lr>",
                "Path: <sip:p1.example.net;lr>", "Supported: x, PATH",
            ]))
        #expect(response.status == 200)
        #expect(response.texts(.path).joined(separator: ",").split(separator: ",").count == 3)
        let aor = try #require(canonical("sip:alice@example.net"))
        let binding = try #require(bench.registrar.contacts(of: aor, at: bench.now).first)
        #expect(
            binding.path.map { String(decoding: $0, as: UTF8.self) } == [
                "<sip:p3.example.net;lr>", "<sip:p2.example.net;lr>", "<sip:p1.example.net;lr>",
            ])
    }

    @Test func `Path from a phone that does not know it is answered 420`() throws {
        let bench = try Bench()
        let response = try bench.answer(
            Register(["Contact: <sip:alice@192.0.2.1>", "Path: <sip:p1.example.net;lr>"]))
        #expect(response.status == 420)
        #expect(response.texts(.unsupported) == ["path"])
        #expect(bench.stored.isEmpty)
    }

    @Test(arguments: ["<p1>", "<tel:1>", "sip:p1.example.net;lr, <"])
    func `a Path that is none is answered 400`(path: String) throws {
        let bench = try Bench()
        let lines = ["Contact: <sip:alice@192.0.2.1>", "Path: \(path)", "Supported: path"]
        #expect(try bench.answer(Register(lines)).status == 400)
    }

    @Test func `a flow is replaced by its number, whatever its contact says`() throws {
        let bench = try Bench()
        overTCP(bench)
        let supported = "Supported: path, outbound"
        let first = try bench.answer(Register([contact(1), supported]))
        #expect(first.texts(.require) == ["outbound"])
        #expect(first.text(named: "Flow-Timer") == "120")
        #expect(first.texts(.contact)[0].hasSuffix(";\(Self.instance);reg-id=1"))
        _ = try bench.answer(Register([contact(2), supported], callID: "call-2"))
        #expect(try bench.contacts().count == 2)
        // After a restart of the phone: another Call-ID, another address.
        _ = try bench.answer(Register([contact(1, host: "192.0.2.9"), supported], callID: "call-3"))
        #expect(try bench.contacts() == ["sip:alice@192.0.2.9;transport=tcp", "sip:alice@192.0.2.1;transport=tcp"])
        _ = try bench.answer(
            Register([contact(2, host: "192.0.2.77", ";expires=0"), supported], sequence: 2, callID: "call-2"))
        #expect(try bench.contacts() == ["sip:alice@192.0.2.9;transport=tcp"])
    }

    @Test func `without outbound agreed on, contacts are compared as URIs`() throws {
        let bench = try Bench()
        let response = try bench.answer(Register([contact(1), "Supported: outbound"]))
        // Datagrams: nothing here answers STUN, so there is no flow to rely on.
        #expect(response.status == 200)
        #expect(response.texts(.require).isEmpty)
        overTCP(bench)
        #expect(try bench.answer(Register([contact(1)], sequence: 2)).texts(.require).isEmpty)
        #expect(try bench.contacts().count == 1)
        let noInstance = "Contact: <sip:alice@192.0.2.1;transport=tcp>;reg-id=1"
        #expect(try bench.answer(Register([noInstance, "Supported: outbound"], sequence: 3)).texts(.require).isEmpty)
        #expect(try bench.contacts().count == 1)
    }

    @Test(arguments: [
        ("<sip:edge.example.net;lr;ob>", 200), ("<sip:edge.example.net;lr>", 439), ("", 439),
        ("<sip:p2.example.net;lr>, <sip:edge.example.net;lr;ob>", 200),
        ("<sip:p2.example.net;lr;ob>, <sip:edge.example.net;lr>", 439),
    ])
    func `behind a proxy that does not keep the flow, outbound is answered 439`(path: String, status: UInt16) throws {
        let path = path.isEmpty ? [] : ["Path: \(path)"]
        let bench = try Bench()
        var register = Register([contact(1), "Supported: path, outbound"] + path)
        register.vias.insert("SIP/2.0/TCP 192.0.2.200;branch=z9hG4bK2", at: 0)
        #expect(try bench.answer(register).status == status)
        register.lines[1] = "Supported: path"
        register.sequence = 2
        #expect(try bench.answer(register).status == 200)
    }

    @Test func `a REGISTER makes one flow, and may end others`() throws {
        let bench = try Bench()
        overTCP(bench)
        let supported = "Supported: outbound"
        #expect(try bench.answer(Register([contact(1), contact(2), supported])).status == 400)
        #expect(
            try bench.answer(Register([contact(1), "Contact: <sip:alice@192.0.2.5>", supported])).status == 400)
        #expect(try bench.answer(Register([contact(1), contact(2, host: "h", ";expires=0"), supported])).status == 200)
        #expect(try bench.contacts().count == 1)
    }

    @Test func `a flow ends with its connection, a plain contact does not`() throws {
        let bench = try Bench()
        overTCP(bench)
        _ = try bench.answer(Register([contact(1), "Supported: outbound"]))
        _ = try bench.answer(Register(["Contact: <sip:alice@192.0.2.8;transport=tcp>"], callID: "call-2"))
        overTCP(bench, 8)
        let actions = try bench.send(Register([contact(2), "Supported: outbound"], callID: "call-3"))
        bench.registrar.connectionClosed(7)
        bench.registrar.connectionClosed(8)
        #expect(try bench.contacts() == ["sip:alice@192.0.2.8;transport=tcp"])
        // What was being stored while its connection closed, and what that change remembered of the other.
        #expect(try bench.response(to: actions).status == 200)
        #expect(try bench.contacts() == ["sip:alice@192.0.2.8;transport=tcp"])
    }

    @Test func `after a restart flows over connections are gone and the rest is back`() throws {
        let bench = try Bench()
        overTCP(bench)
        _ = try bench.answer(Register([contact(1), "Supported: outbound"]))
        _ = try bench.answer(Register(["Contact: <sip:alice@192.0.2.8;transport=tcp>"], callID: "call-2"))
        var changes = try [#require(bench.stored.last)]
        for name in ["carol@example.net", "bob@example.org"] {
            var other = changes[0]
            other.aor = try #require(canonical("sip:\(name)"))
            changes.append(other)
        }
        let next = try Bench()
        next.now = bench.now
        next.registrar.restore(changes, at: next.now)
        #expect(try next.contacts() == ["sip:alice@192.0.2.8;transport=tcp"])
        #expect(next.registrar.registered == 1)
        next.pass(.seconds(3_600))
        #expect(try next.contacts().isEmpty)
    }
}
