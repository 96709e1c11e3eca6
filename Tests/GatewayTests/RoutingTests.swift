import Corpus
import GateProtocol
import SIPText
import SIPTransactions
import Testing
import Wire

@testable import Gateway

@Suite struct RoutingTests {
    /// A phone outside that nobody calls, for single requests.
    private func stranger(_ script: Script) -> Phone { script.phone(.outside, 77) }

    private func text(
        _ phone: Phone, _ method: String = "OPTIONS", uri: String = "sip:bob@inside.example",
        to: String = "<sip:bob@inside.example>",
        fields: [String] = [], body: String = ""
    ) -> [UInt8] {
        let lines = [
            "\(method) \(uri) SIP/2.0", "Via: \(String(decoding: phone.via(), as: UTF8.self))",
            "From: <sip:mallory@elsewhere.example>;tag=m1", "To: \(to)", "Call-ID: single-\(uri.count)-\(fields.count)",
            "CSeq: 1 \(method)",
        ]
        return Array(
            ((lines + fields).joined(separator: "\r\n") + "\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)").utf8)
    }

    private func answer(_ script: Script, _ phone: Phone, _ octets: [UInt8]) -> Message? {
        script.transmit(octets, from: phone, to: phone.gateway)
        return phone.inbox.last
    }

    // MARK: Record-Route and Via

    @Test(arguments: Setting.all)
    func `a dialog's requests come back through the addresses that each end can reach`(_ setting: Setting) throws {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        let invite = try #require(call.callee.requests.first)
        let recorded = invite.values(of: .recordRoute).compactMap { Leg.endpoint(ofRoute: invite.copy($0)) }
        let (near, far) = (setting.family.gateway(setting.callee), setting.family.gateway(setting.caller))
        #expect(recorded == (setting.caller == setting.callee ? [near] : [near, far]))
        #expect(call.caller.nextHop == far)
        #expect(call.callee.nextHop == near)
        let hasTransport = invite.values(of: .recordRoute).allSatisfy { invite.text($0).contains(";transport=tcp") }
        #expect(hasTransport == (setting.transport == .tcp))
        call.callee.bye()
        #expect(call.caller.requests.last?.method == .bye)
        #expect(call.caller.requests.last?.value(of: .route) == nil)
        #expect(script.astray.isEmpty)
    }

    @Test(arguments: Setting.all.filter { $0.caller == $0.callee })
    func `a call whose media does not cross asks nothing of the gate`(_ setting: Setting) {
        let script = Script(setting)
        let call = script.call()
        call.establish()
        #expect(call.caller.isUp && call.callee.isUp)
        call.caller.invite()
        call.callee.answer()
        call.callee.bye()
        #expect(call.asked.isEmpty)
        script.settle()
        #expect(script.controller.sessions.isEmpty)
        #expect(script.leftovers.isEmpty)
    }

    @Test func `the topmost Via gets the source address and port, and an own Via stands above it`() throws {
        let script = Script()
        let call = script.call()
        call.caller.invite()
        let vias = try #require(call.callee.requests.first).values(of: .via)
        let invite = try #require(call.callee.requests.first)
        #expect(vias.count == 2)
        #expect(invite.text(vias[0]).hasPrefix("SIP/2.0/UDP 198.51.0.1:5060;branch=z9hG4bK"))
        #expect(invite.text(vias[1]).contains(";received=10.1.0.9"))
        #expect(invite.text(vias[1]).contains(";rport=5060"))
        #expect(script.sent.last?.destination.local == Family.v4.gateway(.outside))
    }

