import FakeDigesting
import GateProtocol
import Registration
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

/// REGISTER here and for elsewhere, and who may call as whom.
@Suite struct RegisteringTests {
    private let digests = FakeDigests()

    private func script(storeWorks: Bool = true, _ setting: Setting = Setting()) -> Script {
        let script = Script(setting, registrar: Fork.registrar(users: ["alice", "bob"])) { settings in
            guard setting.transport == .tls else { return }
            settings.listeners = settings.listeners.filter { $0.transport == .udp }.map { Listener(.tls, $0.endpoint) }
        }
        script.storeWorks = storeWorks
        return script
    }

    private func request(
        _ phone: Phone, _ method: String, uri: String, from: String, to: String, number: Int = 1, _ fields: [String]
    ) -> [UInt8] {
        let lines = [
            "\(method) \(uri) SIP/2.0", "Via: \(String(decoding: phone.via(), as: UTF8.self))", "Max-Forwards: 70",
            "From: <\(from)>;tag=f\(phone.number)", "To: <\(to)>", "Call-ID: reg-\(phone.number)",
            "CSeq: \(number) \(method)",
        ]
        return Array(((lines + fields).joined(separator: "\r\n") + "\r\nContent-Length: 0\r\n\r\n").utf8)
    }

    /// Credentials for the challenge in a response.
    private func credentials(
        _ response: Message, _ method: String, uri: String, user: String, password: String = "secret"
    ) throws -> String {
        let name: HeaderName = response.status == 401 ? .wwwAuthenticate : .proxyAuthenticate
        let challenge = response.text(try #require(response.value(of: name)))
        let nonce = try #require(challenge.split(separator: "nonce=\"").last?.split(separator: "\"").first)
        func hash(_ text: String) -> String {
            var octets: [UInt8] = []
            let input = Array(text.utf8)
            digests.append(sha256: input.span, to: &octets)
            return octets.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
        let ha1 = hash("\(user):home.example:\(password)")
        let answer = hash("\(ha1):\(nonce):00000001:c:auth:\(hash("\(method):\(uri)"))")
        let field = response.status == 401 ? "Authorization" : "Proxy-Authorization"
        return "\(field): Digest username=\"\(user)\", realm=\"home.example\", nonce=\"\(nonce)\", uri=\"\(uri)\", "
            + "response=\"\(answer)\", algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"c\""
    }

    /// REGISTER, 401, REGISTER with credentials: the last answer.
    private func register(
        _ script: Script, _ phone: Phone, user: String, as address: String? = nil, password: String = "secret"
    ) throws -> Message {
        let uri = "sip:home.example"
        let to = address ?? "sip:\(user)@home.example"
        let fields = ["Contact: \(String(decoding: phone.contact, as: UTF8.self));expires=600"]
        script.transmit(request(phone, "REGISTER", uri: uri, from: to, to: to, fields), from: phone, to: phone.gateway)
        let challenge = try #require(phone.inbox.last)
        #expect(challenge.status == 401)
        let proof = try credentials(challenge, "REGISTER", uri: uri, user: user, password: password)
        script.transmit(
            request(phone, "REGISTER", uri: uri, from: to, to: to, number: 2, fields + [proof]), from: phone,
            to: phone.gateway)
        return try #require(phone.inbox.last)
    }

    @Test func `a phone registers and is called where it is`() throws {
        let script = script()
        let phone = script.phone(.inside, 21)
        #expect(try register(script, phone, user: "bob").status == 200)
        #expect(script.stored.count == 1)
        let caller = Leg(
            script.phone(.outside, 9), callID: "in", isCaller: true, localURI: "sip:carol@elsewhere.example",
            remoteURI: "sip:bob@home.example")
        let callee = Leg(
            phone, callID: "in", isCaller: false, localURI: "sip:bob@home.example",
            remoteURI: "sip:carol@elsewhere.example")
        caller.invite()
        callee.answer()
        #expect(caller.isUp && callee.isUp)
        #expect(script.open.flatMap(\.paths).count == 2)
        callee.bye()
        script.settle()
        #expect(script.leftovers.isEmpty)
    }

    @Test func `nothing is confirmed that is not stored`() throws {
        let script = script(storeWorks: false)
        #expect(try register(script, script.phone(.inside, 21), user: "bob").status == 503)
        let caller = Leg(
            script.phone(.outside, 9), callID: "in", isCaller: true, localURI: "sip:carol@elsewhere.example",
            remoteURI: "sip:bob@home.example")
        caller.invite()
        #expect(caller.statuses == [480])
    }

    @Test func `nobody registers for somebody else`() throws {
        let script = script()
        #expect(
            try register(script, script.phone(.inside, 22), user: "alice", as: "sip:bob@home.example").status == 403)
        #expect(script.stored.isEmpty)
    }

    @Test func `a challenge keeps nothing`() throws {
        let script = script()
        let phone = script.phone(.outside, 77)
        for method in ["REGISTER", "INVITE", "OPTIONS", "MESSAGE"] {
            let uri = method == "REGISTER" ? "sip:home.example" : "sip:bob@home.example"
            let octets = request(
                phone, method, uri: uri, from: "sip:alice@home.example", to: "sip:bob@home.example", [])
            script.transmit(octets, from: phone, to: phone.gateway)
            #expect(phone.inbox.last?.status == (method == "REGISTER" ? 401 : 407), "\(method)")
            #expect(script.leftovers.isEmpty)
        }
    }

    @Test(arguments: [
        ("alice", "secret", UInt16(200)), ("alice", "wrong", 407), ("mallory", "secret", 407), ("bob", "secret", 403),
    ])
    func `who calls as a user of this domain must be that user`(
        _ user: String, _ password: String, _ status: UInt16
    ) throws {
        let script = script()
        let phone = script.phone(.outside, 77)
        let target = script.phone(.inside, 16)
        let uri = "sip:bob@inside.example"
        let from = "sip:alice@home.example"
        script.transmit(
            request(phone, "OPTIONS", uri: uri, from: from, to: uri, []), from: phone, to: phone.gateway)
        let proof = try credentials(
            try #require(phone.inbox.last), "OPTIONS", uri: uri, user: user, password: password)
        let other =
            "Proxy-Authorization: Digest username=\"x\", realm=\"next.example\", nonce=\"n\", uri=\"sip:x\", response=\"0123456789abcdef0123456789abcdef\""
        script.transmit(
            request(phone, "OPTIONS", uri: uri, from: from, to: uri, number: 2, [proof, other]), from: phone,
            to: phone.gateway)
        if status == 200 {
            let passed = try #require(target.inbox.last)
            #expect(passed.values(of: .proxyAuthorization).count >= 1)
            #expect(!String(decoding: passed.serialized(), as: UTF8.self).contains("home.example\", nonce"))
        } else {
            #expect(phone.inbox.last?.status == status)
            #expect(target.inbox.isEmpty)
        }
    }

    // MARK: Registered elsewhere

    private func registerOutside(_ script: Script, _ phone: Phone, _ contact: String? = nil) throws -> Message {
        script.phone(.outside, 32).isSilent = true
        let contact =
            contact ?? "\(String(decoding: phone.contact, as: UTF8.self));expires=600;+sip.instance=\"<urn:x>\""
        let octets = request(
            phone, "REGISTER", uri: "sip:outside.example", from: "sip:alice@outside.example",
            to: "sip:alice@outside.example", ["Contact: \(contact)"])
        script.transmit(octets, from: phone, to: phone.gateway)
        return try #require(script.phone(.outside, 32).inbox.last)
    }

    // MARK: A phone outside, registered inside (RFC 3327)

    @Test(arguments: [TransportKind.udp, .tcp, .tls], ["path, outbound", "outbound"])
    func `a PBX inside calls a phone outside by the way of its REGISTER`(
        _ transport: TransportKind, _ supported: String
    ) throws {
        let script = script(Setting(transport: transport))
        let phone = script.phone(.outside, 77)
        let pbx = script.phone(.inside, 16)
        pbx.relay = { _ in }
        phone.relay = { _ in }
        script.transmit(
            request(
                phone, "REGISTER", uri: "sip:inside.example", from: "sip:carol@inside.example",
                to: "sip:carol@inside.example", ["Contact: <sip:carol@192.168.7.7:5066>", "Supported: \(supported)"]),
            from: phone, to: phone.gateway)
        let register = try #require(pbx.inbox.last)
        let path = register.values(of: .path).map(register.text)
        #expect(path.count == (supported.contains("path") ? 1 : 0))
        guard let way = path.first else { return }
        // Nobody outside can use it, and nobody can make another of it.
        let forged = way.replacing("sf1.0", with: "sf1.1")
        for (sender, route, arrives) in [
            (pbx, way, true), (pbx, forged, false), (script.phone(.outside, 78), way, false),
        ] {
            sender.relay = { _ in }
            let before = phone.inbox.count
            script.transmit(
                request(
                    sender, "OPTIONS", uri: "sip:carol@192.168.7.7:5066", from: "sip:pbx@inside.example",
                    to: "sip:carol@inside.example", number: phone.inbox.count + 1, ["Route: \(route)"]),
                from: sender, to: sender.gateway)
            #expect((phone.inbox.count > before) == arrives, "\(route)")
        }
        #expect(phone.inbox.last?.values(of: .route).isEmpty == true)
    }

    @Test(arguments: [TransportKind.udp, .tcp, .tls], Family.allCases)
    func `a phone that is registered at its provider is called through the gateway`(
        _ transport: TransportKind, _ family: Family
    ) throws {
        let script = script(Setting(family: family, transport: transport))
        let phone = script.phone(.inside, 21)
        let provider = script.phone(.outside, 32)
        let seen = try registerOutside(script, phone)
        let contact = seen.text(try #require(seen.value(of: .contact)))
        #expect(contact.hasPrefix("<sip:sk1."))
        let host = transport == .tls ? "gw.example.net:5060" : "\(family.gateway(.outside))"
        #expect(contact.contains("@\(host)"))
        #expect(contact.hasSuffix(";expires=600;+sip.instance=\"<urn:x>\""))
        #expect(!contact.contains("10.1.0.21"))
        // The phone gets its own Contact back, and others' as they are.
        var response = Message(status: 200, reason: "OK", to: seen, tag: Array("p".utf8))
        response.append(.contact, Array("\(contact), <sip:other@192.0.2.7>".utf8))
        script.transmit(response.serialized(), from: provider, to: provider.gateway)
        let answer = try #require(phone.inbox.last)
        #expect(answer.status == 200)
        let own = String(decoding: phone.contact, as: UTF8.self)
        #expect(
            answer.values(of: .contact).map(answer.text)
                == ["\(own);expires=600;+sip.instance=\"<urn:x>\"", "<sip:other@192.0.2.7>"])
        // A call to it.
        let uri = String(contact.split(separator: ">")[0].dropFirst())
        let caller = Leg(
            provider, callID: "back", isCaller: true, localURI: "sip:carol@outside.example", remoteURI: uri)
        let callee = Leg(
            phone, callID: "back", isCaller: false, localURI: uri, remoteURI: "sip:carol@outside.example")
        caller.invite()
        #expect(
            callee.requests.first.flatMap { invite in invite.requestURI.map(invite.text) }
                == String(own.dropFirst().dropLast()))
        callee.answer()
        #expect(caller.isUp && callee.isUp)
        #expect(script.open.flatMap(\.paths).count == 2)
        caller.bye()
        script.settle()
        #expect(script.leftovers.isEmpty)
        guard transport == .tls else { return }
        // No new connection can be made to a phone: INVITE, ACK and BYE take the one that it registered by, and those that
        // call it are answered on theirs.
        let toPhone = script.sent.filter { $0.destination.remote.address == phone.endpoint.address }
        #expect(toPhone.filter { $0.message.isRequest }.map(\.message.method) == [.invite, .ack, .bye])
        #expect(toPhone.allSatisfy { $0.destination.connection == phone.connection })
    }

    @Test func `a request within a call takes the TLS connection that the caller made`() throws {
        let script = script(Setting(transport: .tls))
        let (phone, provider) = (script.phone(.inside, 21), script.phone(.outside, 32))
        let uri = "sip:bob@outside.example"
        let caller = Leg(phone, callID: "way", isCaller: true, localURI: "sip:a@b.example", remoteURI: uri)
        let callee = Leg(provider, callID: "way", isCaller: false, localURI: uri, remoteURI: "sip:a@b.example")
        caller.invite()
        callee.answer()
        callee.bye()
        let bye = try #require(script.sent.last { $0.message.method == .bye })
        #expect(bye.destination.connection == phone.connection && bye.destination.remote == phone.endpoint)
        script.settle()
        #expect(script.leftovers.isEmpty)
    }

    @Test func `the same phone has the same contact each time, and any change of it is nobody's`() throws {
        let script = script()
        let phone = script.phone(.inside, 21)
        let first = try registerOutside(script, phone)
        let second = try registerOutside(script, phone)
        let contact = first.text(try #require(first.value(of: .contact)))
        #expect(second.value(of: .contact).map(second.text) == contact)
        let provider = script.phone(.outside, 32)
        let uri = Array(contact.utf8.dropFirst().prefix { $0 != UInt8(ascii: ">") })
        let at = try #require(uri.firstIndex(of: UInt8(ascii: "@")))
        for position in 8..<at {
            var forged = uri
            forged[position] = forged[position] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
            let octets = request(
                provider, "OPTIONS", uri: String(decoding: forged, as: UTF8.self), from: "sip:p@outside.example",
                to: "sip:x@outside.example", [])
            script.transmit(octets, from: provider, to: provider.gateway)
        }
        #expect(phone.inbox.allSatisfy { !$0.isRequest })
        #expect(script.astray.isEmpty)
    }

    @Test func `what leaves nothing to hide goes as it is`() throws {
        let script = script()
        let seen = try registerOutside(script, script.phone(.inside, 21), "*")
        #expect(seen.value(of: .contact).map(seen.text) == "*")
        // From outside to inside no contact is hidden: the inside reaches the outside.
        let phone = script.phone(.outside, 40)
        script.phone(.inside, 16).isSilent = true
        script.transmit(
            request(
                phone, "REGISTER", uri: "sip:inside.example", from: "sip:a@inside.example", to: "sip:a@inside.example",
                ["Contact: <sip:me@198.51.0.40>"]), from: phone, to: phone.gateway)
        let inner = try #require(script.phone(.inside, 16).inbox.last)
        #expect(inner.value(of: .contact).map(inner.text) == "<sip:me@198.51.0.40>")
    }

    @Test(arguments: [512, 513])
    func `octets of a contact that is hidden`(_ count: Int) throws {
        let script = script()
        let phone = script.phone(.inside, 21)
        let uri = "sip:" + String(repeating: "u", count: count - 4 - "@10.1.0.21".count) + "@10.1.0.21"
        let octets = request(
            phone, "REGISTER", uri: "sip:outside.example", from: "sip:a@outside.example", to: "sip:a@outside.example",
            ["Contact: <\(uri)>"])
        script.transmit(octets, from: phone, to: phone.gateway)
        if count > ContactToken.maximumURI {
            #expect(phone.inbox.last?.status == 400)
        } else {
            #expect(script.sent.last?.message.method == .register)
        }
    }
}