    @Test func `a claimed received parameter is not believed`() throws {
        let script = Script()
        let phone = stranger(script)
        let octets = Array(
            """
            OPTIONS sip:bob@inside.example SIP/2.0\r
            Via: SIP/2.0/UDP 192.0.2.1:9;received=192.0.2.2;rport;branch=z9hG4bK-x\r
            From: <sip:m@x.example>;tag=1\r\nTo: <sip:bob@nowhere.example>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r
            Max-Forwards: 0\r\n\r\n
            """.utf8)
        let response = try #require(answer(script, phone, octets))
        #expect(response.status == 483)
        #expect(script.sent.last?.destination.remote == phone.endpoint)
        let via = try #require(response.firstValue(of: .via))
        let parameters = response.text(via).split(separator: ";")
        #expect(
            parameters.filter { $0.hasPrefix("received") || $0.hasPrefix("rport") }.sorted()
                == ["received=198.51.0.77", "rport=5060"])
    }

    // MARK: maddr (RFC 3261 section 16.4, RFC 3263 section 4)

    @Test(arguments: [
        "sip:bob@inside.example;maddr=198.51.0.1", "sip:bob@inside.example;transport=udp;maddr=GW.example.net",
        "sip:bob@inside.example:5060;maddr=198.51.0.1;transport=UDP",
    ])
    func `maddr that leads to the gateway itself is taken off`(_ uri: String) throws {
        let script = Script()
        let callee = script.phone(.inside, 16)
        let phone = stranger(script)
        script.transmit(text(phone, uri: uri + ";x=y"), from: phone, to: phone.gateway)
        let request = try #require(callee.inbox.last)
        #expect(request.text(request.requestURI ?? .empty) == "sip:bob@inside.example;x=y")
    }

    @Test func `a request in a call goes where maddr says, as long as that is the other party`() throws {
        for (maddr, arrives) in [(Family.v4.outside(32), true), (Family.v4.inside(20), false)] {
            let script = Script()
            let call = script.call()
            call.establish()
            let before = call.callee.requests.count
            call.caller.send(.info) { $0.setRequestURI(Array("sip:b@phone.example;maddr=\(maddr)".utf8)) }
            #expect((call.callee.requests.count > before) == arrives)
            #expect(script.lookedUp.isEmpty)
        }
    }

    @Test func `a name in maddr is looked up instead of the host, and what is no host is not`() {
        for (maddr, host) in [("proxy.example", "proxy.example"), ("a b", "far.example"), ("[::1", "far.example")] {
            let script = Script { $0.resolvesNames = true }
            let phone = script.phone(.inside, 20)
            let uri = "sip:bob@far.example;maddr=\(maddr.replacing(" ", with: "%20"))"
            script.transmit(text(phone, uri: uri), from: phone, to: phone.gateway)
            #expect(script.lookedUp.map { String(decoding: $0.host, as: UTF8.self) } == [host], "\(maddr)")
        }
    }

    // MARK: Max-Forwards and loops

    @Test(arguments: [("70", "69"), ("1", "0"), (nil, "70"), ("255", "254")])
    func `Max-Forwards goes down by one and starts at 70`(_ before: String?, _ after: String) throws {
        let script = Script()
        let phone = stranger(script)
        let callee = script.phone(.inside, 16)
        let fields = before.map { ["Max-Forwards: \($0)"] } ?? []
        script.transmit(text(phone, fields: fields), from: phone, to: phone.gateway)
        let request = try #require(callee.inbox.last)
        #expect(request.value(of: .maxForwards).map(request.text) == after)
    }

    @Test func `a request whose Max-Forwards is used up is answered by 483`() {
        let script = Script()
        #expect(answer(script, stranger(script), text(stranger(script), fields: ["Max-Forwards: 0"]))?.status == 483)
    }

    @Test func `what is for the gateway itself needs no hop more`() {
        let script = Script()
        let octets = text(stranger(script), uri: "sip:gw.example.net", fields: ["Max-Forwards: 0"])
        #expect(answer(script, stranger(script), octets)?.status == 200)
    }

    @Test(arguments: [("Route: <sip:x", UInt16(400)), ("Route: ;lr", 400)])
    func `a Route that is no address is 400`(_ field: String, _ status: UInt16) {
        let script = Script()
        #expect(answer(script, stranger(script), text(stranger(script), fields: [field]))?.status == status)
    }

    @Test func `a transport that nobody has here is not taken for UDP`() {
        let script = Script()
        let call = script.call()
        call.establish()
        let before = call.callee.requests.count
        call.caller.send(.info) { message in
            let uri = message.requestURI.map(message.copy) ?? []
            message.setRequestURI(uri + Array(";transport=sctp".utf8))
        }
        #expect(call.caller.lastStatus == 502)
        #expect(call.callee.requests.count == before)
    }

    @Test(arguments: ["256", "-1", "7x"])
    func `a Max-Forwards that is no number up to 255 is answered by 400`(_ value: String) {
        let script = Script()
        #expect(
            answer(script, stranger(script), text(stranger(script), fields: ["Max-Forwards: \(value)"]))?.status == 400)
    }

    @Test func `a request that comes back as it went is answered by 482 at its first return`() throws {
        let script = Script()
        let phone = stranger(script)
        let callee = script.phone(.inside, 16)
        script.transmit(text(phone), from: phone, to: phone.gateway)
        var looped = try #require(callee.inbox.last)
        looped.prepend(.via, callee.via())
        script.transmit(looped.serialized(), from: callee, to: callee.gateway)
        #expect(callee.inbox.last?.status == 482)
    }

    @Test func `a request that comes back changed by a server is no loop`() throws {
        let script = Script()
        let phone = stranger(script)
        let callee = script.phone(.inside, 16)
        script.transmit(text(phone), from: phone, to: phone.gateway)
        var spiral = try #require(callee.inbox.last)
        spiral.prepend(.via, callee.via())
        spiral.setRequestURI(Array("sip:bob@outside.example".utf8))
        script.transmit(spiral.serialized(), from: callee, to: callee.gateway)
        #expect(script.astray.last?.destination.remote == Endpoint(Family.v4.outside(32), 5060))
    }

    @Test func `one call comes by sixteen times and not once more`() {
        let script = Script()
        let call = script.call()
        for number in 1...ProxyContext.maximumBranches + 1 {
            let again = call.caller.make(.invite, .media(call.caller.phone.media()), sequence: 1)
            script.transmit(again.serialized(), from: call.caller.phone, to: call.caller.phone.gateway)
            let isRefused = call.caller.phone.inbox.last?.status == 482
            #expect(isRefused == (number > ProxyContext.maximumBranches), "\(number)")
        }
    }

    @Test func `a request that comes back with another Route behind the same first one is no loop`() throws {
        let script = Script()
        let phone = stranger(script)
        let callee = script.phone(.inside, 16)
        script.transmit(text(phone, fields: ["Route: <sip:inside.example;lr>"]), from: phone, to: phone.gateway)
        var spiral = try #require(callee.inbox.last)
        spiral.prepend(.via, callee.via())
        spiral.append(.route, Array("<sip:outside.example;lr>".utf8))
        script.transmit(spiral.serialized(), from: callee, to: callee.gateway)
        #expect(callee.inbox.last?.status != 482)
    }

    @Test func `the route that is recorded of a sips request is sips`() throws {
        for (scheme, recorded) in [
            ("sips", "<sips:gw.example.net:5061;lr>"), ("sip", "<sip:gw.example.net:5061;transport=tls;lr>"),
        ] {
            let settings = ControllerSettings.script(routes: [])
            let listener = Listener(.tls, try #require(Endpoint("10.1.0.1:5061")))
            var request = Message(request: .invite, uri: Array("\(scheme):bob@example.com".utf8), sequence: 1)
            let flow = Flow(transport: .tls, local: listener.endpoint, remote: try #require(Endpoint("10.1.0.9:5061")))
            request.prepare(from: flow, by: listener, branch: [], recordRouteUser: [], settings: settings)
            #expect(request.values(of: .recordRoute).map(request.text) == [recorded])
        }
    }

    // MARK: Where requests may not go

    @Test(arguments: [
        "sip:bob@example.com", "sip:bob@10.1.0.16", "sip:bob@10.1.0.16:5062", "sip:203.0.113.9",
        "sip:bob@[2001:db8:1::10]",
    ])
    func `a request for a domain or an address that is nobody's here is answered by 404`(_ uri: String) {
        let script = Script()
        let callee = script.phone(.inside, 16)
        for method in ["INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE", "REGISTER"] {
            #expect(
                answer(script, stranger(script), text(stranger(script), method, uri: uri))?.status == 404, "\(method)")
        }
        #expect(callee.inbox.isEmpty)
        #expect(script.astray.isEmpty)
        #expect(script.gate.asked.isEmpty)
    }

    @Test(arguments: ["<sip:10.1.0.16;lr>", "<sip:198.51.0.1;lr>, <sip:10.1.0.16:5060;lr>"])
    func `a Route to an address does not make the gateway a relay`(_ route: String) {
        let script = Script()
        let callee = script.phone(.inside, 16)
        let octets = text(stranger(script), uri: "sip:bob@example.com", fields: ["Route: \(route)"])
        #expect(answer(script, stranger(script), octets)?.status == 404)
        #expect(callee.inbox.isEmpty)
    }

    @Test(arguments: ["INVITE", "UPDATE", "INFO", "PRACK", "NOTIFY", "REFER"])
    func `a request inside a dialog that nobody has here is answered by 481`(_ method: String) {
        let script = Script()
        let callee = script.phone(.inside, 16)
        let octets = text(stranger(script), method, uri: "sip:bob@10.1.0.16", to: "<sip:bob@inside.example>;tag=t")
        #expect(answer(script, stranger(script), octets)?.status == 481)
        #expect(callee.inbox.isEmpty)
    }

    @Test func `an ACK of a dialog that nobody has here goes nowhere`() {
        let script = Script()
        let phone = stranger(script)
        let octets = text(phone, "ACK", uri: "sip:bob@10.1.0.16", to: "<sip:bob@inside.example>;tag=t")
        script.transmit(octets, from: phone, to: phone.gateway)
        #expect(script.sent.isEmpty)
    }

    @Test(arguments: zip(["Proxy-Require: foo", "Max-Forwards: 3\r\nMax-Forwards: 3"], [UInt16(420), 400]))
    func `what a proxy must refuse is refused`(_ fields: String, _ status: UInt16) {
        let script = Script()
        #expect(answer(script, stranger(script), text(stranger(script), fields: [fields]))?.status == status)
    }

    @Test(arguments: ["tel:+15551234", "sips:bob@inside.example", "mailto:bob@inside.example"])
    func `a URI of another scheme is answered by 416`(_ uri: String) {
        let script = Script()
        #expect(answer(script, stranger(script), text(stranger(script), uri: uri))?.status == 416)
    }

    @Test func `OPTIONS to the gateway itself is answered by 200`() {
        let script = Script()
        for uri in ["sip:gw.example.net", "sip:GW.Example.NET:5070", "sip:198.51.0.1"] {
            #expect(answer(script, stranger(script), text(stranger(script), uri: uri))?.status == 200)
        }
    }

    // MARK: What goes through as it came

    @Test func `body and unknown fields go through octet for octet`() throws {
        let script = Script()
        let phone = stranger(script)
        let callee = script.phone(.inside, 16)
        let body = "\u{0}\r\n\r\nINVITE sip:x SIP/2.0\r\n--b\r\n\u{7F}ö"
        let fields = ["Content-Type: multipart/odd;boundary=b", "X-Thing:  kept ; as=it,is", "Subject: a, b"]
        script.transmit(text(phone, "MESSAGE", fields: fields, body: body), from: phone, to: phone.gateway)
        let request = try #require(callee.inbox.last)
        #expect(request.copy(request.body) == Array(body.utf8))
        let raw = String(decoding: request.serialized(), as: UTF8.self)
        #expect(raw.contains("\r\nX-Thing: kept ; as=it,is\r\n"))
        #expect(raw.contains("\r\nSubject: a, b\r\n"))
        #expect(raw.contains("\r\nContent-Type: multipart/odd;boundary=b\r\n"))
    }

    @Test func `a request of any other kind goes both ways without the gate`() {
        let script = Script()
        let call = script.call()
        call.establish()
        let before = call.asked
        for method in [Method.info, .message, .options, .refer, .notify] {
            call.caller.send(method, .octets([1, 2], type: "application/x"))
            #expect(call.caller.lastStatus == 200)
            call.callee.send(method)
            #expect(call.callee.lastStatus == 200)
        }
        #expect(call.asked == before)
    }

    @Test(arguments: zip(["CSeq: 1 OPTIONS", "CSeq: 1 INVITE\r\nContent-Length: 5"], ["CSeq", "body"]))
    func `octets that are no message are answered by 400 with the place of the fault`(
        _ fields: String, _ place: String
    ) throws {
        let head = "INVITE sip:bob@inside.example SIP/2.0\r\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bK1\r\n"
        let raw = head + "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: a\r\n\(fields)\r\n\r\nabc"
        let script = Script()
        let phone = stranger(script)
        script.transmit(Array(raw.utf8), from: phone, to: phone.gateway)
        let sent = try #require(script.sent.last)
        #expect(sent.message.status == 400)
        #expect(String(decoding: sent.message.serialized(), as: UTF8.self).prefix { $0 != "\r\n" }.contains(place))
        #expect(script.leftovers.isEmpty)
    }

    // MARK: Odd ways to write things

    private func forwarded(_ octets: [UInt8], routes: [String]) -> Message? {
        let script = Script(Setting(caller: .outside, callee: .inside)) { settings in
            let next = settings.routes[0].destination
            for domain in routes { settings.routes.append(StaticRoute(domain: Array(domain.utf8), destination: next)) }
        }
        let callee = script.phone(.inside, 16)
        script.transmit(octets, from: stranger(script), to: stranger(script).gateway)
        return callee.inbox.first
    }

    @Test func `a request of RFC 2543 without a From tag is forwarded`() throws {
        let fixture = try #require(Fixture.all.first { $0.name == "inv2543" })
        let invite = try #require(forwarded(fixture.octets, routes: ["example.com"]))
        #expect(invite.method == .invite)
        #expect(invite.tag(of: .from) == nil)
    }

    @Test(arguments: ["[2001:db8::192.0.2.1]", "[2001:db8:::192.0.2.1]", "[2001:DB8:0:0:0:0:C000:201]"])
    func `a route to an address is found however the address is written`(host: String) throws {
        let octets = request("Max-Forwards: 70", uri: "sip:user@\(host)")
        #expect(forwarded(octets, routes: ["2001:db8::192.0.2.1"])?.method == .options)
    }

    @Test func `copies of an ACK carry the same branch`() throws {
        let script = Script()
        let call = script.call()
        call.establish()
        let first = try #require(script.sent.last { $0.message.method == .ack }).message
        let again = script.sent.count
        call.caller.strayed(try #require(call.caller.responses.last))
        let second = try #require(script.sent[again...].last { $0.message.method == .ack }).message
        #expect(first.firstValue(of: .via).map(first.text) == second.firstValue(of: .via).map(second.text))
    }
}
